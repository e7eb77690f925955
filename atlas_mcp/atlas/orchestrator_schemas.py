"""The JSON Schemas of an orchestrator's output: an explore's arguments, a decision, a synthesis.

Owns the shapes alone. The words that explain them are in `atlas.prompts`, and `atlas.decisions`
reads the replies.
"""

from __future__ import annotations

from atlas_mcp.atlas.explore import STRATEGIES, answer_property, with_definitions
from atlas_mcp.atlas.messages import EFFORTS, Json
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec

SAME_ANSWERS = "same_answers"
"""The field of a synthesis in which candidates are named that give the same answer."""


def explore_arguments_schema(spec: RunSpec) -> dict[str, Json]:
    """Return the JSON Schema of an explore's arguments, narrowed to what this run's pool has."""
    properties: dict[str, Json] = {}
    if len(spec.solvers) > 1:
        properties["solver"] = {"type": "string", "enum": [entry.name for entry in spec.solvers]}
    properties["strategy"] = {"type": "string", "enum": list(STRATEGIES)}
    taken = {effort for entry in spec.solvers for effort in entry.spec.efforts}
    efforts = [effort for effort in EFFORTS if effort in taken]
    if efforts:
        properties["effort"] = {
            "type": "string",
            "enum": efforts,
            "description": "How hard the solver tries; leave out for its default.",
        }
    properties["instruction"] = {
        "type": "string",
        "description": "What to try or to check, in your words; leave out for a free attempt. "
        "Never name an answer.",
    }
    required = [key for key in ("solver", "strategy") if key in properties]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def names_same_answers(spec: RunSpec) -> bool:
    """Return whether the orchestrator is asked which candidates give the same answer.

    A small or a weak one is not: each field more costs it as much as the answer, and its judgement
    is a guess.
    """
    asked = spec.orchestrator
    return asked is not None and not (asked.is_small or asked.guard)


def synthesis_schema(problem: Problem, spec: RunSpec) -> dict[str, Json]:
    """Return the JSON Schema of the reply that ends a run."""
    properties = _synthesis_properties(problem, spec)
    schema: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return with_definitions(schema, problem.answer_schema)


def decision_schema(problem: Problem, spec: RunSpec) -> dict[str, Json]:
    """Return the JSON Schema of a turn of an orchestrator without tools: explore or answer."""
    assessment = {"type": "string", "description": "What the evidence shows, what is missing."}
    arguments = explore_arguments_schema(spec)
    synthesis = _synthesis_properties(problem, spec)
    schema: dict[str, Json] = {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "assessment": assessment,
                    "action": {"const": "explore", "type": "string"},
                    **arguments["properties"],
                },
                "required": ["assessment", "action", *arguments["required"]],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {
                    "assessment": assessment,
                    "action": {"const": "answer", "type": "string"},
                    **synthesis,
                },
                "required": ["assessment", "action", *synthesis],
                "additionalProperties": False,
            },
        ]
    }
    return with_definitions(schema, problem.answer_schema)


def _synthesis_properties(problem: Problem, spec: RunSpec) -> dict[str, Json]:
    properties: dict[str, Json] = {
        "explanation": {"type": "string"},
        "answer": {"anyOf": [answer_property(problem.answer_schema), {"type": "null"}]},
        "supported": {"type": "boolean"},
        "confidence_percent": {"type": "integer", "minimum": 0, "maximum": 100},
        "dissent": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }
    if names_same_answers(spec):
        numbers: dict[str, Json] = {"type": "array", "items": {"type": "integer"}}
        properties[SAME_ANSWERS] = {"type": "array", "items": numbers}
    return properties
