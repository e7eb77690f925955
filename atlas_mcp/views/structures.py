"""The structured content of a result: a `RunView` without the fields that its reader cannot use.

A client may hand its model nothing else. Left out are nulls, fields that stand in the run's
resource, and, while a run goes on, candidates that its reader has been shown. Texts are cut before
they are worked through: the cost of a result grows with its own length, not with that of the run.
The answer of a run is never cut; beside a long one there is still room for evidence.

JSON fences every value, so no value can pass for another field; foreign prose is printable and
opens no tag. Values of a schema stay as they are, and so does the answer of the run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any, Literal, NotRequired, TypeVar, cast

from typing_extensions import TypedDict

from atlas_mcp.atlas.explore import SOLVER
from atlas_mcp.atlas.outcomes import Grounds, Status, StopReason
from atlas_mcp.texts import CUT, LINE_CHARS, answer_start, clipped, one_line, untagged
from atlas_mcp.views.lengths import (
    EARLIER_CHARS,
    FIELD_CHARS,
    MAX_NOTES,
    POLL_FORM,
    Form,
    chars_of,
    first_that_fits,
    form_of,
)
from atlas_mcp.views.run_view import (
    Agreement,
    Answer,
    AnswerGroup,
    CandidateView,
    QuestionState,
    QuestionView,
    RunView,
    UsageView,
    plain_dollars,
)

_Item = TypeVar("_Item", bound=Mapping[str, Any])

LONG = 4
"""How many times as long as a text of a candidate an explanation or a dissent may be."""

MAX_QUESTIONS = 3
"""Questions in a result: the newest."""

LEFT_OUT = "Left out here for want of room: {items}; all of them stand in atlas://runs/{run_id}."


class CandidateResult(TypedDict):
    """One explore's result."""

    explore_id: int
    solver: str
    status: Literal["ok", "failed"]
    effort: NotRequired[str]
    strategy: NotRequired[str]
    role: NotRequired[str]
    instruction: NotRequired[str]
    answer: NotRequired[Answer]
    approach: NotRequired[str]
    reasoning: NotRequired[str]
    confidence: NotRequired[float]
    error: NotRequired[str]


class GroupResult(TypedDict):
    """Candidates with the same answer."""

    answer: Answer
    explore_ids: list[int]
    solvers: list[str]
    approaches: NotRequired[list[str]]
    by: Grounds


class AgreementResult(TypedDict):
    """How far the candidates agree, and the warnings of the run."""

    groups: NotRequired[list[GroupResult]]
    dissent: NotRequired[str]
    warnings: NotRequired[list[str]]


class UsageResult(TypedDict):
    """Counted requests and tokens."""

    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: NotRequired[int]
    cache_write_tokens: NotRequired[int]


class SplitResult(TypedDict):
    """US dollars by role."""

    orchestrator: NotRequired[float]
    solvers: NotRequired[float]


class QuestionResult(TypedDict):
    """A question about the run, and its answer."""

    number: int
    question: str
    state: QuestionState
    answer: NotRequired[str]
    cites: NotRequired[list[int]]
    needs_new_evidence: NotRequired[str]
    note: NotRequired[str]
    error: NotRequired[str]
    cost_usd: NotRequired[float]


class RunResult(TypedDict):
    """A run as a tool shows it: a missing field is null, unknown or without meaning for it."""

    run_id: str
    status: Status
    stop_reason: NotRequired[StopReason]
    answer: NotRequired[Answer]
    explanation: NotRequired[str]
    confidence: NotRequired[float]
    agreement: NotRequired[AgreementResult]
    candidates: NotRequired[list[CandidateResult]]
    usage: UsageResult
    cost_usd: NotRequired[float]
    cost_split: NotRequired[SplitResult]
    elapsed_s: float
    questions: NotRequired[list[QuestionResult]]
    page: NotRequired[str]
    next: NotRequired[str]


def structured(
    view: RunView, left_out: Collection[int] = (), earlier: Collection[int] = ()
) -> RunResult:
    """Return a run as structured content, its texts cut until the whole is small enough.

    Where that is not enough, the last candidates are left out, and a warning says so. The answer of
    the run stays whole; where it takes all the room, the rest has half of it all the same.

    Args:
        view: The run.
        left_out: Explores that are not shown.
        earlier: Explores that its reader has most likely been shown: they are shown in brief.
    """
    form, chars = form_of(view), chars_of(view)
    shown = [one for one in view.candidates if one.explore_id not in left_out]
    view = view.model_copy(update={"candidates": shown})
    if form is POLL_FORM:
        view = view.model_copy(update={"agreement": Agreement()})
    answer = "" if view.answer is None else answer_start(view.answer, chars)
    room = max(chars // 2, chars - len(answer))

    def made(limit: int) -> RunResult:
        return _run(view, form, earlier, limit)

    # Texts alone may be too long; that is seen without making a result of them.
    limits = [one for one in FIELD_CHARS if _texts_size(view, form, earlier, one) <= room]
    found = first_that_fits(made, lambda found: _size(found) <= room, limits or FIELD_CHARS[:1])
    if _size(found) > room and form is not POLL_FORM:
        found = _fewer(made(FIELD_CHARS[-1]), room)
    if view.answer is not None:
        found["answer"] = view.answer
    return found


def _run(view: RunView, form: Form, earlier: Collection[int], limit: int) -> RunResult:
    brief = min(limit, EARLIER_CHARS)
    candidates = [
        _candidate(one, form, brief if one.explore_id in earlier else limit, view.run_id)
        for one in view.candidates
    ]
    split = _without_nulls(
        orchestrator=_dollars(view.cost_split.orchestrator),
        solvers=_dollars(view.cost_split.solvers),
    )
    found = {
        "run_id": view.run_id,
        "status": view.status,
        "stop_reason": view.stop_reason,
        # Its place: the answer itself comes last, and takes no room of the rest.
        "answer": None if view.answer is None else "",
        "explanation": _prose(view.explanation, LONG * limit),
        "confidence": view.confidence,
        "agreement": _agreement(view.agreement, form, limit),
        "candidates": candidates or None,
        "usage": _usage(view.usage),
        "cost_usd": _dollars(view.cost_usd),
        "cost_split": None if form is POLL_FORM else split or None,
        "elapsed_s": view.elapsed_s,
        "questions": [_question(one, limit) for one in view.questions[-MAX_QUESTIONS:]] or None,
        "page": view.page,
        "next": view.next,
    }
    return cast("RunResult", _without_nulls(**found))


def _candidate(candidate: CandidateView, form: Form, limit: int, run_id: str) -> CandidateResult:
    reasoning = candidate.reasoning
    if reasoning is not None and len(reasoning) > limit:
        reasoning = f"{reasoning[:limit]}{CUT} [cut; whole in atlas://runs/{run_id}]"
    fields = {
        "effort": candidate.effort,
        "strategy": candidate.strategy,
        "role": None if candidate.role == SOLVER else candidate.role,
        "instruction": _prose(candidate.instruction, limit),
        "answer": _answer(candidate.answer, limit),
        "approach": _prose(candidate.approach, limit),
        "reasoning": _prose(reasoning),
        "confidence": candidate.confidence,
        "error": _prose(candidate.error, limit),
    }
    found = _without_nulls(
        explore_id=candidate.explore_id,
        solver=candidate.solver,
        status=candidate.status,
        **{name: fields[name] for name in form.fields},
    )
    return cast("CandidateResult", found)


def _question(question: QuestionView, limit: int) -> QuestionResult:
    found = _without_nulls(
        number=question.number,
        question=untagged(clipped(question.question, limit)),
        state=question.state,
        answer=_prose(question.answer, LONG * limit),
        cites=question.cites or None,
        needs_new_evidence=_prose(question.needs_new_evidence, limit),
        note=question.note,
        error=_prose(question.error, limit),
        cost_usd=_dollars(question.cost_usd),
    )
    return cast("QuestionResult", found)


def _agreement(agreement: Agreement, form: Form, limit: int) -> AgreementResult | None:
    notes = [
        one_line(untagged(one), min(LINE_CHARS, LONG * limit))
        for one in agreement.warnings[:MAX_NOTES]
    ]
    found = _without_nulls(
        groups=[_group(group, form, limit) for group in agreement.groups] or None,
        dissent=_prose(agreement.dissent, LONG * limit),
        warnings=notes or None,
    )
    return cast("AgreementResult", found) or None


def _group(group: AnswerGroup, form: Form, limit: int) -> GroupResult:
    # Where candidates have their approaches, the groups need none.
    apart = [] if "approach" in form.fields else group.approaches
    found = _without_nulls(
        explore_ids=group.explore_ids,
        solvers=group.solvers,
        approaches=[untagged(clipped(one, limit)) for one in apart] or None,
        by=group.by,
    )
    # Candidates may agree on null.
    return cast("GroupResult", {"answer": _answer(group.answer, limit), **found})


def _usage(usage: UsageView) -> UsageResult:
    found = _without_nulls(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens or None,
        cache_write_tokens=usage.cache_write_tokens or None,
    )
    return cast("UsageResult", found)


def _without_nulls(**fields: object) -> dict[str, Any]:
    """Return the fields that are not null."""
    return {name: value for name, value in fields.items() if value is not None}


def _dollars(amount: Decimal | None) -> float | None:
    return None if amount is None else plain_dollars(amount)


def _prose(text: str | None, at_most: int | None = None) -> str | None:
    # Cut first: it may be long.
    return untagged(text if at_most is None else clipped(text, at_most)) if text else None


def _answer(answer: object, limit: int) -> object:
    """Return an answer that is not the run's, as a text where it is long."""
    text = answer_start(answer, limit)
    if len(text) > limit:
        return f"{untagged(text[:limit])}{CUT} [cut]"
    return untagged(answer) if isinstance(answer, str) else answer


def _texts_size(view: RunView, form: Form, earlier: Collection[int], limit: int) -> int:
    """Return how long the texts of a result are at least, without working through any."""
    whole = (one for one in view.candidates if one.explore_id not in earlier)
    texts = (getattr(one, name) for one in whole for name in form.fields)
    groups = (group.answer for group in view.agreement.groups)
    return sum(
        min(limit, len(text if isinstance(text, str) else answer_start(text, limit)))
        for text in chain(texts, groups)
        if text is not None
    )


def _size(found: object) -> int:
    return len(json.dumps(found, ensure_ascii=False))


def _fewer(found: RunResult, room: int) -> RunResult:
    """Return the result with as many of its first answers and candidates as there is room for."""
    agreement = found.get("agreement", AgreementResult())
    notes: list[str] = []
    groups, candidates = agreement.get("groups", []), found.get("candidates", [])
    if groups:
        agreement["groups"] = _first(groups, room // 2)
        if left := len(groups) - len(agreement["groups"]):
            notes.append(f"{left} of {len(groups)} answers")
    rest = room - _size({**found, "candidates": []})
    found["candidates"] = _first(candidates, max(room // 4, rest))
    if left := len(candidates) - len(found["candidates"]):
        notes.append(f"{left} of {len(candidates)} candidates")
    if notes:
        note = LEFT_OUT.format(items=" and ".join(notes), run_id=found["run_id"])
        agreement["warnings"] = [*agreement.get("warnings", []), note]
        found["agreement"] = agreement
    return found


def _first(items: list[_Item], room: int) -> list[_Item]:
    for number, one in enumerate(items):
        room -= _size(one) + 2
        if room < 0:
            return items[:number]
    return items
