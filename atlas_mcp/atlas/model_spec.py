"""The capabilities and prices of a model, and a model as a run remembers it.

Owns `Capabilities`, which all deciding reads, and `ModelSpec`, which adds the model's name and its
endpoint. Never looks into an endpoint: where a model is, and how it is reached, is known to
`atlas_mcp.models` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import ClassVar

from atlas_mcp.atlas.messages import Effort, Json
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.usage import Price
from atlas_mcp.feature_values import IMAGE_TYPES, ImageType, SchemaMode

DEFAULT_MAX_TOKENS = 32_000
"""Output tokens of one call, thinking included. Source: the ATLAS paper's solver setting."""

DEFAULT_IMAGE_TOKENS = 5_000
"""Input tokens one picture counts at most. Source: Claude's image sizing, 4,784 at full size."""


def title_of(model: str) -> str:
    """Return the name under which a model is shown: of a file its name without its folder."""
    vendor, _, name = model.partition("/")
    is_path = name.startswith("/") or PureWindowsPath(name).is_absolute()
    return f"{vendor}/{PureWindowsPath(name).name}" if is_path else model


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities and the price of a model.

    Attributes:
        price: Its dearest rates; `None` for unknown.
        own_price: Whether the operator set `price`; if so, the costs of calls are computed from it.
        efforts: The efforts it takes, in rising order; empty for none.
        images: Whether it sees pictures.
        image_px: Pixels of a picture's longer side; larger ones are made smaller. `None` for no
            bound.
        image_bytes: Bytes of a picture in base64; larger ones are made smaller. `None` for no
            bound.
        image_types: The kinds of pictures it reads; pictures of other kinds are converted.
        image_tokens: Input tokens that one picture counts at most.
        tools: Whether it calls tools. A model without tools decides under a JSON Schema.
        schema_mode: How its replies get their shape.
        schema_with_tools: Whether one request may both offer tools and ask for a shape.
        max_tokens: Ceiling of one reply, thinking included.
        temperature: Sampling temperature; `None` where the endpoint takes none.
        max_string_chars: Longest string of a reply; `None` for no bound. A small model under a
            grammar may write until its ceiling of tokens, and such a reply cannot be read.
        parallel: Calls in flight at once, of all runs together; `None` for no bound.
        guard: Whether it is too weak to orchestrate without help: see `workflows.guarded`.
    """

    price: Price | None = None
    own_price: bool = False
    efforts: tuple[Effort, ...] = ()
    images: bool = False
    image_px: int | None = None
    image_bytes: int | None = None
    image_types: tuple[ImageType, ...] = IMAGE_TYPES
    image_tokens: int = DEFAULT_IMAGE_TOKENS
    tools: bool = True
    schema_mode: SchemaMode = "strict"
    schema_with_tools: bool = True
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float | None = None
    max_string_chars: int | None = None
    parallel: int | None = None
    guard: bool = False

    @property
    def is_small(self) -> bool:
        """Whether the model is too small for its answers to be trusted."""
        # Only small models have their strings bounded.
        return self.max_string_chars is not None

    def holds_schema(self, *, tools: bool) -> bool:
        """Return whether the endpoint enforces a reply's schema; otherwise the prompt must ask.

        Args:
            tools: Whether tools are offered in the same request.
        """
        return self.schema_mode == "strict" and (self.schema_with_tools or not tools)

    def can_see(self, problem: Problem) -> bool:
        """Return whether the model sees all of `problem`: without its pictures it would guess."""
        return self.images or not problem.images


@dataclass(frozen=True, slots=True)
class ModelSpec(Capabilities):
    """One model as a run remembers it: its capabilities, its name, its endpoint.

    Attributes:
        model: `vendor/name`.
        effort: How hard it tries where a request names no effort; `None` for its own default.
        endpoint: Where the model is and how it is reached, in the terms of its vendor. Carried and
            recorded, never read outside of `atlas_mcp.models`. Holds no key.
    """

    # A record with any other field is of an older shape: see `atlas.old_specs`.
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    model: str
    effort: Effort | None = field(default=None, kw_only=True)
    endpoint: Mapping[str, Json] = field(default_factory=dict[str, Json], kw_only=True, hash=False)

    @property
    def title(self) -> str:
        """The name under which the model is shown."""
        return title_of(self.model)
