"""What callers of one endpoint share: slots, waits that a vendor asks for, and a circuit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio.testing
from typing_extensions import override

from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Usage
from atlas_mcp.errors import ModelDown, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.gate import LONGEST_WAIT, CircuitPolicy, Gate, Gated

NAME = "maker/m"
REQUEST = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)
REPLY = Reply(AssistantTurn("yes"), "end", Charge(Usage(1, 10, 20), FREE))
DOWN = ModelUnavailable(NAME, "it is down")

mock_clock = pytest.mark.parametrize(
    "anyio_backend",
    [pytest.param(("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}), id="trio")],
)
"""For tests of waits: their clock jumps as soon as everybody waits."""


@dataclass
class Endpoint(Model):
    """Answers each call with the next outcome, the last one for ever, and holds calls on demand."""

    outcomes: list[Reply | ModelError] = field(default_factory=lambda: [REPLY])
    gate: anyio.Event | None = None
    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    began: list[float] = field(default_factory=list[float])

    @property
    @override
    def name(self) -> str:
        return NAME

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.calls += 1
        self.began.append(anyio.current_time())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await anyio.lowlevel.checkpoint()
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.in_flight -= 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome

    @override
    async def aclose(self) -> None:
        """Nothing is held."""


def gated(endpoint: Endpoint, **settings: Any) -> Gated:
    return Gated(endpoint, Gate(**settings))


def opens_at_once(after: int = 3, *, cool_down: float = 3_600.0) -> CircuitPolicy:
    return CircuitPolicy(opens_after=after, opens_after_seconds=0.0, cool_down=cool_down)


async def fail(gate: Gated, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ModelUnavailable):
            await gate.generate(REQUEST)


async def call(gate: Gated, results: list[Any]) -> None:
    try:
        results.append(await gate.generate(REQUEST))
    except ModelError as error:
        results.append(error)


# Slots


async def test_no_more_calls_are_in_flight_than_an_endpoint_has_slots() -> None:
    endpoint = Endpoint(gate=anyio.Event())
    gate = gated(endpoint, parallel=2)
    results: list[Any] = []
    waiting = 0

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(call, gate, results)
        await anyio.wait_all_tasks_blocked()
        waiting = endpoint.calls
        assert endpoint.gate is not None
        endpoint.gate.set()

    assert waiting == 2
    assert endpoint.most_in_flight == 2
    assert results == [REPLY] * 5


async def test_without_a_bound_all_calls_are_in_flight_together() -> None:
    endpoint = Endpoint(gate=anyio.Event())
    results: list[Any] = []

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(call, gated(endpoint), results)
        await anyio.wait_all_tasks_blocked()
        assert endpoint.gate is not None
        endpoint.gate.set()

    assert endpoint.most_in_flight == 50


async def test_a_call_that_waits_for_a_slot_counts_as_no_request() -> None:
    """A stopped call is billed at most what it held; one that never left is billed nothing."""
    endpoint = Endpoint(gate=anyio.Event())
    gate = gated(endpoint, parallel=1)
    counted: list[Usage] = []

    def on_usage(charge: Charge) -> None:
        counted.append(charge.usage)

    async def ask() -> None:
        await gate.generate(REQUEST, on_usage=on_usage)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert counted == [Usage(requests=1)]


# Waits


@mock_clock
async def test_a_wait_that_one_caller_is_told_of_is_kept_by_all() -> None:
    limited = ModelUnavailable(NAME, "slow down", retry_after=30.0)
    endpoint = Endpoint([limited, REPLY])
    gate = gated(endpoint, random=lambda: 0.0)
    results: list[Any] = []

    await call(gate, results)
    started = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, gate, results)
        tasks.start_soon(call, gate, results)

    assert results == [limited, REPLY, REPLY]
    assert all(begun >= started + 30 for begun in endpoint.began[1:])


@mock_clock
async def test_callers_leave_a_shared_wait_one_after_the_other() -> None:
    numbers = iter([0.0, 0.5, 1.0])
    endpoint = Endpoint([ModelUnavailable(NAME, "slow down", retry_after=8.0), REPLY])
    gate = gated(endpoint, random=lambda: next(numbers))
    results: list[Any] = []

    await call(gate, results)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(call, gate, results)

    first, second, third = (begun - endpoint.began[0] for begun in endpoint.began[1:])
    assert (first, second, third) == pytest.approx((8.0, 9.0, 10.0))


@mock_clock
async def test_whoever_is_told_to_wait_for_an_hour_is_told_so_alone() -> None:
    endpoint = Endpoint([ModelUnavailable(NAME, "no", retry_after=LONGEST_WAIT + 1), REPLY])
    gate = gated(endpoint)
    results: list[Any] = []

    await call(gate, results)
    before = anyio.current_time()
    await call(gate, results)

    assert results[1] == REPLY
    assert anyio.current_time() == before


# The circuit


async def test_an_endpoint_that_failed_too_often_in_a_row_is_not_asked() -> None:
    endpoint = Endpoint([DOWN])
    gate = gated(endpoint, circuit=opens_at_once(3))
    await fail(gate, 3)

    with pytest.raises(ModelDown) as caught:
        await gate.generate(REQUEST)

    assert endpoint.calls == 3
    assert gate.gate.is_down
    error = caught.value
    assert str(error) == f"`{error.model}`: {error.message}; {error.given_up}"
    assert "it is down" in error.message
    assert error.given_up.endswith("since it failed 3 times in a row")
    assert (caught.value.charge or NO_CHARGE) == NO_CHARGE


async def test_failures_with_a_success_between_them_are_not_in_a_row() -> None:
    endpoint = Endpoint([DOWN, DOWN, REPLY, DOWN, DOWN, REPLY])
    gate = gated(endpoint, circuit=opens_at_once(3))

    await fail(gate, 2)
    await gate.generate(REQUEST)
    await fail(gate, 2)

    assert not gate.gate.is_down


async def test_a_refusal_is_an_answer() -> None:
    endpoint = Endpoint([DOWN, DOWN, ModelRejected(NAME, "no such model"), DOWN, REPLY])
    gate = gated(endpoint, circuit=opens_at_once(3))
    await fail(gate, 2)

    with pytest.raises(ModelRejected):
        await gate.generate(REQUEST)
    await fail(gate, 1)

    assert not gate.gate.is_down


async def test_calls_that_fail_together_do_not_open_the_circuit() -> None:
    endpoint = Endpoint([DOWN], gate=anyio.Event())
    gate = gated(endpoint)
    results: list[Any] = []

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call, gate, results)
        await anyio.wait_all_tasks_blocked()
        assert endpoint.gate is not None
        endpoint.gate.set()

    assert not gate.gate.is_down


@mock_clock
async def test_after_the_cool_down_one_call_tries_and_opens_the_way_for_all() -> None:
    endpoint = Endpoint([DOWN, DOWN, DOWN, REPLY], gate=None)
    gate = gated(endpoint, circuit=opens_at_once(3, cool_down=30.0))
    await fail(gate, 3)
    await anyio.sleep(31)
    endpoint.gate = anyio.Event()
    results: list[Any] = []
    refused: list[Any] = []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, gate, results)
        await anyio.wait_all_tasks_blocked()
        await call(gate, refused)
        endpoint.gate.set()
    await call(gate, results)

    assert isinstance(refused[0], ModelDown)
    assert results == [REPLY, REPLY]
    assert not gate.gate.is_down


@mock_clock
async def test_a_try_that_fails_closes_the_way_again() -> None:
    endpoint = Endpoint([DOWN])
    gate = gated(endpoint, circuit=opens_at_once(3, cool_down=30.0))
    await fail(gate, 3)
    await anyio.sleep(31)

    await fail(gate, 2)

    assert endpoint.calls == 4


@mock_clock
async def test_a_try_that_is_cancelled_leaves_it_to_the_next() -> None:
    endpoint = Endpoint([DOWN, DOWN, DOWN, REPLY])
    gate = gated(endpoint, circuit=opens_at_once(3, cool_down=30.0))
    await fail(gate, 3)
    await anyio.sleep(31)
    endpoint.gate = anyio.Event()

    with anyio.move_on_after(1):
        await gate.generate(REQUEST)
    endpoint.gate = None

    assert await gate.generate(REQUEST) == REPLY


async def test_a_gate_has_the_name_of_what_is_behind_it() -> None:
    assert gated(Endpoint()).name == NAME


@mock_clock
async def test_a_wait_that_grows_is_kept_whole_by_those_who_wait_already() -> None:
    first = ModelUnavailable(NAME, "slow down", retry_after=10.0)
    second = ModelUnavailable(NAME, "slower", retry_after=30.0)
    endpoint = Endpoint([first, second, REPLY])
    gate = gated(endpoint, random=lambda: 0.0)
    results: list[Any] = []

    async with anyio.create_task_group() as tasks:
        # The second caller is already on its way when the first is told to wait.
        endpoint.gate = anyio.Event()
        tasks.start_soon(call, gate, results)
        tasks.start_soon(call, gate, results)
        await anyio.wait_all_tasks_blocked()
        endpoint.gate.set()
        await anyio.wait_all_tasks_blocked()
        endpoint.gate = None
        tasks.start_soon(call, gate, results)

    assert results == [first, second, REPLY]
    assert endpoint.began[2] >= endpoint.began[1] + 30
