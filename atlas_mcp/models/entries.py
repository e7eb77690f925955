"""From an entry of the configuration to what a run remembers of a model.

Owns what holds where an entry declares nothing: what was found out of its endpoint
(`models.findings`), what its preset or its family says, our own defaults. Never a model's name.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from atlas_mcp.addresses import is_this_machine
from atlas_mcp.atlas.model_spec import DEFAULT_MAX_TOKENS, ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.settings import EffortName, EndpointSettings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.endpoint import Endpoint
from atlas_mcp.models.findings import NOTHING, finding
from atlas_mcp.models.prices import is_own_address, price_of
from atlas_mcp.presets import UNKNOWN_SERVER, Preset

CHAT_IMAGE_PX = 2_048
"""Pixels of the longer side of a picture for models whose entry names no bound. Our own choice: the
size to which OpenAI's API scales pictures itself."""

CHAT_IMAGE_TOKENS = 12_000
"""Input tokens that one picture of that size counts at most. Our own choice: 32-pixel patches make
4,096 of it, and small models of OpenAI count each of them two and a half times."""

CLAUDE_IMAGE_BYTES = 5_242_880
"""Bytes of one picture in base64 that the Messages API takes. Source: its error texts, as in
anthropics/claude-code#10612 and #1897; read 2026-11-25. The bytes of the file are three quarters of
it. Pictures beyond 8,000 pixels are refused too, and `image_px` of every family is below that."""

CLAUDE_PARALLEL = 1_000
"""Calls in flight at once to one Claude model: what the client's connection pool holds."""

SCRIPTED_MAX_TOKENS = 1_024
"""Output tokens of one reply of a scripted model, which keeps to no ceiling."""

_T = TypeVar("_T")


def scripted_spec(model: str, entry: EndpointSettings) -> ModelSpec:
    """Return how a scripted model is used."""
    return ModelSpec(
        model,
        price=declared_price(entry) or Price(FREE, FREE),
        own_price=entry.price is not None,
        max_tokens=SCRIPTED_MAX_TOKENS,
        images=_given(entry.images, default=False),
        tools=_given(entry.tools, default=True),
        parallel=entry.parallel,
    )


def claude_spec(
    model: str, entry: EndpointSettings, *, home: Path, own: str | None = None
) -> ModelSpec:
    """Return how a Claude model is used.

    As its entry declares, else as was found out of its gateway, else as its family takes.

    Args:
        model: The model as `anthropic/name`.
        entry: What is declared of it.
        home: Where findings are kept.
        own: Where the environment says that the API is.

    Raises:
        InvalidInput: It is declared to take what its family does not.
    """
    family = family_of(model.partition("/")[2])
    gateway = _given(entry.base_url, default=own)
    found = NOTHING if gateway is None else finding(home, gateway, model)
    efforts = _given(entry.efforts, default=_given(found.efforts, default=family.efforts))
    _check_effort(entry, efforts)
    if entry.max_tokens is not None and entry.max_tokens > family.max_output:
        rule = f"is {entry.max_tokens:,}, and this model writes {family.max_output:,} at most"
        raise InvalidInput("max_tokens", rule)
    return ModelSpec(
        model,
        price=price_of(model, override=declared_price(entry)),
        own_price=entry.price is not None,
        effort=entry.effort,
        efforts=efforts,
        schema_mode=_given(entry.schema_mode, default=_given(found.schema_mode, default="strict")),
        tools=_given(entry.tools, default=_given(found.tools, default=True)),
        images=_given(entry.images, default=_given(found.images, default=True)),
        image_px=_given(entry.max_image_px, default=family.image_px),
        image_bytes=CLAUDE_IMAGE_BYTES,
        max_tokens=min(_given(entry.max_tokens, default=DEFAULT_MAX_TOKENS), family.max_output),
        parallel=_given(entry.parallel, default=CLAUDE_PARALLEL),
        endpoint=Endpoint(
            base_url=entry.base_url,
            api_key_env=entry.api_key_env,
            system_role=_given(entry.system_role, default=_given(found.system_role, default=True)),
            echo_reasoning=_given(
                entry.echo_reasoning, default=_given(found.echo_reasoning, default="as_sent")
            ),
        ).record(),
    )


def chat_spec(
    model: str, preset: Preset, entry: EndpointSettings, *, home: Path, own: str | None = None
) -> ModelSpec:
    """Return how a model behind Chat Completions is used.

    As its entry declares, else as was found out of it, else as its preset says.

    Args:
        model: The model as `vendor/name`.
        preset: What is known of its vendor.
        entry: What is declared of it.
        home: Where findings are kept.
        own: Where the environment says that the vendor's API is.

    Raises:
        InvalidInput: It is to try as hard as its endpoint does not take.
    """
    if preset.vendor == UNKNOWN_SERVER.vendor and entry.base_url is not None:
        # Not the vendor's own address: it gets neither its key nor its reputation.
        preset = UNKNOWN_SERVER
    base_url = _given(entry.base_url, default=preset.base_url)
    image_px = _given(entry.max_image_px, default=CHAT_IMAGE_PX)
    if entry.base_url is not None and not is_own_address(preset, entry.base_url):
        preset = replace(preset, key_env=None)
    price = price_of(model, override=declared_price(entry), base_url=base_url)
    if price is None and preset.free and is_this_machine(urlsplit(base_url or "").hostname):
        price = Price(FREE, FREE)
    found = finding(home, _given(base_url, default=own), model)
    efforts = _given(entry.efforts, default=_given(found.efforts, default=_declared_efforts(entry)))
    _check_effort(entry, efforts)
    return ModelSpec(
        model,
        price=price,
        own_price=entry.price is not None,
        effort=entry.effort,
        efforts=efforts,
        images=_given(entry.images, default=_given(found.images, default=False)),
        image_px=image_px,
        image_bytes=preset.image_bytes,
        image_types=preset.image_types,
        image_tokens=_chat_image_tokens(image_px),
        tools=_given(entry.tools, default=_given(found.tools, default=preset.tools)),
        schema_mode=_given(
            entry.schema_mode, default=_given(found.schema_mode, default=preset.schema)
        ),
        schema_with_tools=preset.schema_with_tools,
        max_tokens=_given(entry.max_tokens, default=preset.max_tokens),
        parallel=_given(entry.parallel, default=preset.parallel),
        endpoint=Endpoint(
            base_url=base_url,
            api_key_env=_given(entry.api_key_env, default=preset.key_env),
            max_tokens_field=_given(
                entry.max_tokens_field,
                default=_given(found.max_tokens_field, default=preset.max_tokens_field),
            ),
            stream_options=_given(
                entry.stream_options,
                default=_given(found.stream_options, default=preset.stream_usage),
            ),
            system_role=_given(entry.system_role, default=_given(found.system_role, default=True)),
            echo_reasoning=_given(
                entry.echo_reasoning,
                default=_given(found.echo_reasoning, default=preset.echo_reasoning),
            ),
        ).record(),
    )


def _check_effort(entry: EndpointSettings, efforts: tuple[EffortName, ...]) -> None:
    """Refuse an effort that is asked for and not taken: it would have no effect.

    Raises:
        InvalidInput: It is such a one.
    """
    given = entry.effort if "effort" in entry.model_fields_set else None
    if given is None or given in efforts:
        return
    known = f"takes {', '.join(efforts)}" if efforts else "is known to take none"
    raise InvalidInput(
        "effort", f"is {given!r}, and this model {known}; leave it out, or declare its `efforts`"
    )


def _chat_image_tokens(px: int) -> int:
    """Return what a picture counts at most: in proportion to its area, where that may be larger."""
    return max(CHAT_IMAGE_TOKENS, math.ceil(CHAT_IMAGE_TOKENS * (px / CHAT_IMAGE_PX) ** 2))


def _declared_efforts(entry: EndpointSettings) -> tuple[EffortName, ...]:
    """Return the effort that an entry asks for: whoever writes it down says that it is taken."""
    given = entry.effort if "effort" in entry.model_fields_set else None
    return () if given is None else (given,)


def declared_price(entry: EndpointSettings) -> Price | None:
    """Return the operator's own price of an entry, `None` if it has none."""
    given = entry.price
    if given is None:
        return None
    return Price(given.input, given.output, given.cache_read, given.cache_write)


def _given(value: _T | None, *, default: _T) -> _T:
    return default if value is None else value
