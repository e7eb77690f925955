"""A server process, and the client at the other ends of its pipes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from leaving_home import SIGHUP, SIGKILL, Home

from atlas_mcp.server.task_extension import PROTOCOL_VERSION, TASKS
from atlas_mcp.views.run_view import RunView

COMMAND = [sys.executable, "-m", "atlas_mcp"]

PATIENCE = 60.0
"""Seconds for what must happen at some time, on a machine that is busy."""

HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "rig", "version": "1"},
}

STATELESS: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "rig", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}},
}
"""What a client that takes tasks sends with each request of the stateless era."""


class Server:
    """A server, spoken to by its client.

    Attributes:
        process: The server, in a session of its own as hosts start it.
        silent_at: When both of its output pipes had ended, seconds of `time.monotonic`; `None`
            until then.
        log: What it wrote to stderr.
    """

    def __init__(self, home: Home, **environ: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            COMMAND,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=home.environ | environ,
            text=True,
            start_new_session=True,
        )
        self.silent_at: float | None = None
        self.log: list[str] = []
        self._home = home
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._take)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.log.append)),
        ]
        for each in self._readers:
            each.daemon = True
            each.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    # What the client says and hears

    def greet(self, *, waits: bool = True) -> None:
        """Shake hands; and wait for the server's part of it if not said otherwise."""
        number = self.send("initialize", HELLO)
        if waits:
            self.answer(number)
        self._write({"method": "notifications/initialized"})

    def call(self, tool: str, **arguments: Any) -> int:
        """Call a tool and return the id of the request."""
        return self.send("tools/call", {"name": tool, "arguments": arguments})

    def send(self, method: str, params: dict[str, Any]) -> int:
        number = next(self._ids)
        self._write({"id": number, "method": method, "params": params})
        return number

    def cancel(self, number: int) -> None:
        """Cancel a request."""
        self._write({"method": "notifications/cancelled", "params": {"requestId": number}})

    def answer(self, number: int, patience: float = PATIENCE) -> dict[str, Any]:
        """Return the result of a request.

        Raises:
            AssertionError: There is none, or the request is refused.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: number in self._answers or self.silent_at is not None, patience
            )
        message = self._answers.get(number)
        assert message is not None, f"no answer, {self._state()}"
        assert "result" in message, f"refused: {message.get('error')}"
        return message["result"]

    def view(self, number: int, patience: float = PATIENCE) -> RunView:
        """Return the view that answers a call.

        Raises:
            AssertionError: There is none, or the call came to nothing.
        """
        result = self.answer(number, patience)
        assert not result.get("isError"), f"an error: {result.get('content')}"
        return RunView.model_validate(result["structuredContent"])

    def begin_task(self, **arguments: Any) -> None:
        """Hand a problem over in the stateless era, and take the task for it."""
        params = {"name": "solve_with_atlas", "arguments": arguments, "_meta": STATELESS}
        result = self.answer(self.send("tools/call", params))
        assert result.get("resultType") == "task", f"no task: {result}"

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        # It may have ended; what is waited for tells.
        with suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            self.process.stdin.flush()

    def _state(self) -> str:
        if self.silent_at is not None:
            self.ended(1)
        code = self.process.poll()
        alive = "and the server lives" if code is None else f"and the server ended with {code}"
        return alive + "".join(f"\n  {line.rstrip()}" for line in self.log[-20:])

    def _take(self, line: str) -> None:
        message = json.loads(line)
        if "id" in message and "method" not in message:
            with self._changed:
                self._answers[message["id"]] = message
                self._changed.notify_all()

    def _read(self, stream: IO[str], take: Callable[[str], object]) -> None:
        for line in stream:
            # Killed while it spoke.
            if line.endswith("\n"):
                take(line)
        with self._changed:
            if all(
                each is threading.current_thread() or not each.is_alive() for each in self._readers
            ):
                self.silent_at = time.monotonic()
                self._changed.notify_all()

    # How it ends

    def close_input(self) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def close_as_a_framework_does(self) -> None:
        """Close its input and wait for two seconds, then send SIGTERM and wait for as long."""
        self.close_input()
        for number in (signal.SIGTERM, SIGKILL):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
                return
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """Kill its process group."""
        with suppress(ProcessLookupError):
            os.kill(-self.pid, SIGKILL)

    def kill_tree(self) -> None:
        """Kill it and all processes below it, as their parents tell, from the leaves up."""
        for pid in reversed(_below(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, patience: float = PATIENCE) -> bool:
        """Wait for its end and return whether it came in time."""
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        return True

    def bury(self) -> None:
        """End it whatever it does, and close the client's ends."""
        self.process.kill()
        self.process.wait()
        self.close_input()
        for each in self._readers:
            each.join(5)


def _below(pid: int) -> list[int]:
    """Return a process and its descendants, parents before their children."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        # It may end at any time.
        with suppress(OSError, IndexError):
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


Way = Callable[[Server], None]
"""How a server is made to end."""

WAYS: dict[str, Way] = {
    "SIGKILL": lambda server: server.send_signal(SIGKILL),
    "SIGTERM": lambda server: server.send_signal(signal.SIGTERM),
    "SIGHUP": lambda server: server.send_signal(SIGHUP),
    "the end of its input": Server.close_input,
    "a framework's close": Server.close_as_a_framework_does,
    "a kill of its group": Server.kill_group,
    "a kill of its tree": Server.kill_tree,
}
