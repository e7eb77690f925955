"""Connections to one endpoint: each call gets its own, the most recently used of the free ones.

The HTTP library's pool scans all of its connections, and asks the system about each idle one,
whenever a call begins or ends: with a thousand calls in flight that took longer than the calls' own
work. So each pool here has one connection, and the free ones are taken from the end of a list.
"""

from __future__ import annotations

import logging
import math
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import anyio
import httpx2
from typing_extensions import override

from atlas_mcp.closing import close_all, last_act
from atlas_mcp.models.wire.proxies import socks_fault

logger = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
"""Seconds for which a connection is kept without a call, as some servers close idle ones so soon.
Source: the default of the HTTP library (httpx2 2.16)."""

CLOSE_SECONDS = 2.0
"""Seconds in which a connection must be closed. Our own choice: it is closed at once, unless the
other end of a TLS connection does not answer."""

_KEEP_ALIVE = (
    ("SO_KEEPALIVE", socket.SOL_SOCKET, 1),
    ("TCP_KEEPIDLE", socket.IPPROTO_TCP, 60),
    ("TCP_KEEPALIVE", socket.IPPROTO_TCP, 60),
    ("TCP_KEEPINTVL", socket.IPPROTO_TCP, 60),
    ("TCP_KEEPCNT", socket.IPPROTO_TCP, 5),
)
"""Socket options that make the system detect a dead peer, as the vendors' own clients set them: a
reply may be silent for minutes. Options that a system lacks are left out."""

ONE_CONNECTION = httpx2.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS
)


def socket_options() -> list[tuple[int, int, int]]:
    """Return the socket options of a new connection, as level, option and value."""
    return [
        (level, getattr(socket, name), value)
        for name, level, value in _KEEP_ALIVE
        if hasattr(socket, name)
    ]


class _Network(Protocol):
    """The network stream of an answer, as the HTTP library exposes it."""

    def get_extra_info(self, info: str) -> Any: ...


class _Idle(NamedTuple):
    """A transport whose connection is free, and the time since when it is."""

    transport: httpx2.AsyncBaseTransport
    since: float
    network: _Network | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the connection is closed.

        Without a request, a server sends nothing but its end, so a readable one is closed.
        """
        if self.network is None:
            return False
        try:
            return bool(self.network.get_extra_info("is_readable"))
        except (OSError, ValueError, LookupError):
            # The connection is closed on this side, as after an aborted call.
            return True


class Lanes(httpx2.AsyncBaseTransport):
    """A transport that gives each request a connection, reused once the answer is closed.

    It opens no more connections than there were requests at the same time.

    Args:
        make: Makes a transport of one connection.
        idle: Connections that are kept open without a request.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport], *, idle: int) -> None:
        self._make = make
        self._most = idle
        # The first transport is made with the client: its errors are not those of a call, and the
        # library that it imports has its loggers when `guard_logs` looks for them.
        first = make()
        self._idle = deque([_Idle(first, math.inf)])
        self._open: set[httpx2.AsyncBaseTransport] = {first}

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make a request over the most recently used of the free connections."""
        transport = self._idle.pop().transport if self._idle else self._make()
        self._open.add(transport)
        try:
            response = await transport.handle_async_request(request)
        except BaseException as error:
            # The transport has closed its failed connection already, so this does not wait.
            await self._close(transport)
            if (fault := socks_fault(error)) is not None:
                raise httpx2.ProxyError(fault) from error
            raise
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream), "an asynchronous transport"
        network = response.extensions.get("network_stream")
        response.stream = _Held(stream, lambda: self._give_back(transport, network))
        return response

    async def close_idle(self) -> None:
        """Close the connections that were idle for too long, or were closed by the server.

        A connection that cannot be closed is logged.
        """
        old = self._take_old(anyio.current_time())
        kept = deque[_Idle]()
        for one in self._idle:
            if one.is_gone:
                old.append(one.transport)
            else:
                kept.append(one)
        self._idle = kept
        try:
            await close_all(partial(self._close, transport) for transport in old)
        except (OSError, anyio.BrokenResourceError, httpx2.HTTPError) as error:
            logger.info("an idle connection could not be closed: %s", type(error).__name__)

    @override
    async def aclose(self) -> None:
        """Close all connections, also those in use."""
        self._idle.clear()
        opened, self._open = self._open, set()
        await close_all(transport.aclose for transport in opened)

    async def _give_back(
        self, transport: httpx2.AsyncBaseTransport, network: _Network | None
    ) -> None:
        """Keep a connection for the next request, and close those that are too many or too old."""
        if transport not in self._open:
            return
        now = anyio.current_time()
        self._idle.append(_Idle(transport, now, network))
        for old in self._take_old(now):
            await self._close(old)

    def _take_old(self, now: float) -> list[httpx2.AsyncBaseTransport]:
        """Take the connections that are too many or too old off the list, and return them."""
        found: list[httpx2.AsyncBaseTransport] = []
        while self._idle and (
            len(self._idle) > self._most or now - self._idle[0].since > IDLE_SECONDS
        ):
            found.append(self._idle.popleft().transport)
        return found

    async def _close(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._open.discard(transport)
        with last_act("closing a connection", CLOSE_SECONDS):
            await transport.aclose()


class _Held(httpx2.AsyncByteStream):
    """The body of an answer, whose connection is free once the body is closed.

    Args:
        stream: The body as the transport returned it.
        give_back: Called once, after the stream is closed.
    """

    def __init__(
        self, stream: httpx2.AsyncByteStream, give_back: Callable[[], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._give_back: Callable[[], Awaitable[None]] | None = give_back

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    @override
    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        try:
            await self._stream.aclose()
        finally:
            if give_back is not None:
                await give_back()
