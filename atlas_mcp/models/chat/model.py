"""Models behind Chat Completions: OpenAI, and everyone who speaks its language.

Owns the one client library, the mapping of replies and of errors. One attempt per call, always
streamed: `atlas.calls` decides on another. What the endpoint takes is said by the `ModelSpec`. No
key, header or prompt gets into a message, a log or a repr, and a key goes to no address but the
one it was configured for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.storable import dollars_of, text_of
from atlas_mcp.atlas.usage import FREE, Charge, Cost, Price
from atlas_mcp.errors import ModelError, ModelUnavailable
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.call_slots import OnFirstUse
from atlas_mcp.models.chat.params import chat_params
from atlas_mcp.models.chat.stream import ChatStream
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.prices import cost_of, load_prices
from atlas_mcp.models.traits import Learnt, Takes, fitted, in_words, takes_of
from atlas_mcp.models.wire.arriving import Arriving, Progress, timeout
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT, Way, WayClosed
from atlas_mcp.models.wire.failures import Consumed
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.refusals import (
    Wording,
    json_or_text,
    reason_of,
    refusal,
)
from atlas_mcp.presets import UNKNOWN_SERVER, Preset, preset_of

if TYPE_CHECKING:
    import openai

READ_TIMEOUT = 600.0
"""Seconds without a byte after which a stream is given up. Our own choice: unlike the Messages API,
most endpoints send nothing while a model thinks, or while a call waits for a free slot."""

OWN_ADDRESS = "https://api.openai.com/v1"
"""Where OpenAI's API is. Source: its client (openai 3.57)."""

_NO_KEY = "none"
"""Stands for a key where there is none; it is never sent."""


class Connection:
    """The client library's client, made on first use, for all models behind one address and key.

    Args:
        base_url: The address that an entry or a preset names; it gets `api_key`, and nothing else.
            `None` for OpenAI's own, which gets what the environment holds for OpenAI besides.
        api_key: The key; `None` for an endpoint that asks for none.
        own_address: Where the environment says that OpenAI's API is.

    Attributes:
        learnt: What the endpoint has refused.
    """

    def __init__(
        self, base_url: str | None, api_key: str | None, own_address: str | None = None
    ) -> None:
        self.way = Way(base_url, api_key, own_address or OWN_ADDRESS)
        self.learnt = Learnt()
        self._made = OnFirstUse(lambda: anyio.to_thread.run_sync(self._make))

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def client(self) -> openai.AsyncOpenAI:
        """Return the client, making it if this is the first use: importing it takes a while.

        Raises:
            WayClosed: No call can go this way.
        """
        return await self._made.get()

    def headers(self) -> dict[str, Any]:
        """Return the headers to leave out: without a key there is none to send."""
        import openai

        return {"Authorization": openai.Omit()} if self.way.api_key is None else {}

    async def aclose(self) -> None:
        """Close its connections. No call may follow."""
        await self._made.aclose()

    def _make(self) -> openai.AsyncOpenAI:
        import openai

        load_prices()
        # Made first: it refuses an address that is none.
        http_client = openai.DefaultAsyncHttpxClient(**self.way.client_options())
        address, query = self.way.target()
        client = openai.AsyncOpenAI(
            api_key=self.way.api_key or _NO_KEY,
            base_url=address,
            default_query=query,
            max_retries=0,
            http_client=http_client,
        )
        self.way.settle(client)
        return client


class OpenAICompatible(Model):
    """One model of one endpoint.

    Args:
        spec: The model, and what its endpoint takes.
        api_key: The key; `None` for an endpoint that asks for none.
        price: The operator's own price; wins over the tables.
        read_timeout: Seconds without a byte after which a stream is given up.
        connection: Shared with other models and closed by whoever made it; the key is then its
            own.
        learns: Whether a refused call is made again without what it is refused for.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        read_timeout: float = READ_TIMEOUT,
        connection: Connection | None = None,
        learns: bool = True,
    ) -> None:
        self._learns = learns
        self._spec = spec
        self._endpoint = endpoint_of(spec)
        self._price = Price(FREE, FREE) if spec.price == Price(FREE, FREE) else price
        self._read_timeout = read_timeout
        self._owned = connection is None
        self._connection = connection or Connection(self._endpoint.base_url, api_key)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._spec.model!r})"

    @property
    @override
    def name(self) -> str:
        """The model as `vendor/name`."""
        return self._spec.model

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return what came of it; see `Model.generate`.

        An endpoint that refuses a part of it that can be left out is asked without, from then on.
        """

        async def call(takes: Takes) -> Reply:
            return await self._generate(self._call(on_tokens, on_usage), request, takes)

        if not self._learns:
            # That it is asked to think at all is no question of anybody's.
            return await Learnt().ask(self.name, self._takes, request, call, asks_for=("thinking",))
        return await self._connection.learnt.ask(self.name, self._takes, request, call)

    async def _generate(self, call: _Call, request: ModelRequest, takes: Takes) -> Reply:
        spec, asked = self._spec, fitted(request, takes)
        if not takes.schema:
            spec, asked = replace(spec, schema_mode="prompt"), in_words(asked)
        params = chat_params(spec, asked, stream_usage=takes.stream_options)
        with call.errors_translated():
            # Made first: that takes longer than others wait for an answer.
            client = await self._connection.client()
            with call.answered() as answer:
                async with (
                    self._connection.way.calling(self.name),
                    client.chat.completions.with_streaming_response.create(
                        **params,
                        stream=True,
                        timeout=timeout(self._read_timeout),
                        extra_headers=self._connection.headers(),
                    ) as response,
                ):
                    call.request_id = response.headers.get("x-request-id")
                    await answer.read(response)
        return await call.finish()

    @property
    def _takes(self) -> Takes:
        """What the endpoint is known to take."""
        asks = self._endpoint.stream_options
        counts = self._preset.stream_usage if asks is None else asks
        return replace(takes_of(self._spec), stream_options=counts)

    def told(self, spec: ModelSpec) -> OpenAICompatible:
        """Return the same model, used as if its endpoint took what `spec` says.

        It shares the connection, which whoever closes this one closes, and learns nothing: what
        it is refused is to be heard.
        """
        return OpenAICompatible(
            spec,
            price=self._price,
            read_timeout=self._read_timeout,
            connection=self._connection,
            learns=False,
        )

    async def is_there(self) -> bool:
        """Return whether the endpoint has this model, as far as it says. Costs nothing.

        Raises:
            ModelError: It does not answer, or not to this key.
        """
        name = self._spec.model.partition("/")[2]
        with anyio.move_on_after(LOOK_TIMEOUT), self._call().errors_translated(streamed=False):
            client = await self._connection.client()
            listed = _listed(await self._look(client, "/models"))
            # Not every endpoint has a list, and not every list has every name that is taken.
            if not listed or any(_names(one, name) for one in listed):
                return True
            return await self._look(client, f"/models/{quote(name)}") is not None
        raise ModelUnavailable(self.name, f"no answer from {self._call().place} in time")

    async def _look(self, client: openai.AsyncOpenAI, path: str) -> object:
        """Return what is at a path of the endpoint, `None` where nothing is."""
        import httpx2
        import openai

        headers = self._connection.headers()
        try:
            answer = await client.get(path, cast_to=httpx2.Response, options={"headers": headers})
        except openai.APIStatusError as error:
            if error.status_code in {404, 405}:
                return None
            raise
        found = json_or_text(answer.text)
        if not _is_reply(answer.headers) or isinstance(found, str):
            raise self._call().no_reply(answer.headers, answer.text, asked=False)
        return found

    @override
    async def aclose(self) -> None:
        """Close the connections, unless they are shared. No call may follow."""
        if self._owned:
            await self._connection.aclose()

    @property
    def _preset(self) -> Preset:
        preset = preset_of(self._spec.model.partition("/")[0])
        if preset is None or (preset.base_url is None and self._endpoint.base_url is not None):
            return UNKNOWN_SERVER
        return preset

    def _call(self, on_tokens: OnTokens | None = None, on_usage: OnUsage | None = None) -> _Call:
        return _Call(
            self._spec,
            self._price,
            way=self._connection.way,
            on_tokens=on_tokens,
            on_usage=on_usage,
        )


class _Call(Arriving):
    """One call: what came of it so far, and what a failure of it means."""

    def __init__(
        self,
        spec: ModelSpec,
        price: Price | None,
        *,
        way: Way,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> None:
        super().__init__(spec.model, way, on_tokens=on_tokens, on_usage=on_usage)
        self.stream = ChatStream()
        self._spec = spec
        self._endpoint = endpoint_of(spec)
        self._price = price

    @property
    def place(self) -> str:
        """Where the endpoint is, in words."""
        return self.wording.place

    @property
    @override
    def over(self) -> bool:
        """Whether what further comes is of no interest."""
        return self.stream.over

    @property
    @override
    def complete(self) -> bool:
        """Whether there is a reply, though its counts may be missing."""
        return self.stream.complete

    @property
    @override
    def counted(self) -> bool:
        """Whether the tokens of the reply have been counted, as far as can be told."""
        return self.stream.counted

    @override
    def take(self, event: Event) -> None:
        """Take in an event of the stream, and tell how far it has come."""
        self.stream.take(event)
        self.tell()

    @override
    def take_whole(self, event: Event) -> None:
        """Take in a reply that came in one piece.

        Raises:
            ModelRejected: It is none.
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
        reply = Reply(
            turn=stream.turn,
            stop=stream.stop,
            charge=Charge(stream.usage(), self.cost()),
            detail=stream.detail,
            request_id=self.request_id or stream.id,
        )
        return reply if self.trip is None else self.trip.told(reply)

    def cost(self) -> Cost:
        """Return what the call cost: as billed where the endpoint says so, else as counted.

        `None` where nothing was counted and tokens have a price.
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
        usage = self.stream.usage()
        return cost_of(model, usage, override=self._price, base_url=self._endpoint.base_url)

    @override
    @contextlib.contextmanager
    def translated(self, *, streamed: bool) -> Generator[None]:
        """Raise what the vendor's library raises inside as a `ModelError`."""
        import httpx2
        import openai

        try:
            yield
            if streamed:
                self._check_is_whole()
        except WayClosed as error:
            raise self.cut(error) from error
        except openai.APIStatusError as error:
            self.request_id = error.request_id
            raise self.refused(error.response, asked=streamed) from error
        except UnicodeEncodeError:
            raise self.unsendable_key() from None
        except openai.APIConnectionError as error:
            raise self.cut(error.__cause__ or error) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self.cut(error) from error

    def _check_is_whole(self) -> None:
        stream = self.stream
        if stream.error is not None:
            raise self._failed_midway(stream.error)
        if not stream.complete and stream.unreadable is not None:
            said = self.words(stream.unreadable)
            raise self.broken_off(f"the reply could not be read: {said}")
        if not stream.complete:
            raise self.broken_off("the stream ended before the reply was complete")
        if stream.ending == "failed":
            raise self.broken_off(f"the endpoint gave the reply up: {self.words(stream.detail)}")

    @property
    @override
    def consumed(self) -> Consumed:
        """What has been counted so far; the rest may be billed as well, where it has a price."""
        cost = FREE if self.stream.counts is None else self.cost()
        free = self._price == Price(FREE, FREE)
        return Consumed(Charge(self.stream.usage(), cost), complete=free)

    @property
    @override
    def wording(self) -> Wording:
        """How the endpoint is spoken of."""
        named, variable = self._endpoint.base_url is not None, self._endpoint.api_key_env
        return Wording(
            api="the endpoint",
            place=self._way.place if named else "the API",
            key=f"`{variable}`" if variable else "`api_key_env` of this solver",
            credit="add some where this key comes from",
            address="base_url" if named else "OPENAI_BASE_URL",
            hint=", which often ends in /v1",
        )

    def _failed_midway(self, error: Mapping[str, Any]) -> ModelError:
        """Return what an error inside a stream means."""
        said = self.words(reason_of(error)) or "no reason given"
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 400
        found = refusal(status, {}, {"error": error}, self.wording, self.secrets)
        self.remember(found)
        wrong = error.get("type") == "invalid_request_error" or found.lasting is not None
        retryable = not wrong and (status != code or found.retryable)
        if not retryable and self.stream.counts is None and not self.stream.characters:
            return self.rejected(found)
        return self.broken_off(f"the endpoint broke off the reply: {said}", retryable=retryable)


def _listed(answer: object) -> list[str]:
    """Return the names in an endpoint's list of models; none if it is no such list."""
    data = cast("Mapping[str, Any]", answer).get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list):
        return []
    entries = cast("list[object]", data)
    return [
        str(cast("Mapping[str, Any]", one).get("id")) for one in entries if isinstance(one, Mapping)
    ]


def _names(listed: str, name: str) -> bool:
    """Return whether an entry of an endpoint's list is the model called `name`.

    Google's list has `models/` before each, Ollama's `:latest` behind.
    """
    return name in {listed, listed.rpartition("/")[2], listed.removesuffix(":latest")}


def _is_reply(headers: Mapping[str, str]) -> bool:
    """Return whether an answer is a stream or JSON."""
    kind = headers.get("content-type", "")
    return "text/event-stream" in kind or "json" in kind
