"""Claude models whose specs have the features of their families."""

from __future__ import annotations

from typing import TypedDict

from typing_extensions import Unpack

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.claude.params import Thinking
from atlas_mcp.models.endpoint import Endpoint


class ClaudeOptions(TypedDict, total=False):
    """The keyword arguments of `Claude`."""

    api_key: str | None
    price: Price | None
    thinking: Thinking
    read_timeout: float
    connection: ClaudeConnection | None


def claude_model(
    model_id: str, *, base_url: str | None = None, **options: Unpack[ClaudeOptions]
) -> Claude:
    """Return a Claude model.

    Args:
        model_id: The model's name, without its vendor.
        base_url: The address that its entry names; `None` for the environment's.
        options: Keyword arguments of `Claude`.
    """
    spec = ModelSpec(
        f"anthropic/{model_id}",
        efforts=family_of(model_id).efforts,
        endpoint=Endpoint(base_url=base_url).record(),
    )
    return Claude(spec, **options)
