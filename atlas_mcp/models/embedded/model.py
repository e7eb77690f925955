"""An embedded model: llama.cpp in a child process, asked over the loopback interface.

Owns the calls and one connection pool to the child (`models.embedded.llama_server`). Never fetches
weights: `models.embedded.weights` does.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import httpx2
from typing_extensions import override

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    Json,
    ModelRequest,
    Reply,
    UserTurn,
)
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import AtlasError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, Notice, OnNotice, OnTokens, OnUsage
from atlas_mcp.models.chat.stream import ChatStream, error_of
from atlas_mcp.models.embedded.context_share import ContextShare
from atlas_mcp.models.embedded.llama_server import (
    Child,
    end,
    exit_code,
    give_orders,
    require_runtime,
    spawn,
)
from atlas_mcp.models.embedded.partial import length
from atlas_mcp.models.wire.event_lines import EventLines
from atlas_mcp.models.wire.json_events import read_event
from atlas_mcp.system.processes import processors
from atlas_mcp.task_groups import open_task_group

DEFAULT_TEMPERATURE = 0.8
"""Sampling temperature where the request names none: llama.cpp's own default."""

DEFAULT_PARALLEL = 4
"""Calls served at once; more wait for a free slot. As many as a run starts by default."""

SPARE_TOKENS = 16
"""Tokens of the context kept free for those that a template adds after the prompt was counted."""

LONGEST_SILENCE = 1_200.0
"""Seconds without a token after which a call is given up. As long as one solver has by default: a
large model on slow cores reads a long prompt for minutes. Normally the run's own deadline ends a
call."""

NOTICE_SECONDS = 1.0
"""Seconds between two notices that a model is being loaded."""

STDERR_TAIL = 2_000
"""Characters of the child's stderr shown when it does not start."""

CLOSED = "it has been closed"


@dataclass(frozen=True, slots=True)
class _Running:
    """A child that has loaded its model and listens."""

    child: Child
    client: httpx2.AsyncClient


class Local(Model):
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
        self._path = path
        self._context_tokens = context_tokens
        self._parallel = parallel
        self._threads = threads
        self._use = use
        self._room = ContextShare(context_tokens, parallel)
        self._loading: Child | None = None
        self._running: _Running | None = None
        self._closed = False
        # Held while the child starts and stops: there is never more than one copy of the weights.
        self._lock = anyio.Lock()

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
        if self._is_loaded() or on_notice is None:
            await self._ensure_running()
            return
        failure: AtlasError | None = None
        async with open_task_group() as tasks:
            tasks.start_soon(self._tell_loading, on_notice, name=f"loading {self.name}")
            try:
                await self._ensure_running()
            except AtlasError as error:
                failure = error
            tasks.cancel_scope.cancel("it has been loaded")
        on_notice(None)
        if failure is not None:
            raise failure

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
        body = self._body(request)
        running = await self._ensure_running()
        prompt = await self._prompt_tokens(running, body)
        most = min(request.max_tokens, self._context_tokens - SPARE_TOKENS - prompt)
        body["max_tokens"] = most
        # All calls share one context, and llama.cpp breaks all of them off once it is full.
        async with self._room.taken(prompt + most + SPARE_TOKENS):
            return await self._ask(running, body, on_tokens)

    async def _ask(
        self, running: _Running, body: Mapping[str, Json], on_tokens: OnTokens | None
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

    @override
    async def aclose(self) -> None:
        """End the child and free its memory. Calls in flight break off."""
        self._closed = True
        if self._loading is not None:
            self._loading.tree.kill()
        with anyio.CancelScope(shield=True):  # bounded: a child is killed after STOP_GRACE
            async with self._lock:
                await self._discard()

    def _body(self, request: ModelRequest) -> dict[str, Json]:
        if request.tools and request.schema is None:
            raise ModelRejected(
                self.name, "embedded models have no tools; ask for a reply under a schema"
            )
        messages = [{"role": "system", "content": request.system}] if request.system else []
        for turn in request.turns:
            if isinstance(turn, UserTurn):
                messages.append({"role": "user", "content": self._text(turn)})
            else:
                messages.append({"role": "assistant", "content": turn.text})
        body: dict[str, Json] = {
            "messages": messages,
            "temperature": (
                DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
            ),
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": True,
        }
        if request.seed is not None:
            body["seed"] = request.seed % 2**32
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": request.schema},
            }
        return body

    async def _prompt_tokens(self, running: _Running, body: Mapping[str, Json]) -> int:
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
            raise ModelRejected(self.name, self._too_long(count, self._context_tokens))
        return count

    async def _require_alive(self, running: _Running) -> None:
        """Raise if the child has ended: another program may have its port by now."""
        if running.child.process.poll() is not None:
            raise await self._broken_off(running, _Reading(None), None)

    def _too_long(self, prompt: object, context: object) -> str:
        return (
            f"the prompt has {prompt} tokens, and the model's context holds {context}; shorten it, "
            "lower `max_explores`, or give its entry more `context_tokens`"
        )

    def _text(self, turn: UserTurn) -> str:
        texts: list[str] = []
        for part in turn.parts:
            if isinstance(part, Image):
                raise ModelRejected(
                    self.name,
                    "embedded models cannot see images; leave them out, or name a model that can",
                )
            texts.append(part.text)
        return "\n\n".join(texts)

    async def _ensure_running(self) -> _Running:
        async with self._lock:
            if self._closed:
                raise ModelUnavailable(self.name, CLOSED)
            if not self._is_loaded():
                await self._discard()
            if self._running is None:
                self._running = await self._start()
            return self._running

    def _is_loaded(self) -> bool:
        return self._running is not None and self._running.child.process.poll() is None

    async def _tell_loading(self, on_notice: OnNotice) -> None:
        size = await length(self._path)
        while True:
            # Repeated, since other calls of the run clear this notice along with their own.
            on_notice(Notice(f"loading {self.name} ({size / 1e6:,.0f} MB)"))
            await anyio.sleep(NOTICE_SECONDS)

    async def _start(self) -> _Running:
        await anyio.to_thread.run_sync(require_runtime, self.name)
        if not await anyio.Path(self._path).is_file():
            raise ModelRejected(
                self.name,
                f"its weights are not at {self._path}{self._pull_again('run')}",
            )
        key = secrets.token_urlsafe(32)
        orders = {
            "path": str(self._path),
            "key": key,
            "context_tokens": self._context_tokens,
            "parallel": self._parallel,
            "threads": self._threads or processors(),
            "use": None if self._use is None else str(self._use),
        }
        with await anyio.to_thread.run_sync(tempfile.TemporaryFile) as stderr:
            child = await anyio.to_thread.run_sync(spawn, stderr)
            self._loading = child
            try:
                # Abandoned on a cancel: the child is killed below, and that ends the thread.
                address = await anyio.to_thread.run_sync(
                    give_orders, child, orders, abandon_on_cancel=True
                )
            except BaseException:
                child.tree.kill()
                with anyio.CancelScope(shield=True):  # bounded: it has been killed
                    await anyio.to_thread.run_sync(end, child)
                raise
            finally:
                self._loading = None
            if address is None:
                await anyio.to_thread.run_sync(end, child)
                raise await anyio.to_thread.run_sync(self._not_started, child, stderr)
        client = httpx2.AsyncClient(
            base_url=address,
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(LONGEST_SILENCE, connect=10.0),
            # The server drops idle connections without notice: every call opens its own.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
            # Plain HTTP within this machine. Loading certificates would take a while.
            verify=False,
        )
        return _Running(child, client)

    async def _discard(self) -> None:
        # Calls in flight break off with the process, and close their connections themselves. The
        # client keeps no idle connection; closing it would leave one that is just being opened.
        running, self._running = self._running, None
        if running is not None:
            await anyio.to_thread.run_sync(end, running.child)

    def _not_started(self, child: Child, stderr: IO[bytes]) -> ModelRejected | ModelUnavailable:
        if self._closed:
            return ModelUnavailable(self.name, CLOSED)
        stderr.seek(0)
        said = stderr.read().decode(errors="replace").strip()[-STDERR_TAIL:]
        return ModelRejected(
            self.name,
            "its weights could not be loaded (the process ended with code "
            f"{child.process.returncode}). Is there memory for them, and for a context of "
            f"{self._context_tokens:,} tokens? Else the file may be damaged"
            f"{self._pull_again('delete it, and run')}" + (f". It said:\n{said}" if said else ""),
        )

    def _pull_again(self, how: str) -> str:
        # Weights without a lock are a file of the user's, which `models pull` cannot replace.
        return "" if self._use is None else f"; {how} `atlas-mcp models pull {self.name}`"

    def _refused(self, status: int, error: Mapping[str, Json]) -> ModelRejected | ModelUnavailable:
        message = str(error.get("message") or f"it answered with status {status}")
        if error.get("type") == "exceed_context_size_error":
            message = self._too_long(error.get("n_prompt_tokens"), error.get("n_ctx"))
        kind = ModelUnavailable if status >= 500 else ModelRejected
        return kind(self.name, message, charge=Charge(Usage(requests=1)))

    async def _broken_off(
        self, running: _Running, reading: _Reading, error: Exception | None
    ) -> ModelUnavailable:
        # A child that dies closes its connections first; its exit code can be read only after that.
        code = await anyio.to_thread.run_sync(exit_code, running.child)
        if self._closed:
            what = "it was closed during the call"
        elif isinstance(error, httpx2.ReadTimeout):
            what = f"nothing came for {LONGEST_SILENCE:.0f} seconds"
        elif isinstance(error, ValueError):
            what = "what it wrote could not be read"
        elif code is None:
            what = "the connection to its process broke"
        else:
            what = f"its process ended with code {code}, perhaps for want of memory"
        return ModelUnavailable(
            self.name,
            f"{what}; the call can be made again",
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
