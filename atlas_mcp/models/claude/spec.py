"""From an entry of the configuration to the spec of a Claude model.

Owns the defaults for the features that an entry does not declare: findings about its gateway
(`models.findings`), the facts of its family, our own choices.
"""

from __future__ import annotations

from pathlib import Path

from atlas_mcp.atlas.model_spec import DEFAULT_MAX_TOKENS, ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.endpoint import Endpoint
from atlas_mcp.models.entries import check_effort, declared_price, given
from atlas_mcp.models.findings import NOTHING, finding
from atlas_mcp.models.prices import price_of

CLAUDE_IMAGE_BYTES = 5_242_880
"""Bytes of one picture in base64 that the Messages API accepts. Source: its error texts, as in
anthropics/claude-code#10612 and #1897; read 2026-11-25. The file itself may have three quarters of
that. Pictures beyond 8,000 pixels are refused too, and `image_px` of every family is below that."""

CLAUDE_PARALLEL = 1_000
"""Calls in flight at once to one Claude model: the size of the client's connection pool."""


def claude_spec(
    model: str, entry: EndpointSettings, *, home: Path, own: str | None = None
) -> ModelSpec:
    """Return the spec of a Claude model.

    Each feature is taken from the entry, else from a finding about its gateway, else from its
    family.

    Args:
        model: The model as `anthropic/name`.
        entry: The entry of the model.
        home: The folder in which findings are kept.
        own: The address that the environment sets for the API.

    Raises:
        InvalidInput: The entry declares an effort or a `max_tokens` that the model does not accept.
    """
    family = family_of(model.partition("/")[2])
    gateway = given(entry.base_url, default=own)
    found = NOTHING if gateway is None else finding(home, gateway, model)
    efforts = given(entry.efforts, default=given(found.efforts, default=family.efforts))
    check_effort(entry, efforts)
    if entry.max_tokens is not None and entry.max_tokens > family.max_output:
        rule = f"is {entry.max_tokens:,}, and this model writes {family.max_output:,} at most"
        raise InvalidInput("max_tokens", rule)
    return ModelSpec(
        model,
        price=price_of(model, override=declared_price(entry)),
        own_price=entry.price is not None,
        effort=entry.effort,
        efforts=efforts,
        schema_mode=given(entry.schema_mode, default=given(found.schema_mode, default="strict")),
        tools=given(entry.tools, default=given(found.tools, default=True)),
        images=given(entry.images, default=given(found.images, default=True)),
        image_px=given(entry.max_image_px, default=family.image_px),
        image_bytes=CLAUDE_IMAGE_BYTES,
        max_tokens=min(given(entry.max_tokens, default=DEFAULT_MAX_TOKENS), family.max_output),
        parallel=given(entry.parallel, default=CLAUDE_PARALLEL),
        endpoint=Endpoint(
            base_url=entry.base_url,
            api_key_env=entry.api_key_env,
            system_role=given(entry.system_role, default=given(found.system_role, default=True)),
            echo_reasoning=given(
                entry.echo_reasoning, default=given(found.echo_reasoning, default="as_sent")
            ),
        ).record(),
    )
