"""A run while it works, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import anyio
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from atlas_mcp.atlas.call_names import solver_call
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import seconds_text
from atlas_mcp.cli.terminal import Screen, styled
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.texts import counted, one_line
from atlas_mcp.views.facts import SMALL_MODEL, evidence_text, tokens_text
from atlas_mcp.views.status import (
    agreement_of,
    cost_of,
    explore_text,
    notice_text,
    outcome_text,
    request_text,
    status_line,
)

REDRAW_SECONDS = 0.1
"""Seconds between two pictures of the live table."""

HEARTBEAT_SECONDS = 15.0
"""Seconds without news after which plain output says that it is still at work."""

BAR_WIDTH = 32


async def show_run_live(live: LiveRun, screen: Screen) -> None:
    """Show a run until it has ended."""
    screen.print(styled((f"run {live.run_id}", "dim")), soft_wrap=True)
    if any(entry.spec.is_small for entry in live.state.spec.solvers):
        screen.print(styled((SMALL_MODEL, "yellow")))
    if screen.is_terminal and not screen.is_dumb_terminal:
        await _draw(live, screen)
    else:
        await _print_lines(live, screen)


def picture(live: LiveRun, *, now: float) -> RenderableType:
    """Return the live table: explores as rows, then an orchestrator, agreement and money."""
    state = live.state
    table = Table(box=None, pad_edge=False, expand=False)
    # In a narrow terminal names and answers are cut, and figures stay.
    table.add_column("", no_wrap=True)
    table.add_column("explore")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("answer")
    for explore in state.explores.values():
        table.add_row(*_row(live, explore, now))
    lines: list[RenderableType] = [table]
    if live.notice is not None:
        lines.append(Text(notice_text(live.notice), style="cyan"))
        if live.notice.fraction is not None:
            lines.append(ProgressBar(total=1.0, completed=live.notice.fraction, width=BAR_WIDTH))
    if state.spec.orchestrator is not None:
        lines.append(_orchestrator(state, now))
    lines.append(_totals(state))
    return Group(*lines)


def news(before: RunState | None, state: RunState, live: LiveRun) -> Iterator[str]:
    """Yield a line for each thing that happened between two states."""
    old: Mapping[int, ExploreState] = before.explores if before is not None else {}
    if before is not None and (asked := request_text(state)) and asked != request_text(before):
        yield f"orchestrator: {asked}"
    for explore in state.explores.values():
        was = old.get(explore.id)
        name = explore_text(state, explore)
        if explore.in_flight and (was is None or not was.in_flight):
            yield f"{name}: started"
        if explore.outcome is not None and (was is None or was.outcome is None):
            seconds = seconds_text((explore.finished_at or 0.0) - (explore.started_at or 0.0))
            tokens = explore.charge.usage.output_tokens
            yield f"{name}: {outcome_text(explore)} ({seconds}, {tokens_text(tokens)})"
        if explore.skipped is not None and (was is None or was.skipped is None):
            yield f"{name}: not run. {explore.skipped}"
    seen = len(state.turns) - state.turn_in_flight if before is None else len(before.turns)
    if len(state.turns) > seen:
        candidates = evidence_text(len(state.candidates), 0)
        yield f"orchestrator: weighing {candidates}, {cost_of(state)}"
    elif before is not None and state.turns:
        reason = state.turns[-1].sent_back
        if reason is not None and before.turns[-1].sent_back is None:
            yield f"orchestrator: sent back. {reason}"


async def _draw(live: LiveRun, screen: Screen) -> None:
    with Live(
        picture(live, now=live.clock.now()), console=screen, auto_refresh=False, transient=False
    ) as drawn:
        while not live.done:
            drawn.update(picture(live, now=live.clock.now()), refresh=True)
            await anyio.sleep(REDRAW_SECONDS)
        drawn.update(picture(live, now=live.clock.now()), refresh=True)


async def _print_lines(live: LiveRun, screen: Screen) -> None:
    before: RunState | None = None
    noticed: str | None = None
    while True:
        seen, state = live.changes, live.state
        for line in news(before, state, live):
            _say(line, screen)
        before = state
        noticed = _print_notice(live, noticed, screen)
        if live.done:
            return
        with anyio.move_on_after(HEARTBEAT_SECONDS) as patience:
            await live.changed(seen)
        if patience.cancelled_caught:
            _say(status_line(live, now=live.clock.now()), screen)


def _print_notice(live: LiveRun, noticed: str | None, screen: Screen) -> str | None:
    """Print a new notice; one that counts up is printed at every tenth part."""
    notice = live.notice
    if notice is None:
        return None
    step = "" if notice.fraction is None else f"{int(notice.fraction * 10)}"
    key = step or notice.text
    if key != noticed:
        _say(notice.text, screen)
    return key


def _say(line: str, screen: Screen) -> None:
    screen.print(line, soft_wrap=True)


def _row(live: LiveRun, explore: ExploreState, now: float) -> tuple[RenderableType, ...]:
    name = Text(explore_text(live.state, explore), overflow="ellipsis", no_wrap=True)
    if explore.waiting:
        return Text("·", style="dim"), name, "", "", Text("waiting", style="dim")
    if explore.skipped is not None:
        return Text("-", style="dim"), name, "", "", Text(one_line(explore.skipped), style="dim")
    ended = explore.finished_at or now
    seconds = seconds_text(ended - (explore.started_at or ended))
    if explore.in_flight or explore.unread:
        tokens = live.tokens.get(solver_call(explore.id), 0)
        return Spinner("dots"), name, seconds, f"{tokens:,}", Text("thinking", style="dim")
    good = not isinstance(explore.outcome, SolverFailure) and explore.outcome is not None
    mark = Text("✓", style="green") if good else Text("✗", style="red")
    answer = Text(outcome_text(explore), overflow="ellipsis", no_wrap=True)
    return mark, name, seconds, f"{explore.charge.usage.output_tokens:,}", answer


def _orchestrator(state: RunState, now: float) -> RenderableType:
    if state.turn_in_flight:
        turn = state.turns[-1]
        seconds = seconds_text(now - turn.started_at)
        text = f"orchestrator weighs {evidence_text(len(state.candidates), 0)}, {seconds}"
        return Spinner("dots", text=Text(text, style="cyan"))
    if state.turns and state.turns[-1].sent_back:
        reason = one_line(state.turns[-1].sent_back)
        return Text(f"orchestrator sent back: {reason}", style="dim")
    if state.finished is None and (asked := request_text(state)):
        return Text(f"orchestrator {asked}", style="dim")
    return Text(f"orchestrator: {counted(len(state.turns), 'turn')}", style="dim")


def _totals(state: RunState) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    evidence = agreement_of(state) or evidence_text(len(state.candidates), 0)
    cells: list[RenderableType] = [Text(evidence, style="bold")]
    cap = state.budget.max_cost_usd
    if cap is not None and state.cost_usd is not None:
        cells.append(
            ProgressBar(total=float(cap), completed=float(state.ledger.committed), width=BAR_WIDTH)
        )
    cells.append(Text(cost_of(state)))
    row.add_row(*cells)
    return row
