"""The connections of HTTP clients, none of which holds up the others or stays for nothing.

Owns the bounds below a request: how much of what a client sent is read in one turn of the event
loop, how long it may take for the head of a request, and how long for reading an answer. The
contents of a request are the business of the application.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import h11
from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from uvicorn.server import ServerState

PARTS_A_TURN = 16
"""Parts of requests, such as chunks of a body, that are read of one connection in one turn of the
event loop: a fifth of a millisecond. One read from a socket can hold 50,000."""

PATIENCE_SECONDS = 15.0
"""Seconds in which the head of a request arrives, and in which a client reads something."""

LEAST_READ_BYTES = 16_384
"""Bytes of an answer that a client reads at least in that time, unless fewer are left."""


class Connection(H11Protocol):
    """One connection, as uvicorn serves it, within our bounds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = self._parts = _Parts(h11.SERVER)
        self._on_lost = on_lost
        self._waiting: Any = None
        self._unread = 0

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = self._reading = _Flow(transport)
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._on_lost()

    @override
    def handle_events(self) -> None:
        self._parts.begin_turn()
        super().handle_events()
        if not self.transport.is_closing():
            if self._parts.has_more:
                self._reading.hold()
                self.loop.call_soon(self._go_on)
            else:
                self._reading.let_go()
        self._watch()

    def _go_on(self) -> None:
        if not self.transport.is_closing():
            self.handle_events()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def send_400_response(self, msg: str) -> None:
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            # It has its answer already.
            self.transport.close()

    @override
    def shutdown(self) -> None:
        try:
            super().shutdown()
        except h11.LocalProtocolError:
            self.transport.close()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch()

    def _watch(self) -> None:
        """Wait for the client, if it is its turn, for a time that is bounded."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        served = cycle is not None and not cycle.response_complete
        if served and not self.flow.write_paused and not self.transport.is_closing():
            self._stop_waiting()
        elif self._waiting is None:
            self._unread = self.transport.get_write_buffer_size()
            self._waiting = self.loop.call_later(PATIENCE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        """Cut the connection, unless its client still reads what it was sent."""
        self._waiting = None
        left = self.transport.get_write_buffer_size()
        if 0 < left <= self._unread - LEAST_READ_BYTES:
            self._watch()
        else:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _Parts(h11.Connection):
    """Gives a few parts of requests in one turn.

    Attributes:
        has_more: Whether there may be more in what has been received.
    """

    def __init__(self, our_role: type[h11.SERVER]) -> None:
        super().__init__(our_role)
        self._given = 0
        self.has_more = False

    def begin_turn(self) -> None:
        self._given = 0
        self.has_more = False

    @override
    def next_event(self) -> Any:
        if self._given >= PARTS_A_TURN:
            self.has_more = True
            return h11.NEED_DATA
        self._given += 1
        return super().next_event()


class _Flow(FlowControl):
    """Reads nothing more while there are parts that have not been looked at."""

    def __init__(self, transport: Any) -> None:
        super().__init__(transport)
        self._held = False
        self._wanted = True

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self._wanted = not self.read_paused
        # uvicorn lets its transport read on without asking here, when a request has ended.
        self.read_paused = True
        self._transport.pause_reading()

    def let_go(self) -> None:
        if self._held:
            self._held = False
            if self._wanted:
                super().resume_reading()

    @override
    def pause_reading(self) -> None:
        if self._held:
            self._wanted = False
        else:
            super().pause_reading()

    @override
    def resume_reading(self) -> None:
        if self._held:
            self._wanted = True
        else:
            super().resume_reading()
