"""What commands print: answers, runs and the pool, for people or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from atlas_mcp.atlas.view import CandidateView, RunView
from atlas_mcp.cli.display import show_run_live
from atlas_mcp.journal.base import RunSummary
from atlas_mcp.runs import listing
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.solvers import PoolRow, as_dict


def fail(message: str, code: int) -> int:
    """Tell people what went wrong, and return the exit code."""
    sys.stderr.write(f"atlas-mcp: {message}\n")
    return code


async def follow(service: RunService, run_id: str, *, as_json: bool) -> int:
    """Show a run while it works and print what came of it; return the exit code."""
    async with service.watching(run_id) as live:
        await show_run_live(live, Console(stderr=True))
    view = await service.view(run_id)
    print_view(view, as_json=as_json, evidence=view.answer is None)
    return exit_code(view)


def exit_code(view: RunView) -> int:
    """Return 0 for a run that gave what was asked of it, 1 for one that did not."""
    if view.status != "answered" or view.stop_reason == "no_supported_answer":
        return 1
    return 0


def print_view(view: RunView, *, as_json: bool, evidence: bool) -> None:
    """Print a run: the answer on stdout; why, agreement and money on stderr.

    Args:
        view: The run.
        as_json: Print all of it as JSON on stdout instead.
        evidence: Print the candidates too, on stdout.
    """
    if as_json:
        sys.stdout.write(view.model_dump_json(indent=2) + "\n")
        sys.stdout.flush()
        return
    if view.answer is not None:
        sys.stdout.write(_text(view.answer) + "\n")
    if evidence:
        for candidate in view.candidates:
            sys.stdout.write(_candidate(candidate) + "\n")
    sys.stdout.flush()
    console = Console(stderr=True, highlight=False)
    # Wrapped lines would break a run id in two for whoever greps a log.
    console.soft_wrap = not console.is_terminal
    _print_context(view, console)


def print_runs(summaries: Sequence[RunSummary], *, as_json: bool) -> None:
    """Print the list of runs: a table for people, JSON Lines for programs."""
    if as_json:
        for summary in summaries:
            sys.stdout.write(json.dumps(listing.as_dict(summary)) + "\n")
        return
    if not summaries:
        sys.stderr.write("There are no runs yet.\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "opened", "status", "workflow", "problem"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for summary in summaries:
        opened = datetime.fromtimestamp(summary.opened_at).astimezone()
        table.add_row(
            summary.run_id,
            f"{opened:%Y-%m-%d %H:%M}",
            listing.status_of(summary),
            summary.workflow,
            escape(summary.title[:60]),
        )
    Console().print(table)


def print_expired(runs: Sequence[RunSummary]) -> None:
    """Tell people which runs are beyond the limits."""
    for run in runs:
        idle = datetime.fromtimestamp(run.updated_at).astimezone()
        sys.stderr.write(f"{run.run_id}  {idle:%Y-%m-%d}  {_size(run.size_bytes)}  {run.title}\n")
    total = _size(sum(run.size_bytes for run in runs))
    sys.stderr.write(f"{len(runs)} runs are beyond the limits, {total}\n")


def print_removed(run_ids: Sequence[str]) -> None:
    """Print the ids of the runs that went, one a line."""
    for run_id in run_ids:
        sys.stdout.write(f"{run_id}\n")
    sys.stdout.flush()


def print_pool(rows: Sequence[PoolRow], *, as_json: bool) -> None:
    """Print the pool: a table for people, a JSON array for programs."""
    if as_json:
        sys.stdout.write(json.dumps([as_dict(row) for row in rows], indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("solver", "efforts", "images", "at most $/M tokens", "state"):
        table.add_column(heading, no_wrap=heading != "state", overflow="fold")
    for row in rows:
        price = "unknown" if row.price is None else f"{row.price[0]:g} in, {row.price[1]:g} out"
        state = row.ready if not row.default else f"{row.ready} (used by default)"
        table.add_row(
            row.name,
            f"{row.efforts[0]}…{row.efforts[-1]}" if row.efforts else "-",
            "yes" if row.images else "no",
            "free" if row.price == (0.0, 0.0) else price,
            state,
        )
    Console().print(table)


def _print_context(view: RunView, console: Console) -> None:
    if view.explanation:
        label = "[bold red]Error[/]" if view.status == "failed" else "[bold]Why[/]  "
        console.print(f"{label} {escape(view.explanation)}")
    if view.agreement.dissent:
        console.print(f"[bold]But[/]   {escape(view.agreement.dissent)}")
    for warning in view.agreement.warnings:
        console.print(f"[yellow]Note[/]  {escape(warning)}")
    cost = "cost unknown" if view.cost_usd is None else f"${view.cost_usd:.4f}"
    console.print(
        f"[dim]{view.status}, {view.stop_reason or 'not stopped'} · {cost} · "
        f"{view.usage.requests} calls, {view.usage.input_tokens:,} tokens in, "
        f"{view.usage.output_tokens:,} out · {view.elapsed_s:.0f} s · run {view.run_id}[/]"
    )


def _candidate(candidate: CandidateView) -> str:
    head = f"#{candidate.explore_id} {candidate.solver}, {candidate.strategy}"
    if candidate.status == "failed":
        return f"{head}: failed, {candidate.error}"
    sure = 0.0 if candidate.confidence is None else candidate.confidence
    return (
        f"{head}: {_text(candidate.answer)} ({sure:.0%})\n"
        f"   {candidate.approach}\n   {candidate.reasoning}"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _text(answer: object) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
