"""One call to the Messages API.

Owns the mapping of the API's replies and of its errors: the reply from the events that arrived, and
a `ModelError` from each way in which the client library reports a failure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from atlas_mcp.atlas.messages import Reply, Stop
from atlas_mcp.atlas.storable import text_of, words_of
from atlas_mcp.atlas.usage import FREE, Charge, Cost, Price
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.claude.connection import NO_KEY, OWN_ADDRESS
from atlas_mcp.models.claude.stream import MessageStream, StreamFailed, StreamGarbled
from atlas_mcp.models.prices import cost_of
from atlas_mcp.models.wire.arriving import Arriving, Progress
from atlas_mcp.models.wire.connections import Way, WayClosed
from atlas_mcp.models.wire.endings import detail_of, ending_of
from atlas_mcp.models.wire.failures import Consumed
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.refusals import Wording, refusal

if TYPE_CHECKING:
    from atlas_mcp.models.base import OnTokens, OnUsage

_RETRYABLE_KINDS = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
"""Error types worth another try when they come inside a stream, where there is no status."""

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
    # Only the API's own tools pause a turn, and none are offered: what came is not the whole.
    "pause_turn": "max_tokens",
}

_STOP_DETAILS = {
    "model_context_window_exceeded": "the context window is full",
    "pause_turn": "the model paused its turn",
}


class ClaudeCall(Arriving):
    """One call to the API: what came of it so far, and what a failure of it means."""

    def __init__(
        self,
        model: str,
        price: Price | None,
        way: Way,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> None:
        super().__init__(model, way, on_tokens=on_tokens, on_usage=on_usage)
        self.message = MessageStream()
        self._price = price
        self._failure: StreamFailed | StreamGarbled | None = None

    @property
    @override
    def over(self) -> bool:
        """Whether what further comes is of no interest."""
        return self.message.done or self._failure is not None

    @property
    @override
    def complete(self) -> bool:
        """Whether there is a reply, with nothing missing that must be there."""
        return self.message.complete and (self.message.done or not self._is_strict)

    @property
    @override
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""
        return self.message.counted

    @override
    def take(self, event: Event) -> None:
        """Take in an event of the stream, and tell that it has begun and how far it has come."""
        self._take(self.message.take, event)

    @override
    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece.

        Raises:
            ModelRejected: It is none.
        """
        self._take(self.message.take_whole, event)
        if not self.over:
            raise self.no_reply({}, text_of(event.value))

    def _take(self, take: Callable[[Event], None], event: Event) -> None:
        try:
            take(event)
        except (StreamFailed, StreamGarbled) as error:
            # Told once the body has come to its end.
            self._failure = error
        self.tell()

    @property
    @override
    def progress(self) -> Progress:
        """How far the reply has come; it is counted anew at its beginning alone."""
        message = self.message
        return Progress(message.characters, message.begun or None, message.done)

    @property
    def _is_strict(self) -> bool:
        """Whether the API is the vendor's own, which leaves nothing out; gateways do."""
        return self._way.address == OWN_ADDRESS

    @override
    def reply(self) -> Reply:
        """Return the reply of a call that ended well."""
        message = self.message
        reason = message.stop_reason or ""
        turn = message.turn
        fault = message.fault or (message.lacks if self._is_strict else None)
        # Behind a gateway, a reply whose end has no reason has ended all the same; and the vendor
        # may find a new one.
        ending = ending_of(reason, _STOPS, text=turn.text, calls=bool(turn.tool_calls))
        new = detail_of(reason, _STOPS)
        reply = Reply(
            turn=turn,
            stop="garbled" if fault or ending == "failed" else ending,
            charge=Charge(message.usage, self._cost()),
            detail=fault or _refusal(message.stop_details) or _STOP_DETAILS.get(reason, new),
            request_id=self.request_id,
        )
        return reply if self.trip is None else self.trip.told(reply)

    @override
    @contextlib.contextmanager
    def translated(self, *, streamed: bool) -> Generator[None]:
        """Raise what the vendor's library raises inside as a `ModelError`."""
        import anthropic
        import httpx2

        try:
            yield
            if streamed:
                self._check_is_whole()
        except anthropic.APIStatusError as error:
            self.request_id = error.request_id
            raise self.refused(error.response, asked=streamed) from error
        except anthropic.CredentialsError as error:
            raise ModelRejected(self._model, f"{NO_KEY}; {type(error).__name__}") from error
        except WayClosed as error:
            raise self.cut(error) from error
        except UnicodeEncodeError:
            raise self.unsendable_key() from None
        except anthropic.APIConnectionError as error:
            raise self.cut(error.__cause__ or error) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self.cut(error) from error
        except StreamGarbled as error:
            raise self.broken_off(f"the reply could not be read: {error}") from error
        except StreamFailed as error:
            said = self.words(error.message)
            text = f"the API broke off the reply: {error.kind} ({said})"
            body = {"error": {"type": error.kind, "message": error.message}}
            found = refusal(400, {}, body, self.wording, self.secrets)
            self.remember(found)
            if error.kind not in _RETRYABLE_KINDS and not self.message.begun:
                raise self.rejected(found) from error
            raise self.broken_off(text, retryable=error.kind in _RETRYABLE_KINDS) from error

    def _check_is_whole(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self.complete:
            cut = "the stream ended before the reply was complete"
            raise StreamGarbled(self.message.unreadable or cut)
        reason = self.message.stop_reason
        turn = self.message.turn
        calls = bool(turn.tool_calls)
        if ending_of(reason, _STOPS, text=turn.text, calls=calls) == "failed":
            said = self.words(detail_of(reason, _STOPS))
            raise self.broken_off(f"{self.wording.api} gave the reply up: {said}")

    @property
    @override
    def wording(self) -> Wording:
        """How the API is spoken of."""
        own = self._way.base_url is None
        return Wording(
            api="the API",
            place="the API" if own else self._way.place,
            key=f"`{self._way.key_variable or 'ANTHROPIC_API_KEY'}`",
            credit="add some at https://platform.claude.com/settings/billing",
            address="ANTHROPIC_BASE_URL" if own else "base_url",
        )

    @property
    @override
    def consumed(self) -> Consumed:
        """What has been counted so far; the rest may be billed as well."""
        return Consumed(Charge(self.message.usage, self._cost_so_far()), complete=False)

    def _cost_so_far(self) -> Cost:
        """Return what the counts cost that have come; the rest may be billed as well."""
        if not self.message.begun:
            return FREE
        return cost_of(self._model, self.message.usage, override=self._price)

    def _cost(self) -> Cost:
        """Return what a whole reply cost; `None` where tokens have a price and are not counted."""
        free = self._price == Price(FREE, FREE)
        return self._cost_so_far() if self.message.counted or free else None


def _refusal(details: Mapping[str, Any]) -> str:
    said = (details.get(key) for key in ("category", "explanation"))
    return ": ".join(words_of(one) for one in said if one)
