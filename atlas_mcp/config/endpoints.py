"""The sections that name models: `[orchestrator]` and `[solvers.NAME]`.

Owns the keys of an endpoint, and the rules about keys that have no meaning for a vendor's models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, Field, model_validator
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
from atlas_mcp.presets import EchoReasoning, MaxTokensField, SchemaMode

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
        effort: How hard it tries unless an explore says otherwise.
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
        stream_options: Whether the endpoint may be asked to count what it streams.
        system_role: Whether it takes a system prompt as one; else that goes before the question.
        echo_reasoning: In which of its earlier turns its reasoning is sent back to it.
        parallel: Calls in flight at once, of all runs together.
        context_tokens: Longest prompt and reply together, for embedded models; all calls under way
            share it.
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


_Entry = TypeVar("_Entry", "OrchestratorSettings", "SolverSettings")

_ENDPOINT_KEYS = frozenset(
    {"effort", "efforts", "base_url", "api_key_env", "max_image_px", "max_tokens_field", "price",
     "stream_options", "system_role", "echo_reasoning"}
)  # fmt: skip

FOREIGN_KEYS: Mapping[str, tuple[frozenset[str], str]] = {
    "anthropic": (
        frozenset({"max_tokens_field", "stream_options", "context_tokens"}),
        "has no meaning for a model of anthropic",
    ),
    "scripted": (
        (_ENDPOINT_KEYS - {"price"}) | {"schema_mode", "max_tokens", "context_tokens"},
        "has no meaning for a scripted model, which reaches nothing",
    ),
    "local": (
        _ENDPOINT_KEYS - {"efforts"},
        "has no meaning for an embedded model",
    ),
    "": (frozenset({"context_tokens"}), "is for embedded models alone"),
}
"""Keys that the models of a vendor have nothing to do with, and why; those of any other behind the
empty name. A setting is honoured, or it is refused by name."""


def _check_vendor(entry: _Entry) -> _Entry:
    """Refuse what would have no effect: what such models do not have, and what other keys undo."""
    vendor, slash, _ = entry.model.partition("/")
    known = vendor if slash or vendor == "local" else None
    # A name without a vendor is that of a solver, whose own entry says it all.
    foreign, why = FOREIGN_KEYS.get(known, FOREIGN_KEYS[""]) if known else (frozenset[str](), "")
    for name in type(entry).model_fields:
        given = name in entry.model_fields_set and getattr(entry, name) is not None
        if given and name in foreign:
            raise ValueError(f"{_key_of(type(entry), name)} {why}; leave it out")
    if vendor == "anthropic" and entry.schema_mode == "json":
        raise ValueError(
            "schema takes 'strict' for a model of anthropic, or 'prompt' where a gateway refuses "
            "output_config, not 'json'"
        )
    if entry.images is False and entry.max_image_px is not None:
        raise ValueError("max_image_px has no effect beside images = false; leave one of them out")
    stated = entry.effort if "effort" in entry.model_fields_set else None
    if stated is not None and entry.efforts is not None and stated not in entry.efforts:
        raise ValueError(
            f"effort is {stated!r}, which is none of efforts ({', '.join(entry.efforts) or 'none'})"
        )
    return entry


def _key_of(section: type[BaseModel], name: str) -> str:
    return section.model_fields[name].alias or name


class OrchestratorSettings(EndpointSettings):
    """`[orchestrator]`: the model that owns the loop. `model` may also be the name of a solver."""

    model: ModelName = DEFAULT_MODEL
    effort: EffortName | None = "high"
    _check = model_validator(mode="after")(_check_vendor)


class SolverSettings(EndpointSettings):
    """`[solvers.NAME]`: one entry of the pool."""

    model: ModelName
    quota: int | None = Field(default=None, ge=1, le=1_000_000)
    _check = model_validator(mode="after")(_check_vendor)


def check_solver_names(solvers: dict[str, SolverSettings]) -> dict[str, SolverSettings]:
    """Refuse names that cannot be read or typed."""
    for name in solvers:
        if not name.strip() or name != name.strip() or not name.isprintable():
            fault = "is no name: it takes printable characters, and no space at its ends"
        elif len(name) > LONGEST_NAME:
            fault = f"is too long for a name: it takes {LONGEST_NAME} characters"
        else:
            continue
        raise PydanticCustomError("name", "{name} {fault}", {"name": repr(name), "fault": fault})
    return solvers
