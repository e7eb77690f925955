"""A call whose reply arrives: from the first byte of the answer to the reply that is handed on.

Owns the treatment of an answer that both adapters share: a whole reply is handed on even if the
call is cancelled or the connection breaks after it, large replies are assembled off the event loop,
progress is reported, and an answer that is no reply becomes an error. It never interprets events;
the adapters do.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio

from atlas_mcp.atlas.messages import Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.failures import FallibleCall
from atlas_mcp.models.wire.json_events import LARGE_BYTES, Event
from atlas_mcp.models.wire.reading import read_body
from atlas_mcp.models.wire.refusals import page_of, page_text, reason_of
from atlas_mcp.off_loop import surely_off_loop

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds to open a connection. Twice the vendors' clients' default (5 s, anthropic 2.12.0 and
openai 3.57), as several calls open theirs at once."""

WRITE_TIMEOUT = 60.0
"""Seconds without progress in sending a request. Our own choice: a request with images is several
megabytes and uplinks are slow."""

CHARACTERS_PER_TOKEN = 4
"""Characters that count as one token while a reply grows. Our own choice: the usual rule of thumb
for English text; the exact count comes at the end."""

TOKENS_BETWEEN_REPORTS = 50
"""Estimated output tokens between two calls of `on_tokens`. Our own choice: about one a second."""

LETTING_GO_SECONDS = 2.0
"""Seconds in which the connection of a whole reply must be released. Our own choice: it is given
back or closed at once, unless the other end of a TLS connection does not answer."""


def timeout(read: float) -> httpx2.Timeout:
    """Return the network timeouts of a call.

    Args:
        read: Seconds without a byte after which a stream is given up.
    """
    import httpx2

    return httpx2.Timeout(connect=CONNECT_TIMEOUT, read=read, write=WRITE_TIMEOUT, pool=None)


class Progress(NamedTuple):
    """How far a reply has come.

    Attributes:
        characters: Characters written so far, thinking included.
        counts: The latest token counts, a new object for new counts; `None` before any.
        ended: Whether no more text or counts will come.
    """

    characters: int
    counts: object
    ended: bool


class Response(Protocol):
    """An answer, as the vendors' libraries hand it out."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        ...

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """Return the body of the answer as it comes."""
        ...


class StreamedCall(FallibleCall):
    """One call, as far as its reply has come.

    Args:
        model: The model, as errors name it.
        route: Where the call goes.
        on_tokens: Called as the reply grows.
        on_usage: Called with the usage counted so far.

    Attributes:
        size_bytes: Bytes of the answer that have been read.
    """

    def __init__(
        self,
        model: str,
        route: Route,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> None:
        super().__init__(model, route)
        self.size_bytes = 0
        self._on_tokens = on_tokens
        self._on_usage = on_usage
        self._told_characters = 0
        self._told_counts: object = None

    @property
    @abstractmethod
    def over(self) -> bool:
        """Whether the rest of the answer can be ignored."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the reply is whole; its counts may still follow."""

    @property
    @abstractmethod
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""

    @property
    @abstractmethod
    def progress(self) -> Progress:
        """How far the reply has come."""

    @abstractmethod
    def take(self, event: Event) -> None:
        """Take in an event of the stream, and report the progress."""

    @abstractmethod
    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece.

        Raises:
            ModelRejected: The event holds no reply.
        """

    @abstractmethod
    def reply(self) -> Reply:
        """Return the reply of a call that ended well, as the endpoint sent it."""

    @abstractmethod
    def check_is_whole(self) -> None:
        """Check that the stream has brought a reply, and brought it to its end.

        Raises:
            ModelError: The stream brought no whole reply.
        """

    @contextmanager
    def errors_translated(self, *, streamed: bool = True) -> Generator[None]:
        """Raise each failure inside as a `ModelError` with the usage that the call consumed.

        Args:
            streamed: Whether the stream must have brought a reply in the end.
        """
        with self._route.trip() as self.trip, self.failures_mapped(asked=streamed):
            yield
            if streamed:
                self.check_is_whole()

    def tell(self) -> None:
        """Report the growth of the reply and its counts to the callbacks."""
        now, step = self.progress, TOKENS_BETWEEN_REPORTS * CHARACTERS_PER_TOKEN
        if self._on_usage is not None and now.counts is not self._told_counts:
            self._told_counts = now.counts
            self._on_usage(self.consumed.charge)
        if self._on_tokens is None:
            return
        if now.ended:
            self._on_tokens(self.consumed.charge.usage.output_tokens)
        elif now.characters - self._told_characters >= step:
            self._told_characters = now.characters
            self._on_tokens(now.characters // CHARACTERS_PER_TOKEN)

    @contextmanager
    def answered(self) -> Generator[Answer]:
        """Guard a block that opens an answer, reads it and releases it.

        Once the reply is whole, neither a cancel nor a fault of the connection ends the block.
        """
        import httpx2

        with anyio.CancelScope() as scope:
            try:
                yield Answer(self, scope)
            except httpx2.HTTPError:
                if not self.complete:
                    raise
        if scope.cancelled_caught:
            logger.warning(
                "letting go of the connection to %s took longer than %g s and was given up",
                self._route.place,
                LETTING_GO_SECONDS,
            )

    async def finish(self) -> Reply:
        """Return the reply of a call that ended well, without secrets, also on a cancel."""
        if self.size_bytes < LARGE_BYTES:
            return self._masked_reply()
        return await surely_off_loop("replies", self._masked_reply)

    def _masked_reply(self) -> Reply:
        reply = self.reply()
        return reply if self.trip is None else self.trip.masked(reply)

    def no_reply(
        self, headers: Mapping[str, str], body: str, *, asked: bool = True
    ) -> ModelRejected:
        """Build the error for an answer that is not a model's reply.

        Args:
            headers: The headers of the answer.
            body: The part of its body that has arrived.
            asked: Whether a model was called; that may be billed whatever the answer is.
        """
        page = page_of(body)
        wording = self.wording
        if page is not None:
            text = page_text(page, wording, self.secrets)
        else:
            kind = headers.get("content-type", "").partition(";")[0]
            text = f"the address answers with {repr(kind) if kind else 'data that is not a reply'}"
            if kind:
                text += f", not with {'a reply' if asked else 'the requested data'}"
            if reason := self.redacted(reason_of(body)):
                text += f": {reason}"
            text += f"; check {wording.address}{wording.hint}"
        return ModelRejected(
            self._model,
            text,
            request_id=self.request_id,
            charge=Charge(Usage(requests=1)),
            # No API answers with a page for people; anything else may stand behind a model.
            complete=page is not None or not asked or self.consumed.complete,
        )


class Answer:
    """The answer to a call, while it is open.

    Args:
        call: The call that is answered.
        scope: The cancel scope of the block in which the answer is open.
    """

    def __init__(self, call: StreamedCall, scope: anyio.CancelScope) -> None:
        self._call = call
        self._scope = scope

    async def read(self, response: Response) -> None:
        """Read the answer to its end.

        Raises:
            ModelRejected: The answer is not a reply.
        """
        call = self._call
        declared = response.headers.get("content-type")
        other = await read_body(response.iter_bytes(), call, declared=declared)
        if other is not None:
            raise call.no_reply(response.headers, other)
        if call.complete:
            # Only the connection must be released and the paid reply assembled: no cancel may stop
            # that.
            self._scope.deadline = anyio.current_time() + LETTING_GO_SECONDS
            self._scope.shield = True
