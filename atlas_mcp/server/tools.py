"""The tools: from arguments to a run, and from a run to a result.

Names, arguments and results are a public contract; what a client's model reads of them is in
`atlas_mcp.server.descriptions`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from atlas_mcp.errors import InvalidInput
from atlas_mcp.server import descriptions as texts
from atlas_mcp.server.clients import client_name, hears_progress, respond_within
from atlas_mcp.server.host import Host
from atlas_mcp.server.http.serving import client_gone
from atlas_mcp.server.progress import report_progress
from atlas_mcp.server.results import errors_shown, result_of, viewed
from atlas_mcp.server.run_tasks import answers_at_once
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.texts import quoted
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.structures import RunResult

if TYPE_CHECKING:
    from atlas_mcp.atlas.problem import Problem
    from atlas_mcp.atlas.run_facts import ExploreState
    from atlas_mcp.runs.service import RunService
    from atlas_mcp.runs.snapshot import RunSnapshot

SPENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

ENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)

MAX_NAMED = 4
"""Runs that are named to a client that names none, the newest among them."""

TITLE_CHARS = 40
"""Characters of what each was asked."""

POLLED = 4
"""Explores that are told of a run that goes on; those after them are told next time."""

LONGEST_WAIT = 3_600.0
"""Seconds. A longer `wait_s` is a mistake: poll again instead."""

PROBLEM = "The whole question; solvers see nothing else."
Images = Annotated[
    list[str] | None,
    Field(description="Data or https URLs, or files in allowed folders."),
]
AnswerSchema = Annotated[
    dict[str, Any] | None, Field(description="JSON Schema; else the answer is text.")
]
WaitSeconds = Annotated[
    float | None,
    Field(description="Longest wait, seconds."),
]


def add_tools(server: MCPServer[Any], host: Host) -> None:
    """Register the tools on `server`; they work on the service that `host` keeps."""

    @server.tool(title="Solve with ATLAS", description=texts.SOLVE, annotations=SPENDS)
    async def solve_with_atlas(
        problem: Annotated[str, Field(description=PROBLEM)],
        ctx: Context[Any, Any],
        images: Images = None,
        answer_schema: AnswerSchema = None,
        explore_effort: Annotated[
            Literal["low", "medium", "high"] | None,
            Field(description="How much agreement to ask for."),
        ] = None,
        max_explores: Annotated[int | None, Field(description="Most solvers.")] = None,
        max_cost_usd: Annotated[float | None, Field(description="US dollars.")] = None,
        time_limit_s: float | None = None,
        solvers: Annotated[
            list[str] | None, Field(description="From atlas://solvers; default all.")
        ] = None,
        workflow: str | None = None,
        wait_s: WaitSeconds = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Open an ATLAS run and wait for it."""
        with errors_shown():
            from atlas_mcp.runs.request import RunRequest

            with host.spending():
                checked = await read_problem(problem, images, answer_schema, host)
                wait = _wait(wait_s, ctx, host)
                request = RunRequest(
                    solvers, explore_effort, max_explores, max_cost_usd, time_limit_s, workflow
                )
                service = await host.service()
                run_id = await service.solve(checked, request)
            return await answer(host, service, run_id, wait, ctx, owned=True)

    @server.tool(title="Explore", description=texts.EXPLORE, annotations=SPENDS)
    async def explore(
        ctx: Context[Any, Any],
        problem: Annotated[str | None, Field(description="May be left out with a run_id.")] = None,
        images: list[str] | None = None,
        answer_schema: dict[str, Any] | None = None,
        solver: Annotated[str | None, Field(description="From atlas://solvers.")] = None,
        effort: Annotated[str | None, Field(description="low, medium, high, xhigh or max.")] = None,
        strategy: Annotated[
            str | None,
            Field(
                description="direct, first_principles, work_backwards, decompose, "
                "adversarial_check, estimate_then_verify or code_trace; default vary."
            ),
        ] = None,
        instruction: Annotated[
            str | None, Field(description="What to try or check. Never name an answer.")
        ] = None,
        count: Annotated[int, Field(description="How many, side by side.")] = 1,
        run_id: Annotated[str | None, Field(description="Adds to that explore's run.")] = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Run explores for a client that is its own orchestrator."""
        with errors_shown():
            from atlas_mcp.runs.explores import ExploreRequest
            from atlas_mcp.runs.request import RunRequest

            with host.spending():
                if problem is not None:
                    checked = await read_problem(problem, images, answer_schema, host)
                elif images or answer_schema:
                    name = "images" if images else "answer_schema"
                    raise InvalidInput(name, "goes with a problem; leave it out to keep the run's")
                else:
                    checked = None
                service = await host.service()
                explores = ExploreRequest(solver, effort, strategy, instruction, count)
                run_id = await service.explore(checked, RunRequest(), explores, run_id=run_id)
            earlier = [one.id for one in (await service.state(run_id)).done]
            wait = _wait(None, ctx, host)
            return await answer(host, service, run_id, wait, ctx, owned=True, earlier=earlier)

    @server.tool(title="Get a run", description=texts.GET_RUN, annotations=READS)
    async def get_run(
        ctx: Context[Any, Any],
        run_id: str | None = None,
        since: int | None = None,
        wait_s: float | None = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Show a run, waiting for its end; without an id the newest, and which others there are."""
        with errors_shown():
            wait = _wait(wait_s, ctx, host)
            if since is not None and since < 0:
                raise InvalidInput("since", f"is {since}; it is a number that `next` has named")
            service = await host.service()
            if run_id is None:
                return await newest(service, wait, since, ctx, host)
            return await answer(host, service, run_id, wait, ctx, owned=False, since=since)

    @server.tool(title="Cancel a run", description=texts.CANCEL_RUN, annotations=ENDS)
    async def cancel_run(
        run_id: str, ctx: Context[Any, Any]
    ) -> Annotated[CallToolResult, RunResult]:
        """End a run at once."""
        with errors_shown():
            service = await host.service()
            return await result_of(await viewed(await service.cancel(run_id)))

    @server.tool(title="Resume a run", description=texts.RESUME_RUN, annotations=SPENDS)
    async def resume_run(
        run_id: str,
        ctx: Context[Any, Any],
        max_explores: int | None = None,
        max_cost_usd: float | None = None,
        wait_s: float | None = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Let a run go on and wait for it."""
        with errors_shown():
            wait = _wait(wait_s, ctx, host)
            with host.spending():
                service = await host.service()
                # One that goes on already is somebody else's to stop.
                resumed = await service.resume(
                    run_id, max_explores=max_explores, max_cost_usd=max_cost_usd
                )
            return await answer(host, service, run_id, wait, ctx, owned=resumed)


async def newest(
    service: RunService, wait: float, since: int | None, ctx: Context[Any, Any], host: Host
) -> CallToolResult:
    """Return the newest run of the home, once it has ended, and the names of those before it.

    It is told in short, as it may not be the one that the caller means.

    Raises:
        InvalidInput: There is none.
    """
    runs = await service.list_runs(limit=MAX_NAMED)
    if not runs:
        raise InvalidInput(
            "run_id", "is missing, and there is no run yet; solve_with_atlas opens one"
        )
    first, *before = [f"{run.run_id} ({quoted(run.title, TITLE_CHARS)})" for run in runs]
    told = f"This is the newest run, {first}."
    if before:
        told += f" Before it: {', '.join(before)}."
    return await answer(
        host, service, runs[0].run_id, wait, ctx, owned=False, since=since, newest=told
    )


async def read_problem(
    text: str, images: list[str] | None, answer_schema: dict[str, Any] | None, host: Host
) -> Problem:
    """Return the problem that a client describes, with its pictures.

    Raises:
        InvalidInput: An argument breaks a rule.
    """
    from atlas_mcp.atlas.problem import make_problem
    from atlas_mcp.models.off_loop import off_loop

    if answer_schema is None:
        problem = make_problem(text)
    else:
        checking = partial(make_problem, text, answer_schema=answer_schema)
        problem = await off_loop("schemas", checking)
    if not images:
        return problem
    from atlas_mcp.runs.caller_images import read_images

    return replace(problem, images=await read_images(images, host.settings.images.folders))


async def answer(
    host: Host,
    service: RunService,
    run_id: str,
    wait: float,
    ctx: Context[Any, Any],
    *,
    owned: bool,
    since: int | None = None,
    earlier: Collection[int] = (),
    newest: str = "",
) -> CallToolResult:
    """Wait for a run, reporting progress.

    Args:
        host: Who knows whether the client is still there.
        service: Who has the run.
        run_id: The run.
        wait: Seconds after which to answer with what there is.
        ctx: The request.
        owned: Whether the run is there for this request: if the client goes, it is stopped.
        since: The last record that the client has been told of; `None` if it does not say.
        earlier: Explores that the client has most likely been shown.
        newest: What is said of the run and of others, where the client has named none.
    """

    async def report(number: float, message: str) -> None:
        await ctx.report_progress(number, None, message)

    async def show(run: RunSnapshot) -> CallToolResult:
        view = await viewed(run)
        if view.status == "running":
            return await _polled(run, view, since, newest, ctx, host)
        if newest:
            return await _in_short(view, newest)
        return await result_of(view, earlier=earlier)

    gone = client_gone(ctx)
    try:
        async with host.wanted(service, run_id) if owned else nullcontext():
            if wait == 0:
                return await show(await service.look(run_id))
        async with (
            host.wanted(service, run_id) if owned else nullcontext(),
            service.watching(run_id) as live,
            open_task_group() as tasks,
        ):
            if not live.done and hears_progress(ctx):
                tasks.start_soon(report_progress, live, report, name="progress")
            if gone is not None and owned:
                tasks.start_soon(_stop_when_gone, service, run_id, gone, name="client")
            with anyio.move_on_after(wait) as patience:
                if run_id not in service.driven:
                    # Nobody stops it here, and whoever waits for it may go.
                    tasks.start_soon(_wait_no_longer, host.client_gone, patience, name="input")
                await live.finished()
            run = await service.look(run_id)
            tasks.cancel_scope.cancel("the answer is ready")
    except anyio.get_cancelled_exc_class():
        if owned:
            await service.stop(run_id)
        raise
    return await show(run)


async def _polled(
    run: RunSnapshot,
    view: RunView,
    since: int | None,
    newest: str,
    ctx: Context[Any, Any],
    host: Host,
) -> CallToolResult:
    """Return a run that goes on, as far as its caller has not been told of it."""
    from atlas_mcp.views.rendering import poll_call

    ended = run.state.ended
    new, seen = new_explores(ended, since or 0)
    left_out = frozenset(one.id for one in ended) - new
    seconds = max(1, int(respond_within(host.settings.server, client_name(ctx))))
    call = poll_call(view.run_id, since=seen, wait_s=seconds)
    following = (view.next or "").replace(poll_call(view.run_id), call)
    told = " ".join(filter(None, (following, newest)))
    return await result_of(view.model_copy(update={"next": told}), left_out)


async def _in_short(view: RunView, newest: str) -> CallToolResult:
    """Return a run that has ended without what only matters if it is the one that is meant."""
    if view.answer is not None or not view.candidates:
        told = " ".join(filter(None, (newest, view.next)))
        return await result_of(view.model_copy(update={"next": told}))
    told = f"{newest} Its candidates: get_run with run_id={view.run_id!r}."
    left_out = [one.explore_id for one in view.candidates]
    return await result_of(view.model_copy(update={"next": told}), left_out)


def new_explores(ended: Sequence[ExploreState], since: int) -> tuple[frozenset[int], int]:
    """Return which explores a poll tells of, and the last record that its caller then knows of.

    Args:
        ended: The explores that have ended, in that order.
        since: The last record that the caller knows of; 0 for none.
    """
    later = [one for one in ended if (one.ended_seq or 0) > since][:POLLED]
    return frozenset(one.id for one in later), later[-1].ended_seq or 0 if later else since


async def _stop_when_gone(service: RunService, run_id: str, gone: anyio.Event) -> None:
    await gone.wait()
    await service.stop(run_id)


async def _wait_no_longer(gone: anyio.Event, patience: anyio.CancelScope) -> None:
    await gone.wait()
    patience.cancel("the client has gone")


def _wait(wait_s: float | None, ctx: Context[Any, Any], host: Host) -> float:
    if wait_s is not None and not 0 <= wait_s <= LONGEST_WAIT:
        raise InvalidInput("wait_s", f"is {wait_s}; it takes 0 to {LONGEST_WAIT:.0f} seconds")
    if answers_at_once():
        return 0.0
    return respond_within(host.settings.server, client_name(ctx)) if wait_s is None else wait_s
