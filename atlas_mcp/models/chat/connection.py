"""The client library's client for one address with one key.

Owns the creation of the client. A key goes to no address but the one that it was configured for,
and gets into no repr and no log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from typing_extensions import override

from atlas_mcp.models.call_slots import OnFirstUse
from atlas_mcp.models.prices import load_prices
from atlas_mcp.models.traits import RefusedFeatures
from atlas_mcp.models.wire.client_names import ClientNames
from atlas_mcp.models.wire.connections import Route

if TYPE_CHECKING:
    import openai

OWN_ADDRESS = "https://api.openai.com/v1"
"""The address of OpenAI's API. Source: its client (openai 3.57)."""

NAMES = ClientNames(
    loggers=("openai",),
    plain_headers=frozenset({"openai-beta"}),
    found_attributes=("organization", "project", "admin_api_key", "webhook_secret"),
    header_variables={
        "openai-organization": "OPENAI_ORG_ID",
        "openai-project": "OPENAI_PROJECT_ID",
    },
)
"""The names in the client library. Source: openai 3.57 (`lib/_client_auth.py`)."""

_NO_KEY = "none"
"""A placeholder for a missing key; it is never sent."""


class ChatConnection:
    """The client library's client, made on first use, for all models behind one address and key.

    Args:
        base_url: The address that an entry or a preset names; it gets `api_key`, and nothing else.
            `None` for OpenAI's own, which also gets the environment's settings for OpenAI.
        api_key: The key; `None` for an endpoint that needs none.
        own_address: The address that the environment sets for OpenAI's API.

    Attributes:
        learnt: The features that the endpoint has refused.
    """

    def __init__(
        self, base_url: str | None, api_key: str | None, own_address: str | None = None
    ) -> None:
        self.route = Route(base_url, api_key, own_address or OWN_ADDRESS, names=NAMES)
        self.learnt = RefusedFeatures()
        self._made = OnFirstUse(lambda: anyio.to_thread.run_sync(self._make))

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def client(self) -> openai.AsyncOpenAI:
        """Return the client, made on the first use, as its import takes a while.

        Raises:
            RouteClosed: No call can take the route.
        """
        return await self._made.get()

    def headers(self) -> dict[str, Any]:
        """Return the headers of a call: without a key, they drop the client's `Authorization`."""
        import openai

        return {"Authorization": openai.Omit()} if self.route.api_key is None else {}

    async def aclose(self) -> None:
        """Close the client's connections. No call may follow."""
        await self._made.aclose()

    def _make(self) -> openai.AsyncOpenAI:
        import openai

        load_prices()
        # Before `target`: `client_options` refuses an invalid address.
        http_client = openai.DefaultAsyncHttpxClient(**self.route.client_options())
        address, query = self.route.target()
        client = openai.AsyncOpenAI(
            api_key=self.route.api_key or _NO_KEY,
            base_url=address,
            default_query=query,
            max_retries=0,
            http_client=http_client,
        )
        self.route.settle(client)
        return client
