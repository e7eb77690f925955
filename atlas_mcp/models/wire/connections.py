"""The route to one address with one key, for the clients of all vendors.

Owns the one rule for which keys and headers reach which address. An address that an entry names
gets the key that the entry names, and nothing from the environment. Where no entry names an
address, calls go to the environment's own, with all keys and headers that the environment sets.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from atlas_mcp.addresses import (
    endpoint_address,
    place_of,
    query_of,
)
from atlas_mcp.config.keys import clean_key, key_fault
from atlas_mcp.errors import ModelError
from atlas_mcp.models.wire.accounts import Account, RouteClosed
from atlas_mcp.models.wire.client_names import NO_NAMES, ClientNames
from atlas_mcp.models.wire.headers import KEY_HEADERS, dress, read_as_text, sendable
from atlas_mcp.models.wire.masking import Secrets, guard_logs
from atlas_mcp.models.wire.proxies import Proxy, check_proxy, proxy_of, tls, without_authorities
from atlas_mcp.models.wire.redirects import check_redirect
from atlas_mcp.models.wire.trips import CURRENT_TRIP, Trip, note_sent
from atlas_mcp.system.limits import open_files

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import httpx2

    from atlas_mcp.models.wire.lanes import Lanes

MOST_IDLE = 256
"""Connections of one address that are kept open between calls. Our own choice."""

FILES_AN_IDLE_ONE = 64
"""Descriptors that the process must have for each idle connection, since calls need them more."""

LOOK_TIMEOUT = 5.0
"""Seconds in which an endpoint must answer whether it has a model. Our own choice: a person waits
for it."""

_TELLS_OF_THE_KEY = frozenset({400, 401, 402, 403, 429})
"""Statuses that may mean a refused key or an empty account, as `models.wire.failures` decides from
the body."""


class VendorClient(Protocol):
    """The interface that the vendors' clients have in common.

    Attributes:
        _custom_headers: The headers of the vendor's variable of custom headers; no argument of a
            client leaves these out.
    """

    _custom_headers: Mapping[str, str]

    @property
    def default_headers(self) -> Mapping[str, Any]:
        """The headers of every request."""
        ...


@dataclass(slots=True, repr=False)
class Route:
    """One address with one key, for all calls that go there.

    Args:
        base_url: The address that an entry names; `None` for the environment's own.
        api_key: The key that is sent there. `None` for the credentials that the vendor's client
            finds, or for no key at the address of an entry.
        own: The address that the environment sets, or the vendor's usual one.
        key_header: The header in which an address that an entry names expects its key.
        key_variable: The variable that holds the key; `None` if no entry names one.
        names: The names of the vendor's client library.

    Attributes:
        secrets: The secrets that were sent on this route.
        is_open: Whether the address has ever sent a response.
    """

    base_url: str | None
    api_key: str | None
    own: str
    key_header: str = "authorization"
    key_variable: str | None = None
    names: ClientNames = NO_NAMES
    secrets: Secrets = field(init=False)
    is_open: bool = field(init=False, default=False)
    _guarded: bool = field(init=False, default=False)
    _account: Account = field(init=False, default_factory=Account)
    _lanes: list[Lanes] = field(init=False, default_factory=list["Lanes"])

    def __post_init__(self) -> None:
        self.secrets = Secrets(self.names.plain_headers)
        if self.api_key is not None:
            self.secrets.add(clean_key(self.api_key))

    @property
    def address(self) -> str:
        """The address to which calls go."""
        return self.base_url or self.own

    @property
    def place(self) -> str:
        """The address to which calls go, in the form for messages."""
        return place_of(self.address)

    def check(self) -> None:
        """Refuse a route that no call can take.

        Raises:
            RouteClosed: The address, the key or the proxy cannot be used.
        """
        try:
            endpoint_address(self.address)
        except ValueError as error:
            raise RouteClosed(f"base_url {error}") from None
        fault = None if self.api_key is None else key_fault(clean_key(self.api_key))
        if fault is not None:
            raise RouteClosed(f"the API key {fault}")
        proxy = proxy_of(self.address)
        if proxy is not None:
            check_proxy(proxy)
        if self._by_tls(proxy):
            tls()

    @property
    def proxy_variable(self) -> str | None:
        """The variable that names the proxy through which calls go; `None` for none."""
        proxy = proxy_of(self.address)
        return None if proxy is None else proxy.variable

    def by_proxy(self) -> str:
        """Return the proxy through which calls go, as the end of a phrase; empty if none."""
        variable = self.proxy_variable
        return "" if variable is None else f" through the proxy that {variable} names"

    def target(self) -> tuple[str, dict[str, str]]:
        """Return the address without its query, and the query that every call gets.

        Raises:
            RouteClosed: The address, the key, the proxy or the certificates cannot be used.
        """
        self.check()
        return query_of(self.address)

    def client_options(self) -> dict[str, Any]:
        """Return the arguments for an HTTP client that takes this route.

        Raises:
            RouteClosed: The address, the key, the proxy or the certificates cannot be used.
        """
        import httpx2

        from atlas_mcp.models.wire.bounded import request_hooks, response_hooks
        from atlas_mcp.models.wire.lanes import ONE_CONNECTION, Lanes, socket_options

        self.check()
        proxy = proxy_of(self.address)
        if proxy is not None:
            self.secrets.add_address(proxy.url)
        connect = partial(
            httpx2.AsyncHTTPTransport,
            proxy=None if proxy is None else proxy.url,
            # The certificates take a while to load, and may be missing where no TLS is used.
            verify=tls() if self._by_tls(proxy) else without_authorities(),
            trust_env=False,
            limits=ONE_CONNECTION,
            socket_options=socket_options(),
        )
        lanes = Lanes(connect, idle=_idle_connections())
        self._lanes.append(lanes)
        return {
            "transport": lanes,
            "trust_env": False,
            "follow_redirects": True,
            "event_hooks": {
                "request": [self._before, *request_hooks(note_sent)],
                "response": [self._after, *response_hooks()],
            },
        }

    async def close_idle(self) -> None:
        """Close the connections that had no call for too long."""
        for lanes in self._lanes:
            await lanes.close_idle()

    def settle(self, client: VendorClient) -> None:
        """Remove the environment's settings from a vendor's client, if an entry names the address.

        Args:
            client: The client, just made and before its first call.

        Raises:
            RouteClosed: The address is the environment's own, and a header that the environment
                sets for it cannot be sent.
        """
        if self.base_url is not None:
            # `dress` drops them too, but a header that cannot be sent would fail the call earlier.
            client._custom_headers = {}  # pyright: ignore[reportPrivateUsage] - see there
            for name in self.names.found_attributes:
                if getattr(client, name, None) is not None:
                    setattr(client, name, None)
            return
        for name, value in client.default_headers.items():
            known = name.lower()
            if known in KEY_HEADERS or not isinstance(value, str):
                continue
            if not sendable(name) or not sendable(value):
                variable = self.names.header_variables.get(known, "the variable of custom headers")
                raise RouteClosed(
                    f"{variable} in the environment holds a character that no header can have; "
                    "set it again, or unset it"
                )

    def calling(self, model: str) -> AbstractAsyncContextManager[None]:
        """Make one call in a block, after waiting for the first call with the key to be answered.

        Raises:
            RouteClosed: The key, or the model with it, was refused not long ago.
        """
        return self._account.calling(model)

    @contextmanager
    def trip(self) -> Generator[Trip]:
        """Make one call in a block, and remove the secrets from its errors.

        Raises:
            ModelError: The error of the block, without secrets.
        """
        trip = Trip(self.secrets)
        token = CURRENT_TRIP.set(trip)
        try:
            yield trip
        except ModelError as error:
            # Without its cause, which holds the endpoint's text with secrets in it.
            raise trip.failed(error) from None
        finally:
            CURRENT_TRIP.reset(token)

    def refused(self, message: str, request_id: str | None, *, model: str | None) -> None:
        """Record that further calls would be refused too.

        Args:
            message: The message of the error for such calls.
            request_id: The vendor's id of the call that was refused.
            model: The model that the account has no credit for; `None` if the key is refused, and
                so every call with it.
        """
        self._account.refuse(RouteClosed(message, request_id=request_id), model)

    def answered(self) -> None:
        """Record the end of a call that showed nothing about the key."""
        self._account.answered()

    def _by_tls(self, proxy: Proxy | None) -> bool:
        addresses = (self.address,) if proxy is None else (self.address, proxy.url)
        return any(urlsplit(address).scheme == "https" for address in addresses)

    async def _before(self, request: httpx2.Request) -> None:
        """Give a request the headers that its address may have."""
        named = self.base_url is not None
        dress(request, self.api_key, named=named, key_header=self.key_header, names=self.names)
        self.secrets.add_headers(request.headers)
        if not self._guarded:
            # Not sooner: only now are all modules imported whose loggers it must find.
            guard_logs(self.names.loggers)
            self._guarded = True

    async def _after(self, response: httpx2.Response) -> None:
        """Record an accepted key, and refuse redirects to another origin."""
        read_as_text(response)
        self.is_open = True
        if response.has_redirect_location:
            check_redirect(response)
            if trip := CURRENT_TRIP.get():
                trip.moves += 1
        elif response.status_code < 300:
            # A GET proves nothing about the key: some endpoints list their models without one.
            if response.request.method == "POST":
                self._account.accept()
        elif response.status_code not in _TELLS_OF_THE_KEY:
            self._account.answered()


def _idle_connections() -> int:
    """Return how many connections one client keeps."""
    files = open_files()
    return MOST_IDLE if files is None else min(MOST_IDLE, files // FILES_AN_IDLE_ONE)
