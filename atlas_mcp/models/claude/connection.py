"""The vendor's client for one address with one key.

Owns the creation of the client, and the rule for the credentials that it may find by itself. No key
gets into a repr or a log.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio.to_thread
from typing_extensions import override

from atlas_mcp.addresses import is_same_origin
from atlas_mcp.models.call_slots import OnFirstUse
from atlas_mcp.models.prices import load_prices
from atlas_mcp.models.traits import RefusedFeatures
from atlas_mcp.models.wire.client_names import ClientNames
from atlas_mcp.models.wire.connections import Route, RouteClosed

if TYPE_CHECKING:
    import anthropic

OWN_ADDRESS = "https://api.anthropic.com"
"""The address of the Messages API. Source: the vendor's client (anthropic 2.12.0)."""

NAMES = ClientNames(
    loggers=("anthropic",),
    plain_headers=frozenset({"anthropic-beta", "anthropic-version"}),
    kept_headers={"anthropic-version": re.compile(r"[0-9-]*[0-9][0-9-]*")},
    found_attributes=("webhook_key",),
)
"""The names in the vendor's client. Source: anthropic 2.14 (`_client.py`)."""

NO_KEY = (
    "no credentials: set the environment variable `ANTHROPIC_API_KEY` "
    "(https://platform.claude.com/settings/keys)"
)


class NoCredentialsError(Exception):
    """Neither an argument nor the environment nor a profile gives a key."""


class ClaudeConnection:
    """The vendor's client, made on first use, for all models behind one address and key.

    Importing the client takes a second, so it happens in a worker thread.

    Attributes:
        learnt: The features that the API, or a gateway before it, has refused.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        own_address: str | None = None,
        key_variable: str | None = None,
    ) -> None:
        """Remember how to connect.

        Args:
            base_url: The address that an entry names. It gets `api_key`, and nothing else.
            api_key: The key; without one the client uses the environment's credentials, unless an
                entry names the address.
            own_address: The address that the environment sets for the API.
            key_variable: The variable that an entry names for its key.
        """
        # The vendor's own address refuses a key in the header in which gateways expect theirs.
        by_vendor = base_url is not None and is_same_origin(base_url, OWN_ADDRESS)
        self.route = Route(
            _root(base_url),
            api_key,
            _root(own_address) or OWN_ADDRESS,
            key_header="x-api-key" if by_vendor else "authorization",
            key_variable=key_variable,
            names=NAMES,
        )
        self.learnt = RefusedFeatures()
        self._own_address = _root(own_address)
        self._made = OnFirstUse(lambda: anyio.to_thread.run_sync(self._make))

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def client(self) -> anthropic.AsyncAnthropic:
        """Return the client, making it if this is the first use."""
        return await self._made.get()

    async def aclose(self) -> None:
        """Close the client's connections. No call may follow."""
        await self._made.aclose()

    def _make(self) -> anthropic.AsyncAnthropic:
        import anthropic

        load_prices()
        route = self.route
        if route.base_url is not None and route.api_key is None:
            raise NoCredentialsError
        # Before `target`: `client_options` refuses an invalid address.
        http_client = anthropic.DefaultAsyncHttpxClient(**route.client_options())
        named = route.base_url or self._own_address
        address, query = (None, None) if named is None else route.target()
        try:
            client = anthropic.AsyncAnthropic(
                api_key=route.api_key,
                base_url=address,
                default_query=query,
                max_retries=0,
                http_client=http_client,
            )
        except anthropic.CredentialsError as error:
            raise NoCredentialsError from error
        except RuntimeError as error:
            raise RouteClosed(
                "there is no home folder in which Anthropic's client could look for a profile; set "
                "`ANTHROPIC_API_KEY`, or HOME"
            ) from error
        if not client.base_url.host:
            # This client does not treat a variable that is set but empty as unset; all others do.
            client.base_url = OWN_ADDRESS
        if not _has_credentials(client):
            raise NoCredentialsError
        route.settle(client)
        return client


def _has_credentials(client: anthropic.AsyncAnthropic) -> bool:
    # Checked before the first call: without credentials, the client raises a bare TypeError then.
    if client.api_key or client.auth_token or client.credentials:
        return True
    names = {name.lower() for name in client.default_headers}
    return not names.isdisjoint({"authorization", "x-api-key"})


def _root(base_url: str | None) -> str | None:
    """Return an address without the `/v1` that the client adds itself."""
    return None if base_url is None else base_url.rstrip("/").removesuffix("/v1")
