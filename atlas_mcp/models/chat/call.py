"""One call to an endpoint of Chat Completions.

Owns the mapping of the endpoint's replies and of its errors: the reply from the events that
arrived, and a `ModelError` from each way in which the client library reports a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from atlas_mcp.atlas.messages import Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.storable import dollars_of, text_of
from atlas_mcp.atlas.usage import FREE, Charge, Cost, Price
from atlas_mcp.errors import ModelError
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.chat.presets import name_in_tables
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.prices import cost_of
from atlas_mcp.models.wire.chat_stream import ChatStream
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.failures import ClientErrors, Consumed
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.refusals import Wording, reason_of, refusal
from atlas_mcp.models.wire.streamed_call import Progress, StreamedCall


class ChatCall(StreamedCall):
    """One call: its reply so far, and the meaning of its failures."""

    def __init__(
        self,
        spec: ModelSpec,
        price: Price | None,
        *,
        route: Route,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> None:
        super().__init__(spec.model, route, on_tokens=on_tokens, on_usage=on_usage)
        self.stream = ChatStream()
        self._spec = spec
        self._endpoint = endpoint_of(spec)
        self._price = price

    @property
    def place(self) -> str:
        """The place of the endpoint, in the form for messages."""
        return self.wording.place

    @property
    @override
    def over(self) -> bool:
        """Whether the rest of the answer can be ignored."""
        return self.stream.over

    @property
    @override
    def complete(self) -> bool:
        """Whether the reply is whole; its counts may be missing."""
        return self.stream.complete

    @property
    @override
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""
        return self.stream.counted

    @override
    def take(self, event: Event) -> None:
        """Take in an event of the stream, and report the progress."""
        self.stream.take(event)
        self.tell()

    @override
    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece.

        Raises:
            ModelRejected: The event holds no reply.
        """
        stream = self.stream
        stream.take_whole(event)
        if not (stream.complete or stream.error or stream.unreadable):
            raise self.no_reply({}, text_of(event.value))
        self.tell()

    @property
    @override
    def progress(self) -> Progress:
        """How far the reply has come."""
        stream = self.stream
        ended = stream.complete and stream.counts is not None
        return Progress(stream.characters, stream.counts, ended)

    @override
    def reply(self) -> Reply:
        """Return the reply of a call that ended well."""
        stream = self.stream
        return Reply(
            turn=stream.turn,
            end=stream.end,
            charge=Charge(stream.usage(), self.cost()),
            detail=stream.detail,
            request_id=self.request_id or stream.id,
        )

    def cost(self) -> Cost:
        """Return the cost of the call: as billed if the endpoint reports that, else as counted.

        `None` if nothing was counted and tokens have a price.
        """
        model, counts = self._spec.model, self.stream.counts
        if self._price is not None and self._price == Price(FREE, FREE):
            return FREE
        if counts is None:
            return None
        billed = dollars_of(counts.get("cost")) if model.startswith("openrouter/") else None
        if billed is not None and self._price is None and (billed or self.stream.counted):
            return billed
        if not self.stream.counted:
            return None
        base_url = self._endpoint.base_url
        priced = name_in_tables(model, base_url)
        return cost_of(priced, self.stream.usage(), override=self._price, base_url=base_url)

    @property
    @override
    def client_errors(self) -> ClientErrors:
        import openai

        return ClientErrors(openai.APIStatusError, openai.APIConnectionError)

    @override
    def check_is_whole(self) -> None:
        stream = self.stream
        if stream.error is not None:
            raise self._failed_midway(stream.error)
        if not stream.complete and stream.unreadable is not None:
            fault = self.redacted(stream.unreadable)
            raise self.broken_off(f"the reply could not be read: {fault}")
        if not stream.complete:
            raise self.broken_off("the stream ended before the reply was complete")
        if stream.ending == "failed":
            raise self.broken_off(f"the endpoint gave the reply up: {self.redacted(stream.detail)}")

    @property
    @override
    def consumed(self) -> Consumed:
        """The usage counted so far; the rest may be billed as well, where it has a price."""
        cost = FREE if self.stream.counts is None else self.cost()
        free = self._price == Price(FREE, FREE)
        return Consumed(Charge(self.stream.usage(), cost), complete=free)

    @property
    @override
    def wording(self) -> Wording:
        """The phrases by which error messages refer to the endpoint."""
        named, variable = self._endpoint.base_url is not None, self._endpoint.api_key_env
        return Wording(
            api="the endpoint",
            place=self._route.place if named else "the API",
            key=f"`{variable}`" if variable else "`api_key_env` of this solver",
            credit="add some where this key comes from",
            address="base_url" if named else "OPENAI_BASE_URL",
            hint=", which often ends in /v1",
        )

    def _failed_midway(self, error: Mapping[str, Any]) -> ModelError:
        """Build the error for an error inside a stream."""
        reason = self.redacted(reason_of(error)) or "no reason given"
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 400
        found = refusal(status, {}, {"error": error}, self.wording, self.secrets)
        self.remember(found)
        wrong = error.get("type") == "invalid_request_error" or found.lasting is not None
        retryable = not wrong and (status != code or found.retryable)
        if not retryable and self.stream.counts is None and not self.stream.characters:
            return self.rejected(found)
        return self.broken_off(f"the endpoint broke off the reply: {reason}", retryable=retryable)
