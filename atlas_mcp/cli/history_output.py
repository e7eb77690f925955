"""The output of searches, comparisons and statistics, as tables for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from atlas_mcp.atlas.wording import cost_text, money_text, seconds_text
from atlas_mcp.cli.terminal import data, draw_data, styled, tell
from atlas_mcp.system.dates import moment
from atlas_mcp.texts import clipped, counted, one_line
from atlas_mcp.views.page.lists import (
    CompareDocument,
    ComparedRun,
    RunLine,
    RunsDocument,
    StatsDocument,
    WinningShare,
)

FIRST_WORD_SECONDS, MORE_SECONDS = 1.0, 5.0
"""Seconds until it is said that runs are being read, and between two such lines."""

ANSWER_CHARS = 120
"""Characters of an answer or a method in a table."""


WIDE = 90
"""Columns of a terminal in which tables of statistics have all their columns."""


class Reading:
    """Says how many runs were read, once that takes a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now, by a clock in seconds."""
        self._clock = clock
        self._due = clock() + FIRST_WORD_SECONDS

    def __call__(self, done: int, total: int) -> None:
        """Say it if it is time to; see `journal.search.Progress`."""
        if self._clock() >= self._due and done < total:
            tell(f"reading runs that are not indexed yet: {done:,} of {total:,}")
            self._due = self._clock() + MORE_SECONDS


def print_found(document: RunsDocument) -> None:
    """Print the runs that a search has found, a block of two lines or three each."""
    if document.note:
        tell(document.note)
    if not document.runs:
        tell("No run has all of these words.")
        return
    draw_data(Group(*(_found(one) for one in document.runs)))
    if document.total > len(document.runs):
        tell(f"{len(document.runs):,} of {document.total:,} shown; --limit shows more.")


def print_comparison(document: CompareDocument) -> None:
    """Print two runs side by side."""
    a, b = document.a, document.b
    facts = _table("", a.run_id, b.run_id)
    for name, ours, theirs in _facts(a, b):
        facts.add_row(name, ours, theirs)
    for setting in document.settings:
        facts.add_row(setting.name, setting.a or "-", setting.b or "-")
    parts: list[RenderableType] = [facts]
    if document.answers:
        answers = _table("candidates' answer", a.run_id, b.run_id)
        for one in document.answers:
            answers.add_row(
                one_line(one.answer_text, ANSWER_CHARS),
                _explores(one.a, chosen=one.chosen_in_a),
                _explores(one.b, chosen=one.chosen_in_b),
            )
        parts += ("", answers)
    if document.methods:
        methods = _table("method", a.run_id, b.run_id)
        for method in document.methods:
            methods.add_row(
                one_line(method.approach, ANSWER_CHARS), _explores(method.a), _explores(method.b)
            )
        parts += ("", methods)
    draw_data(Group(*parts))
    tell(document.summary)


def print_statistics(document: StatsDocument) -> None:
    """Print what was spent, how runs ended, and whose candidates won."""
    if not document.runs:
        tell("There are no runs yet." if not document.unindexed else document.note or "")
        return
    draw_data(Group(*_statistics(document)))
    if document.note:
        tell(document.note)


def _found(run: RunLine) -> RenderableType:
    cost = "" if not run.indexed else f"  {cost_text(run.cost_usd)}"
    head = (run.run_id, "bold"), f"  {_minute(run.started_at)}  {run.state}{cost}"
    place = "" if run.found_in == "problem" else f"{run.found_in}: "
    hits = ((part.text, "bold reverse" if part.hit else "dim") for part in run.snippet)
    found = styled((f"  {place}", "dim"), *hits)
    # A find that is the whole title stands in its place.
    is_title = not place and "".join(part.text for part in run.snippet) == run.title
    lines = [styled(*head), found if is_title else styled(f"  {run.title}")]
    if run.answer_text is not None:
        lines.append(styled(f"  = {one_line(run.answer_text, ANSWER_CHARS)}"))
    if run.found_in not in ("answer", None) and not is_title:
        lines.append(found)
    return Text("\n").join(lines)


def _facts(a: ComparedRun, b: ComparedRun) -> Iterable[tuple[str, str, str]]:
    yield "problem", one_line(a.title), one_line(b.title)
    yield "answer", _answer(a), _answer(b)
    yield "ended", a.state, b.state
    yield "candidates", a.agreement, b.agreement
    yield "explores", _tried(a), _tried(b)
    yield "cost", cost_text(a.cost_usd), cost_text(b.cost_usd)
    yield "  orchestrator", cost_text(a.orchestrator_usd), cost_text(b.orchestrator_usd)
    yield "  solvers", cost_text(a.solvers_usd), cost_text(b.solvers_usd)
    yield "tokens out", f"{a.usage.output_tokens:,}", f"{b.usage.output_tokens:,}"
    yield "time", seconds_text(a.elapsed_s), seconds_text(b.elapsed_s)


def _answer(run: ComparedRun) -> str:
    if run.answer_text is None:
        return "-"
    sure = "" if run.confidence is None else f" ({run.confidence:.0%})"
    return f"{one_line(run.answer_text, ANSWER_CHARS)}{sure}"


def _tried(run: ComparedRun) -> str:
    return f"{run.explores}, {run.failed} failed"


def _statistics(document: StatsDocument) -> Iterable[RenderableType]:
    """Yield the parts of the statistics, from the whole to the single."""
    yield styled(_heading(document))
    ends = _table("runs that ended as", "runs", right=("runs",))
    for end in document.outcomes:
        ends.add_row(end.state, f"{end.runs:,}")
    yield from ("", ends)
    wide = data().width >= WIDE
    more = ("runs", "requests") if wide else ()
    numbers = (*more, "tokens in", "out", "cost")
    money = _table("month", "model", *numbers, right=numbers)
    for row in document.months:
        role = " (orchestrator)" if row.role == "orchestrator" else ""
        money.add_row(
            row.month,
            f"{row.model}{role}",
            *((f"{row.runs:,}", f"{row.requests:,}") if wide else ()),
            _short(row.input_tokens),
            _short(row.output_tokens),
            _cost(row.cost_usd, row.unpriced_calls, row.requests),
        )
    yield from ("", money)
    kinds = (
        ("solver", document.solvers),
        ("strategy", document.strategies),
        ("effort", document.efforts),
    )
    for name, rows in kinds:
        if rows:
            yield from ("", _shares(name, rows))


def _heading(document: StatsDocument) -> str:
    since = "" if document.since is None else f" since {_minute(document.since)[:10]}"
    text = f"{counted(document.runs, 'run')}{since}, {document.answered:,} answered; "
    text += f"{money_text(document.cost_usd)} in all"
    if document.unpriced_runs:
        text += f", and the unknown cost of {counted(document.unpriced_runs, 'run')}"
    if document.mean_cost_usd is not None:
        of = (
            "" if document.mean_cost_of == document.answered else f" (of {document.mean_cost_of:,})"
        )
        text += f"; an answered run costs {money_text(document.mean_cost_usd)} on average{of}"
    return f"{text}."


def _shares(name: str, rows: Sequence[WinningShare]) -> Table:
    wide = data().width >= WIDE
    numbers = ("explores", *(("failed",) if wide else ()), "won", "share", "95 %", "cost")
    table = _table(name, *numbers, right=numbers)
    for row in rows:
        share = "-" if row.share is None else f"{row.share:.0%}"
        bounds = "-"
        if row.low is not None and row.high is not None:
            bounds = f"{100 * row.low:.0f}-{row.high:.0%}"
        table.add_row(
            row.name or "default",
            f"{row.explores:,}",
            *((f"{row.failed:,}",) if wide else ()),
            f"{row.won:,} of {row.judged:,}",
            share,
            bounds,
            _cost(row.cost_usd, row.unpriced, row.explores),
        )
    return table


def _cost(usd: Decimal, unpriced: int, calls: int) -> str:
    """Return the known cost of some calls, with a sign where a part of it is unknown."""
    if unpriced and not usd:
        return "unknown" if unpriced >= calls else "partly unknown"
    return f"{money_text(usd)}{'+' if unpriced else ''}"


def _short(count: int) -> str:
    """Return a number of tokens in few characters, as in "1.2M"."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


def _explores(numbers: Sequence[int], *, chosen: bool = False) -> str:
    if not numbers:
        return "-"
    shown = clipped(", ".join(f"#{number}" for number in numbers), 60)
    return f"{shown} (its answer)" if chosen else shown


def _table(*headings: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        if heading in right:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold")
    return table


def _minute(at: float) -> str:
    return f"{moment(at).astimezone():%Y-%m-%d %H:%M}"
