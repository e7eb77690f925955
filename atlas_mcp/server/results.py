"""From what happened to what the client sees: results, and the one boundary for errors.

A result is made off the event loop where its run is long. All of a run, as its resource shows it,
is made in parts, so that nobody waits for the interpreter meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from atlas_mcp.errors import AtlasError
from atlas_mcp.models.off_loop import off_loop
from atlas_mcp.system.limits import too_few_files
from atlas_mcp.texts import answer_start, clipped, unmarked_json, untagged
from atlas_mcp.views.forms import FIELD_CHARS
from atlas_mcp.views.run_view import AnswerGroup, CandidateView, RunView
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary

if TYPE_CHECKING:
    from atlas_mcp.runs.snapshot import RunSnapshot

logger = logging.getLogger(__name__)

_Shown = TypeVar("_Shown", CandidateView, AnswerGroup)

_ENCODER = json.JSONEncoder(ensure_ascii=False, indent=2)

QUICK_CHARS = 20_000
"""Characters of a run that may be shown on the event loop: that takes some milliseconds, as does
counting as many of values that are no texts."""

PART_CHARS = 65_536
"""Characters of a run that are made printable in one go: so long nobody else gets a turn."""

ERROR_CHARS = 2_000
"""Longest text of an error."""


@contextmanager
def errors_shown() -> Generator[None]:
    """Turn what the caller can act on into a tool error; a bug passes through and is hidden.

    The SDK logs a bug with its traceback and shows the client a bare failure.
    """
    try:
        yield
    except AtlasError as error:
        logger.info("refused: %s", error)
        raise ToolError(error_text(error)) from error
    except (OSError, ImportError) as error:
        if (few := too_few_files(error)) is None:
            raise
        logger.error("%s", few)
        raise ToolError(few) from error


def error_text(error: AtlasError) -> str:
    """Return what a client sees of an error: it opens no tag, and is not long."""
    # It may repeat some megabytes of what was sent.
    return clipped(untagged(str(error)[: 2 * ERROR_CHARS]), ERROR_CHARS)


async def viewed(run: RunSnapshot) -> RunView:
    """Return the view of a run, made off the event loop where the run is long."""
    from atlas_mcp.views.rendering import takes_long, view_of

    return await off_loop("views", partial(view_of, run)) if takes_long(run.state) else view_of(run)


async def result_of(
    view: RunView, left_out: Collection[int] = (), earlier: Collection[int] = ()
) -> CallToolResult:
    """Return a run as a tool result, made off the event loop where the run is long.

    Args:
        view: The run.
        left_out: Explores that are not told of.
        earlier: Explores that its reader has most likely been shown: they are told in brief.
    """
    if _chars(view, QUICK_CHARS) <= QUICK_CHARS:
        return tool_result(view, left_out, earlier)
    return await off_loop("views", partial(tool_result, view, left_out, earlier))


async def whole(view: RunView) -> str:
    """Return all of a run as JSON that is printable and without tags."""
    if _chars(view, QUICK_CHARS) <= QUICK_CHARS:
        return _whole(view)
    return await off_loop("views", partial(_whole, view))


def tool_result(
    view: RunView, left_out: Collection[int] = (), earlier: Collection[int] = ()
) -> CallToolResult:
    """Return a run as a tool result; a failed run is an error that carries its evidence."""
    view = with_short_answers(view)
    return CallToolResult(
        content=[TextContent(type="text", text=summary(view, left_out, earlier))],
        structured_content=cast("dict[str, Any]", structured(view, left_out, earlier)),
        is_error=view.status == "failed",
    )


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


def _whole(view: RunView) -> str:
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


def _chars(view: RunView, enough: int) -> int:
    """Return how many characters the texts of a view have together, or more than `enough`."""
    size = 0
    for text in _texts(view):
        # Values that are no texts are written down as far as there is room for them.
        size += len(text if isinstance(text, str) else answer_start(text, enough - size))
        if size > enough:
            break
    return size


def _texts(view: RunView) -> Generator[object]:
    """Yield all that others wrote of a view: texts, and answers that may be other values."""
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
