"""Answering a tool call with a run: waiting for it, with progress, as long as its client waits.

A call is answered with the end of the run or, once its time is up, with the run as it is by then.
Whether the run was opened for the call decides whether it ends with its client.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from atlas_mcp.errors import InvalidInput
from atlas_mcp.server.clients import client_gone, client_name, hears_progress, respond_within
from atlas_mcp.server.patience import cut_now
from atlas_mcp.server.progress import report_progress
from atlas_mcp.server.results import result_of, viewed
from atlas_mcp.server.run_tasks import answers_at_once
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.views.polling import new_explores

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context
    from mcp_types import CallToolResult

    from atlas_mcp.runs.service import RunService
    from atlas_mcp.runs.snapshot import RunSnapshot
    from atlas_mcp.server.host import Host
    from atlas_mcp.views.run_view import RunView

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
        owned: Whether the run is there for this call: it is stopped if the client goes.
        since: The last record that the client has been told of; `None` if it names none.
        earlier: Explores that the client has most likely been shown.
        preface: Sentences on which run this is, for a client that has named none.
    """

    host: Host
    service: RunService
    ctx: Context[Any, Any]
    run_id: str
    wait_s: float
    owned: bool
    since: int | None = None
    earlier: Collection[int] = ()
    preface: str = ""


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
    host, service, run_id = call.host, call.service, call.run_id
    try:
        async with host.wanted(service, run_id) if call.owned else nullcontext():
            if call.wait_s == 0:
                return await _shown(await service.look(run_id), call)
            run = await _waited_for(call)
    except anyio.get_cancelled_exc_class():
        cut_now()
        if call.owned:
            await service.stop(run_id)
        raise
    return await _shown(run, call)


async def _waited_for(call: WaitingCall) -> RunSnapshot:
    """Return a run once it has ended or the time of the call is up."""

    async def report(number: float, message: str) -> None:
        await call.ctx.report_progress(number, None, message)

    service, run_id = call.service, call.run_id
    gone = client_gone(call.ctx)
    async with service.watching(run_id) as live, open_task_group() as tasks:
        if not live.done and hears_progress(call.ctx):
            tasks.start_soon(report_progress, live, report, name="progress")
        if gone is not None and call.owned:
            tasks.start_soon(_stop_when_gone, service, run_id, gone, name="client")
        deadline = await call.host.patience.deadline(service, call.ctx, call.wait_s)
        with anyio.CancelScope(deadline=deadline) as patience:
            if not live.here and not call.owned:
                # The end of the client does not stop the run, only the wait.
                tasks.start_soon(_end_wait, call.host.client_gone, patience, name="input")
            await live.finished()
        run = await service.look(run_id)
        tasks.cancel_scope.cancel("the answer is ready")
    return run


async def _shown(run: RunSnapshot, call: WaitingCall) -> CallToolResult:
    """Return a run as the result of a call."""
    if run.status == "running":
        return await _new_part(run, call)
    view = await viewed(run)
    if not call.preface:
        return await result_of(view, earlier=call.earlier)
    if view.answer is not None or not view.candidates:
        return await result_of(_prefaced(view, call.preface, view.next))
    # The client may mean another run: its candidates would be read for nothing.
    candidates = f"Its candidates: get_run with run_id={view.run_id!r}."
    left_out = [one.explore_id for one in view.candidates]
    return await result_of(_prefaced(view, call.preface, candidates), left_out)


async def _new_part(run: RunSnapshot, call: WaitingCall) -> CallToolResult:
    """Return a run that goes on, with the explores that its client has not been shown."""
    from atlas_mcp.views.next_steps import Poll

    ended = run.state.ended
    news = new_explores(ended, call.since or 0)
    learned = await call.host.patience.learned(call.service, call.ctx)
    patience = respond_within(call.host.settings.server, client_name(call.ctx), learned)
    view = await viewed(run, Poll(news.since, max(1, int(patience))))
    left_out = frozenset(one.id for one in ended) - news.explores
    return await result_of(_prefaced(view, view.next, call.preface), left_out)


def _prefaced(view: RunView, *sentences: str | None) -> RunView:
    """Return a view whose next step is these sentences, those that there are."""
    return view.model_copy(update={"next": " ".join(filter(None, sentences)) or None})


async def _stop_when_gone(service: RunService, run_id: str, gone: anyio.Event) -> None:
    await gone.wait()
    await service.stop(run_id)


async def _end_wait(gone: anyio.Event, patience: anyio.CancelScope) -> None:
    await gone.wait()
    patience.cancel("the client has gone")
