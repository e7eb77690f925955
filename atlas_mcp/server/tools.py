"""The tools: their arguments, and the call of the service that each stands for.

Names, arguments and results are a public contract; the texts that a client's model reads are in
`atlas_mcp.server.descriptions`. A call is answered by `atlas_mcp.server.answering`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from atlas_mcp.atlas.workflows.registry import choices
from atlas_mcp.errors import InvalidInput
from atlas_mcp.server import descriptions
from atlas_mcp.server.answering import WaitingCall, answer, checked_wait
from atlas_mcp.server.host import Host
from atlas_mcp.server.results import errors_shown, result_of, viewed
from atlas_mcp.server.run_app import DRAWN
from atlas_mcp.texts import quoted
from atlas_mcp.views.structures import RunResult

if TYPE_CHECKING:
    from atlas_mcp.atlas.problem import Problem
    from atlas_mcp.runs.service import RunService

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
"""Characters of the problem of each."""

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
    _add_solve(server, host)
    _add_explore(server, host)
    _add_get_run(server, host)
    _add_cancel_run(server, host)
    _add_resume_run(server, host)
    _add_ask_run(server, host)


def _add_solve(server: MCPServer[Any], host: Host) -> None:
    @server.tool(
        title="Solve with ATLAS", description=descriptions.SOLVE, annotations=SPENDS, meta=DRAWN
    )
    async def solve_with_atlas(
        problem: Annotated[str, Field(description=PROBLEM)],
        ctx: Context[Any, Any],
        images: Images = None,
        answer_schema: AnswerSchema = None,
        explore_effort: Annotated[
            Literal["low", "medium", "high"] | None,
            Field(description="How much agreement the orchestrator asks for."),
        ] = None,
        max_explores: Annotated[int | None, Field(description="Most solvers.")] = None,
        max_cost_usd: Annotated[float | None, Field(description="US dollars.")] = None,
        time_limit_s: float | None = None,
        solvers: Annotated[
            list[str] | None, Field(description="From atlas://solvers; default all.")
        ] = None,
        workflow: Annotated[str | None, Field(description=f"{choices()}.")] = None,
        fresh: Annotated[
            bool, Field(description="Open a new run even if an identical call has one.")
        ] = False,
        wait_s: WaitSeconds = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Open an ATLAS run, or join that of an identical call, and wait for it."""
        with errors_shown():
            from atlas_mcp.runs.request import RunRequest

            with host.openings.spending():
                checked = await read_problem(problem, images, answer_schema, host)
                wait = checked_wait(wait_s, ctx, host)
                request = RunRequest(
                    solvers, explore_effort, max_explores, max_cost_usd, time_limit_s, workflow
                )
                service = await host.service()
                run = await service.joining.solve(checked, request, fresh=fresh)
            call = WaitingCall(host, service, ctx, run.caller.run_id, wait, run=run, has_fresh=True)
            return await answer(call)


def _add_explore(server: MCPServer[Any], host: Host) -> None:
    @server.tool(title="Explore", description=descriptions.EXPLORE, annotations=SPENDS, meta=DRAWN)
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
            from atlas_mcp.atlas.explore_requests import ExploreRequest
            from atlas_mcp.runs.request import RunRequest

            with host.openings.spending():
                if problem is not None:
                    checked = await read_problem(problem, images, answer_schema, host)
                elif images or answer_schema:
                    name = "images" if images else "answer_schema"
                    raise InvalidInput(name, "goes with a problem; leave it out to keep the run's")
                else:
                    checked = None
                service = await host.service()
                explores = ExploreRequest(solver, effort, strategy, instruction, count)
                wait = checked_wait(None, ctx, host)
                before = () if run_id is None else (await service.state(run_id)).done
                run = await service.joining.explore(checked, RunRequest(), explores, run_id=run_id)
            # The call that was cut off was not shown those that it had asked for.
            earlier = [one.id for one in before] if run.joined is None else []
            call = WaitingCall(
                host, service, ctx, run.caller.run_id, wait, run=run, earlier=earlier
            )
            return await answer(call)


def _add_get_run(server: MCPServer[Any], host: Host) -> None:
    @server.tool(title="Get a run", description=descriptions.GET_RUN, annotations=READS, meta=DRAWN)
    async def get_run(
        ctx: Context[Any, Any],
        run_id: str | None = None,
        since: int | None = None,
        wait_s: float | None = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Show a run, waiting for its end; without an id the newest, and which others there are."""
        with errors_shown():
            wait = checked_wait(wait_s, ctx, host)
            if since is not None and since < 0:
                raise InvalidInput("since", f"is {since}; it is a number that `next` has named")
            service = await host.service()
            if run_id is None:
                run_id, preface = await newest(host, service, wait)
            else:
                preface = ""
            call = WaitingCall(host, service, ctx, run_id, wait, since=since, preface=preface)
            return await answer(call)


def _add_cancel_run(server: MCPServer[Any], host: Host) -> None:
    @server.tool(
        title="Cancel a run", description=descriptions.CANCEL_RUN, annotations=ENDS, meta=DRAWN
    )
    async def cancel_run(
        run_id: str, ctx: Context[Any, Any]
    ) -> Annotated[CallToolResult, RunResult]:
        """End a run at once."""
        with errors_shown():
            service = await host.service()
            return await result_of(await viewed(await service.cancel(run_id), page=host.pages))


def _add_resume_run(server: MCPServer[Any], host: Host) -> None:
    @server.tool(
        title="Resume a run", description=descriptions.RESUME_RUN, annotations=SPENDS, meta=DRAWN
    )
    async def resume_run(
        run_id: str,
        ctx: Context[Any, Any],
        max_explores: int | None = None,
        max_cost_usd: float | None = None,
        instruction: Annotated[
            str | None, Field(description="What to find or check; never an answer.")
        ] = None,
        wait_s: float | None = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Let a run go on and wait for it."""
        with errors_shown():
            wait = checked_wait(wait_s, ctx, host)
            with host.openings.spending():
                service = await host.service()
                # A run that goes on already is not stopped with this call.
                run = await service.joining.resume(
                    run_id,
                    max_explores=max_explores,
                    max_cost_usd=max_cost_usd,
                    instruction=instruction,
                )
            call = WaitingCall(host, service, ctx, run_id, wait, run=run)
            return await answer(call)


def _add_ask_run(server: MCPServer[Any], host: Host) -> None:
    @server.tool(
        title="Ask about a run", description=descriptions.ASK_RUN, annotations=SPENDS, meta=DRAWN
    )
    async def ask_run(
        run_id: str,
        question: str,
        ctx: Context[Any, Any],
        max_cost_usd: float | None = None,
        fresh: bool = False,
        wait_s: float | None = None,
    ) -> Annotated[CallToolResult, RunResult]:
        """Ask a question about a run and wait for the answer."""
        with errors_shown():
            wait = checked_wait(wait_s, ctx, host)
            with host.openings.spending():
                service = await host.service()
                asked = await service.joining.ask(
                    run_id, question, max_cost_usd=max_cost_usd, fresh=fresh
                )
            call = WaitingCall(
                host, service, ctx, run_id, wait, run=asked.run, question=asked.number
            )
            return await answer(call)


async def newest(host: Host, service: RunService, wait: float) -> tuple[str, str]:
    """Return the newest run of the home, and sentences that name it and those before it.

    A client that names no run may mean one of the others. Where there is none, it may have given up
    the call that is about to open the first one.

    Args:
        host: Knows such calls.
        service: Knows the runs.
        wait: Seconds to wait for them at most.

    Raises:
        InvalidInput: There is none.
    """
    runs = await service.list_runs(limit=MAX_NAMED)
    if not runs:
        await host.openings.end(wait)
        runs = await service.list_runs(limit=MAX_NAMED)
    if not runs:
        raise InvalidInput(
            "run_id", "is missing, and there is no run yet; solve_with_atlas opens one"
        )
    first, *before = [f"{run.run_id} ({quoted(run.title, TITLE_CHARS)})" for run in runs]
    preface = f"This is the newest run, {first}."
    if before:
        preface += f" Before it: {', '.join(before)}."
    return runs[0].run_id, preface


async def read_problem(
    text: str, images: list[str] | None, answer_schema: dict[str, Any] | None, host: Host
) -> Problem:
    """Return the problem that a client describes, with its pictures.

    Raises:
        InvalidInput: An argument breaks a rule.
    """
    from atlas_mcp.atlas.problem import make_problem
    from atlas_mcp.off_loop import off_loop

    if answer_schema is None:
        problem = make_problem(text)
    else:
        checking = partial(make_problem, text, answer_schema=answer_schema)
        problem = await off_loop("schemas", checking)
    if not images:
        return problem
    from atlas_mcp.runs.caller_images import read_images

    return replace(problem, images=await read_images(images, host.settings.images.folders))
