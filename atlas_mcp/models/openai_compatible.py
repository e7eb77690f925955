"""Models behind Chat Completions: OpenAI, and everyone who speaks its language.

Owns the one client library, the mapping of replies and of errors. One attempt per call, always
streamed; trying again is `models.retry`'s. What the endpoint takes is said by the `ModelSpec`. No
key, header or prompt gets into a message, a log or a repr, and a key goes to no address but the
one it was configured for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.pool import ModelSpec
from atlas_mcp.atlas.usage import FREE, Cost, Price, Usage
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.answers import is_retryable, retry_after, words
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.chat_params import chat_params
from atlas_mcp.models.chat_stream import CHARACTERS_PER_TOKEN, ChatStream
from atlas_mcp.models.prices import cost_of, load_prices
from atlas_mcp.presets import UNKNOWN_SERVER, Preset, preset_of

if TYPE_CHECKING:
    import openai

CONNECT_TIMEOUT = 10.0
"""Seconds to open a connection. Our own choice, as for Claude."""

READ_TIMEOUT = 600.0
"""Seconds without a byte after which a stream is given up. Our own choice: unlike the Messages API,
most endpoints send nothing while a model thinks, or while a call waits for a free slot."""

WRITE_TIMEOUT = 60.0
"""Seconds without progress in sending a request."""

DRAIN_TIMEOUT = 1.0
"""Seconds to wait for the end of the body after the last event, so that the connection can be used
again."""

TOKENS_BETWEEN_REPORTS = 50
"""Estimated output tokens between two calls of `on_tokens`."""

IDLE_CONNECTIONS = 16
"""Connections kept open between calls, as for Claude."""

NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes of a 429 that means an empty account, not a crowd: waiting does not help."""

_NO_KEY = "none"
"""Stands for a key where there is none; it is never sent."""


class OpenAICompatible(Model):
    """One model of one endpoint.

    Args:
        spec: The model, and what its endpoint takes.
        api_key: The key; `None` for an endpoint that asks for none.
        price: The operator's own price; wins over the tables.
        read_timeout: Seconds without a byte after which a stream is given up.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._spec = spec
        self._api_key = api_key
        self._price = Price(FREE, FREE) if spec.price == Price(FREE, FREE) else price
        self._read_timeout = read_timeout
        self._client: openai.AsyncOpenAI | None = None
        # Keeps the invariant that there is one client, when first calls come together.
        self._lock = anyio.Lock()

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
        """Make one call and return what came of it; see `Model.generate`."""
        client = await self._connected()
        call = _Call(self._spec, self._price, secrets=(self._api_key, client.api_key))
        params = chat_params(self._spec, request, stream_usage=self._preset.stream_usage)
        with call.errors_translated():
            async with client.chat.completions.with_streaming_response.create(
                **params,
                stream=True,
                timeout=self._timeout(),
                extra_headers=self._headers(),
            ) as response:
                call.request_id = response.headers.get("x-request-id")
                await _read(response, call, on_tokens)
        if on_usage is not None:
            on_usage(call.stream.usage(), call.cost())
        return call.reply()

    @override
    async def aclose(self) -> None:
        """Close the connections. No call may follow."""
        if self._client is not None:
            await self._client.close()

    @property
    def _preset(self) -> Preset:
        preset = preset_of(self._spec.model.partition("/")[0])
        if preset is None or (preset.base_url is None and self._spec.base_url is not None):
            return UNKNOWN_SERVER
        return preset

    async def _connected(self) -> openai.AsyncOpenAI:
        """Return the client, making it if this is the first use: importing it takes a while."""
        async with self._lock:
            if self._client is None:
                self._client = await anyio.to_thread.run_sync(self._make)
            return self._client

    def _make(self) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        load_prices()
        limits = httpx2.Limits(
            max_connections=1_000, max_keepalive_connections=IDLE_CONNECTIONS, keepalive_expiry=5.0
        )
        return openai.AsyncOpenAI(
            api_key=self._api_key or _NO_KEY,
            base_url=self._spec.base_url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(limits=limits),
        )

    def _headers(self) -> dict[str, Any]:
        """Return the headers to leave out.

        Without a key there is none to send, and what the environment says of an account at OpenAI
        is not told to anyone else.
        """
        import openai

        left_out = [] if self._api_key else ["Authorization"]
        if self._spec.base_url is not None:
            left_out += ["OpenAI-Organization", "OpenAI-Project"]
        return {name: openai.Omit() for name in left_out}

    def _timeout(self) -> openai.Timeout:
        import openai

        return openai.Timeout(
            connect=CONNECT_TIMEOUT, read=self._read_timeout, write=WRITE_TIMEOUT, pool=None
        )


class _Call:
    """One call: what came of it so far, and what a failure of it means."""

    def __init__(
        self, spec: ModelSpec, price: Price | None, *, secrets: tuple[str | None, ...]
    ) -> None:
        self.stream = ChatStream()
        self.request_id: str | None = None
        self._spec = spec
        self._price = price
        self._secrets = secrets

    def reply(self) -> Reply:
        """Return the reply of a call that ended well."""
        stream = self.stream
        return Reply(
            turn=stream.turn,
            stop=stream.stop,
            usage=stream.usage(),
            cost_usd=self.cost(),
            detail=stream.detail,
            request_id=self.request_id or stream.id,
        )

    def cost(self) -> Cost:
        """Return what the call cost: as billed where the endpoint says so, else as counted.

        `None` where nothing was counted and tokens have a price.
        """
        model, counts = self._spec.model, self.stream.counts
        if self._price is not None and self._price == Price(FREE, FREE):
            return FREE
        if counts is None:
            return None
        billed = _dollars(counts.get("cost")) if model.startswith("openrouter/") else None
        if billed is not None and self._price is None:
            return billed
        return cost_of(
            model, self.stream.usage(), override=self._price, base_url=self._spec.base_url
        )

    @contextlib.contextmanager
    def errors_translated(self) -> Generator[None]:
        """Raise what goes wrong inside as a `ModelError` with what the call consumed."""
        import httpx2
        import openai

        try:
            yield
            if self.stream.error is not None:
                raise self._failed_midway(self.stream.error)
            if not self.stream.complete:
                raise self._broken_off("the stream ended before the reply was complete")
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except UnicodeEncodeError:
            # Its text would quote the key.
            raise ModelRejected(
                self._spec.model, "the API key holds a character no key has; set it again"
            ) from None
        except openai.APIConnectionError as error:
            raise self._cut(error.__cause__ or error) from error
        except httpx2.HTTPError as error:
            raise self._cut(error) from error
        except httpx2.InvalidURL as error:
            raise self._cut(error) from error
        except ValueError as error:
            raise self._broken_off(f"the reply could not be read: {error}") from error

    def _refused(self, error: openai.APIStatusError) -> ModelError:
        """Return what an answer with an error status means; such calls are not billed."""
        headers: Mapping[str, str] = error.response.headers
        text = _status_text(error.status_code, self._words(error.message), self._spec)
        retryable = is_retryable(error.status_code, headers.get("x-should-retry"))
        if retryable and not {error.code, error.type} & NO_CREDIT:
            return ModelUnavailable(
                self._spec.model,
                text,
                retry_after=retry_after(headers),
                request_id=error.request_id,
                usage=Usage(requests=1),
                cost_usd=FREE,
            )
        return ModelRejected(
            self._spec.model,
            text,
            request_id=error.request_id,
            usage=Usage(requests=1),
            cost_usd=FREE,
        )

    def _failed_midway(self, error: Mapping[str, Any]) -> ModelError:
        """Return what an error inside a stream means."""
        said = self._words(str(error.get("message") or error.get("code") or "no reason given"))
        code = error.get("code")
        lasting = isinstance(code, int) and 400 <= code < 500 and not is_retryable(code, None)
        return self._broken_off(f"the endpoint broke off the reply: {said}", retryable=not lasting)

    def _cut(self, error: BaseException) -> ModelError:
        """Return what a failure of the connection means."""
        import httpx2

        if isinstance(
            error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError | httpx2.InvalidURL
        ):
            return ModelRejected(
                self._spec.model,
                f"the request cannot be sent ({type(error).__name__}): "
                "check base_url and the key for stray characters",
            )
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            return ModelUnavailable(
                self._spec.model,
                f"no connection to {place(self._spec)}; is it running, and is base_url right?",
                usage=Usage(),
                cost_usd=FREE,
            )
        if isinstance(error, httpx2.TimeoutException):
            return self._broken_off("the endpoint fell silent")
        return self._broken_off(f"the connection was cut ({type(error).__name__})")

    def _broken_off(self, text: str, *, retryable: bool = True) -> ModelError:
        kind = ModelUnavailable if retryable else ModelRejected
        free = self._price == Price(FREE, FREE)
        return kind(
            self._spec.model,
            text,
            request_id=self.request_id,
            usage=self.stream.usage(),
            cost_usd=FREE,
            complete=free,
        )

    def _words(self, text: str) -> str:
        return words(text, (secret for secret in self._secrets if secret != _NO_KEY))


async def _read(
    response: openai.AsyncAPIResponse[Any], call: _Call, on_tokens: OnTokens | None
) -> None:
    """Read a reply to its end, telling how far it has come."""
    stream = call.stream
    if "text/event-stream" not in response.headers.get("content-type", ""):
        # Some endpoints do not stream, whatever they are asked.
        stream.feed_whole(await response.read())
    else:
        reported = 0
        step = TOKENS_BETWEEN_REPORTS * CHARACTERS_PER_TOKEN
        with anyio.CancelScope() as drain:
            async for line in response.iter_lines():
                if stream.ended or stream.error is not None:
                    # Read on, within bounds: then the connection can be used again.
                    continue
                stream.feed(line)
                if stream.ended or stream.error is not None:
                    drain.deadline = min(drain.deadline, anyio.current_time() + DRAIN_TIMEOUT)
                elif on_tokens is not None and stream.characters - reported >= step:
                    reported = stream.characters
                    on_tokens(reported // CHARACTERS_PER_TOKEN)
    if on_tokens is not None and stream.complete and stream.counts is not None:
        on_tokens(stream.usage().output_tokens)


def place(spec: ModelSpec) -> str:
    """Return where a model is, in words, without what an address may hold besides."""
    if spec.base_url is None:
        return "the API"
    parts = urlsplit(spec.base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def _status_text(status: int, said: str, spec: ModelSpec) -> str:
    said = f": {said}" if said else ""
    variable = f"`{spec.api_key_env}`" if spec.api_key_env else "`api_key_env` of this solver"
    match status:
        case 400 | 422:
            return f"the endpoint refuses the request{said}"
        case 401:
            # Without the endpoint's words: some quote the key.
            return f"the API key is refused; check {variable}"
        case 402:
            return f"no credit is left{said}"
        case 403:
            return f"this key may not do that{said}"
        case 404:
            return f"no such model at {place(spec)}{said}; check the model's name and base_url"
        case 413:
            return f"the request is too large{said}; send less text or smaller images"
        case 429:
            return f"a rate limit is reached{said}"
        case _:
            return f"the endpoint answers with status {status}{said}"


def _dollars(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
