"""`atlas-mcp runs search`, `runs compare` and `stats`: find runs again, and learn from them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import click
from pydantic import BaseModel

from atlas_mcp.cli import history_output
from atlas_mcp.cli.arguments import run_id_argument
from atlas_mcp.cli.service import with_service
from atlas_mcp.cli.terminal import write_data
from atlas_mcp.off_loop import off_loop
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.page.comparison import compare_document
from atlas_mcp.views.page.run_list import runs_document
from atlas_mcp.views.page.statistics import stats_document

DocumentT = TypeVar("DocumentT", bound=BaseModel)

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command(short_help="Find runs by words of problem, answer or model.")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Most runs to show.",
)
@AS_JSON
def search(words: tuple[str, ...], *, limit: int, as_json: bool) -> int:
    """Find runs that have all words of TEXT.

    Problems, answers, candidates' answers, solvers, models and ids are searched. The last word may
    be the beginning of one. The newest 1,000 matches of up to four words come best first, all other
    matches newest first. The first search reads all runs, once.
    """

    async def work(service: RunService) -> int:
        progress = history_output.Reading()
        found = await service.search(" ".join(words), limit=limit, patience=None, progress=progress)
        document = runs_document(found, time.time())
        return _print(document, None if as_json else history_output.print_found)

    return with_service(work, looks=True)


@click.command(short_help="Show two runs side by side.")
@click.argument("first", metavar="ID", callback=run_id_argument)
@click.argument("second", metavar="ID", callback=run_id_argument)
@AS_JSON
def compare(first: str, second: str, *, as_json: bool) -> int:
    """Show two runs side by side: settings that differ, answers, methods, money and time."""

    async def work(service: RunService) -> int:
        a, b = await service.look(first), await service.look(second)
        document = await off_loop("views", lambda: compare_document(a, b))
        return _print(document, None if as_json else history_output.print_comparison)

    return with_service(work, looks=True)


@click.command(short_help="Show what was spent, and what paid off.")
@AS_JSON
def stats(*, as_json: bool) -> int:
    """Show what was spent by month and model, how runs ended, and whose answers won.

    An explore won where its candidate gave the answer that its run ended with: it agreed with that
    answer, which may be wrong. Runs that were removed are not counted.
    """

    async def work(service: RunService) -> int:
        progress = history_output.Reading()
        found = await service.statistics(patience=None, progress=progress)
        document = stats_document(found, time.time())
        return _print(document, None if as_json else history_output.print_statistics)

    return with_service(work, looks=True)


def _print(document: DocumentT, for_people: Callable[[DocumentT], None] | None) -> int:
    """Print a document for people, or as JSON; return the exit code."""
    if for_people is None:
        write_data(document.model_dump_json(indent=2) + "\n")
    else:
        for_people(document)
    return 0
