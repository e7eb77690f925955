"""Connections to one endpoint: each call has one of its own, the one that was used last.

The HTTP library's pool looks at all of its connections, and asks the system after each idle one,
whenever a call begins or ends: with a thousand in flight that took longer than the calls' own
work. So a pool here has one connection, and finding a free one is a look at the end of a list.
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
"""Seconds for which a connection is kept without a call: servers close idle ones after as few.
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
"""Have the system find out when the other end is gone, as the vendors' own clients have it: a reply
may be silent for minutes. What a system lacks is left out."""

ONE_CONNECTION = httpx2.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS
)


def socket_options() -> list[tuple[int, int, int]]:
    """Return what a connection is made with."""
    return [
        (level, getattr(socket, name), value)
        for name, level, value in _KEEP_ALIVE
        if hasattr(socket, name)
    ]


class _Network(Protocol):
    """A connection, as the HTTP library shows the one of an answer."""

    def get_extra_info(self, info: str) -> Any: ...


class _Idle(NamedTuple):
    """A transport whose connection no call has, and since when."""

    transport: httpx2.AsyncBaseTransport
    since: float
    network: _Network | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it is closed: by the other end, which says nothing else without a request."""
        if self.network is None:
            return False
        try:
            return bool(self.network.get_extra_info("is_readable"))
        except (OSError, ValueError, LookupError):
            # It is closed on this side, as that of a call that was aborted is.
            return True


class Lanes(httpx2.AsyncBaseTransport):
    """A transport that gives each request one of its own, used again once the answer is closed.

    It opens no more connections than it had requests at once.

    Args:
        make: Makes a transport of one connection.
        idle: Connections that are kept open without a request.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport], *, idle: int) -> None:
        self._make = make
        self._most = idle
        # The first is made with the client: what is wrong with it is no fault of a call, and the
        # library that it loads is there when logs are guarded.
        first = make()
        self._idle = deque([_Idle(first, math.inf)])
        self._open: set[httpx2.AsyncBaseTransport] = {first}

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make a request over the connection that was used last of those that are free."""
        transport = self._idle.pop().transport if self._idle else self._make()
        self._open.add(transport)
        try:
            response = await transport.handle_async_request(request)
        except BaseException as error:
            # It has closed what failed already: nothing is waited for.
            await self._close(transport)
            if (said := socks_fault(error)) is not None:
                raise httpx2.ProxyError(said) from error
            raise
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream), "a transport that waits for nobody"
        network = response.extensions.get("network_stream")
        response.stream = _Held(stream, lambda: self._give_back(transport, network))
        return response

    async def close_idle(self) -> None:
        """Close the connections that had no request for too long, or were closed at the other end.

        One that cannot be closed is told in the log.
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
        """Close all connections, also those that have a request."""
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
        """Return the connections that are too many or too old; no request gets one of them."""
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
    """The body of an answer, whose connection is free once it is closed.

    Args:
        stream: What comes over it.
        give_back: Called once, after it is closed.
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
