"""The sections that name models: `[orchestrator]` and `[solvers.NAME]`.

Owns the keys of an endpoint, and the rules about keys that have no meaning for a vendor's models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from pydantic import BaseModel, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from atlas_mcp.config.values import (
    LONGEST_NAME,
    EffortName,
    Efforts,
    EndpointAddress,
    KeyVariable,
    ModelName,
    Rate,
    Section,
)
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.feature_values import EchoReasoning, MaxTokensField, SchemaMode

DEFAULT_MODEL = "anthropic/claude-sonnet-5-5"
"""Solver and orchestrator where nothing is configured. Checked 2026-11-23 against the vendor's
model page; override it with `[orchestrator] model` and `[solvers.NAME] model`."""

MOST_TOKENS = 1_000_000
"""Output tokens of one reply. Our own choice: eight times what any model writes (128,000)."""

MOST_CONTEXT_TOKENS = 100_000_000
"""Tokens of a context. Our own choice: more than any model has, and than any memory holds."""


class PriceSettings(Section):
    """`price = { input, output }`: US dollars per million tokens.

    Without rates of their own, tokens read from or written to a cache cost what input costs.
    """

    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None


class EndpointSettings(Section):
    """How a model is reached, and its features; `None` leaves a key to its vendor's preset.

    Attributes:
        effort: Its effort, unless an explore names another.
        base_url: Address of the endpoint.
        api_key_env: Name of the variable that holds the key.
        efforts: The efforts it takes; `()` for none.
        schema_mode: How replies get their shape (`schema` in the file).
        tools: Whether it calls tools.
        images: Whether it sees pictures.
        max_image_px: Pixels of a picture's longer side; larger ones are made smaller.
        price: Its price; wins over the price library.
        max_tokens: Ceiling of one reply, thinking included.
        max_tokens_field: The endpoint's name for that ceiling.
        stream_options: Whether a stream may be asked to report token counts.
        system_role: Whether it accepts a system prompt; otherwise the prompt is put before the
            question.
        echo_reasoning: The earlier turns that are sent back with the model's reasoning.
        parallel: Calls in flight at once, of all runs together.
        context_tokens: Longest prompt and reply together, for embedded models; all calls under way
            share it.
        guard: Whether the core helps the model where it orchestrates.
    """

    effort: EffortName | None = None
    base_url: EndpointAddress | None = None
    api_key_env: KeyVariable | None = None
    efforts: Efforts | None = None
    schema_mode: SchemaMode | None = Field(default=None, alias="schema")
    tools: bool | None = None
    images: bool | None = None
    max_image_px: int | None = Field(default=None, ge=64, le=8_000)
    price: PriceSettings | None = None
    max_tokens: int | None = Field(default=None, ge=1_024, le=MOST_TOKENS)
    max_tokens_field: MaxTokensField | None = None
    stream_options: bool | None = None
    system_role: bool | None = None
    echo_reasoning: EchoReasoning | None = None
    parallel: int | None = Field(default=None, ge=1, le=1_000)
    context_tokens: int | None = Field(default=None, ge=2_048, le=MOST_CONTEXT_TOKENS)
    guard: bool | None = None


_Entry = TypeVar("_Entry", "OrchestratorSettings", "SolverSettings")


def _check_entry(entry: _Entry, info: ValidationInfo) -> _Entry:
    """Refuse keys that would have no effect, because of the vendor or because of other keys.

    Args:
        entry: The entry.
        info: Its context holds the facts of vendors, by the first part of their models' names;
            without a context the entry is checked for its other keys alone.
    """
    prefix, slash, _ = entry.model.partition("/")
    vendors = cast("Mapping[str, VendorFacts]", info.context or {})
    facts = vendors.get(prefix)
    # A name without a vendor is that of a solver, whose own entry says it all.
    if facts is not None and (slash or facts.named_alone):
        _check_vendor(entry, facts)
    if entry.images is False and entry.max_image_px is not None:
        raise ValueError("max_image_px has no effect beside images = false; leave one of them out")
    stated = entry.effort if "effort" in entry.model_fields_set else None
    if stated is not None and entry.efforts is not None and stated not in entry.efforts:
        raise ValueError(
            f"effort is {stated!r}, which is not among efforts "
            f"({', '.join(entry.efforts) or 'none'})"
        )
    return entry


def _check_vendor(entry: EndpointSettings, facts: VendorFacts) -> None:
    for name in EndpointSettings.model_fields:
        value = getattr(entry, name)
        if name not in entry.model_fields_set or value is None:
            continue
        if name not in facts.keys:
            raise ValueError(f"{_key_of(type(entry), name)} {facts.why_refused}; leave it out")
        refused = facts.refused_values.get(name, {})
        if refused and value in refused:
            raise ValueError(refused[value])


def _key_of(section: type[BaseModel], name: str) -> str:
    return section.model_fields[name].alias or name


class OrchestratorSettings(EndpointSettings):
    """`[orchestrator]`: the model that owns the loop. `model` may also be the name of a solver."""

    model: ModelName = DEFAULT_MODEL
    effort: EffortName | None = "high"
    _check = model_validator(mode="after")(_check_entry)


class SolverSettings(EndpointSettings):
    """`[solvers.NAME]`: one entry of the pool."""

    model: ModelName
    quota: int | None = Field(default=None, ge=1, le=1_000_000)
    _check = model_validator(mode="after")(_check_entry)


def check_solver_names(solvers: dict[str, SolverSettings]) -> dict[str, SolverSettings]:
    """Refuse names that cannot be read or typed."""
    for name in solvers:
        if not name.strip() or name != name.strip() or not name.isprintable():
            fault = "is no name: use printable characters, without a space at either end"
        elif len(name) > LONGEST_NAME:
            fault = f"is too long for a name: use {LONGEST_NAME} characters at most"
        else:
            continue
        raise PydanticCustomError("name", "{name} {fault}", {"name": repr(name), "fault": fault})
    return solvers
