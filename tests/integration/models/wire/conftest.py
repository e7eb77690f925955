"""Models behind endpoints, of either adapter."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.models.chat.model import OpenAICompatible
from tests.support.claude_models import claude_model
from tests.support.odd_endpoints import KEY, AnyModel, Make


@pytest.fixture(params=["claude", "chat"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a model at an address, of either adapter."""

    def claude(url: str, key: str | None = KEY) -> AnyModel:
        return claude_model("claude-opus-5-5", base_url=url, api_key=key)

    def chat(url: str, key: str | None = KEY) -> AnyModel:
        return OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{url}/chat/v1"}), api_key=key
        )

    return claude if request.param == "claude" else chat
