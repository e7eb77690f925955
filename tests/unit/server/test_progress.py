"""Progress notifications on a clock that jumps: when they come, and what they say."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import anyio
import pytest
from trio.testing import MockClock

from atlas_mcp.atlas.events import Record, StopRequested
from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.server.progress import report_progress
from tests.support.played_runs import a_model, a_run, a_solver, play

MOST_SECONDS = 5.0
"""The contract: progress at least this often while anything runs."""

STARTED = 1_700_000_000.0
"""Unix seconds at which the clock of a test starts."""


@pytest.fixture(
    params=[pytest.param(("trio", {"clock": MockClock(autojump_threshold=0)}), id="trio")]
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, MockClock]]:
    """Only trio has a clock that jumps to the next deadline as soon as nothing else can happen."""
    return request.param


@pytest.fixture(autouse=True)
def jumping_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: STARTED + anyio.current_time())


@dataclass
class Client:
    """Notifications as they come, and the seconds at which they do."""

    slowness: float = 0.0
    times: list[float] = field(default_factory=list[float])
    numbers: list[float] = field(default_factory=list[float])
    messages: list[str] = field(default_factory=list[str])

    async def __call__(self, number: float, message: str) -> None:
        self.times.append(anyio.current_time() - self.start)
        self.numbers.append(number)
        self.messages.append(message)
        await anyio.sleep(self.slowness)

    async def listen(self, live: LiveRun, *, seconds: float) -> None:
        self.start = anyio.current_time()
        with anyio.move_on_after(seconds):
            await report_progress(live, self)


def at_work() -> LiveRun:
    """Return a run whose first two solvers are at work, from now on."""
    spec = a_run(a_solver("s", spec=a_model("maker/clever", price=("2", "10"))), max_cost_usd="5")
    played = play(spec)
    ahead = next(one for one in played.live if len(one.solvers_in_flight) == 2)
    records = [replace(record, at=time.time()) for record in played.records[: ahead.seq]]
    return LiveRun("somerun", RunState.fold(records))


async def test_a_run_in_which_nothing_happens_is_reported_at_least_every_five_seconds() -> None:
    client = Client()
    await client.listen(at_work(), seconds=600)

    assert client.times[0] == 0
    assert max(later - earlier for earlier, later in pairwise(client.times)) <= MOST_SECONDS
    assert client.times[-1] >= 600 - MOST_SECONDS


async def test_numbers_only_rise_however_slow_the_client_is() -> None:
    for slowness in (0.0, 1.0, 30.0):
        client = Client(slowness)
        await client.listen(at_work(), seconds=100)

        assert len(client.numbers) > 2
        assert all(earlier < later for earlier, later in pairwise(client.numbers))


async def test_what_happens_is_reported_when_it_happens_and_not_once_more_for_slow_clients() -> (
    None
):
    live = at_work()
    prompt, slow = Client(), Client(10.0)

    async def happen() -> None:
        for _ in range(3):
            await anyio.sleep(1)
            live.publish()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(happen)
        for client in (prompt, slow):
            tasks.start_soon(partial(client.listen, live, seconds=11))

    assert [round(seconds) for seconds in prompt.times] == [0, 1, 2, 3, 7]
    # The three that happened meanwhile are one by the time it listens again.
    assert [round(seconds) for seconds in slow.times] == [0, 10]


@pytest.mark.parametrize("happens_before", [False, True])
async def test_reports_end_before_the_result_tells_of_the_end(*, happens_before: bool) -> None:
    """A client that reads both in one go has forgotten the request by the time it looks at it."""
    live = at_work()
    client = Client()

    async def end() -> None:
        await anyio.sleep(1)
        if happens_before:
            live.publish()
            await anyio.sleep(0.01)
        live.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        await client.listen(live, seconds=600)

    assert client.times == [0]


async def test_what_happens_at_once_is_told_together() -> None:
    live = at_work()
    client = Client()

    async def happen() -> None:
        for _ in range(20):
            await anyio.sleep(0.001)
            live.publish()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(happen)
        await client.listen(live, seconds=3)

    assert len(client.times) == 2


async def test_a_message_names_the_run_once_then_says_who_works_how_long_and_what_it_costs() -> (
    None
):
    live = at_work()
    client = Client()

    async def write() -> None:
        await anyio.sleep(3)
        live.count_tokens("solver-1", 1_234)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await client.listen(live, seconds=5)

    first, second = client.messages
    cost = "0 candidates · $0.00 of $5.00"
    assert first == (
        "run somerun · #1 clever direct 0 s 0 tokens, #2 clever first_principles 0 s 0 tokens · "
        + cost
    )
    assert second == (
        "#1 clever direct 4 s 1,234 tokens, #2 clever first_principles 4 s 0 tokens · " + cost
    )


async def test_a_message_says_that_a_run_is_being_stopped_and_what_it_still_waits_for() -> None:
    live = at_work()
    live.publish(live.state.apply(Record(live.state.seq + 1, time.time(), StopRequested("client"))))
    live.tell(Notice("`maker/clever`: overloaded; next try in 3 s"))
    client = Client()
    await client.listen(live, seconds=1)

    (message,) = client.messages
    assert message.startswith("run somerun · `maker/clever`: overloaded; next try in 3 s · ")
    assert " · stopping: #1 clever direct 0 s 0 tokens, #2 clever" in message
