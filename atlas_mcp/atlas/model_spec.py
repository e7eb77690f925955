"""A model as a run remembers it: its name, and the settings it is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath

from atlas_mcp.atlas.messages import Effort
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.usage import Price
from atlas_mcp.presets import (
    IMAGE_TYPES,
    EchoReasoning,
    ImageType,
    MaxTokensField,
    SchemaMode,
)

DEFAULT_MAX_TOKENS = 32_000
"""Output tokens of one call, thinking included. Source: the ATLAS paper's solver setting."""

DEFAULT_IMAGE_TOKENS = 5_000
"""Input tokens one picture counts at most. Source: Claude's image sizing, 4,784 at full size."""


def title_of(model: str) -> str:
    """Return a model's name as others are told it: a file by its name, not by its place."""
    vendor, _, name = model.partition("/")
    is_path = name.startswith("/") or PureWindowsPath(name).is_absolute()
    return f"{vendor}/{PureWindowsPath(name).name}" if is_path else model


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model and how it is used.

    Attributes:
        model: `vendor/name`.
        price: Its dearest rates; `None` for unknown.
        own_price: Whether `price` is the operator's own, which what calls cost is counted by too.
        effort: How hard it tries unless told otherwise; `None` for its own default.
        efforts: The efforts it takes, in rising order; empty for none.
        images: Whether it sees pictures.
        image_px: Pixels of a picture's longer side; larger ones are made smaller. `None` for no
            bound.
        image_bytes: Bytes of a picture in base64; larger ones are made smaller. `None` for no
            bound.
        image_types: The kinds of pictures it reads; others are written anew.
        image_tokens: Input tokens that one picture counts at most.
        tools: Whether it calls tools. A model without them decides under a JSON Schema.
        schema_mode: How its replies get their shape.
        schema_with_tools: Whether one request may offer tools and ask for a shape as well.
        max_tokens: Ceiling of one reply, thinking included.
        max_tokens_field: What its endpoint calls that ceiling.
        stream_options: Whether its endpoint may be asked to count what it streams; `None` for as
            its vendor is known.
        system_role: Whether it takes a system prompt as one; else that goes before the first turn.
        echo_reasoning: In which of its earlier turns it is sent back what it thought.
        temperature: For endpoints that sample; `None` elsewhere.
        max_string_chars: Longest string of a reply; `None` for no bound. A small model under a
            grammar may write on until its ceiling of tokens, and then nothing can be read.
        base_url: Address of the endpoint; `None` for the vendor's own.
        api_key_env: Name of the variable that holds the key; never the key.
        parallel: Calls in flight at once, of all runs together; `None` for no bound.
        context_tokens: Longest prompt and reply together, for embedded models; `None` for theirs.
    """

    model: str
    price: Price | None = None
    own_price: bool = False
    effort: Effort | None = None
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
    max_tokens_field: MaxTokensField = "max_tokens"
    stream_options: bool | None = None
    system_role: bool = True
    echo_reasoning: EchoReasoning = "as_sent"
    temperature: float | None = None
    max_string_chars: int | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    parallel: int | None = None
    context_tokens: int | None = None

    @property
    def title(self) -> str:
        """The model's name as others are told it."""
        return title_of(self.model)

    @property
    def is_small(self) -> bool:
        """Whether it is so small that its answers are not to be trusted: its strings are short."""
        return self.max_string_chars is not None

    def holds_schema(self, *, tools: bool) -> bool:
        """Return whether the endpoint itself gives a reply its shape; else the prompt must ask.

        Args:
            tools: Whether tools are offered in the same request.
        """
        return self.schema_mode == "strict" and (self.schema_with_tools or not tools)

    def can_see(self, problem: Problem) -> bool:
        """Return whether the model sees all of `problem`: a blind one would guess at pictures."""
        return self.images or not problem.images
