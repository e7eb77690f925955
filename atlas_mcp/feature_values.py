"""The closed sets of values that features of models and their endpoints have.

One list for the configuration, the records of runs, and the vendors. Lists no vendor.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

SchemaMode: TypeAlias = Literal["strict", "json", "prompt"]
"""How a reply gets its shape: the endpoint holds a schema, or JSON, or only the prompt asks."""

MaxTokensField: TypeAlias = Literal["max_tokens", "max_completion_tokens"]
"""An endpoint's name for the limit on output tokens."""

EchoReasoning: TypeAlias = Literal["as_sent", "always", "tool_calls", "never"]
"""The earlier turns that are sent back to a model with its thinking.

`as_sent`: those with which the endpoint sent it. `always`: all, with empty thinking where the
endpoint sent none. `tool_calls`: those that call tools. `never`: none."""

ImageType: TypeAlias = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
"""The kinds of pictures a problem may have. Closed."""

IMAGE_TYPES: tuple[ImageType, ...] = get_args(ImageType)
