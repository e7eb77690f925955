"""The warnings of a run: what its reader must know before trusting its answer or its cost.

Owns their sentences and their order. Whether an answer is right is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from atlas_mcp.atlas.agreement import Group, warnings_of
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.failure_causes import causes, without_call
from atlas_mcp.atlas.state import RunState, failed_explores
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.texts import counted, one_line, quoted, without_logins
from atlas_mcp.views.facts import SMALL_MODEL, failed_text, uncertain_text

MAX_LISTED = 6
"""Numbers of explores that are named with a cause; of more, only how many there are."""


def run_warnings(state: RunState, groups: Sequence[Group], *, driven: bool) -> list[str]:
    """Return the warnings of a run, those about its answer first.

    Args:
        state: Its records, folded.
        groups: Its candidates, grouped by answer.
        driven: Whether some process drives it.
    """
    warnings = [
        *_about_the_answer(state, groups),
        *_about_solvers(state),
        *_about_losses(state),
        *_about_money(state, driven=driven),
    ]
    return [without_logins(one) for one in warnings]


def failure_warnings(
    failures: Iterable[tuple[int, SolverFailure]], *, shown: str = ""
) -> tuple[str, ...]:
    """Return a sentence for each cause of failed explores; none for those that were stopped.

    Args:
        failures: The explores that failed, by number.
        shown: The text that the reader has anyway; causes that stand in it are left out.
    """
    return tuple(
        f"{_explores(numbers)} ({failure.kind}): {quoted(failure.text)}"
        for failure, numbers in causes(failures).items()
        if failure.kind != "cancelled" and without_call(failure) not in shown
    )


def _about_the_answer(state: RunState, groups: Sequence[Group]) -> Iterator[str]:
    finished = state.finished
    own = finished.warning if finished is not None else None
    if own:
        yield own
    # A warning of the end itself tells how a tie was decided.
    yield from warnings_of(state.votes, groups, tie=not own)
    if len(groups) > 1 and state.comparisons and (fault := state.comparisons[-1].fault):
        yield f"Formulas that look different were not all compared: {fault}."
    has_answer = finished is not None and finished.answer is not None
    if has_answer and not groups and not state.lost:
        yield "No independent candidate confirms this answer."


def _about_solvers(state: RunState) -> Iterator[str]:
    finished = state.finished
    shown = "" if finished is None else finished.explanation or finished.error or ""
    yield from failure_warnings(failed_explores(state), shown=shown)
    for left_out in state.spec.left_out:
        yield f"Solver {left_out.name!r} was left out: {one_line(left_out.reason)}."
    small = {entry.name for entry in state.spec.solvers if entry.spec.is_small}
    if any(one.planned.explore.solver in small for one in state.candidates):
        yield SMALL_MODEL


def _about_losses(state: RunState) -> Iterator[str]:
    if not state.opening_lost and (unknown := workflow_of(state.spec).why_unknown):
        yield f"This version cannot carry the run on: {unknown}."
    if state.opening_lost:
        title = state.problem.text
        began = f"; it began {quoted(title)}" if title else ""
        yield f"The problem of this run is lost, and its settings with it{began}."
    if state.lost:
        yield (
            f"This run is incomplete: {counted(state.lost, 'record')} cannot be read any more. "
            "What is left is shown; candidates, costs and the end may be missing."
        )


def _about_money(state: RunState, *, driven: bool) -> Iterator[str]:
    uncertain = state.ledger.uncertain
    if not driven:
        # The calls that an interrupted run had in flight; a finished one holds nothing.
        uncertain += sum(state.ledger.held.values())
    if uncertain > 0:
        yield uncertain_text(uncertain)


def _explores(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"Explore {numbers[0]} failed"
    if len(numbers) > MAX_LISTED:
        return failed_text(len(numbers))
    return f"{counted(len(numbers), 'explore')} ({', '.join(map(str, numbers))}) failed"
