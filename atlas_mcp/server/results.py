"""Results as the protocol has them, and the one boundary at which errors become results.

A result is made off the event loop where its run is long. Its text and its structure are made by
`atlas_mcp.views`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from atlas_mcp.errors import AtlasError
from atlas_mcp.off_loop import off_loop
from atlas_mcp.system.limits import too_few_files
from atlas_mcp.texts import clipped, untagged
from atlas_mcp.views.lengths import is_long
from atlas_mcp.views.page_links import PageLink
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary
from atlas_mcp.views.whole_runs import texts_in, whole_json, with_short_answers

if TYPE_CHECKING:
    from atlas_mcp.runs.snapshot import RunSnapshot
    from atlas_mcp.views.next_steps import Poll

logger = logging.getLogger(__name__)

ERROR_CHARS = 2_000
"""Longest text of an error."""


@contextmanager
def errors_shown() -> Generator[None]:
    """Turn errors that the caller can act on into tool errors; a bug passes through and is hidden.

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
    """Return an error as a client sees it: it opens no tag, and is not long."""
    # It may repeat some megabytes of an argument.
    return clipped(untagged(str(error)[: 2 * ERROR_CHARS]), ERROR_CHARS)


async def viewed(run: RunSnapshot, poll: Poll | None = None, *, page: PageLink) -> RunView:
    """Return the view of a run, made off the event loop where the run is long.

    Args:
        run: The run.
        poll: How its caller is to wait for it; `None` for a caller of which nothing is known.
        page: The way to its page.
    """
    from atlas_mcp.views.next_steps import DEFAULT_POLL
    from atlas_mcp.views.rendering import takes_long, view_of

    if takes_long(run.state):
        return await off_loop("views", partial(view_of, run, poll or DEFAULT_POLL, page))
    return view_of(run, poll or DEFAULT_POLL, page)


async def result_of(
    view: RunView, left_out: Collection[int] = (), earlier: Collection[int] = ()
) -> CallToolResult:
    """Return a run as a tool result, made off the event loop where the run is long.

    Args:
        view: The run.
        left_out: Explores that are not shown.
        earlier: Explores that its reader has most likely been shown: they are shown in brief.
    """
    if is_long(texts_in(view)):
        return await off_loop("views", partial(tool_result, view, left_out, earlier))
    return tool_result(view, left_out, earlier)


async def question_result(view: RunView, run: RunSnapshot, number: int) -> CallToolResult:
    """Return a question about a run as a tool result; one that failed is an error.

    Args:
        view: The whole view of the run.
        run: The run.
        number: The question.
    """
    from atlas_mcp.views.questions import answer_text, answer_view

    shown = answer_view(run, view, number)
    (question,) = shown.questions
    return CallToolResult(
        content=[TextContent(type="text", text=answer_text(shown))],
        structured_content=cast("dict[str, Any]", structured(shown)),
        is_error=question.state in ("failed", "interrupted"),
    )


async def whole(view: RunView) -> str:
    """Return all of a run as JSON that is printable and without tags."""
    if is_long(texts_in(view)):
        return await off_loop("views", partial(whole_json, view))
    return whole_json(view)


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
