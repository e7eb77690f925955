"""llama.cpp in a process of its own: its start, its end, and the program that it runs.

Owns the child's side and its life; it is started by `models.embedded.server`. It gets a
process of its own for four reasons. The binding holds the interpreter's lock while the weights
load, for seconds in which no event loop would turn. Its threads spin while they wait for each other
unless the environment they start in says otherwise, which on a busy machine makes it many times
slower. Its prints cannot end up in our stdout, which belongs to the protocol. And a crash of it
fails a call, not the server. The child ends when its stdin does, so it cannot outlive us.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Protocol, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.config.system_variables import child_environment
from atlas_mcp.errors import ConfigError
from atlas_mcp.installation import install_command
from atlas_mcp.models.file_locks import open_lock, share
from atlas_mcp.system.processes import CREATION_FLAGS, Tree

BATCH_TOKENS = 256
"""Prompt tokens read in one go. Between two batches the other slots write and a cancel is heard, so
it bounds both waits: 3 to 6 seconds with the 1.5B model on two busy cores. There 2,048 was not
measurably faster (82 and 45 tokens/s against 90 and 43, 2026-11-23)."""

STOP_GRACE = 2.0
"""Seconds the child has to end by itself before it is killed. The 1.5B model took 0.1."""

DEATH_GRACE = 1.0
"""Seconds to wait for the exit code of a child whose connections broke."""


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


def runtime_installed() -> bool:
    """Return whether llama.cpp can be used here."""
    return find_spec("xllamacpp") is not None


def require_runtime(name: str) -> None:
    """Refuse to go on for the embedded model `name` without llama.cpp.

    Raises:
        ConfigError: llama.cpp is not installed; the message has the command that installs it.
    """
    if not runtime_installed():
        raise ConfigError(
            f"`{name}` needs llama.cpp, which is not installed; run {install_command('local')}"
        )


@dataclass(frozen=True, slots=True)
class Child:
    """The process that llama.cpp runs in.

    Attributes:
        process: The process, and its pipes.
        tree: Kills it at once, and when our own process ends.
    """

    process: subprocess.Popen[bytes]
    tree: Tree


def spawn(stderr: IO[bytes]) -> Child:
    """Start a child that waits for its orders on stdin."""
    # -P keeps the working folder, which may be any project, off the child's import path.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=child_environment(
            # Waiting threads sleep. By default they spin, which beside any other load costs far
            # more than it gains: with one busy process on two cores, a load of 20 seconds was not
            # done after 60.
            OMP_WAIT_POLICY="PASSIVE",
        ),
        # Our own process handles a Ctrl-C in the terminal.
        start_new_session=True,
        creationflags=CREATION_FLAGS,
    )
    return Child(process, Tree(process))


def give_orders(child: Child, orders: Mapping[str, Json]) -> str | None:
    """Send the child its orders; return the address it serves on, `None` if it ended."""
    process = child.process
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    return answer.decode().strip() or None


def exit_code(child: Child) -> int | None:
    """Return the child's exit code, `None` if it is alive and stays so."""
    with suppress(subprocess.TimeoutExpired):
        return child.process.wait(DEATH_GRACE)
    return None


def end(child: Child) -> None:
    """Ask the child to end, and kill it if it does not."""
    process = child.process
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(STOP_GRACE)
    except subprocess.TimeoutExpired:
        child.tree.kill()
        process.wait()
    child.tree.close()


def main() -> None:
    """Run as the child: load the model that stdin names, serve it until stdin ends."""
    orders = json.loads(sys.stdin.buffer.readline())
    # Only one line goes to the parent; any output of llama.cpp goes to stderr.
    parent = os.dup(1)
    os.dup2(2, 1)
    if orders["use"] is not None:
        # Held until this process ends, so that the weights are not removed while in use.
        share(open_lock(Path(orders["use"])))

    binding = cast("_Binding", import_module("xllamacpp"))
    settings = binding.CommonParams()
    settings.model.path = orders["path"]
    settings.cpuparams.n_threads = orders["threads"]
    settings.cpuparams_batch.n_threads = orders["threads"]
    settings.n_ctx = orders["context_tokens"]
    settings.n_parallel = orders["parallel"]
    # One store for all slots: one call may use the whole context while the others are short. The
    # caller makes sure that they fit together: a full store breaks all of them off.
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
    # The server's own shutdown waits for calls in flight, but their reader is gone.
    os._exit(0)


if __name__ == "__main__":
    main()
