"""The endpoint of a model behind HTTP, as a spec carries it.

Owns the fields of `ModelSpec.endpoint` for every vendor that is asked over HTTP: the address of the
model, and the known variations in how its requests are written. The core never reads these fields.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.feature_values import EchoReasoning, MaxTokensField


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a model, and the way in which its requests are written.

    Attributes:
        base_url: The address; `None` for the vendor's own.
        api_key_env: The variable that holds the key; never the key.
        max_tokens_field: The request's field for the limit on output tokens; of Chat Completions
            alone.
        stream_options: Whether the endpoint may be asked to count the tokens of a stream; `None`
            for the vendor's usual behaviour. Of Chat Completions alone.
        system_role: Whether the endpoint accepts a system prompt; otherwise the prompt is put
            before the first turn.
        echo_reasoning: In which earlier turns the model gets its own thinking back.
    """

    base_url: str | None = None
    api_key_env: str | None = None
    max_tokens_field: MaxTokensField = "max_tokens"
    stream_options: bool | None = None
    system_role: bool = True
    echo_reasoning: EchoReasoning = "as_sent"

    def record(self) -> dict[str, Json]:
        """Return the fields that differ from their defaults, as a spec carries them."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value != _DEFAULTS[name]}


_DEFAULTS = {one.name: one.default for one in fields(Endpoint)}


def endpoint_of(spec: ModelSpec) -> Endpoint:
    """Return the endpoint of a spec; fields that this version does not know are ignored."""
    known: dict[str, Any] = {
        name: value for name, value in spec.endpoint.items() if name in _DEFAULTS
    }
    return Endpoint(**known)


def with_endpoint(spec: ModelSpec, **changes: Any) -> ModelSpec:
    """Return the spec with fields of its endpoint changed."""
    return replace(spec, endpoint=replace(endpoint_of(spec), **changes).record())
