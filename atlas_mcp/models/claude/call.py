"""One call to the Messages API.

Owns the mapping of the API's replies and of its errors: the reply from the events that arrived, and
a `ModelError` from each way in which the client library reports a failure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from atlas_mcp.atlas.messages import Reply, ReplyEnd
from atlas_mcp.atlas.storable import failure_text, text_of
from atlas_mcp.atlas.usage import FREE, Charge, Cost, Price
from atlas_mcp.errors import ModelError, ModelRejected
from atlas_mcp.models.claude.connection import NO_KEY, OWN_ADDRESS
from atlas_mcp.models.claude.stream import MessageStream, StreamFailed, StreamGarbled
from atlas_mcp.models.prices import cost_of
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.endings import detail_of, ending_of
from atlas_mcp.models.wire.failures import ClientErrors, Consumed
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.refusals import Wording, refusal
from atlas_mcp.models.wire.streamed_call import Progress, StreamedCall

if TYPE_CHECKING:
    from atlas_mcp.models.base import OnTokens, OnUsage

_RETRYABLE_KINDS = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
"""Error types worth another try when they come inside a stream, where there is no status."""

_ENDS: dict[str, ReplyEnd] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
    # Only the API's own tools pause a turn, and none are offered: such a reply is not whole.
    "pause_turn": "max_tokens",
}

_STOP_DETAILS = {
    "model_context_window_exceeded": "the context window is full",
    "pause_turn": "the model paused its turn",
}


class ClaudeCall(StreamedCall):
    """One call to the API: its reply so far, and the meaning of its failures."""

    def __init__(
        self,
        model: str,
        price: Price | None,
        route: Route,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> None:
        super().__init__(model, route, on_tokens=on_tokens, on_usage=on_usage)
        self.message = MessageStream()
        self._price = price
        self._failure: StreamFailed | StreamGarbled | None = None

    @property
    @override
    def over(self) -> bool:
        """Whether the rest of the answer can be ignored."""
        return self.message.done or self._failure is not None

    @property
    @override
    def complete(self) -> bool:
        """Whether the reply is whole; the vendor's own API must also have sent the end mark."""
        return self.message.complete and (self.message.done or not self._is_strict)

    @property
    @override
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""
        return self.message.counted

    @override
    def take(self, event: Event) -> None:
        """Take in an event of the stream, and report the progress."""
        self._take(self.message.take, event)

    @override
    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece.

        Raises:
            ModelRejected: The event holds no reply.
        """
        self._take(self.message.take_whole, event)
        if not self.over:
            raise self.no_reply({}, text_of(event.value))

    def _take(self, take: Callable[[Event], None], event: Event) -> None:
        try:
            take(event)
        except (StreamFailed, StreamGarbled) as error:
            # Raised by `check_is_whole`, once the body has come to its end.
            self._failure = error
        self.tell()

    @property
    @override
    def progress(self) -> Progress:
        """How far the reply has come; its counts are reported only when it begins."""
        message = self.message
        return Progress(message.characters, message.begun or None, message.done)

    @property
    def _is_strict(self) -> bool:
        """Whether the API is the vendor's own, which leaves no events out, as gateways do."""
        return self._route.address == OWN_ADDRESS

    @override
    def reply(self) -> Reply:
        """Return the reply of a call that ended well."""
        message = self.message
        reason = message.stop_reason or ""
        turn = message.turn
        fault = message.fault or (message.lacks if self._is_strict else None)
        # Gateways may send no stop reason for a whole reply, and the vendor may add new reasons.
        ending = ending_of(reason, _ENDS, text=turn.text, calls=bool(turn.tool_calls))
        new = detail_of(reason, _ENDS)
        return Reply(
            turn=turn,
            end="garbled" if fault or ending == "failed" else ending,
            charge=Charge(message.usage, self._cost()),
            detail=fault or _refusal(message.stop_details) or _STOP_DETAILS.get(reason, new),
            request_id=self.request_id,
        )

    @property
    @override
    def client_errors(self) -> ClientErrors:
        import anthropic

        return ClientErrors(anthropic.APIStatusError, anthropic.APIConnectionError)

    @override
    @contextlib.contextmanager
    def failures_mapped(self, *, asked: bool) -> Generator[None]:
        """Raise failures as `ModelError`s; the client also has an error for bad credentials."""
        import anthropic

        with super().failures_mapped(asked=asked):
            try:
                yield
            except anthropic.CredentialsError as error:
                raise ModelRejected(self._model, f"{NO_KEY}; {type(error).__name__}") from error

    @override
    def check_is_whole(self) -> None:
        if self._failure is not None:
            raise self._failed_midway(self._failure) from self._failure
        message = self.message
        if not self.complete:
            cut = message.unreadable or "the stream ended before the reply was complete"
            raise self.broken_off(f"the reply could not be read: {cut}")
        turn = message.turn
        ending = ending_of(message.stop_reason, _ENDS, text=turn.text, calls=bool(turn.tool_calls))
        if ending == "failed":
            reason = self.redacted(detail_of(message.stop_reason, _ENDS))
            raise self.broken_off(f"{self.wording.api} gave the reply up: {reason}")

    def _failed_midway(self, failure: StreamFailed | StreamGarbled) -> ModelError:
        """Return the error for a stream that reports a failure, or that cannot be read."""
        if isinstance(failure, StreamGarbled):
            return self.broken_off(f"the reply could not be read: {failure}")
        body = {"error": {"type": failure.kind, "message": failure.message}}
        found = refusal(400, {}, body, self.wording, self.secrets)
        self.remember(found)
        retryable = failure.kind in _RETRYABLE_KINDS
        if not retryable and not self.message.begun:
            return self.rejected(found)
        message = self.redacted(failure.message)
        text = f"the API broke off the reply: {failure.kind} ({message})"
        return self.broken_off(text, retryable=retryable)

    @property
    @override
    def wording(self) -> Wording:
        """The phrases by which error messages refer to the API."""
        own = self._route.base_url is None
        return Wording(
            api="the API",
            place="the API" if own else self._route.place,
            key=f"`{self._route.key_variable or 'ANTHROPIC_API_KEY'}`",
            credit="add some at https://platform.claude.com/settings/billing",
            address="ANTHROPIC_BASE_URL" if own else "base_url",
        )

    @property
    @override
    def consumed(self) -> Consumed:
        """The usage counted so far; the rest may be billed as well."""
        return Consumed(Charge(self.message.usage, self._cost_so_far()), complete=False)

    def _cost_so_far(self) -> Cost:
        """Return the cost of the counts so far; the rest may be billed as well."""
        if not self.message.begun:
            return FREE
        return cost_of(self._model, self.message.usage, override=self._price)

    def _cost(self) -> Cost:
        """Return the cost of a whole reply; `None` if its tokens have a price but no counts."""
        free = self._price == Price(FREE, FREE)
        return self._cost_so_far() if self.message.counted or free else None


def _refusal(details: Mapping[str, Any]) -> str:
    parts = (details.get(key) for key in ("category", "explanation"))
    return ": ".join(failure_text(one) for one in parts if one)
