"""From an entry of the configuration to the spec of a model behind Chat Completions.

Owns the defaults for the features that an entry does not declare: findings about its endpoint
(`models.findings`), the preset of its vendor, our own choices. Never judges by a model's name.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from atlas_mcp.addresses import is_this_machine
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.values import EffortName
from atlas_mcp.models.chat.presets import UNKNOWN_SERVER, Preset, is_own_address, name_in_tables
from atlas_mcp.models.endpoint import Endpoint
from atlas_mcp.models.entries import check_effort, declared_price, given
from atlas_mcp.models.findings import Finding, finding
from atlas_mcp.models.prices import price_of

CHAT_IMAGE_PX = 2_048
"""Pixels of the longer side of a picture for models whose entry names no bound. Our own choice: the
size to which OpenAI's API scales pictures itself."""

CHAT_IMAGE_TOKENS = 12_000
"""Input tokens that one picture of that size counts at most. Our own choice: it has 4,096 patches
of 32 pixels, and small models of OpenAI count each of them two and a half times."""


def chat_spec(
    model: str, preset: Preset, entry: EndpointSettings, *, home: Path, own: str | None = None
) -> ModelSpec:
    """Return the spec of a model behind Chat Completions.

    Each feature is taken from the entry, else from a finding, else from the preset.

    Args:
        model: The model as `vendor/name`.
        preset: The known facts about the vendor.
        entry: The entry of the model.
        home: The folder in which findings are kept.
        own: The address that the environment sets for the vendor's API.

    Raises:
        InvalidInput: The entry declares an effort that the endpoint does not accept.
    """
    if preset.vendor == UNKNOWN_SERVER.vendor and entry.base_url is not None:
        # An address that is not the vendor's own gets neither the vendor's key nor its defaults.
        preset = UNKNOWN_SERVER
    base_url = given(entry.base_url, default=preset.base_url)
    image_px = given(entry.max_image_px, default=CHAT_IMAGE_PX)
    if entry.base_url is not None and not is_own_address(preset, entry.base_url):
        preset = replace(preset, key_env=None)
    found = finding(home, given(base_url, default=own), model)
    efforts = given(entry.efforts, default=given(found.efforts, default=_declared_efforts(entry)))
    check_effort(entry, efforts)
    return ModelSpec(
        model,
        price=_price(model, entry, preset, base_url),
        own_price=entry.price is not None,
        effort=entry.effort,
        efforts=efforts,
        images=given(entry.images, default=given(found.images, default=False)),
        image_px=image_px,
        image_bytes=preset.image_bytes,
        image_types=preset.image_types,
        image_tokens=_chat_image_tokens(image_px),
        tools=given(entry.tools, default=given(found.tools, default=preset.tools)),
        schema_mode=given(
            entry.schema_mode, default=given(found.schema_mode, default=preset.schema)
        ),
        schema_with_tools=preset.schema_with_tools,
        max_tokens=given(entry.max_tokens, default=preset.max_tokens),
        parallel=given(entry.parallel, default=preset.parallel),
        endpoint=_endpoint(entry, found, preset, base_url).record(),
    )


def _price(
    model: str, entry: EndpointSettings, preset: Preset, base_url: str | None
) -> Price | None:
    priced = name_in_tables(model, base_url)
    price = price_of(priced, override=declared_price(entry), base_url=base_url)
    if price is None and preset.free and is_this_machine(urlsplit(base_url or "").hostname):
        return Price(FREE, FREE)
    return price


def _endpoint(
    entry: EndpointSettings, found: Finding, preset: Preset, base_url: str | None
) -> Endpoint:
    return Endpoint(
        base_url=base_url,
        api_key_env=given(entry.api_key_env, default=preset.key_env),
        max_tokens_field=given(
            entry.max_tokens_field,
            default=given(found.max_tokens_field, default=preset.max_tokens_field),
        ),
        stream_options=given(
            entry.stream_options,
            default=given(found.stream_options, default=preset.stream_usage),
        ),
        system_role=given(entry.system_role, default=given(found.system_role, default=True)),
        echo_reasoning=given(
            entry.echo_reasoning,
            default=given(found.echo_reasoning, default=preset.echo_reasoning),
        ),
    )


def _chat_image_tokens(px: int) -> int:
    """Return the most tokens of a picture: in proportion to its area, for larger bounds."""
    return max(CHAT_IMAGE_TOKENS, math.ceil(CHAT_IMAGE_TOKENS * (px / CHAT_IMAGE_PX) ** 2))


def _declared_efforts(entry: EndpointSettings) -> tuple[EffortName, ...]:
    """Return the effort that an entry sets, which declares that the endpoint accepts it."""
    given = entry.effort if "effort" in entry.model_fields_set else None
    return () if given is None else (given,)
