"""Every word that is said to a solver. Reviewed text: the tests hold a snapshot of it.

Owns a solver's request and the bytes that it takes, which are known without building it. A solver
gets the problem and its own directive. `atlas.prompts` has the words to the orchestrator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from atlas_mcp.atlas.answer_language import language_line, with_language
from atlas_mcp.atlas.explore import Explore, Strategy, candidate_schema
from atlas_mcp.atlas.messages import Json, ModelRequest, Part, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem

_PROBLEM = "<problem>\n{}\n</problem>"

STRATEGY_TEXTS: Mapping[Strategy, str] = {
    "direct": "Solve it step by step, in the way you find most natural.",
    "first_principles": (
        "Build the solution up from definitions and basic facts. Do not lean on a remembered "
        "result unless you can show why it holds here."
    ),
    "work_backwards": (
        "Start from what an answer would have to satisfy, and work back to what is given."
    ),
    "decompose": (
        "Split the problem into parts that can be settled on their own, settle each, then put them "
        "together and check that they fit."
    ),
    "adversarial_check": (
        "Find a solution, then try hard to break it: look for a misread condition, a "
        "counterexample, a slip in the arithmetic. Answer with what survives."
    ),
    "estimate_then_verify": (
        "First estimate what the answer should roughly be. Then work it out exactly, and reconcile "
        "the two before you answer."
    ),
    "code_trace": (
        "Treat it as a procedure: write the steps down as a short program and trace it by hand "
        "with the given values, one state after another."
    ),
}

SOLVER_SYSTEM = """\
You are an expert solving one problem on your own. Read every condition of it, work through it \
step by step, and check the result against the conditions before you answer.

Reply with one JSON object:
- approach: the method you used, in one sentence.
- justification: the steps that support your answer, complete enough for a reader to check.
- answer: the final answer alone, with nothing around it.
- confidence_percent: how likely the answer is right, 0 to 100.

If you cannot settle it exactly, give your best estimate as the answer, with a low confidence."""

SMALL_SOLVER_SYSTEM = """\
Solve the problem on your own. Read every condition, work step by step, and check the result.

Reply with one JSON object:
- approach: the method, in one sentence.
- justification: the steps one by one, each with its own result, up to the answer.
- answer: the result alone, such as a number, a name or a letter. Not a sentence.
- confidence_percent: how likely the answer is right, 0 to 100."""
"""The system prompt of a small model, which loses the thread of a longer one."""

_SMALL_REMINDER = "\n\nAs the answer write the result alone. "
"""Stands at the end of a small model's request: it heeds what it read last."""


def solver_request(
    problem: Problem,
    explore: Explore,
    spec: ModelSpec,
    *,
    max_tokens: int,
    seed: int | None,
    further: str = "",
) -> ModelRequest:
    """Return the request to one solver: the problem and its own action, and no other candidate.

    The problem comes first and is the same for all solvers of a run, so that vendors can cache it.

    Args:
        problem: The problem.
        explore: The explore.
        spec: Its model.
        max_tokens: Ceiling of the reply.
        seed: For endpoints that sample; `None` for unseeded.
        further: Further text, for a model in another role.
    """
    schema = bounded(candidate_schema(problem.answer_schema), spec.max_string_chars)
    text = (
        directive(explore)
        + _shown(further)
        + shape_asked_for(schema, spec)
        + _reminder(problem, spec)
    )
    return ModelRequest(
        system=_system(problem, spec),
        turns=(UserTurn((*problem_parts(problem), Text(text))),),
        max_tokens=max_tokens,
        schema=schema,
        effort=explore.effort or spec.effort,
        seed=seed,
        temperature=spec.temperature,
    )


def input_bytes(problem: Problem, explore: Explore, spec: ModelSpec, *, further: str = "") -> int:
    """Return the bytes of all text in a solver's request, pictures apart, without building it."""
    written = None if problem.answer_schema is None else json.dumps(dict(problem.answer_schema))
    return (
        len(_system(problem, spec).encode())
        + len(_reminder(problem, spec).encode())
        + len(_PROBLEM.format("").encode())
        + len(problem.text.encode())
        + len(directive(explore).encode())
        + len(_shown(further).encode())
        + _schema_bytes(written, spec.max_string_chars, holds=spec.holds_schema(tools=False))
    )


def _system(problem: Problem, spec: ModelSpec) -> str:
    if not spec.is_small:
        return SOLVER_SYSTEM
    return with_language(SMALL_SOLVER_SYSTEM, problem.text)


def _reminder(problem: Problem, spec: ModelSpec) -> str:
    return _SMALL_REMINDER + language_line(problem.text) if spec.is_small else ""


def _shown(further: str) -> str:
    return f"\n\n{further}" if further else ""


def directive(explore: Explore) -> str:
    """Return how an explore asks its solver to work."""
    text = f"How to approach it: {STRATEGY_TEXTS[explore.strategy]}"
    return text if not explore.instruction else f"{text}\n\nAlso: {explore.instruction}"


@lru_cache(maxsize=64)
def _schema_bytes(answer_schema: str | None, limit: int | None, *, holds: bool) -> int:
    """Return the bytes that the shape of a reply takes in a request, as text and as a schema."""
    shape = None if answer_schema is None else json.loads(answer_schema)
    schema = bounded(candidate_schema(shape), limit)
    asked = "" if holds else f"\n\n{shape_text(schema)}"
    return len(repr(schema).encode()) + len(asked.encode())


def shape_asked_for(schema: Mapping[str, Json], spec: ModelSpec) -> str:
    """Return the text that asks for the shape of a reply; empty where the endpoint holds it."""
    return "" if spec.holds_schema(tools=False) else f"\n\n{shape_text(schema)}"


def shape_text(schema: Mapping[str, Json], *, tools: bool = False) -> str:
    """Return the text that asks for a reply's shape where the endpoint does not hold it.

    Args:
        schema: The JSON Schema of the reply.
        tools: Whether the model may call a tool instead.
    """
    when = "When you stop, reply" if tools else "Reply"
    return (
        f"{when} with one JSON object that fits this JSON Schema, and with nothing before or after "
        f"it:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def problem_parts(problem: Problem) -> tuple[Part, ...]:
    """Return the problem as it is put to every model: pictures first, then the text."""
    return (*problem.images, Text(_PROBLEM.format(problem.text), cache=True))


def bounded(schema: dict[str, Json], limit: int | None) -> dict[str, Json]:
    """Return a schema whose free strings are at most `limit` characters long."""
    if limit is None:
        return schema
    return cast("dict[str, Json]", _bounded(schema, limit))


def _bounded(node: Json, limit: int) -> Json:
    if isinstance(node, list):
        return [_bounded(item, limit) for item in cast("list[Json]", node)]
    if not isinstance(node, dict):
        return node
    found = {key: _bounded(value, limit) for key, value in cast("dict[str, Json]", node).items()}
    free = found.get("type") == "string" and not found.keys() & {"enum", "const", "maxLength"}
    return {**found, "maxLength": limit} if free else found
