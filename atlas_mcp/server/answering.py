"""Answering a tool call with a run: waiting for it, with progress, as long as its client waits.

A call is answered with the end of the run or, once its time is up, with the run as it is by then
and the promise that it goes on. Whether the run is there for the call decides whether it is stopped
if the client goes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio

from atlas_mcp.errors import InvalidInput
from atlas_mcp.server.clients import client_gone, client_name, hears_progress, respond_within
from atlas_mcp.server.patience import cut_now
from atlas_mcp.server.progress import Report, report_progress
from atlas_mcp.server.results import question_result, result_of, viewed
from atlas_mcp.server.run_tasks import answers_at_once
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.views.polling import new_explores

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context
    from mcp_types import CallToolResult

    from atlas_mcp.runs.callers import RunCaller
    from atlas_mcp.runs.joining import RunCall
    from atlas_mcp.runs.live import LiveRun
    from atlas_mcp.runs.service import RunService
    from atlas_mcp.runs.snapshot import RunSnapshot
    from atlas_mcp.server.host import Host
    from atlas_mcp.views.run_view import RunView

STOPS_UNDONE = 3
"""Stops by others of a run for which a call waits that are undone, once the run has ended."""

LONGEST_WAIT = 3_600.0
"""Seconds. A longer `wait_s` is a mistake: poll again instead."""


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A tool call that waits for a run.

    Attributes:
        host: Opened the service, and knows whether the client is still there.
        service: Has the run.
        ctx: The request.
        run_id: The run.
        wait_s: Seconds after which the call is answered with the run as it is.
        run: How the call came to its run, which is stopped if the client goes; `None` where the
            call only looks at a run.
        since: The last record that the client has been told of; `None` if it names none.
        earlier: Explores that the client has most likely been shown.
        preface: Sentences on which run this is, for a client that has named none.
        has_fresh: Whether the call can ask for a run of its own.
        question: The question about the run that the call is answered with; `None` for none.
    """

    host: Host
    service: RunService
    ctx: Context[Any, Any]
    run_id: str
    wait_s: float
    run: RunCall | None = None
    since: int | None = None
    earlier: Collection[int] = ()
    preface: str = ""
    has_fresh: bool = False
    question: int | None = None


def checked_wait(wait_s: float | None, ctx: Context[Any, Any], host: Host) -> float:
    """Return the seconds for which a call may wait.

    Raises:
        InvalidInput: The client asks for more or less than there is.
    """
    if wait_s is not None and not 0 <= wait_s <= LONGEST_WAIT:
        raise InvalidInput("wait_s", f"is {wait_s}; it takes 0 to {LONGEST_WAIT:.0f} seconds")
    if answers_at_once():
        return 0.0
    return respond_within(host.settings.server, client_name(ctx)) if wait_s is None else wait_s


async def answer(call: WaitingCall) -> CallToolResult:
    """Wait for a run, reporting progress, and return it as the result of a call."""
    try:
        if call.wait_s == 0:
            run = await call.service.look(call.run_id)
        else:
            run = await _waited_for(call)
        result = await _answered(run, call)
    except BaseException as error:
        if isinstance(error, anyio.get_cancelled_exc_class()):
            cut_now()
        if call.run is not None:
            await call.service.callers.cut(call.run.caller)
        raise
    return result


async def _answered(run: RunSnapshot, call: WaitingCall) -> CallToolResult:
    """Return the result of a call, and record before what its client is told."""
    callers, caller = call.service.callers, None if call.run is None else call.run.caller
    gone = client_gone(call.ctx)
    is_gone = call.host.client_gone.is_set() or (gone is not None and gone.is_set())
    if caller is not None and is_gone:
        await callers.cut(caller)
    promised, goes_on = False, run.live
    if caller is not None and goes_on:
        promised = await callers.promise(caller)
    result = await _shown(run, call, promised=promised)
    if not goes_on and not is_gone:
        await callers.receive(run, caller)
    elif caller is not None:
        callers.told(caller)
    return result


async def _waited_for(call: WaitingCall) -> RunSnapshot:
    """Return a run once it has ended or the time of the call is up."""
    until = await call.host.patience.deadline(call.service, call.ctx, call.wait_s)
    numbers = count(1)

    async def report(_: float, message: str) -> None:
        await call.ctx.report_progress(float(next(numbers)), None, message)

    undone = 0
    while True:
        run = await _followed(call, report, until)
        if anyio.current_time() >= until or _has_left(call):
            return run
        if run.status != "running":
            if not (_waits(call) and run.was_cut) or undone == STOPS_UNDONE:
                return run
            undone += 1
            await call.service.joining.go_on(call.run_id)
        # One process has given it back, and another has taken it up meanwhile.


async def _followed(call: WaitingCall, report: Report, until: float) -> RunSnapshot:
    """Return a run once no process drives it, or its time is up."""
    service, run_id = call.service, call.run_id
    gone = client_gone(call.ctx)
    async with service.watching(run_id) as live, open_task_group() as tasks:
        if not live.done and hears_progress(call.ctx):
            tasks.start_soon(report_progress, live, report, name="progress")
        with anyio.CancelScope(deadline=until) as patience:
            if call.run is None and not live.here:
                # The end of the client does not stop the run, only the wait.
                tasks.start_soon(_end_wait, call.host.client_gone, patience, name="input")
            if call.run is not None and gone is not None:
                cut = partial(_cut_when_gone, call, call.run.caller, gone)
                tasks.start_soon(cut, live, patience, name="client")
            await _ended(live, call)
        run = await service.look(run_id)
        tasks.cancel_scope.cancel("the answer is ready")
    return run


async def _ended(live: LiveRun, call: WaitingCall) -> None:
    """Return once no process drives a run, and undo stops of it while its call waits.

    The other caller of a run that two calls share may be cut off in the moment in which this one
    joins it.
    """
    undone = None
    while not live.done:
        seen, state = live.changes, live.state
        stop = state.seq if state.stop_cause == "client" and state.finished is None else None
        if stop is not None and undone is None and _waits(call):
            await call.service.joining.go_on(live.run_id)
        undone = stop
        await live.changed(seen)


def _has_left(call: WaitingCall) -> bool:
    """Return whether the client of a call has gone."""
    gone = client_gone(call.ctx)
    return call.host.client_gone.is_set() or (gone is not None and gone.is_set())


def _waits(call: WaitingCall) -> bool:
    """Return whether a call wants its run to go on."""
    return call.run is not None and call.run.caller.waits


async def _shown(run: RunSnapshot, call: WaitingCall, *, promised: bool) -> CallToolResult:
    """Return a run as the result of a call.

    Args:
        run: The run.
        call: The call.
        promised: Whether it is on record that the run goes on for this call.
    """
    if call.question is not None:
        return await question_result(await viewed(run, page=call.host.pages), run, call.question)
    if run.status == "running":
        finishes = call.host.settings.server.when_client_leaves == "finish"
        outlives = promised and finishes and run.beside and call.service.engine.outlives
        return await _new_part(run, call, outlives=outlives)
    view = await viewed(run, page=call.host.pages)
    if not call.preface:
        joined = _joined_text(call)
        return await result_of(_prefaced(view, joined, view.next), earlier=call.earlier)
    if view.answer is not None or not view.candidates:
        return await result_of(_prefaced(view, call.preface, view.next))
    # The client may mean another run: its candidates would be read for nothing.
    candidates = f"Its candidates: get_run with run_id={view.run_id!r}."
    left_out = [one.explore_id for one in view.candidates]
    return await result_of(_prefaced(view, call.preface, candidates), left_out)


async def _new_part(run: RunSnapshot, call: WaitingCall, *, outlives: bool) -> CallToolResult:
    """Return a run that goes on, with the explores that its client has not been shown."""
    from atlas_mcp.views.next_steps import Poll

    ended = run.state.ended
    news = new_explores(ended, call.since or 0)
    learned = await call.host.patience.learned(call.service, call.ctx)
    patience = respond_within(call.host.settings.server, client_name(call.ctx), learned)
    poll = Poll(news.since, max(1, int(patience)), outlives)
    view = await viewed(run, poll, page=call.host.pages)
    left_out = frozenset(one.id for one in ended) - news.explores
    said = _prefaced(view, _joined_text(call), view.next, call.preface)
    return await result_of(said, left_out)


def _joined_text(call: WaitingCall) -> str | None:
    """Return the sentence on the run that a call shares with an identical one."""
    from atlas_mcp.views.next_steps import joined_text

    if call.run is None or call.run.joined is None:
        return None
    return joined_text(call.run_id, call.run.joined, has_fresh=call.has_fresh)


def _prefaced(view: RunView, *sentences: str | None) -> RunView:
    """Return a view whose next step is these sentences, those that there are."""
    return view.model_copy(update={"next": " ".join(filter(None, sentences)) or None})


async def _cut_when_gone(
    call: WaitingCall,
    caller: RunCaller,
    gone: anyio.Event,
    live: LiveRun,
    patience: anyio.CancelScope,
) -> None:
    await gone.wait()
    await call.service.callers.cut(caller)
    if live.state.stop_cause is None:
        patience.cancel("another caller has the run go on")


async def _end_wait(gone: anyio.Event, patience: anyio.CancelScope) -> None:
    await gone.wait()
    patience.cancel("the client has gone")
