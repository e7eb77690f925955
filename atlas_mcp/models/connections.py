"""The way to one address with one key, whichever vendor's client takes it.

Owns the one rule for what of the environment reaches which address; that no redirect leaves its
origin; which proxy is used; and what is known of a key: calls that would be refused for it are not
made. An address that an entry names is sent what the entry names, and nothing else. Where no entry
names one, the address is the environment's own and gets what the environment holds for it.
"""

from __future__ import annotations

import ssl
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import anyio

from atlas_mcp.addresses import (
    endpoint_address,
    is_same_origin,
    is_this_machine,
    place_of,
    query_of,
)
from atlas_mcp.environment import clean_key, key_fault
from atlas_mcp.system import raise_open_files

if TYPE_CHECKING:
    import httpx2

IDLE_CONNECTIONS = 16
"""Connections kept open between calls. The pool looks at every idle one for each call it begins or
ends, so the vendors' hundreds cost more than the reconnects they save: a run has few calls open."""

IDLE_WHERE_FILES_ARE_FEW = 2
"""The same where the process may open fewer than `MANY_FILES` files: calls need them."""

MANY_FILES = 2_000

LOOK_TIMEOUT = 5.0
"""Seconds in which an endpoint must say whether it has a model. Our own choice: a person waits."""

FIRST_ANSWER = 0.3
"""Seconds for which other calls wait for the first answer to a key: one that is refused is refused
once. Our own choice: vendors refuse a key within a few hundred milliseconds, and nobody should wait
longer for those that do not."""

REFUSED_FOR = 60.0
"""Seconds for which a refused key, or an account without credit, is not tried again. Our own
choice: credit is added within a minute, and a call of the same run never helps."""

_OWN_NAMES = frozenset({"host", "content-length", "transfer-encoding", "x-stainless-raw-response"})
"""Headers of a single request, not of the environment; the last is the client library's own note
to itself."""

_PLAIN_NAMES = _OWN_NAMES | {
    "accept",
    "accept-encoding",
    "anthropic-version",
    "connection",
    "content-type",
    "user-agent",
}
"""Headers that hold nothing to keep to oneself."""

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")

_TELLS_OF_THE_KEY = frozenset({400, 401, 402, 403, 429})
"""Statuses that may mean a refused key or an empty account: whoever reads the body knows."""


class WayClosed(Exception):
    """A call that is not made, or not gone on with.

    Attributes:
        message: Why, in words for a person, with what to do.
        requests: Requests that were made all the same.
        request_id: The vendor's id of the call that gave the reason.
    """

    def __init__(self, message: str, *, requests: int = 0, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.requests = requests
        self.request_id = request_id


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str


@dataclass(slots=True, repr=False)
class Way:
    """One address with one key, for all calls that go there.

    Args:
        base_url: The address that an entry names; `None` for the environment's own.
        api_key: The key that is shown there; `None` for whatever the vendor's client finds, or at
            an entry's address for none.
        own: Where the environment's own address is.
    """

    base_url: str | None
    api_key: str | None
    own: str
    _account: _Account = field(init=False, default_factory=lambda: _Account())

    @property
    def address(self) -> str:
        """Where calls go."""
        return self.base_url or self.own

    @property
    def place(self) -> str:
        """Where calls go, as people are told it."""
        return place_of(self.address)

    def check(self) -> None:
        """Refuse a way that no call can take.

        Raises:
            WayClosed: The address, the key or the proxy cannot be used.
        """
        try:
            endpoint_address(self.address)
        except ValueError as error:
            raise WayClosed(f"base_url {error}") from None
        fault = None if self.api_key is None else key_fault(clean_key(self.api_key))
        if fault is not None:
            raise WayClosed(f"the API key {fault}")
        proxy = proxy_of(self.address)
        if proxy is not None:
            check_proxy(proxy)
        if self._by_tls(proxy):
            tls()

    def by_proxy(self) -> str:
        """Return through which proxy calls go, as the end of a phrase; empty where through none."""
        proxy = proxy_of(self.address)
        return "" if proxy is None else f" through the proxy that {proxy.variable} names"

    def target(self) -> tuple[str, dict[str, str]]:
        """Return the address without its query, and the query that every call gets.

        Raises:
            WayClosed: The address, the key, the proxy or the certificates cannot be used.
        """
        self.check()
        return query_of(self.address)

    def client_options(self) -> dict[str, Any]:
        """Return what an HTTP client that goes this way is made with.

        Raises:
            WayClosed: The address, the key, the proxy or the certificates cannot be used.
        """
        from atlas_mcp.models.bounded import request_hooks, response_hooks

        self.check()
        proxy = proxy_of(self.address)
        return {
            "limits": limits(),
            "proxy": None if proxy is None else proxy.url,
            # The certificates take a while to load, and may be missing where nobody needs them.
            "verify": tls() if self._by_tls(proxy) else _trusting_nobody(),
            "trust_env": False,
            "follow_redirects": True,
            "event_hooks": {
                "request": [self._before, *request_hooks()],
                "response": [self._after, *response_hooks()],
            },
        }

    async def enter(self, model: str) -> None:
        """Wait until a call may be made: until the first one has told whether the key is taken.

        Raises:
            WayClosed: The call would be refused, as another was not long ago.
        """
        await self._account.enter(model)

    def refused(self, message: str, request_id: str | None, *, model: str | None) -> None:
        """Take note that further calls would be refused too.

        Args:
            message: What such calls are told.
            request_id: The vendor's id of the call that was refused.
            model: The model that the account has no credit for; `None` where it is the key that is
                refused, and so every call with it.
        """
        self._account.refuse(WayClosed(message, request_id=request_id), model)

    def answered(self) -> None:
        """Take note of a call that has ended, and said nothing of the key."""
        self._account.release()

    def _by_tls(self, proxy: Proxy | None) -> bool:
        addresses = (self.address,) if proxy is None else (self.address, proxy.url)
        return any(urlsplit(address).scheme == "https" for address in addresses)

    async def _before(self, request: httpx2.Request) -> None:
        """Dress a request for its address."""
        _dress(request, self.api_key, named=self.base_url is not None)

    async def _after(self, response: httpx2.Response) -> None:
        """Take note of a key that is accepted, and refuse to be sent elsewhere."""
        if response.status_code < 300:
            self._account.accept()
        elif response.status_code not in _TELLS_OF_THE_KEY:
            self._account.release()
        if response.has_redirect_location:
            check_redirect(response)


@dataclass(slots=True)
class _Account:
    """What is known of a key at its address: nothing, that it is accepted, or that it is not."""

    _accepted: bool = False
    _first: anyio.Event | None = None
    _refusals: dict[str | None, tuple[WayClosed, float]] = field(
        default_factory=dict[str | None, tuple[WayClosed, float]]
    )

    async def enter(self, model: str) -> None:
        """Wait for the first answer to the key, if it is being asked for.

        Raises:
            WayClosed: The key, or the model with it, was refused not long ago.
        """
        self._check(model)
        if self._accepted:
            return
        if self._first is None or self._first.is_set():
            self._first = anyio.Event()
            return
        with anyio.move_on_after(FIRST_ANSWER):
            await self._first.wait()
        self._check(model)

    def accept(self) -> None:
        self._accepted = True
        self.release()

    def refuse(self, refusal: WayClosed, model: str | None) -> None:
        # A key that was accepted before is believed to be refused when it is so twice in a row.
        if model is not None or not self._accepted:
            self._refusals[model] = (refusal, anyio.current_time() + REFUSED_FOR)
        if model is None:
            self._accepted = False
        self.release()

    def release(self) -> None:
        if self._first is not None:
            self._first.set()

    def _check(self, model: str) -> None:
        for known in (None, model):
            refusal, until = self._refusals.get(known, (None, 0.0))
            if refusal is not None and anyio.current_time() < until:
                raise WayClosed(refusal.message, request_id=refusal.request_id)


def limits() -> httpx2.Limits:
    """Return how many connections one client opens and keeps."""
    import httpx2

    many = raise_open_files() >= MANY_FILES
    idle = IDLE_CONNECTIONS if many else IDLE_WHERE_FILES_ARE_FEW
    return httpx2.Limits(
        max_connections=1_000, max_keepalive_connections=idle, keepalive_expiry=5.0
    )


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the certificate authorities that are trusted. Loading them takes 35 ms a time.

    Raises:
        WayClosed: They cannot be read.
    """
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise WayClosed(
            "the certificates cannot be loaded: SSL_CERT_FILE names no file of "
            "certificates that can be read; correct it, or unset it"
        ) from error


@lru_cache(maxsize=1)
def _trusting_nobody() -> ssl.SSLContext:
    """Return what is enough for plain HTTP, and lets nothing else through."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(address: str) -> Proxy | None:
    """Return the proxy that the environment sets before an address; none before this machine."""
    from urllib.request import getproxies, proxy_bypass

    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = parts.hostname or ""
    if is_this_machine(host):
        return None
    found = getproxies()
    for scheme in (parts.scheme, "all"):
        if url := found.get(scheme):
            if proxy_bypass(parts.netloc) or _in_a_network(host, found.get("no", "")):
                return None
            return Proxy(url if "://" in url else f"http://{url}", f"{scheme.upper()}_PROXY")
    return None


def check_proxy(proxy: Proxy) -> None:
    """Refuse a proxy that cannot be used.

    Raises:
        WayClosed: The message names the variable.
    """
    known = ", ".join(f"{one}://HOST:PORT" for one in _PROXY_SCHEMES)
    unusable = WayClosed(f"{proxy.variable} names no proxy that can be used: it takes {known}")
    try:
        parts = urlsplit(proxy.url)
        scheme = parts.scheme
        # Without the name and the password that a proxy's address may have.
        host = parts.netloc.rpartition("@")[2]
        endpoint_address(f"http://{host}")
    except ValueError:
        raise unusable from None
    if scheme not in _PROXY_SCHEMES:
        raise unusable
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise WayClosed(
            f"{proxy.variable} names a SOCKS proxy, and the package that it needs is not "
            "installed: install `socksio` beside this one, or name an HTTP proxy"
        )


def check_redirect(response: httpx2.Response) -> None:
    """Refuse a redirect that leaves its origin, or that would make another request of a call.

    Raises:
        WayClosed: The message says where it leads, by scheme and host alone.
    """
    import httpx2

    status = f"status {response.status_code}"
    try:
        target = response.url.join(response.headers["location"])
    except httpx2.InvalidURL:
        raise WayClosed(
            f"the endpoint sends calls on to what is no address ({status}); check base_url",
            requests=1,
        ) from None
    if not is_same_origin(str(target), str(response.url)):
        raise WayClosed(
            f"the endpoint sends calls on to {place_of(str(target))} ({status}), which was not "
            "followed: no entry names it; if it is right, make it the base_url, and if not, a "
            "proxy or a login page of your network answered",
            requests=1,
        )
    if response.status_code in {301, 302, 303} and response.request.method not in {"GET", "HEAD"}:
        raise WayClosed(
            f"the endpoint has moved within {place_of(str(target))} ({status}); correct base_url",
            requests=1,
        )


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the headers of a request hold that nobody else may read."""
    found: list[str] = []
    for name, value in headers.items():
        lowered = name.lower()
        if lowered in _PLAIN_NAMES or lowered.startswith("x-stainless-"):
            continue
        found.append(value)
        scheme, _, token = value.partition(" ")
        if token:
            found.append(token)
        if scheme.lower() == "basic":
            found += _login(token)
    return tuple(found)


def _login(token: str) -> list[str]:
    try:
        login = b64decode(token, validate=True).decode()
    except ValueError:
        return []
    return [login, *login.split(":", 1)]


def _dress(request: httpx2.Request, api_key: str | None, *, named: bool) -> None:
    """Give a request the headers that its address may have.

    Args:
        request: The request, as the vendor's client made it out of all it found.
        api_key: The key that is shown there.
        named: Whether an entry names the address. Then the headers are made here: the client's may
            come from the environment, under any name.
    """
    import httpx2

    if not named:
        for name in ("authorization", "x-api-key"):
            if value := request.headers.get(name):
                scheme, space, key = value.partition(" ")
                request.headers[name] = (
                    f"{scheme} {clean_key(key)}" if space and key else clean_key(value)
                )
        return
    kept = {name: request.headers[name] for name in _OWN_NAMES if name in request.headers}
    version = request.headers.get("anthropic-version", "")
    if version.replace("-", "").isdigit():
        kept["anthropic-version"] = version
    kept["host"] = request.url.netloc.decode("ascii")
    kept |= {
        "accept": "application/json",
        "connection": "keep-alive",
        "content-type": "application/json",
        "user-agent": "atlas-mcp",
    }
    if api_key is not None:
        key = clean_key(api_key)
        kept["authorization"] = key if key.lower().startswith("basic ") else f"Bearer {key}"
    request.headers = httpx2.Headers(kept)


def _in_a_network(host: str, no_proxy: str) -> bool:
    """Return whether an address stands in one of the networks that no proxy is for."""
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    for one in no_proxy.split(","):
        try:
            if "/" in one and ip in ip_network(one.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
