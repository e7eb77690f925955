"""An embedded model: llama.cpp in a child process, asked over the loopback interface.

Owns the calls, from request to reply. The process that answers them is started and ended by
`models.embedded.server`; weights are fetched by `models.embedded.weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx2
from typing_extensions import override

from atlas_mcp.atlas.messages import AssistantTurn, Json, ModelRequest, Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, OnNotice, OnTokens, OnUsage
from atlas_mcp.models.embedded.context_share import ContextShare
from atlas_mcp.models.embedded.params import embedded_params
from atlas_mcp.models.embedded.server import LONGEST_SILENCE, EmbeddedServer, Running
from atlas_mcp.models.wire.chat_stream import ChatStream, error_of
from atlas_mcp.models.wire.event_lines import EventLines
from atlas_mcp.models.wire.json_events import read_event
from atlas_mcp.models.wire.masking import Secrets
from atlas_mcp.models.wire.refusals import Wording, refusal

DEFAULT_PARALLEL = 4
"""Calls served at once; more wait for a free slot. As many as a run starts by default."""

SPARE_TOKENS = 16
"""Tokens of the context kept free for those that a template adds after the prompt was counted."""

WORDING = Wording(
    api="llama.cpp",
    place="llama.cpp",
    key="this key",
    credit="this model is free",
    address="this address",
)
"""The phrases by which errors refer to llama.cpp. It has no account and no address to set, so that
only `api` is ever used."""


class EmbeddedModel(Model):
    """An embedded model: one copy of its weights, for all runs of this process.

    Args:
        name: The model as `local/…`, shown to users and recorded.
        path: The weights, already in place.
        context_tokens: Longest prompt and reply together; all calls under way share this context.
        parallel: Calls served at once.
        threads: Threads to compute with; `None` for one per processor we may use.
        use: A file to lock while the weights are loaded, so that they are not removed.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        context_tokens: int,
        parallel: int = DEFAULT_PARALLEL,
        threads: int | None = None,
        use: Path | None = None,
    ) -> None:
        self._name = name
        self._context_tokens = context_tokens
        self._share = ContextShare(context_tokens, parallel)
        self._server = EmbeddedServer(
            name,
            path,
            context_tokens=context_tokens,
            parallel=parallel,
            threads=threads,
            use=use,
        )

    @property
    @override
    def name(self) -> str:
        """The model as `local/…`."""
        return self._name

    @override
    async def load(self, on_notice: OnNotice | None = None) -> None:
        """Load the model, if it is not loaded yet.

        Args:
            on_notice: Called once a second with a notice of the loading.

        Raises:
            ConfigError: llama.cpp is not installed.
            ModelUnavailable: The model has been closed.
            ModelRejected: Its weights cannot be loaded.
        """
        await self._server.load(on_notice)

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call; the first one loads the model.

        Raises:
            ConfigError: llama.cpp is not installed.
            ModelUnavailable: The child ended or fell silent; the next call starts another.
            ModelRejected: The request needs a feature that embedded models lack, or does not fit
                the context, or the weights cannot be loaded.
        """
        body = embedded_params(self.name, request)
        running = await self._server.running()
        prompt = await self._prompt_tokens(running, body)
        most = min(request.max_tokens, self._context_tokens - SPARE_TOKENS - prompt)
        body["max_tokens"] = most
        # All calls share one context, and llama.cpp breaks all of them off once it is full.
        async with self._share.taken(prompt + most + SPARE_TOKENS):
            return await self._ask(running, body, on_tokens)

    @override
    async def aclose(self) -> None:
        """End the child and free its memory. Calls in flight break off."""
        await self._server.aclose()

    async def _ask(
        self, running: Running, body: Mapping[str, Json], on_tokens: OnTokens | None
    ) -> Reply:
        reading = _Reading(on_tokens)
        stream = reading.stream
        await self._require_alive(running)
        try:
            async with running.client.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, error_of(await response.aread()))
                async for chunk in response.aiter_bytes():
                    reading.feed(chunk)
        except (httpx2.TransportError, ValueError) as error:
            raise await self._broken_off(running, reading, error) from error
        if stream.error is not None:
            code = stream.error.get("code")
            raise self._refused(code if isinstance(code, int) else 500, stream.error)
        if stream.finish_reason is None:
            raise await self._broken_off(running, reading, None)
        return Reply(
            turn=AssistantTurn(stream.turn.text),
            end=stream.end,
            charge=Charge(stream.usage()),
            detail=stream.detail,
            request_id=stream.id,
        )

    async def _prompt_tokens(self, running: Running, body: Mapping[str, Json]) -> int:
        """Return how many tokens the prompt has, as the model counts.

        Raises:
            ModelRejected: The prompt leaves no room for a reply.
        """
        await self._require_alive(running)
        try:
            response = await running.client.post("/v1/chat/completions/input_tokens", json=body)
        except httpx2.TransportError as error:
            raise await self._broken_off(running, _Reading(None), error) from error
        if response.status_code != 200:
            raise self._refused(response.status_code, error_of(response.content))
        count: int = response.json()["input_tokens"]
        if count + SPARE_TOKENS >= self._context_tokens:
            raise ModelRejected(self.name, _too_long(count, self._context_tokens))
        return count

    async def _require_alive(self, running: Running) -> None:
        """Raise if the child has ended: another program may have its port by now."""
        if not running.is_alive:
            raise await self._broken_off(running, _Reading(None), None)

    def _refused(self, status: int, error: Mapping[str, Json]) -> ModelError:
        """Build the error for an answer with an error status."""
        found = refusal(status, {}, {"error": error}, WORDING, Secrets())
        text = found.text
        if error.get("type") == "exceed_context_size_error":
            text = _too_long(error.get("n_prompt_tokens"), error.get("n_ctx"))
        kind = ModelUnavailable if found.retryable else ModelRejected
        return kind(self.name, text, charge=Charge(Usage(requests=1)))

    async def _broken_off(
        self, running: Running, reading: _Reading, error: Exception | None
    ) -> ModelUnavailable:
        code = await running.exit_code()
        if self._server.is_closed:
            cause = "it was closed during the call"
        elif isinstance(error, httpx2.ReadTimeout):
            cause = f"nothing came for {LONGEST_SILENCE:.0f} seconds"
        elif isinstance(error, ValueError):
            cause = "its output could not be read"
        elif code is None:
            cause = "the connection to its process broke"
        else:
            cause = f"its process ended with code {code}, perhaps for want of memory"
        return ModelUnavailable(
            self.name,
            f"{cause}; the call can be made again",
            request_id=reading.stream.id,
            charge=Charge(Usage(requests=1, output_tokens=reading.tokens)),
        )


class _Reading:
    """The reply as it streams in, one server-sent event per token."""

    def __init__(self, on_tokens: OnTokens | None) -> None:
        self._on_tokens = on_tokens
        self._lines = EventLines()
        self.stream = ChatStream()
        self.tokens = 0

    def feed(self, chunk: bytes) -> None:
        """Take in a chunk of the stream.

        Raises:
            ValueError: The stream cannot be read.
        """
        for line in self._lines.feed(chunk):
            before = self.stream.characters
            self.stream.take(read_event(line))
            if self.stream.unreadable is not None:
                raise ValueError(self.stream.unreadable)
            if self.stream.characters > before:
                self.tokens += 1
                if self._on_tokens is not None:
                    self._on_tokens(self.tokens)


def _too_long(prompt: object, context: object) -> str:
    return (
        f"the prompt has {prompt} tokens, and the model's context holds {context}; shorten it, "
        "lower `max_explores`, or give its entry more `context_tokens`"
    )
