"""What is learned of a client's patience: from which cancelled calls, and when it is answered."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from atlas_mcp.errors import JournalError
from atlas_mcp.runs.service import RunService
from atlas_mcp.server.clients import ARRIVED, GONE, HangUp
from atlas_mcp.server.openings import ServerEnding
from atlas_mcp.server.patience import (
    FRESH_SECONDS,
    KEPT_SECONDS,
    LEAST_SECONDS,
    MOST_KNOWN,
    ClientPatience,
    cut_now,
    learned_patience,
)

CUTS: dict[str, tuple[Sequence[float], float | None]] = {
    "nothing was cancelled": ([], None),
    "one call": ([5.0], None),
    "two at like times": ([5.02, 4.98], 4.38),
    "two at times that differ": ([5.0, 8.0], None),
    "a time-out, and a person between": ([5.0, 2.0, 31.0, 5.01], 4.4),
    "an impatient person": ([31.0, 12.0, 55.0, 7.0, 20.0], None),
    "a person who stops at once, again and again": ([1.0, 1.1, 1.0, 1.2], None),
    "a time-out that cannot be kept": ([2.0, 2.0, 2.0], None),
    "a time-out hardly longer than the least": ([4.2, 4.2], LEAST_SECONDS),
    "the usual time-out": ([60.0, 60.01], 55.2),
    "a long one, seen by a busy machine": ([300.0, 305.0], 276.0),
    "two programs by one name": ([60.0, 5.0, 60.0, 5.0], 4.4),
    "too long ago": ([9.0, 20.0, 30.0, 45.0, 9.0], None),
    "damaged rows": ([math.nan, math.inf, math.nan, math.inf], None),
}


@pytest.mark.parametrize("case", CUTS)
def test_a_time_that_repeats_itself_is_a_time_out(case: str) -> None:
    cuts, learned = CUTS[case]

    assert learned_patience(cuts) == (learned and pytest.approx(learned))


@given(st.lists(st.floats(0, 4_000), max_size=12))
def test_a_client_is_answered_before_a_time_that_it_gave_up_at_and_never_too_early(
    cuts: list[float],
) -> None:
    learned = learned_patience(cuts)

    assert learned is None or LEAST_SECONDS <= learned < max(cuts)


# What is noted


@pytest.fixture(
    params=[pytest.param(("trio", {"clock": MockClock(autojump_threshold=0)}), id="trio")]
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, MockClock]]:
    """Only trio has a clock that jumps to the next deadline as soon as nothing else can happen."""
    return request.param


@dataclass
class Home:
    """Stands in for the host, its service and what that keeps.

    Attributes:
        cut: What was noted: client and seconds, the newest first.
        reads: The clients that were asked for.
    """

    cut: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    reads: list[str] = field(default_factory=list[str])
    since: float = 0.0
    error: Exception | None = None
    client_gone: anyio.Event = field(default_factory=anyio.Event)

    @property
    def patience(self) -> Home:
        return self

    async def service(self) -> Home:
        if isinstance(self.error, ServerEnding):
            raise self.error
        return self

    async def note_cut(self, client: str, seconds: float) -> None:
        if self.error is not None:
            raise self.error
        self.cut.insert(0, (client, round(seconds, 3)))

    async def cuts(self, client: str, *, since: float) -> tuple[float, ...]:
        self.reads.append(client)
        self.since = since
        if self.error is not None:
            raise self.error
        return tuple(seconds for name, seconds in self.cut if name == client)


@dataclass
class Request:
    """One request of a client, as the SDK shows it."""

    client: str | None = "Hasty"
    method: str = "tools/call"
    request: SimpleNamespace | None = None
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    @property
    def session(self) -> SimpleNamespace:
        info = SimpleNamespace(client_info=SimpleNamespace(name=self.client))
        params = None if self.client is None else info
        return SimpleNamespace(client_params=params, _request_outbound=self)


@dataclass
class Calls:
    """Calls of clients of one server."""

    home: Home
    patience: ClientPatience

    async def cancelled(
        self, request: Request, after: float, *, by: str = "the client", grace: float = 0.0
    ) -> None:
        """Make a call that is cut off after some seconds, and takes some to end its run."""

        async def work(ctx: object) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                cut_now()
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(grace)

        with anyio.move_on_after(after) as scope:
            if by == "the client":
                request.cancel_requested.set()
            await self.patience.notice(cast("Any", request), cast("Any", work))
        assert scope.cancelled_caught

    async def wait(self, client: str | None, wait_s: float) -> float:
        """Return the seconds for which a call of a client waits."""
        ctx = cast("Any", Request(client))
        service = cast("RunService", self.home)
        return await self.patience.deadline(service, ctx, wait_s) - anyio.current_time()


@pytest.fixture
def calls() -> Calls:
    home = Home()
    return Calls(home, ClientPatience(cast("Any", home.service), home.client_gone))


async def test_a_client_that_gave_up_twice_after_the_same_time_is_answered_before(
    calls: Calls,
) -> None:
    await calls.cancelled(Request(), 5)
    once = await calls.wait("hasty", 45)
    await calls.cancelled(Request(), 5)

    assert once == 45
    assert await calls.wait("  HASTY ", 45) == pytest.approx(4.4)
    # Its model does not know how long it waits.
    assert await calls.wait("hasty", 600) == pytest.approx(4.4)
    assert await calls.wait("hasty", 1) == 1
    assert await calls.wait("another", 45) == 45
    assert await calls.wait(None, 45) == 45


async def test_the_time_it_takes_to_stop_the_run_does_not_count(calls: Calls) -> None:
    await calls.cancelled(Request(), 5, grace=60)

    assert calls.home.cut == [("hasty", 5.0)]


async def test_calls_that_are_stopped_together_count_once(calls: Calls) -> None:
    """A user who stops a turn stops each call of it."""
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(calls.cancelled, Request(), 9)
        tasks.start_soon(calls.cancelled, Request("another"), 9)

    assert sorted(calls.home.cut) == [("another", 9.0), ("hasty", 9.0)]


async def test_calls_whose_client_hung_up_once_count_once_however_long_their_runs_take(
    calls: Calls,
) -> None:
    now = anyio.current_time()

    async def call(takes: float) -> None:
        async def work(ctx: object) -> None:
            await anyio.sleep(takes)

        scope = {ARRIVED: now, GONE: HangUp(at=now + 6)}
        request = Request(request=SimpleNamespace(scope=scope))
        await calls.patience.notice(cast("Any", request), cast("Any", work))

    async with anyio.create_task_group() as tasks:
        for takes in (10, 20, 30):
            tasks.start_soon(call, takes)

    assert calls.home.cut == [("hasty", 6.0)]


async def test_what_is_no_sign_of_a_time_out_is_not_noted(calls: Calls) -> None:
    await calls.cancelled(Request(), 5, by="the server")
    await calls.cancelled(Request(None), 5)
    await calls.cancelled(Request(""), 5)
    await calls.cancelled(Request(method="resources/read"), 5)
    await calls.cancelled(Request(), LEAST_SECONDS / 2)
    calls.home.client_gone.set()
    await calls.cancelled(Request(), 5)

    assert calls.home.cut == []


async def answered(ctx: object) -> None:
    await anyio.sleep(20)


async def test_a_client_that_hung_up_has_waited_until_then(calls: Calls) -> None:
    """In the era of sessions its call goes on, and ends with the run."""
    now = anyio.current_time()
    scope = {ARRIVED: now - 1, GONE: HangUp(at=now + 6)}
    request = Request(request=SimpleNamespace(scope=scope))
    await calls.patience.notice(cast("Any", request), cast("Any", answered))
    await calls.patience.notice(
        cast("Any", Request(request=SimpleNamespace(scope={GONE: HangUp()}))), cast("Any", answered)
    )
    stateless = {ARRIVED: now, GONE: HangUp(at=now + 9)}
    await calls.cancelled(Request(request=SimpleNamespace(scope=stateless)), 10, by="the server")

    assert calls.home.cut == [("hasty", 9.0), ("hasty", 7.0)]


async def test_a_wait_counts_from_the_arrival_of_the_call(calls: Calls) -> None:
    waits: list[float] = []

    async def work(ctx: object) -> None:
        await anyio.sleep(3)
        waits.append(await calls.wait("test", 10))
        waits.append(await calls.wait("test", 2))

    await calls.patience.notice(cast("Any", Request()), cast("Any", work))

    assert waits == [pytest.approx(7), pytest.approx(-1)]


async def test_the_home_is_not_asked_at_every_call(calls: Calls) -> None:
    for _ in range(5):
        await calls.wait("hasty", 45)
    assert calls.home.reads == ["hasty"]
    await anyio.sleep(FRESH_SECONDS)
    await calls.wait("hasty", 45)
    assert calls.home.reads == ["hasty", "hasty"]
    assert time.time() - calls.home.since == pytest.approx(KEPT_SECONDS, abs=60)

    for number in range(2 * MOST_KNOWN):
        await calls.wait(f"client {number} {'x' * 1_000}", 45)
    known = calls.patience._known  # pyright: ignore[reportPrivateUsage]
    assert len(known) == MOST_KNOWN
    assert max(map(len, known)) == 100


@pytest.mark.parametrize("error", [JournalError("the disk is full"), ServerEnding("ending")])
async def test_a_journal_that_cannot_be_used_changes_no_answer(
    calls: Calls, error: Exception
) -> None:
    calls.home.error = error
    await calls.cancelled(Request(), 5)
    waited = None
    if not isinstance(error, ServerEnding):
        waited = await calls.wait("hasty", 45)

    assert calls.home.cut == []
    assert waited in (None, 45)
