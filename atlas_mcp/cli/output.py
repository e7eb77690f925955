"""The output of commands: answers, runs and the pool, for people or as JSON.

Data goes to stdout, everything for people to stderr; the words about a run are those of
`atlas_mcp.views`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Literal, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.table import Table

from atlas_mcp.atlas.outcomes import status_of
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.atlas.wording import rates_text, size_text
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.cli.display import show_run_live
from atlas_mcp.cli.journal_warnings import note_shown
from atlas_mcp.cli.terminal import (
    OutputLost,
    Screen,
    data,
    draw_data,
    people,
    styled,
    tell,
    write_data,
)
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.models.embedded.inventory import InstalledModel
from atlas_mcp.runs.lone_drivers import LoneDriver
from atlas_mcp.runs.pool_rows import PoolRow, as_dict
from atlas_mcp.runs.service import RunService
from atlas_mcp.system.dates import moment
from atlas_mcp.texts import CUT, answer_text, counted, one_line
from atlas_mcp.views import listing
from atlas_mcp.views.course_lines import course_lines, money_lines
from atlas_mcp.views.page.shapes import PageDocument
from atlas_mcp.views.plain_text import (
    candidate_lines,
    indented,
    question_lines,
    remark_lines,
    state_line,
)
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

Evidence: TypeAlias = Literal["all", "data", "people", "none"]
"""Where the candidates of a run are printed: all of them on stdout, the usable ones on stdout or on
stderr, or none."""

ERROR_CHARS = 4_000
"""Characters of an error: a line, though perhaps a long one."""

MAX_SHOWN = 20
"""Runs listed before a question is asked about them."""

WRAPPED_CHARS = 50_000
"""Characters of a text that is wrapped between words."""


def fail(message: str, code: int) -> int:
    """Write an error for people, and return the exit code."""
    tell(f"atlas-mcp: {one_line(message, ERROR_CHARS)}")
    return code


async def follow(service: RunService, run_id: str, *, as_json: bool) -> int:
    """Show a run while it works and print its result; return the exit code.

    Raises:
        OutputLost: The result could not be written; it is in the journal.
    """
    async with service.watching(run_id) as live:
        await show_run_live(live, people())
        gathers = workflow_of(live.state.spec).gathers
    view = view_of(await service.look(run_id))
    note_shown("\n".join((view.explanation or "", *view.agreement.warnings)))
    evidence: Evidence = "data" if gathers else "none" if view.answer is not None else "people"
    try:
        print_view(view, as_json=as_json, evidence=evidence)
    except OutputLost as error:
        raise OutputLost(
            f"{error}. Nothing is lost: `atlas-mcp runs show {run_id}` shows the run"
        ) from error
    damaged = live.broken is not None and live.broken.damaged
    return 2 if damaged and exit_code(view) else exit_code(view)


def exit_code(view: RunView) -> int:
    """Return 0 for a run that gave what was asked of it, 1 for one that did not."""
    if view.status != "answered" or view.stop_reason == "no_supported_answer":
        return 1
    return 0


def print_run(document: PageDocument, view: RunView, *, here: bool) -> None:
    """Print all of a run for people, with its course: see `print_view`."""
    course = [
        *_under("How   ", course_lines(document)),
        *_under("Paid  ", money_lines(document)),
    ]
    print_view(view, as_json=False, evidence="all", here=here, course=course)


def _under(label: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield lines, the first with its label."""
    for place, line in enumerate(lines):
        yield (label if place == 0 else " " * len(label)), line


def print_view(
    view: RunView,
    *,
    as_json: bool,
    evidence: Evidence,
    here: bool = True,
    course: Sequence[tuple[str, str]] = (),
) -> None:
    """Print a run: the answer on stdout; why, agreement and money on stderr.

    Args:
        view: The run.
        as_json: Print all of it as JSON on stdout instead.
        evidence: For whom to print the candidates too.
        here: Whether it is in the journal, and can be resumed.
        course: Lines on its course for people, each with its label.
    """
    if as_json:
        write_data(view.model_dump_json(indent=2) + "\n")
        return
    lines = [] if view.answer is None else [answer_text(view.answer)]
    found = _evidence(view, whole=evidence == "all")
    if evidence in ("all", "data"):
        lines += found
    if evidence == "all" and not lines:
        # `runs show` prints the run, and there is no more of it.
        lines = [state_line(view)]
    write_data("".join(f"{line}\n" for line in lines))
    if evidence == "people":
        for line in found:
            tell(line)
    screen = people()
    _print_context(view, screen, course)
    if here and view.status in ("interrupted", "cancelled"):
        _say(screen, (f"`atlas-mcp runs resume {view.run_id}` goes on with it", "dim"))


def _evidence(view: RunView, *, whole: bool) -> list[str]:
    """Return the outcomes of the explores of a run, in their order.

    Args:
        view: The run.
        whole: Whether to return failed candidates and remarks too.
    """
    found = {
        one.explore_id: candidate_lines(one)
        for one in view.candidates
        if whole or one.status == "ok"
    }
    if whole:
        found |= {one.explore_id: remark_lines(one) for one in view.remarks}
    asked = [question_lines(one) for one in view.questions] if whole else []
    return [*(found[number] for number in sorted(found)), *asked]


def print_runs_as_data(runs: Sequence[ListedRun], lone: Sequence[LoneDriver]) -> None:
    """Print runs as JSON Lines, each with the time since which its server is gone.

    Args:
        runs: The runs.
        lone: The drivers without a server.
    """
    gone = {run_id: driver.since for driver in lone for run_id in driver.run_ids}
    rows = [listing.with_server(listing.as_dict(run), gone.get(run.run_id)) for run in runs]
    write_data("".join(f"{json.dumps(row)}\n" for row in rows))


def print_runs(summaries: Sequence[ListedRun], *, limit: int) -> None:
    """Print the list of runs for people, a line each."""
    if not summaries:
        tell("There are no runs yet.")
        return
    rows = [("run", "opened", "status", "workflow", "problem")]
    rows += [
        (
            summary.run_id,
            _minute(summary.opened_at),
            status_of(summary.status, driven=summary.driven),
            summary.workflow,
            summary.title,
        )
        for summary in summaries
    ]
    write_data("".join(f"{line}\n" for line in _columns(rows)))
    if len(summaries) == limit:
        tell(f"The newest {limit}; --limit shows more.")


def print_lone(drivers: Sequence[LoneDriver]) -> None:
    """Name the runs that go on though their server is gone, a line for each process."""
    for driver in drivers:
        count = len(driver.run_ids)
        verb, one = ("goes", "it") if count == 1 else ("go", "one of them")
        tell(
            f"{counted(count, 'run')} {verb} on in a process whose server is gone (pid "
            f"{driver.pid}, since {_minute(driver.since)}): {', '.join(driver.run_ids)}; "
            f"`atlas-mcp runs cancel ID` ends {one}"
        )


def print_expired(runs: Sequence[ListedRun], *, as_data: bool) -> None:
    """Show which runs have expired: they are beyond the limits.

    Args:
        runs: The expired runs.
        as_data: Whether they are what was asked for, and not what a question is about.
    """
    rows = [
        (
            run.run_id,
            f"{moment(run.updated_at).astimezone():%Y-%m-%d}",
            size_text(run.size_bytes),
            run.title,
        )
        for run in runs
    ]
    if as_data:
        write_data("".join(f"{line}\n" for line in _columns(rows)))
    else:
        for line in _columns(rows[:MAX_SHOWN]):
            tell(line)
        if len(rows) > MAX_SHOWN:
            tell(f"… and {len(rows) - MAX_SHOWN:,} more; --dry-run lists all of them")
    size = size_text(sum(run.size_bytes for run in runs))
    tell(f"{counted(len(runs), 'run')} beyond the limits, {size}")


def print_removed(run_ids: Sequence[str]) -> None:
    """Print the ids of the runs that went, one a line."""
    write_data("".join(f"{run_id}\n" for run_id in run_ids))


def print_pool(rows: Sequence[PoolRow], *, as_json: bool) -> None:
    """Print the pool: a table for people, a JSON array for programs."""
    if as_json:
        write_data(json.dumps([as_dict(row) for row in rows], indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("solver", overflow="fold")
    table.add_column("takes")
    table.add_column("per M tokens, at most")
    table.add_column("state", overflow="fold")
    for row in rows:
        table.add_row(
            row.name if row.name == row.model else f"{row.name}\n{row.model}",
            _takes(row),
            _price(row.price),
            _state(row),
        )
    draw_data(table)


def _price(price: Price | None) -> str:
    if price is None:
        return "unknown"
    return "free" if price.input == price.output == FREE else rates_text(price)


def _state(row: PoolRow) -> str:
    """Return whether a model can be used; an endpoint's words on that are a line at most."""
    ready = one_line(row.ready)
    return f"{ready} (used by default)" if row.default else ready


def _takes(row: PoolRow) -> str:
    """Return the features of a model beside text, in few words."""
    taken = [f"efforts {row.efforts[0]}…{row.efforts[-1]}"] if row.efforts else []
    taken += [name for name, has in (("images", row.images), ("tools", row.tools)) if has]
    return ", ".join([*taken, f"schema {row.schema}"])


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with aligned columns, cut to the width of a terminal if there is one.

    The last column is the one that is cut; the first stays whole in any terminal.
    """
    screen = data()
    shown = [[screen.plain(" ".join(cell.split())) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    lines = [
        "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True))
        for row in shown
    ]
    if not screen.is_terminal:
        return [line.rstrip() for line in lines]
    return [_cut(line.rstrip(), screen.width) for line in lines]


def _cut(line: str, room: int) -> str:
    return line if cell_len(line) <= room else f"{set_cell_size(line, room - 1)}{CUT}"


def print_installed_models(rows: Sequence[InstalledModel], *, as_json: bool) -> None:
    """Print embedded models: a table for people, a JSON array for programs."""
    if as_json:
        write_data(json.dumps([_shelf_dict(row) for row in rows], indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "size", "state", "licence", "what to expect"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for row in rows:
        size = "" if row.size_bytes is None else size_text(row.size_bytes)
        state = row.state if row.verified is None else f"{row.state}, checked {row.verified}"
        cells = (row.name, size, state, row.licence or "", row.description)
        table.add_row(*map(one_line, cells))
    draw_data(table)


def _shelf_dict(row: InstalledModel) -> dict[str, object]:
    return {
        **asdict(row),
        "path": str(row.path),
        "verified": None if row.verified is None else row.verified.isoformat(),
    }


def _print_context(view: RunView, screen: Screen, course: Sequence[tuple[str, str]]) -> None:
    """Print what a doubting reader asks, in that order: how sure, what speaks against it, why."""
    if view.confidence is not None:
        _say(screen, ("Sure  ", "bold"), f"{view.confidence:.0%}, the orchestrator's own estimate")
    if view.agreement.dissent:
        _say(screen, ("But   ", "bold"), indented(view.agreement.dissent))
    if view.explanation:
        failed = view.status == "failed"
        label = ("Error ", "bold red") if failed else ("Why   ", "bold")
        _say(screen, label, indented(view.explanation))
    for warning in view.agreement.warnings:
        _say(screen, ("Note  ", "yellow"), indented(warning))
    for label, line in course:
        _say(screen, (label, "bold"), line)
    _say(screen, (state_line(view), "dim"))
    if view.page:
        _say(screen, (f"Page: {view.page}", "dim"))


def _say(screen: Screen, *pieces: str | tuple[str, str]) -> None:
    chars = sum(len(one if isinstance(one, str) else one[0]) for one in pieces)
    # Wrapped lines would break a run id in two for a search in a log, and wrapping a text of a
    # megabyte takes a minute; the terminal itself does that at once.
    screen.print(styled(*pieces), soft_wrap=not screen.is_terminal or chars > WRAPPED_CHARS)


def _minute(at: float) -> str:
    return f"{moment(at).astimezone():%Y-%m-%d %H:%M}"
