"""The llama.cpp server of one embedded model: when its process is started, and when it is ended.

Owns the one copy of the weights and the HTTP client for its process, which is described in
`models.embedded.llama_process`; the calls are made in `models.embedded.model`.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import httpx2

from atlas_mcp.atlas.wording import megabytes_text
from atlas_mcp.errors import AtlasError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Notice, OnNotice
from atlas_mcp.models.embedded.llama_process import (
    Child,
    end,
    exit_code,
    give_orders,
    require_runtime,
    spawn,
)
from atlas_mcp.models.embedded.partial import length
from atlas_mcp.system.processes import processors
from atlas_mcp.task_groups import open_task_group

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
class Running:
    """A process that has loaded its model and listens.

    Attributes:
        child: The process.
        client: The client for it, which sends its key.
    """

    child: Child
    client: httpx2.AsyncClient

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.child.process.poll() is None

    async def exit_code(self) -> int | None:
        """Return the exit code of the process, `None` if it is alive and stays so.

        A process that dies closes its connections first; its exit code can be read only after that.
        """
        return await anyio.to_thread.run_sync(exit_code, self.child)


class EmbeddedServer:
    """One copy of a model's weights in a process of its own, started when it is first needed.

    Args:
        name: The model as `local/…`, shown to users.
        path: The weights, already in place.
        context_tokens: Longest prompt and reply together; all calls under way share this context.
        parallel: Calls served at once.
        threads: Threads to compute with; `None` for one per processor we may use.
        use: A file to lock while the weights are loaded, so that they are not removed.

    Attributes:
        is_closed: Whether the server has been closed and starts no more.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        context_tokens: int,
        parallel: int,
        threads: int | None,
        use: Path | None,
    ) -> None:
        self.is_closed = False
        self._name = name
        self._path = path
        self._context_tokens = context_tokens
        self._parallel = parallel
        self._threads = threads
        self._use = use
        self._loading: Child | None = None
        self._running: Running | None = None
        # Held while the child starts and stops: there is never more than one copy of the weights.
        self._lock = anyio.Lock()

    async def running(self) -> Running:
        """Return the process, after starting one if none is alive.

        Raises:
            ConfigError: llama.cpp is not installed.
            ModelUnavailable: The server has been closed.
            ModelRejected: The weights cannot be loaded.
        """
        async with self._lock:
            if self.is_closed:
                raise ModelUnavailable(self._name, CLOSED)
            if not self._is_loaded():
                await self._discard()
            if self._running is None:
                self._running = await self._start()
            return self._running

    async def load(self, on_notice: OnNotice | None) -> None:
        """Start the process if none is alive; see `running`.

        Args:
            on_notice: Called once a second with a notice of the loading.
        """
        if self._is_loaded() or on_notice is None:
            await self.running()
            return
        failure: AtlasError | None = None
        async with open_task_group() as tasks:
            tasks.start_soon(self._tell_loading, on_notice, name=f"loading {self._name}")
            try:
                await self.running()
            except AtlasError as error:
                failure = error
            tasks.cancel_scope.cancel("it has been loaded")
        on_notice(None)
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """End the process and free its memory. Calls in flight break off."""
        self.is_closed = True
        if self._loading is not None:
            self._loading.tree.kill()
        with anyio.CancelScope(shield=True):  # bounded: a child is killed after STOP_GRACE
            async with self._lock:
                await self._discard()

    def _is_loaded(self) -> bool:
        return self._running is not None and self._running.is_alive

    async def _tell_loading(self, on_notice: OnNotice) -> None:
        size = await length(self._path)
        while True:
            # Repeated, since other calls of the run clear this notice along with their own.
            on_notice(Notice(f"loading {self._name} ({megabytes_text(size)})"))
            await anyio.sleep(NOTICE_SECONDS)

    async def _start(self) -> Running:
        await anyio.to_thread.run_sync(require_runtime, self._name)
        if not await anyio.Path(self._path).is_file():
            raise ModelRejected(
                self._name,
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
        return Running(child, _client(address, key))

    async def _discard(self) -> None:
        # Calls in flight break off with the process, and close their connections themselves. The
        # client keeps no idle connection; closing it would leave one that is just being opened.
        running, self._running = self._running, None
        if running is not None:
            await anyio.to_thread.run_sync(end, running.child)

    def _not_started(self, child: Child, stderr: IO[bytes]) -> ModelRejected | ModelUnavailable:
        if self.is_closed:
            return ModelUnavailable(self._name, CLOSED)
        stderr.seek(0)
        output = stderr.read().decode(errors="replace").strip()[-STDERR_TAIL:]
        return ModelRejected(
            self._name,
            "its weights could not be loaded (the process ended with code "
            f"{child.process.returncode}). Is there memory for them, and for a context of "
            f"{self._context_tokens:,} tokens? Else the file may be damaged"
            f"{self._pull_again('delete it, and run')}"
            + (f". It said:\n{output}" if output else ""),
        )

    def _pull_again(self, how: str) -> str:
        # Weights without a lock are a file of the user's, which `models pull` cannot replace.
        return "" if self._use is None else f"; {how} `atlas-mcp models pull {self._name}`"


def _client(address: str, key: str) -> httpx2.AsyncClient:
    """Return a client for the process at an address of the loopback interface."""
    return httpx2.AsyncClient(
        base_url=address,
        headers={"authorization": f"Bearer {key}"},
        timeout=httpx2.Timeout(LONGEST_SILENCE, connect=10.0),
        # The server drops idle connections without notice: every call opens its own.
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        trust_env=False,
        # Plain HTTP within this machine. Loading certificates would take a while.
        verify=False,
    )
