"""Claude models, through the Messages API.

Owns the one client library of the vendor, the mapping of its replies and of its errors. One attempt
per call, always streamed: `atlas.calls` decides on another. No key, header or prompt gets into a
message, a log or a repr.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.addresses import is_same_origin
from atlas_mcp.atlas.messages import Effort, ModelRequest, Reply, Stop
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.storable import text_of, words_of
from atlas_mcp.atlas.usage import FREE, Charge, Cost, Price
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.call_slots import OnFirstUse
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.params import Thinking, message_params
from atlas_mcp.models.claude.stream import (
    MessageStream,
    StreamFailed,
    StreamGarbled,
)
from atlas_mcp.models.prices import cost_of, load_prices
from atlas_mcp.models.traits import EVERYTHING, Learnt, Takes, fitted, in_words, takes_of
from atlas_mcp.models.wire.arriving import Arriving, Progress, timeout
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT, Way, WayClosed
from atlas_mcp.models.wire.endings import detail_of, ending_of
from atlas_mcp.models.wire.failures import Consumed
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.refusals import (
    Wording,
    json_or_text,
    refusal,
)

if TYPE_CHECKING:
    import anthropic

    from atlas_mcp.models.base import OnTokens, OnUsage

OWN_ADDRESS = "https://api.anthropic.com"
"""Where the Messages API is. Source: the vendor's client (anthropic 2.12.0)."""

VENDOR = "anthropic"
"""First part of the names of these models."""

READ_TIMEOUT = 120.0
"""Seconds without a byte after which a stream is given up. Our own choice: the API sends pings
while a model thinks, about every 15 s though it promises no interval; eight missed in a row are no
pause."""

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

_NO_KEY = (
    "no credentials: set the environment variable `ANTHROPIC_API_KEY` "
    "(https://platform.claude.com/settings/keys)"
)


class _NoCredentialsError(Exception):
    """Neither an argument nor the environment nor a profile gives a key."""


class Connection:
    """The vendor's client, made on first use, for all models behind one address and key.

    Importing the client takes a second, so it happens in a worker thread.

    Attributes:
        learnt: What the API, or a gateway before it, has refused.
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
            api_key: The key; what is not given the client finds in its environment, unless an
                entry names the address.
            own_address: Where the environment says that the API is.
            key_variable: The variable that an entry names for its key.
        """
        # The vendor refuses a key in the header in which gateways take theirs, whoever names it.
        by_vendor = base_url is not None and is_same_origin(base_url, OWN_ADDRESS)
        self.way = Way(
            _root(base_url),
            api_key,
            _root(own_address) or OWN_ADDRESS,
            key_header="x-api-key" if by_vendor else "authorization",
            key_variable=key_variable,
        )
        self.learnt = Learnt()
        self._own_address = _root(own_address)
        self._made = OnFirstUse(lambda: anyio.to_thread.run_sync(self._make))

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def client(self) -> anthropic.AsyncAnthropic:
        """Return the client, making it if this is the first use."""
        return await self._made.get()

    async def aclose(self) -> None:
        """Close its connections. No call may follow."""
        await self._made.aclose()

    def _make(self) -> anthropic.AsyncAnthropic:
        import anthropic

        load_prices()
        way = self.way
        if way.base_url is not None and way.api_key is None:
            raise _NoCredentialsError
        # Made first: it refuses an address that is none.
        http_client = anthropic.DefaultAsyncHttpxClient(**way.client_options())
        named = way.base_url or self._own_address
        address, query = (None, None) if named is None else way.target()
        try:
            client = anthropic.AsyncAnthropic(
                api_key=way.api_key,
                base_url=address,
                default_query=query,
                max_retries=0,
                http_client=http_client,
            )
        except anthropic.CredentialsError as error:
            raise _NoCredentialsError from error
        except RuntimeError as error:
            raise WayClosed(
                "there is no home folder in which Anthropic's client could look for a profile; set "
                "`ANTHROPIC_API_KEY`, or HOME"
            ) from error
        if not client.base_url.host:
            # A variable that is set and empty is an unset one, for everybody but this client.
            client.base_url = OWN_ADDRESS
        if not _has_credentials(client):
            raise _NoCredentialsError
        way.settle(client)
        return client


class Claude:
    """One Claude model."""

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        price: Price | None = None,
        thinking: Thinking = "auto",
        holds_schema: bool = True,
        efforts: tuple[Effort, ...] | None = None,
        takes: Takes = EVERYTHING,
        read_timeout: float = READ_TIMEOUT,
        connection: Connection | None = None,
        learns: bool = True,
    ) -> None:
        """Describe the model; nothing is imported or opened before the first call.

        Args:
            model_id: The vendor's id, e.g. `claude-sonnet-5-5`.
            base_url: Where the Messages API is, if not where the environment says.
            api_key: The key, if not the environment's.
            price: The operator's own price; wins over the tables.
            thinking: How to think where the family leaves a choice.
            holds_schema: Whether the API is asked to hold a reply to a schema; some gateways refuse
                to be.
            efforts: The efforts that it takes, if not those of its family.
            takes: What else it takes of a request.
            read_timeout: Seconds without a byte after which a stream is given up.
            connection: Shared with other models and closed by whoever made it; `base_url` and
                `api_key` are then its own.
            learns: Whether a refused call is made again without what it is refused for.
        """
        self._takes = takes
        self._learns = learns
        self._model_id = model_id
        self._name = f"{VENDOR}/{model_id}"
        family = family_of(model_id)
        self._family = family if efforts is None else replace(family, efforts=efforts)
        self._price = price
        self._thinking: Thinking = thinking
        self._holds_schema = holds_schema
        self._read_timeout = read_timeout
        self._owned = connection is None
        self._connection = connection or Connection(base_url=base_url, api_key=api_key)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model_id!r})"

    @property
    def name(self) -> str:
        """The model as `vendor/name`."""
        return self._name

    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return what came of it; see `Model.generate`.

        A gateway that refuses a part of it that can be left out is asked without, from then on.
        """

        async def call(takes: Takes) -> Reply:
            return await self._generate(request, takes, on_tokens, on_usage)

        if not self._learns:
            # That it is asked to think at all is no question of anybody's.
            return await Learnt().ask(self.name, self._takes, request, call, asks_for=("thinking",))
        return await self._connection.learnt.ask(self._name, self._takes, request, call)

    async def _generate(
        self,
        request: ModelRequest,
        takes: Takes,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        client = await self._client()
        call = _Call(
            self._name, self._price, self._connection.way, on_tokens=on_tokens, on_usage=on_usage
        )
        with call.errors_translated(), call.answered() as answer:
            async with (
                self._connection.way.calling(self._name),
                client.messages.with_streaming_response.create(
                    **self._params(request, takes),
                    stream=True,
                    timeout=timeout(self._read_timeout),
                ) as response,
            ):
                call.request_id = response.request_id
                await answer.read(response)
        return await call.finish()

    def told(self, spec: ModelSpec) -> Claude:
        """Return the same model, used as if its gateway took what `spec` says.

        It shares the connection, which whoever closes this one closes, and learns nothing: what
        it is refused is to be heard.
        """
        return Claude(
            self._model_id,
            price=self._price,
            thinking=self._thinking,
            holds_schema=spec.schema_mode == "strict",
            efforts=spec.efforts,
            takes=takes_of(spec),
            read_timeout=self._read_timeout,
            connection=self._connection,
            learns=False,
        )

    async def is_there(self) -> bool:
        """Return whether the API has this model for this key. Costs nothing.

        Raises:
            ModelError: It does not answer, or not to this key.
        """
        import anthropic
        import httpx2

        client = await self._client()
        call = _Call(self._name, self._price, self._connection.way)
        path = f"/v1/models/{quote(self._model_id, safe='')}"
        with anyio.move_on_after(LOOK_TIMEOUT), call.errors_translated(streamed=False):
            try:
                answer = await client.get(path, cast_to=httpx2.Response)
            except anthropic.NotFoundError:
                return False
            if not isinstance(json_or_text(answer.text), dict):
                raise call.no_reply(answer.headers, answer.text, asked=False)
            return True
        raise ModelUnavailable(self._name, "no answer from the API in time")

    async def aclose(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owned:
            await self._connection.aclose()

    async def _client(self) -> anthropic.AsyncAnthropic:
        try:
            return await self._connection.client()
        except _NoCredentialsError as error:
            raise ModelRejected(self._name, _NO_KEY) from error
        except WayClosed as error:
            raise ModelRejected(self._name, error.message) from error

    def _params(self, request: ModelRequest, takes: Takes) -> dict[str, Any]:
        from anthropic import transform_schema

        request = fitted(request, takes)
        if not self._holds_schema:
            request = replace(request, schema=None)
        elif not takes.schema:
            request = in_words(request)
        family = self._family if takes.thinking else replace(self._family, thinking=())
        try:
            return message_params(
                self._model_id,
                family,
                request,
                thinking=self._thinking,
                transform_schema=transform_schema,
                unsigned=takes.echo_reasoning in {"always", "tool_calls"},
            )
        except ValueError as error:
            raise ModelRejected(
                self._name, f"the answer schema cannot be sent ({error}); simplify it"
            ) from error


class _Call(Arriving):
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
            raise ModelRejected(self._model, f"{_NO_KEY}; {type(error).__name__}") from error
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


def _has_credentials(client: anthropic.AsyncAnthropic) -> bool:
    # Asked beforehand: without any, the client raises a bare TypeError.
    if client.api_key or client.auth_token or client.credentials:
        return True
    names = {name.lower() for name in client.default_headers}
    return not names.isdisjoint({"authorization", "x-api-key"})


def _root(base_url: str | None) -> str | None:
    """Return an address without the `/v1` that the client adds itself."""
    return None if base_url is None else base_url.rstrip("/").removesuffix("/v1")


def _refusal(details: Mapping[str, Any]) -> str:
    said = (details.get(key) for key in ("category", "explanation"))
    return ": ".join(words_of(one) for one in said if one)
