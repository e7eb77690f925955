"""A child process with the computer algebra system: started, asked one thing, and ended.

Owns its life, and what is believed of its output. The library gets a process of its own: it holds
the interpreter for as long as it works, it may not come back, and it can take all memory. A
calculation is an attempt: where it cannot be made, nothing is proved, and the reason is told.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, cast

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from atlas_mcp.algebra.child import DONE, MEMORY_BYTES, MISSING, OUT_OF_MEMORY, OUT_OF_TIME
from atlas_mcp.config.system_variables import child_environment
from atlas_mcp.system.interpreter import launch_command
from atlas_mcp.system.processes import CREATION_FLAGS, Tree

CHILD = ("atlas_mcp.algebra.child", "main")
"""The module and the function of the child."""

DEADLINE_SECONDS = 1.8
"""Seconds from the start of a child to its end: a run waits for it. Starting Python and loading the
library takes 0.6 s of that, or 1.2 s on two busy cores (2026-11)."""

MOST_CHILDREN = 2
"""Children at once in this process, however many runs it drives."""

OUTPUT_BYTES = 16_384
"""Bytes of output that are read: more than all pairs of `MOST_COMPARED` answers take."""

LEAST_SECONDS = 0.3
"""Seconds that must be left when a child could be started: less than Python takes to start."""

BUSY = "the computer algebra system was busy with other runs"
UNREADABLE = "the computer algebra system wrote something that cannot be read"
FAULTS = {
    MISSING: "the computer algebra system is not installed",
    OUT_OF_TIME: "the computer algebra system needed too much time",
    OUT_OF_MEMORY: "the computer algebra system needed too much memory",
}

_children: RunVar[anyio.CapacityLimiter] = RunVar("atlas_mcp.algebra.children")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a calculation.

    Attributes:
        same: The pairs that were proved to be the same, by their numbers.
        fault: Why not every pair was looked at; empty where every one was.
    """

    same: tuple[tuple[int, int], ...] = ()
    fault: str = ""


def is_installed() -> bool:
    """Return whether the computer algebra system can be used here."""
    return find_spec("sympy") is not None


async def compare(trees: Sequence[Any], pairs: Sequence[tuple[int, int]]) -> Verdict:
    """Return which of some pairs of expressions are proved to be the same.

    A cancel ends the child and is not waited for.

    Args:
        trees: The expressions, as JSON.
        pairs: The pairs to look at, by the numbers of their expressions.
    """
    try:
        children = _children.get()
    except LookupError:
        children = anyio.CapacityLimiter(MOST_CHILDREN)
        _children.set(children)
    calculation = Calculation(trees, pairs, seconds=DEADLINE_SECONDS)
    try:
        # The limiter's place is free again once the child has been killed.
        return await anyio.to_thread.run_sync(
            calculation.run, limiter=children, abandon_on_cancel=True
        )
    finally:
        calculation.end()


@dataclass(slots=True)
class Calculation:
    """One child and its orders.

    Args:
        trees: See `compare`.
        pairs: See `compare`.
        command: The child's program; `None` for the usual one.
        seconds: Seconds from now until it is ended, also where it has to wait for its start.
    """

    trees: Sequence[Any]
    pairs: Sequence[tuple[int, int]]
    command: Sequence[str] | None = None
    seconds: float = DEADLINE_SECONDS
    _began: float = field(init=False, default_factory=time.monotonic)
    _tree: Tree | None = field(init=False, default=None)
    _ended: bool = field(init=False, default=False)
    _late: bool = field(init=False, default=False)
    # Keeps a child from being started after the end, and from being killed once it is forgotten:
    # another process may have its number then.
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def run(self) -> Verdict:
        """Start the child, and return what it found once it has ended. Blocks until then."""
        if self.command is None and not is_installed():
            return Verdict(fault=FAULTS[MISSING])
        left = self._began + self.seconds - time.monotonic()
        if left < LEAST_SECONDS:
            return Verdict(fault=BUSY)
        try:
            process = self._start()
        except (OSError, ValueError, MemoryError) as error:
            return Verdict(fault=f"the computer algebra system could not be started: {error}")
        if process is None:
            return Verdict(fault="the comparison was cut off")
        timer = threading.Timer(left, self._give_up)
        timer.daemon = True
        try:
            timer.start()
            output = self._asked(process, left)
        except (RuntimeError, MemoryError) as error:
            # No thread can be had, or no memory: a run goes on without the comparison.
            return Verdict(fault=f"the computer algebra system could not be watched: {error}")
        finally:
            timer.cancel()
            self.end()
            code = process.wait()
            self._forget(process)
        return self._verdict(output, code)

    def end(self) -> None:
        """End the child at once, if it has been started; no other one is started."""
        self._ended = True
        # Never waits: the event loop calls this. Where the child is just being started, or
        # forgotten, the thread that does it looks at `_ended` afterwards, or has no need to.
        if self._lock.acquire(blocking=False):
            try:
                if self._tree is not None:
                    self._tree.kill()
            finally:
                self._lock.release()

    def _start(self) -> subprocess.Popen[bytes] | None:
        process = self._started()
        if self._ended:
            self.end()
        return process

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._ended:
                return None
            process = subprocess.Popen(
                self.command or launch_command(*CHILD),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # The order in which the library tries its ways depends on hashes.
                env=child_environment(PYTHONHASHSEED="0"),
                # Our own process handles a Ctrl-C in the terminal.
                start_new_session=True,
                creationflags=CREATION_FLAGS,
            )
            self._tree = Tree(process, memory_bytes=MEMORY_BYTES)
            return process

    def _asked(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """Give a child its orders, and return what it wrote until it ended or was ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        orders = {"trees": self.trees, "pairs": self.pairs, "seconds": seconds}
        with suppress(OSError):
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            process.stdin.flush()
        # Its stdin stays open: the child ends with it.
        return process.stdout.read(OUTPUT_BYTES)

    def _give_up(self) -> None:
        self._late = True
        self.end()

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with self._lock:
            if self._tree is not None:
                self._tree.close()
                self._tree = None

    def _verdict(self, output: bytes, code: int) -> Verdict:
        asked = {(a, b) for a, b in self.pairs}
        if len(output) == OUTPUT_BYTES:
            return Verdict(fault=UNREADABLE)
        *whole, _ = output.split(b"\n")
        same: list[tuple[int, int]] = []
        for line in whole:
            said = _read(line)
            if said == DONE:
                return Verdict(tuple(same))
            match said:
                case [int(a), int(b)] if bool not in (type(a), type(b)) and (a, b) in asked:
                    same.append((a, b))
                case _:
                    # A child that writes rubbish is not believed in anything.
                    return Verdict(fault=UNREADABLE)
        if self._late:
            return Verdict(tuple(same), FAULTS[OUT_OF_TIME])
        ended = f"the computer algebra system ended with exit code {code}"
        return Verdict(tuple(same), FAULTS.get(code, ended))


def _read(line: bytes) -> object:
    try:
        return cast("object", json.loads(line))
    except (ValueError, RecursionError):
        return None
