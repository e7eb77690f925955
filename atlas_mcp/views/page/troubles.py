"""What went wrong in a run: calls that failed, were made again or were refused, and losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from atlas_mcp.atlas.call_names import call_named
from atlas_mcp.atlas.events import (
    AttemptFailed,
    CallsLost,
    ExploresPlanned,
    HoldRaised,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    RecordLost,
    SolverFinished,
)
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_events import QuestionFailed
from atlas_mcp.atlas.wording import seconds_text
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import counted
from atlas_mcp.views.facts import FAILURES, failure_text
from atlas_mcp.views.page.bounded import Bound
from atlas_mcp.views.page.course_sentences import trouble_sentence
from atlas_mcp.views.page.course_shapes import PageTrouble, TroubleKind

CALLS_LOST = (
    "the process that made them is gone; they may have been billed, so all that was held for them "
    "counts as gone"
)


def page_troubles(records: Iterable[Record], run: RunSnapshot, bound: Bound) -> list[PageTrouble]:
    """Return what went wrong in a run, in the order of time."""
    found = [trouble for record in records for trouble in _troubles(record, bound)]
    if run.broken is not None:
        cause = bound.shown(run.broken.cause)
        found.append(_trouble(at=run.state.at, kind="loss", where="the journal", cause=cause))
    return found


def _troubles(record: Record, bound: Bound) -> Iterator[PageTrouble]:
    at = record.at
    match record.event:
        case AttemptFailed(call=key, attempt=attempt, failure=failure, not_before=not_before):
            wait = seconds_text(not_before - at)
            cause = f"{bound.shown(failure.text)}; made again after {wait}"
            yield _retry(at, bound.shown(key), cause, attempt=f", attempt {attempt}")
        case HoldRaised(call=key):
            yield _retry(at, bound.shown(key), "its cause is on no record of that version")
        case SolverFinished(explore_id=number, outcome=SolverFailure() as failure):
            yield _trouble(
                at=at,
                kind="refusal" if failure.kind == "refused" else "failure",
                where=_where(number, None),
                cause=bound.shown(failure_text(failure)),
                explore_id=number,
            )
        case OrchestratorFailed(turn=turn, failure=failure):
            cause = bound.shown(failure_text(failure))
            where = _where(None, turn)
            yield _trouble(at=at, kind="failure", where=where, cause=cause, turn=turn)
        case OrchestratorReplied(turn=turn, stop="refusal", detail=detail):
            cause = bound.shown(detail) or FAILURES["refused"]
            where = _where(None, turn)
            yield _trouble(at=at, kind="refusal", where=where, cause=cause, turn=turn)
        case ExploresPlanned(origin="orchestrator", refused=refused):
            for one in refused:
                cause = bound.shown(one.text)
                yield _trouble(at=at, kind="refusal", where="a wanted explore", cause=cause)
        case QuestionFailed(number=number, failure=failure):
            cause = bound.shown(failure_text(failure))
            yield _trouble(at=at, kind="failure", where=f"question {number}", cause=cause)
        case CallsLost():
            yield _trouble(at=at, kind="loss", where="calls in flight", cause=CALLS_LOST)
        case RecordLost(reason=reason, count=count):
            where = counted(count, "record") if count else "records without a number"
            yield _trouble(at=at, kind="loss", where=where, cause=bound.shown(reason))
        case _:
            pass


def _trouble(
    *,
    at: float,
    kind: TroubleKind,
    where: str,
    cause: str,
    explore_id: int | None = None,
    turn: int | None = None,
) -> PageTrouble:
    """Return a trouble with its sentence: see `PageTrouble`."""
    return PageTrouble(
        at=at,
        kind=kind,
        where=where,
        sentence=trouble_sentence(kind, where),
        cause=cause,
        explore_id=explore_id,
        turn=turn,
    )


def _retry(at: float, key: str, cause: str, *, attempt: str = "") -> PageTrouble:
    """Return that a call is made again.

    Args:
        at: When.
        key: Its name in the ledger.
        cause: Why.
        attempt: The attempt that failed, in words.
    """
    call = call_named(key)
    kind, number = call or (None, None)
    explore_id = number if kind == "solver" else None
    turn = number if kind == "orchestrator" else None
    where = _where(explore_id, turn)
    if kind not in ("solver", "orchestrator"):
        where = key if kind is None else f"{kind} {number}"
    return _trouble(
        at=at,
        kind="retry",
        where=f"{where}{attempt}",
        cause=cause,
        explore_id=explore_id,
        turn=turn,
    )


def _where(explore_id: int | None, turn: int | None) -> str:
    if explore_id is not None:
        return f"explore {explore_id}"
    return "the orchestrator" if turn is None else f"the orchestrator, turn {turn}"
