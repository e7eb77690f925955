"""A whole run as JSON, and a run with short answers: the parts of a result that may be long.

Made in parts, so that other threads get their turn at the interpreter meanwhile. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from atlas_mcp.texts import answer_start, unmarked_json
from atlas_mcp.views.lengths import FIELD_CHARS
from atlas_mcp.views.run_view import AnswerGroup, CandidateView, RunView

_Shown = TypeVar("_Shown", CandidateView, AnswerGroup)

_ENCODER = json.JSONEncoder(ensure_ascii=False, indent=2)

PART_CHARS = 65_536
"""Characters of a run that are made printable in one go; other threads wait for so long."""


def with_short_answers(view: RunView) -> RunView:
    """Return the view with answers that are long texts in place of longer values.

    That is not the answer of the run. Each try to make a result small enough would write them out
    anew.
    """
    agreement = view.agreement
    groups = [_shortened(group) for group in agreement.groups]
    return view.model_copy(
        update={
            "candidates": [_shortened(candidate) for candidate in view.candidates],
            "agreement": agreement.model_copy(update={"groups": groups}),
        }
    )


def as_json(view: RunView) -> dict[str, Any]:
    """Return a view as JSON, with the answers in it as they are: JSON already, and perhaps long.

    Eight of forty thousand values each would keep the interpreter for a third of a second.
    """
    agreement = view.agreement
    bare = view.model_copy(
        update={
            "answer": None,
            "candidates": [_unanswered(one) for one in view.candidates],
            "agreement": agreement.model_copy(
                update={"groups": [_unanswered(group) for group in agreement.groups]}
            ),
        }
    )
    found = bare.model_dump(mode="json")
    found["answer"] = view.answer
    for shown, candidate in zip(found["candidates"], view.candidates, strict=True):
        shown["answer"] = candidate.answer
    for shown, group in zip(found["agreement"]["groups"], agreement.groups, strict=True):
        shown["answer"] = group.answer
    return found


def whole_json(view: RunView) -> str:
    """Return all of a run as JSON that is printable and without tags."""
    # Each part begins and ends between two values, so that it is printable by itself. A text of
    # twenty megabytes in one go would keep the interpreter, also from another thread.
    parts = _ENCODER.iterencode(as_json(view))
    return "".join(unmarked_json(part) for part in _gathered(parts))


def _shortened(shown: _Shown) -> _Shown:
    longest = FIELD_CHARS[0]
    start = "" if shown.answer is None else answer_start(shown.answer, longest)
    return shown if len(start) <= longest else shown.model_copy(update={"answer": start})


def _unanswered(shown: _Shown) -> _Shown:
    return shown.model_copy(update={"answer": None})


def _gathered(parts: Iterable[str]) -> Generator[str]:
    waiting: list[str] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= PART_CHARS:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def texts_in(view: RunView) -> Generator[object]:
    """Yield the texts in a view that models wrote, and answers that may be other values."""
    agreement = view.agreement
    yield view.answer
    yield view.explanation or ""
    yield agreement.dissent or ""
    yield from agreement.warnings
    for group in agreement.groups:
        yield group.answer
        yield from group.approaches
    for one in view.candidates:
        yield one.answer
        yield from (text or "" for text in (one.approach, one.reasoning))
        yield from (text or "" for text in (one.error, one.instruction))
    yield from (remark.text for remark in view.remarks)
    for question in view.questions:
        yield question.question
        yield from (text or "" for text in (question.answer, question.needs_new_evidence))
