"""The questions of a probe, and the checks of their answers.

Owns the wording of each question and the effect that its answer must show. Does no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.messages import Json, ModelRequest, Part, Reply, Text, Tool, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.feature_values import MaxTokensField
from atlas_mcp.models.endpoint import endpoint_of, with_endpoint
from atlas_mcp.models.findings import Feature

PROBE_TOKENS = 2_048
"""Output tokens of one reply: enough for a model that thinks to come to its answer."""

NO_EFFORT = "unheard_of"
"""A word that is not an effort anywhere. An endpoint that accepts it ignores the parameter."""

VERDICT_SHAPE: dict[str, Json] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["approved-7", "declined-9"]},
        "weight": {"type": "integer"},
    },
    "required": ["verdict", "weight"],
    "additionalProperties": False,
}

NOTEBOOK = Tool(
    "notebook",
    "Look a number up in the notebook; returns the word that stands there.",
    {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
)

NUMBER = 42

WORD = "kingfisher"

READY_QUESTION = "Reply with the single word: ready."

_AGAIN = "Reply with the single word: again."

PASSWORD = "heliotrope"


def alternatives(spec: ModelSpec, wanted: Collection[Feature]) -> Iterator[ModelSpec]:
    """Yield the alternative specs of a model whose plain call is refused, the likeliest first."""
    known = endpoint_of(spec)
    fields: tuple[MaxTokensField, ...] = ("max_tokens", "max_completion_tokens")
    [other] = [name for name in fields if name != known.max_tokens_field]
    renamed = with_endpoint(spec, max_tokens_field=other)
    either_field = "max_tokens_field" in wanted
    counts = "stream_options" in wanted and known.stream_options is not False
    yield from (renamed,) if either_field else ()
    yield from (with_endpoint(spec, stream_options=False),) if counts else ()
    yield from (with_endpoint(renamed, stream_options=False),) if either_field and counts else ()


def follow_up(reply: Reply) -> ModelRequest:
    """Return a request that continues the first conversation with a second question."""
    asked = question(READY_QUESTION)
    return replace(asked, turns=(*asked.turns, reply.turn, UserTurn((Text(_AGAIN),))))


def question(
    text: str,
    *,
    pictures: tuple[Part, ...] = (),
    schema: Mapping[str, Json] | None = None,
    tools: tuple[Tool, ...] = (),
) -> ModelRequest:
    """Return a request that asks one question."""
    turn = UserTurn((*pictures, Text(text)))
    return ModelRequest("", (turn,), max_tokens=PROBE_TOKENS, schema=schema, tools=tools)


def fits(text: str, schema: Mapping[str, Json]) -> bool:
    """Return whether a text is a JSON value that fits a schema, and nothing else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return answer_error(value, schema) is None
