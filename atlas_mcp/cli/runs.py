"""`atlas-mcp runs`: show, resume, cancel, export and remove runs."""

from __future__ import annotations

import click

from atlas_mcp.atlas.resuming import carries_on
from atlas_mcp.atlas.state import RunState
from atlas_mcp.cli import output, pages
from atlas_mcp.cli.arguments import (
    ProblemCommand,
    is_file,
    question_from_stdin,
    read_file,
    run_id_argument,
)
from atlas_mcp.cli.questions import follow_question
from atlas_mcp.cli.service import configured, with_service
from atlas_mcp.cli.terminal import sure, tell, write_data
from atlas_mcp.errors import InvalidInput, UnknownRun
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.lone_drivers import find_lone_drivers
from atlas_mcp.runs.retention import Keep
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import counted
from atlas_mcp.views.page.document import page_document
from atlas_mcp.views.page.shapes import PageDocument
from atlas_mcp.views.rendering import view_of

PAGES = ("--html", "--open", "--transcript")
"""The forms of a run that are made from its records."""

RUN_ID = click.argument("run_id", metavar="ID", callback=run_id_argument)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one RunView as JSON.")


@click.group(short_help="Look at runs, resume, end, export or remove them.")
def runs() -> None:
    """Look at the runs of this machine, go on with them, end them, remove them."""


@runs.command("list")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Most runs to list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_runs(*, limit: int, as_json: bool) -> int:
    """List the newest runs."""

    async def work(service: RunService) -> int:
        listed = await service.list_runs(limit=limit)
        lone = await find_lone_drivers(service.drivers, service.index)
        if as_json:
            output.print_runs_as_data(listed, lone)
        else:
            output.print_runs(listed, limit=limit)
            output.print_lone(lone)
        return 0

    return with_service(work, looks=True)


@runs.command()
@click.argument("run_id", metavar="ID|FILE")
@click.option(
    "--follow",
    is_flag=True,
    help="Show it at work until it ends, also where another process drives it.",
)
@click.option(
    "--html",
    metavar="FILE",
    help="Write its page to a file, which needs nothing else; - prints it.",
)
@click.option("--open", "opens", is_flag=True, help="Open its page in the browser.")
@click.option(
    "--transcript", "as_transcript", is_flag=True, help="Print it as a story, in Markdown."
)
@AS_JSON
def show(
    run_id: str, *, follow: bool, html: str | None, opens: bool, as_transcript: bool, as_json: bool
) -> int:
    """Show a run: its answer, its candidates, what it cost.

    FILE is a run that `runs export` wrote, here or on another machine.
    """
    form = _form(follow, html, opens, as_transcript, as_json)

    async def work(service: RunService) -> PageDocument | int:
        if follow:
            return await output.follow(service, run_id, as_json=as_json)
        run = await service.look(run_id)
        if as_json:
            output.print_view(view_of(run), as_json=True, evidence="all")
            return 0
        document = page_document(await service.read(run_id), run)
        if form in PAGES:
            return document
        output.print_run(document, view_of(run), here=carries_on(run.state))
        return 0

    shown: PageDocument | int | None = None
    try:
        # An id has neither a dot nor a slash in it; a file may have neither.
        if run_id.isalnum():
            shown = with_service(work, looks=True)
    except UnknownRun:
        if not is_file(run_id):
            raise
    if shown is None:
        shown = _show_file(run_id, form, as_json=as_json)
    if isinstance(shown, int):
        return shown
    if html is not None:
        pages.write_page(shown, html)
    elif opens:
        pages.open_page(shown, configured().home)
    else:
        pages.print_transcript(shown)
    return 0


@runs.command(short_help="Go on with a run that has stopped.")
@RUN_ID
@click.option("--max-explores", type=int, metavar="N", help="New, larger ceiling of solvers.")
@click.option("--max-cost-usd", type=float, metavar="X", help="New, larger cap in US dollars.")
@click.option(
    "--instruction",
    metavar="TEXT",
    help="What its orchestrator is to look into; also for a run that has answered.",
)
@AS_JSON
def resume(
    run_id: str,
    *,
    max_explores: int | None,
    max_cost_usd: float | None,
    instruction: str | None,
    as_json: bool,
) -> int:
    """Go on with a run that was interrupted or cancelled, or that ended at a limit.

    It keeps its evidence: no call that was answered is made again. One that another process drives
    is followed instead.
    """

    async def work(service: RunService) -> int:
        await service.resume(
            run_id,
            max_explores=max_explores,
            max_cost_usd=max_cost_usd,
            instruction=instruction,
        )
        return await output.follow(service, run_id, as_json=as_json)

    return with_service(work)


@runs.command(cls=ProblemCommand, short_help="Ask why, and why not: a question about a run.")
@RUN_ID
@click.argument("question")
@click.option("--max-cost-usd", type=float, metavar="X", help="New, larger cap in US dollars.")
@click.option("--fresh", is_flag=True, help="Ask also where the answer is on record.")
@AS_JSON
def ask(
    run_id: str, question: str, *, max_cost_usd: float | None, fresh: bool, as_json: bool
) -> int:
    """Ask a question about a run that has stopped, such as "why not 17?"; `-` reads it from stdin.

    The run's orchestrator answers from the evidence on record, under the run's cap. The run stays
    as it was, and the answer is kept with it. The same question is not paid for twice.
    """
    text = question_from_stdin() if question == "-" else question

    async def work(service: RunService) -> int:
        number = await service.ask(run_id, text, max_cost_usd=max_cost_usd, fresh=fresh)
        return await follow_question(service, run_id, number, as_json=as_json)

    return with_service(work, again="ask")


@runs.command(short_help="End a run; calls in flight are aborted.")
@RUN_ID
@AS_JSON
def cancel(run_id: str, *, as_json: bool) -> int:
    """End a run, also where another process drives it: calls in flight are aborted at once.

    Its evidence is kept, and `runs resume` goes on from there.
    """

    async def work(service: RunService) -> int:
        view = view_of(await service.cancel(run_id))
        output.print_view(view, as_json=as_json, evidence="none")
        if view.status != "running":
            return 0
        return output.fail(
            f"the process that drives {run_id} has not answered yet; it ends the run once it does",
            1,
        )

    return with_service(work)


@runs.command(short_help="Write a run as JSON Lines, in one file.")
@RUN_ID
@click.option(
    "--output", "-o", "path", metavar="FILE", help="Write to a file instead of to stdout."
)
def export(run_id: str, *, path: str | None) -> int:
    """Write a run as JSON Lines: all its records, in one file that needs nothing else.

    `runs show FILE` reads it on any machine. It holds the problem and all candidates, and no key.
    """

    async def work(service: RunService) -> str:
        lines = write_archive(run_id, await service.read(run_id))
        return "".join(f"{line}\n" for line in lines)

    text = with_service(work, looks=True)
    if path is None:
        write_data(text)
        return 0
    pages.write_file(text, path, "--output")
    tell(f"{run_id} written to {path}")
    return 0


@runs.command(short_help="Remove runs for good, by age or by size.")
@click.option("--keep-days", type=float, metavar="N", help="Remove runs idle for longer.")
@click.option("--max-size-mb", type=float, metavar="M", help="Remove the oldest beyond M MB.")
@click.option("--dry-run", is_flag=True, help="Only list the runs that would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(*, keep_days: float | None, max_size_mb: float | None, dry_run: bool, yes: bool) -> int:
    """Remove runs for good, by age or by size; never one that is going.

    The limits come from the options, or from [journal] in atlas.toml. Prints the ids that went.
    """
    journal = configured().journal
    keep = Keep(
        journal.keep_days if keep_days is None else keep_days,
        journal.max_size_mb if max_size_mb is None else max_size_mb,
    )
    if keep.everything:
        raise InvalidInput("--keep-days", "name a limit: this one, or --max-size-mb")

    async def look(service: RunService) -> tuple[ListedRun, ...]:
        return await service.expired(keep)

    async def work(service: RunService) -> tuple[str, ...]:
        return await service.remove(going)

    going = with_service(look)
    output.print_expired(going, as_data=dry_run)
    if dry_run or not going:
        return 0
    if not (yes or sure(f"Remove {counted(len(going), 'run')} for good?")):
        return output.fail("nothing was removed", 1)
    removed = with_service(work)
    pages.forget_pages(removed, configured().home)
    output.print_removed(removed)
    return 0


def _form(follow: bool, html: str | None, opens: bool, transcript: bool, as_json: bool) -> str:
    """Return the option that says how a run is shown; empty for none.

    Raises:
        InvalidInput: There is more than one. Following goes with JSON.
    """
    wanted = {
        "--follow": follow,
        "--json": as_json and not follow,
        "--html": html is not None,
        "--open": opens,
        "--transcript": transcript,
    }
    named = [name for name, given in wanted.items() if given]
    if len(named) > 1:
        raise InvalidInput(named[0], f"does not go with {named[1]}: a run is shown in one form")
    return named[0] if named else ""


def _show_file(name: str, form: str, *, as_json: bool) -> PageDocument | int:
    """Show the run in a file, or return what its page shows."""
    if form == "--follow":
        raise InvalidInput("--follow", f"takes the id of a run, which {name} is not")
    run_id, records = read_archive(read_file(name, "FILE"), name)
    state = RunState.fold(records)
    run = RunSnapshot(run_id, state, state.at, driven=False)
    view = view_of(run, page=None)
    if as_json:
        output.print_view(view, as_json=True, evidence="all")
        return 0
    document = page_document(records, run, here=False)
    if form in PAGES:
        return document
    output.print_run(document, view, here=False)
    return 0
