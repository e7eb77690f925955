"""A request to an embedded model, in the form of Chat Completions that its server takes.

Owns the features that embedded models lack, and the refusals that name them. Does no I/O.
"""

from __future__ import annotations

from atlas_mcp.atlas.messages import Image, Json, ModelRequest, UserTurn
from atlas_mcp.errors import ModelRejected

DEFAULT_TEMPERATURE = 0.8
"""Sampling temperature where the request names none: llama.cpp's own default."""


def embedded_params(name: str, request: ModelRequest) -> dict[str, Json]:
    """Return the body of a call, still without the ceiling of its reply.

    Args:
        name: The model, as errors name it.
        request: The request.

    Raises:
        ModelRejected: The request needs a feature that embedded models lack.
    """
    if request.tools and request.schema is None:
        raise ModelRejected(name, "embedded models have no tools; ask for a reply under a schema")
    messages = [{"role": "system", "content": request.system}] if request.system else []
    for turn in request.turns:
        if isinstance(turn, UserTurn):
            messages.append({"role": "user", "content": _text(name, turn)})
        else:
            messages.append({"role": "assistant", "content": turn.text})
    body: dict[str, Json] = {
        "messages": messages,
        "temperature": DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": True,
    }
    if request.seed is not None:
        body["seed"] = request.seed % 2**32
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": request.schema},
        }
    return body


def _text(name: str, turn: UserTurn) -> str:
    texts: list[str] = []
    for part in turn.parts:
        if isinstance(part, Image):
            raise ModelRejected(
                name,
                "embedded models cannot see images; leave them out, or name a model that can",
            )
        texts.append(part.text)
    return "\n\n".join(texts)
