"""Endpoints of Chat Completions, and models behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

import pytest

from atlas_mcp.atlas.messages import (
    ModelRequest,
    Text,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import ModelError
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import Endpoint as ModelEndpoint
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.testing.chat_api import (
    BARE,
    DEEPSEEK,
    GOOGLE,
    LLAMA,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    XAI,
    ChatApi,
    ChatEndpoint,
    serve,
)

KEY = "sk-very-secret"


RATES = Price(Decimal(1), Decimal(10), Decimal("0.1"))


ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)


on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""For tests with many cases: one loop is enough for them."""


@dataclass
class Kind:
    """A kind of endpoint, and how the adapter is told to use it."""

    endpoint: ChatEndpoint
    vendor: str = "openai"
    spec: ModelSpec = field(default_factory=lambda: ModelSpec("openai/m"))

    def __post_init__(self) -> None:
        self.spec = replace(self.spec, model=f"{self.vendor}/m")


KINDS = {
    "openai": Kind(
        OPENAI,
        spec=ModelSpec(
            "", efforts=("low", "high"), endpoint={"max_tokens_field": "max_completion_tokens"}
        ),
    ),
    "google": Kind(GOOGLE, "google", ModelSpec("", efforts=("low",), schema_with_tools=False)),
    "xai": Kind(XAI, "xai"),
    "deepseek": Kind(DEEPSEEK, "deepseek", ModelSpec("", schema_mode="json")),
    "mistral": Kind(MISTRAL, "mistral"),
    "openrouter": Kind(OPENROUTER, "openrouter"),
    "llama.cpp": Kind(LLAMA, "llamacpp", ModelSpec("", tools=False, temperature=0.7)),
    "bare": Kind(BARE, spec=ModelSpec("", tools=False, schema_mode="prompt")),
}


@dataclass
class ChatWorld:
    """An endpoint of one kind, and a model at it."""

    api: ChatApi
    url: str
    model: OpenAICompatible


OF_ENDPOINT = {one.name for one in fields(ModelEndpoint)}


@asynccontextmanager
async def world_of(kind: str = "openai", **changes: Any) -> AsyncGenerator[ChatWorld]:
    """Open an endpoint and a model at it; `price` is the operator's, the rest changes the spec."""
    price = changes.pop("price", RATES)
    changes |= {"price": changes.pop("spec_price", None)}
    timeout = changes.pop("read_timeout", 30.0)
    endpoint = KINDS[kind].endpoint
    if endpoint.api_key is not None:
        endpoint = replace(endpoint, api_key=KEY)
    api = ChatApi(endpoint)
    with serve(api) as url:
        endpoint_changes = {key: changes.pop(key) for key in OF_ENDPOINT & changes.keys()}
        spec = replace(KINDS[kind].spec, **changes)
        spec = with_endpoint(spec, base_url=f"{url}/v1", **endpoint_changes)
        key = endpoint.api_key
        model = OpenAICompatible(spec, api_key=key, price=price, read_timeout=timeout)
        try:
            yield ChatWorld(api, url, model)
        finally:
            await model.aclose()


async def failure(model: OpenAICompatible, request: ModelRequest = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.generate(request)
    return caught.value
