"""A run while it works, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import anyio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.state import ExploreState, RunState
from atlas_mcp.cli.terminal import printable
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.status import (
    agreement_text,
    explore_text,
    money_text,
    outcome_text,
    status_line,
)

REDRAW_SECONDS = 0.1
"""Seconds between two pictures of the live table."""

HEARTBEAT_SECONDS = 15.0
"""Seconds without news after which plain output says that it is still at work."""

NEWS_CHARS = 300
"""Characters of an answer while others are still at work; it is printed whole in the end."""

BAR_WIDTH = 32

SMALL_NOTICE = (
    "The embedded model is small: it shows that the machinery works. Do not trust its answers."
)


async def show_run_live(live: LiveRun, console: Console) -> None:
    """Show a run until it has ended."""
    console.print(f"[dim]run {live.run_id}[/]", highlight=False)
    if any(entry.spec.is_small for entry in live.state.spec.solvers):
        console.print(f"[yellow]{SMALL_NOTICE}[/]")
    if console.is_terminal:
        await _draw(live, console)
    else:
        await _print_lines(live, console)


def picture(live: LiveRun, *, now: float) -> RenderableType:
    """Return the live table: explores as rows, then the orchestrator, agreement and money."""
    state = live.state
    table = Table(box=None, pad_edge=False, expand=False)
    for heading, justify in (("", "left"), ("explore", "left"), ("time", "right"),
                             ("tokens", "right"), ("answer", "left")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=heading != "answer")  # pyright: ignore[reportArgumentType] - a literal of rich
    for explore in state.explores.values():
        table.add_row(*_row(live, explore, now))
    lines: list[RenderableType] = [table]
    if live.notice is not None:
        lines.append(Text(printable(live.notice.text), style="cyan"))
        if live.notice.fraction is not None:
            lines.append(ProgressBar(total=1.0, completed=live.notice.fraction, width=BAR_WIDTH))
    lines.append(_orchestrator(state, now))
    lines.append(_totals(state))
    return Group(*lines)


def news(before: RunState | None, state: RunState, live: LiveRun) -> Iterator[str]:
    """Yield a line for each thing that happened between two states."""
    old: Mapping[int, ExploreState] = before.explores if before is not None else {}
    for explore in state.explores.values():
        was = old.get(explore.id)
        name = explore_text(state, explore)
        if explore.in_flight and (was is None or not was.in_flight):
            yield f"{name}: started"
        if explore.outcome is not None and (was is None or was.outcome is None):
            # Clocks are set back sometimes.
            seconds = max(0.0, (explore.finished_at or 0.0) - (explore.started_at or 0.0))
            tokens = explore.usage.output_tokens
            outcome = _one_line(outcome_text(explore), at_most=NEWS_CHARS)
            yield f"{name}: {outcome} ({seconds:.1f} s, {tokens:,} tokens)"
        if explore.skipped is not None and (was is None or was.skipped is None):
            yield f"{name}: not run. {explore.skipped}"
    seen = len(state.turns) - state.turn_in_flight if before is None else len(before.turns)
    if len(state.turns) > seen:
        yield f"orchestrator: weighing {len(state.votes)} candidates, {money_text(state)}"
    elif before is not None and state.turns:
        reason = state.turns[-1].sent_back
        if reason is not None and before.turns[-1].sent_back is None:
            yield f"orchestrator: sent back. {reason}"


async def _draw(live: LiveRun, console: Console) -> None:
    with Live(
        picture(live, now=time.time()), console=console, auto_refresh=False, transient=False
    ) as screen:
        while not live.done:
            screen.update(picture(live, now=time.time()), refresh=True)
            await anyio.sleep(REDRAW_SECONDS)
        screen.update(picture(live, now=time.time()), refresh=True)


async def _print_lines(live: LiveRun, console: Console) -> None:
    before: RunState | None = None
    noticed: str | None = None
    while True:
        seen, state = live.changes, live.state
        for line in news(before, state, live):
            _say(line, console)
        before = state
        noticed = _print_notice(live, noticed, console)
        if live.done:
            return
        with anyio.move_on_after(HEARTBEAT_SECONDS) as patience:
            await live.changed(seen)
        if patience.cancelled_caught:
            _say(status_line(live, now=time.time()), console)


def _print_notice(live: LiveRun, noticed: str | None, console: Console) -> str | None:
    """Print a new notice; one that counts up is printed at every tenth part."""
    notice = live.notice
    if notice is None:
        return None
    step = "" if notice.fraction is None else f"{int(notice.fraction * 10)}"
    key = step or notice.text
    if key != noticed:
        _say(notice.text, console)
    return key


def _say(line: str, console: Console) -> None:
    console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _row(live: LiveRun, explore: ExploreState, now: float) -> tuple[RenderableType, ...]:
    name = Text(printable(explore_text(live.state, explore)))
    if explore.waiting:
        return Text("·", style="dim"), name, "", "", Text("waiting", style="dim")
    if explore.skipped is not None:
        return Text("-", style="dim"), name, "", "", Text(printable(explore.skipped), style="dim")
    ended = explore.finished_at or now
    seconds = f"{max(0.0, ended - (explore.started_at or ended)):.0f} s"
    if explore.in_flight or explore.unread:
        tokens = live.tokens.get(f"solver-{explore.id}", 0)
        return Spinner("dots"), name, seconds, f"{tokens:,}", Text("thinking", style="dim")
    good = isinstance(explore.outcome, Candidate)
    mark = Text("✓", style="green") if good else Text("✗", style="red")
    answer = Text(
        _one_line(outcome_text(explore), at_most=NEWS_CHARS), overflow="ellipsis", no_wrap=True
    )
    return mark, name, seconds, f"{explore.usage.output_tokens:,}", answer


def _one_line(text: str, *, at_most: int) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= at_most else f"{line[: at_most - 1]}…"


def _orchestrator(state: RunState, now: float) -> RenderableType:
    if state.turn_in_flight:
        turn = state.turns[-1]
        seconds = max(0.0, now - turn.started_at)
        text = f"orchestrator weighs {len(state.votes)} candidates, {seconds:.0f} s"
        return Spinner("dots", text=Text(text, style="cyan"))
    if state.turns and state.turns[-1].sent_back:
        reason = printable(state.turns[-1].sent_back)
        return Text(f"orchestrator sent back: {reason}", style="dim")
    return Text(f"orchestrator: {len(state.turns)} turns", style="dim")


def _totals(state: RunState) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    agreement = agreement_text(state)
    cells: list[RenderableType] = [Text(escape(agreement or "no agreement yet"), style="bold")]
    cap = state.budget.max_cost_usd
    if cap is not None and state.cost_usd is not None:
        cells.append(
            ProgressBar(total=float(cap), completed=float(state.ledger.committed), width=BAR_WIDTH)
        )
    cells.append(Text(money_text(state)))
    row.add_row(*cells)
    return row
