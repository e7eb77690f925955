"""An embedded model: llama.cpp in a child process, asked over the loopback interface.

Owns the child and one connection pool to it. It never fetches weights (`models.weights` does).

llama.cpp gets a process of its own, for four reasons. Its binding holds the interpreter's lock
while the weights load, for seconds in which no event loop would turn. Its threads spin while they
wait for each other unless the environment they start in says otherwise, which on a busy machine
makes it many times slower. What it prints cannot end up in our stdout, which belongs to the
protocol. And if it crashes, a call fails and not the server. The child ends when its stdin does, so
it cannot outlive us, however we end.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol, cast

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
    Stop,
    UserTurn,
)
from atlas_mcp.atlas.usage import FREE, Usage
from atlas_mcp.errors import ConfigError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.catalogue import CatalogueModel

DEFAULT_TEMPERATURE = 0.8
"""Sampling temperature where the request names none: llama.cpp's own default."""

DEFAULT_PARALLEL = 4
"""Calls served at once; more wait for a free slot. As many as a run starts by default."""

BATCH_TOKENS = 256
"""Prompt tokens read in one go. Between two batches the other slots write and a cancel is heard, so
it bounds both waits: 3 to 6 seconds with the 1.5B model on two busy cores. There 2,048 was not
measurably faster (82 and 45 tokens/s against 90 and 43, 2026-11-23)."""

LONGEST_SILENCE = 600.0
"""Seconds without a token after which a call is given up: a full queue of long prompts on slow
cores stays well below. The run's own deadline is what normally ends a call."""

STOP_GRACE = 2.0
"""Seconds the child has to end by itself before it is killed. The 1.5B model took 0.1."""

DEATH_GRACE = 1.0
"""Seconds in which a child whose connections broke is expected to turn out dead."""

STDERR_TAIL = 2_000
"""Characters of the child's stderr shown when it does not start."""

CLOSED = "it has been closed"

INSTALL = 'pip install "atlas-mcp[local]"'


class _SettingsOfThreads(Protocol):
    n_threads: int


class _SettingsOfModel(Protocol):
    path: str


class _Settings(Protocol):
    """The part of llama.cpp's parameters that we set."""

    model: _SettingsOfModel
    cpuparams: _SettingsOfThreads
    cpuparams_batch: _SettingsOfThreads
    n_ctx: int
    n_parallel: int
    kv_unified: bool
    n_batch: int
    n_gpu_layers: int
    cache_ram_mib: int
    warmup: bool
    ui: bool
    endpoint_slots: bool
    verbosity: int
    api_keys: list[str]


class _Server(Protocol):
    @property
    def listening_address(self) -> str: ...


class _Binding(Protocol):
    """The part of the binding that we use; it ships no types."""

    def CommonParams(self) -> _Settings: ...
    def Server(self, settings: _Settings, /) -> _Server: ...


@dataclass(frozen=True, slots=True)
class _Running:
    """A child that has loaded its model and listens."""

    process: subprocess.Popen[bytes]
    client: httpx2.AsyncClient


class Local(Model):
    """An embedded model of the catalogue.

    Args:
        model: The catalogue's entry.
        path: The weights, already in place.
        threads: Threads to compute with; `None` for one per processor we may use.
        parallel: Calls served at once.
    """

    def __init__(
        self,
        model: CatalogueModel,
        path: Path,
        *,
        threads: int | None = None,
        parallel: int = DEFAULT_PARALLEL,
    ) -> None:
        self._model = model
        self._path = path
        self._threads = threads
        self._parallel = parallel
        self._loading: subprocess.Popen[bytes] | None = None
        self._running: _Running | None = None
        self._closed = False
        # Held while the child starts and stops: there is never more than one copy of the weights.
        self._lock = anyio.Lock()

    @property
    @override
    def name(self) -> str:
        """The model as `local/NAME`."""
        return self._model.name

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
            ModelUnavailable: The child ended or was not heard of; the next call starts another.
            ModelRejected: The request asks for what an embedded model cannot do, does not fit its
                context, or its weights cannot be loaded.
        """
        body = self._body(request)
        running = await self._ensure_running()
        reading = _Reading(on_tokens)
        try:
            async with running.client.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    reading.feed(line)
        except httpx2.TransportError as error:
            raise await self._broken_off(running, reading, error) from error
        if reading.error is not None:
            raise self._refused(int(reading.error.get("code") or 500), reading.error)
        if reading.stop is None:
            raise await self._broken_off(running, reading, None)
        return Reply(
            turn=AssistantTurn(reading.text),
            stop=reading.stop,
            usage=reading.usage,
            cost_usd=FREE,
            request_id=reading.request_id,
        )

    @override
    async def aclose(self) -> None:
        """End the child and free its memory. Calls in flight break off."""
        self._closed = True
        if self._loading is not None:
            self._loading.kill()
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
            "max_tokens": min(request.max_tokens, self._model.context_tokens),
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
            if self._running is not None and self._running.process.poll() is not None:
                await self._discard()
            if self._running is None:
                self._running = await self._start()
            return self._running

    async def _start(self) -> _Running:
        await anyio.to_thread.run_sync(require_runtime, self.name)
        if not await anyio.Path(self._path).is_file():
            raise ModelRejected(
                self.name,
                f"its weights are not at {self._path}; run `atlas-mcp models pull {self.name}`",
            )
        key = secrets.token_urlsafe(32)
        orders = {
            "path": str(self._path),
            "key": key,
            "context_tokens": self._model.context_tokens,
            "parallel": self._parallel,
            "threads": self._threads or _processors(),
        }
        with await anyio.to_thread.run_sync(tempfile.TemporaryFile) as stderr:
            process = await anyio.to_thread.run_sync(_spawn, stderr)
            self._loading = process
            try:
                # Abandoned on a cancel: the child is killed below, and that ends the thread.
                address = await anyio.to_thread.run_sync(
                    _give_orders, process, orders, abandon_on_cancel=True
                )
            except BaseException:
                process.kill()
                with anyio.CancelScope(shield=True):  # bounded: it has been killed
                    await anyio.to_thread.run_sync(_end, process)
                raise
            finally:
                self._loading = None
            if address is None:
                await anyio.to_thread.run_sync(_end, process)
                raise await anyio.to_thread.run_sync(self._not_started, process, stderr)
        client = httpx2.AsyncClient(
            base_url=address,
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(LONGEST_SILENCE, connect=10.0),
            # The server drops idle connections without a word: every call opens its own.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
            # Plain HTTP within this machine: no certificates to load, which takes a while.
            verify=False,
        )
        return _Running(process, client)

    async def _discard(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.client.aclose()
            await anyio.to_thread.run_sync(_end, running.process)

    def _not_started(
        self, process: subprocess.Popen[bytes], stderr: IO[bytes]
    ) -> ModelRejected | ModelUnavailable:
        if self._closed:
            return ModelUnavailable(self.name, CLOSED)
        stderr.seek(0)
        said = stderr.read().decode(errors="replace").strip()[-STDERR_TAIL:]
        return ModelRejected(
            self.name,
            "its weights could not be loaded (the process ended with code "
            f"{process.returncode}). Is there memory for them? If the file is damaged, delete it "
            f"and run `atlas-mcp models pull {self.name}`"
            + (f". It said:\n{said}" if said else ""),
        )

    def _refused(
        self, status: int, body: bytes | Mapping[str, Json]
    ) -> ModelRejected | ModelUnavailable:
        error = _error_of(body)
        message = str(error.get("message") or f"it answered with status {status}")
        if error.get("type") == "exceed_context_size_error":
            message = (
                f"the prompt has {error.get('n_prompt_tokens')} tokens, and the model's context "
                f"holds {error.get('n_ctx')}; shorten it, or lower `max_explores`"
            )
        kind = ModelUnavailable if status >= 500 else ModelRejected
        return kind(self.name, message, usage=Usage(requests=1), cost_usd=FREE)

    async def _broken_off(
        self, running: _Running, reading: _Reading, error: httpx2.TransportError | None
    ) -> ModelUnavailable:
        # A child that dies closes its connections first, and is seen to have died after that.
        code = await anyio.to_thread.run_sync(_exit_code, running.process)
        if self._closed:
            what = "it was closed during the call"
        elif isinstance(error, httpx2.ReadTimeout):
            what = f"nothing came for {LONGEST_SILENCE:.0f} seconds"
        elif code is None:
            what = "the connection to its process broke"
        else:
            what = f"its process ended with code {code}, perhaps for want of memory"
        return ModelUnavailable(
            self.name,
            f"{what}; the call can be made again",
            request_id=reading.request_id,
            usage=Usage(requests=1, output_tokens=reading.tokens),
            cost_usd=FREE,
        )


class _Reading:
    """The reply as it streams in, one server-sent event per token."""

    def __init__(self, on_tokens: OnTokens | None) -> None:
        self._on_tokens = on_tokens
        self._pieces: list[str] = []
        self.tokens = 0
        self.stop: Stop | None = None
        self.usage = Usage(requests=1)
        self.request_id: str | None = None
        self.error: Mapping[str, Json] | None = None

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def feed(self, line: str) -> None:
        """Take in one line of the stream."""
        if line.startswith("error:"):
            self.error = _error_of(line.removeprefix("error:").encode())
        if not line.startswith("data:"):
            return
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        event = cast("dict[str, Any]", json.loads(data))
        if "error" in event:
            self.error = _error_of(event)
            return
        self.request_id = event.get("id", self.request_id)
        for choice in event.get("choices") or ():
            self._take(choice)
        if event.get("usage"):
            self.usage = _usage(event["usage"])

    def _take(self, choice: Mapping[str, Any]) -> None:
        piece = choice.get("delta", {}).get("content")
        if piece:
            self._pieces.append(piece)
            self.tokens += 1
            if self._on_tokens is not None:
                self._on_tokens(self.tokens)
        reason = choice.get("finish_reason")
        if reason is not None:
            self.stop = "max_tokens" if reason == "length" else "end"


def _usage(counts: Mapping[str, Any]) -> Usage:
    details: Mapping[str, int] = counts.get("prompt_tokens_details") or {}
    return Usage(
        requests=1,
        input_tokens=counts["prompt_tokens"],
        output_tokens=counts["completion_tokens"],
        cache_read_tokens=details.get("cached_tokens", 0),
    )


def _error_of(body: bytes | Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the `error` object of a reply, empty if it has none."""
    found: Any = body
    if isinstance(body, bytes):
        try:
            found = json.loads(body)
        except ValueError:
            return {}
    if isinstance(found, Mapping):
        fields = cast("Mapping[str, Any]", found)
        inner: Any = fields.get("error", fields)
        if isinstance(inner, Mapping):
            return cast("Mapping[str, Any]", inner)
    return {}


def runtime_installed() -> bool:
    """Return whether llama.cpp can be used here."""
    return find_spec("xllamacpp") is not None


def require_runtime(name: str) -> None:
    """Refuse to go on for the embedded model `name` without llama.cpp.

    Raises:
        ConfigError: It is not installed; the message has the command that does it.
    """
    if not runtime_installed():
        raise ConfigError(f"`{name}` needs llama.cpp, which is not installed; run {INSTALL}")


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _spawn(stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a child that waits for its orders on stdin."""
    # -P keeps the working folder, which may be anyone's project, off the child's import path. What
    # this process imports us from is put on it instead: we may run from a checkout.
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (root, inherited))),
            # Threads that wait sleep. By default they spin, and beside any other load that costs
            # far more than it gains: with one busy process on two cores, what took 20 seconds
            # this way was not done after 60.
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        # A Ctrl-C in the terminal is ours to handle.
        start_new_session=True,
    )


def _give_orders(process: subprocess.Popen[bytes], orders: Mapping[str, Json]) -> str | None:
    """Tell the child what to load; return the address it serves on, `None` if it ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    return answer.decode().strip() or None


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the child's exit code, `None` if it is alive and stays so."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(DEATH_GRACE)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the child: politely, then not."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(STOP_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Be the child: load the model that stdin names, serve it until stdin ends."""
    orders = json.loads(sys.stdin.buffer.readline())
    # Only the one line goes to the parent; whatever llama.cpp may print joins the errors.
    parent = os.dup(1)
    os.dup2(2, 1)

    binding = cast("_Binding", import_module("xllamacpp"))
    settings = binding.CommonParams()
    settings.model.path = orders["path"]
    settings.cpuparams.n_threads = orders["threads"]
    settings.cpuparams_batch.n_threads = orders["threads"]
    settings.n_ctx = orders["context_tokens"]
    settings.n_parallel = orders["parallel"]
    # One store for all slots: one call may use the whole context while the others are short.
    settings.kv_unified = True
    settings.n_batch = BATCH_TOKENS
    settings.n_gpu_layers = 0
    # Off: it copies the store of a finished slot aside, up to gigabytes of it.
    settings.cache_ram_mib = 0
    settings.warmup = False
    settings.ui = False
    settings.endpoint_slots = True
    settings.verbosity = 1
    settings.api_keys = [orders["key"]]
    server = binding.Server(settings)
    os.write(parent, server.listening_address.encode() + b"\n")
    os.close(parent)
    while os.read(0, 4_096):
        pass
    # The server's own shutdown waits for calls in flight; nobody is left to read them.
    os._exit(0)


if __name__ == "__main__":
    main()
