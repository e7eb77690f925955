"""From what happened to what the client sees: bounded results, and the one boundary for errors.

Owns the size of a tool result. Clients warn at 10,000 tokens and refuse 25,000, so the text block
stays around 1,000 tokens and the structured content around 6,000; what is cut is the candidates'
reasoning, with a pointer to where it stands whole.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from atlas_mcp.atlas.view import Agreement, CandidateView, RunView
from atlas_mcp.errors import AtlasError

logger = logging.getLogger(__name__)

CHARS_PER_TOKEN = 4
"""Characters counted as one token of English or JSON."""

TEXT_CHARS = 1_000 * CHARS_PER_TOKEN
"""Longest text block, characters. Source: the contract, about 1,000 tokens."""

STRUCTURED_CHARS = 6_000 * CHARS_PER_TOKEN
"""Longest structured content, characters. Source: the contract, about 6,000 tokens."""

SHORTEST_FIELD = 60
"""Characters a candidate's text is never cut below, before its neighbours are."""


@contextmanager
def errors_shown() -> Generator[None]:
    """Turn what the caller can act on into a tool error; a bug passes through and is hidden.

    The SDK logs a bug with its traceback and shows the client a bare failure.
    """
    try:
        yield
    except AtlasError as error:
        logger.info("refused: %s", error)
        # It may repeat what it was called with, of whatever length.
        raise ToolError(_clip(str(error), TEXT_CHARS)) from error


def tool_result(view: RunView) -> CallToolResult:
    """Return a run as a tool result; a failed run is an error that carries its evidence."""
    small = bounded(view)
    return CallToolResult(
        content=[TextContent(type="text", text=summary(view))],
        structured_content=small.model_dump(mode="json"),
        is_error=view.status == "failed",
    )


def summary(view: RunView) -> str:
    """Return the text block: answer, why, agreement, money, run id, what to do next."""
    head = _headline(view)
    tail = [_agreement_line(view), _money_line(view)]
    tail += [f"Note: {warning}" for warning in view.agreement.warnings]
    if view.agreement.dissent:
        tail.append(_clip(f"Dissent: {view.agreement.dissent}", 600))
    if view.next:
        tail.append(f"Next: {view.next}")
    tail.append(f"Run: {view.run_id} (all candidates: atlas://runs/{view.run_id})")
    end = "\n".join(line for line in tail if line)
    room = max(200, TEXT_CHARS - len(end))
    body = [head]
    if view.explanation and view.status != "running":
        body.append(f"Why: {view.explanation}")
    if view.answer is None:
        body += [_candidate_line(candidate) for candidate in view.candidates]
    return _clip("\n\n".join(body), room) + "\n\n" + _clip(end, TEXT_CHARS - 200)


def bounded(view: RunView) -> RunView:
    """Return the view with its candidates' texts cut until the whole is small enough."""
    limit = 4_000
    small = view
    while len(small.model_dump_json()) > STRUCTURED_CHARS and limit >= SHORTEST_FIELD:
        small = view.model_copy(
            update={
                "candidates": [
                    _cut(candidate, limit, view.run_id) for candidate in view.candidates
                ],
                "agreement": _cut_agreement(view.agreement, limit),
                "explanation": view.explanation and _clip(view.explanation, 4 * limit),
            }
        )
        limit //= 2
    while len(small.model_dump_json()) > STRUCTURED_CHARS and small.candidates:
        small = small.model_copy(update={"candidates": small.candidates[:-1]})
    return small


def _cut(candidate: CandidateView, limit: int, run_id: str) -> CandidateView:
    update: dict[str, str] = {}
    for name in ("reasoning", "approach", "error", "instruction"):
        value = getattr(candidate, name)
        if isinstance(value, str) and len(value) > limit:
            update[name] = f"{value[:limit]}… [cut; whole in atlas://runs/{run_id}]"
    cut = {**update, "answer": _cut_answer(candidate.answer, limit)}
    return candidate.model_copy(update=cut)


def _cut_agreement(agreement: Agreement, limit: int) -> Agreement:
    groups = [
        group.model_copy(
            update={
                "answer": _cut_answer(group.answer, limit),
                "approaches": [_clip(one, limit) for one in group.approaches],
            }
        )
        for group in agreement.groups
    ]
    dissent = agreement.dissent and _clip(agreement.dissent, 4 * limit)
    return agreement.model_copy(update={"groups": groups, "dissent": dissent})


def _cut_answer(answer: object, limit: int) -> object:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return answer if len(text) <= 4 * limit else f"{text[: 4 * limit]}… [cut]"


def _headline(view: RunView) -> str:
    if view.status == "running":
        return f"Still running: {len(view.candidates)} candidates so far."
    if view.answer is not None:
        answer = view.answer if isinstance(view.answer, str) else json.dumps(view.answer)
        sure = f" (confidence {view.confidence:.0%})" if view.confidence is not None else ""
        return f"Answer: {answer}{sure}"
    if view.stop_reason == "no_supported_answer":
        return "No answer is supported by the evidence."
    if view.status == "answered":
        return f"{len(view.candidates)} candidates; you are the orchestrator."
    if view.status == "failed":
        return f"No answer: the run failed ({view.stop_reason})."
    return f"No answer: the run was {view.status}."


def _candidate_line(candidate: CandidateView) -> str:
    name = f"#{candidate.explore_id} {candidate.solver}, {candidate.strategy}"
    if candidate.status == "failed":
        return f"{name}: failed, {_clip(candidate.error or '', 300)}"
    answer = candidate.answer
    text = answer if isinstance(answer, str) else json.dumps(answer)
    sure = f"{candidate.confidence:.0%}" if candidate.confidence is not None else "?"
    return f"{name}: {_clip(text, 300)} ({sure}; {_clip(candidate.approach or '', 200)})"


def _agreement_line(view: RunView) -> str:
    groups = view.agreement.groups
    if not groups:
        return ""
    counted = sum(len(group.explore_ids) for group in groups)
    failed = sum(candidate.status == "failed" for candidate in view.candidates)
    also = f", {failed} explores failed" if failed else ""
    top = groups[0].answer if isinstance(groups[0].answer, str) else json.dumps(groups[0].answer)
    return (
        f"Agreement: {len(groups[0].explore_ids)} of {counted} candidates say "
        f"{_clip(top, 120)!r}{also}."
    )


def _money_line(view: RunView) -> str:
    cost = "unknown" if view.cost_usd is None else f"${view.cost_usd:.4f}"
    usage = view.usage
    return (
        f"Cost: {cost} for {usage.requests} calls, {usage.input_tokens:,} tokens in and "
        f"{usage.output_tokens:,} out, {view.elapsed_s:.0f} s. Stopped: {view.stop_reason or 'no'}."
    )


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"
