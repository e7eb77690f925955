"""Each way in by each way out, as processes: what is kept, what is said, and the exit code.

In every cell one solver has answered and one call is in flight when the way out is taken. All cells
that are asked for run side by side, once; each test looks at its own.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.home_processes import processes_of
from atlas_mcp.views.rendering import view_of
from tests.support.held_apis import HeldApi
from tests.support.processes import bare_environ
from tests.support.systems import posix

pytestmark = [
    # Descriptors are closed before a process begins, and most signals are of POSIX.
    posix,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="closes descriptors, and sets limits"),
]

SIDE_BY_SIDE = 3
PATIENCE = 60
"""Seconds for what must happen, on a machine that runs several cells and other tests."""

PROGRAM = "import sys; from atlas_mcp.program import main; sys.exit(main())"

BROKEN = f"""
import atlas_mcp.views.rendering as rendering
def broken(*args, **more):
    raise KeyError("ours")
rendering.view_of = broken
{PROGRAM}
"""

CAUSED = "The above exception was the direct cause of the following exception"

ENVELOPE: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {
        "name": "solve_with_atlas",
        "arguments": {"problem": "6 * 7?"},
        "_meta": {**ENVELOPE, "progressToken": 7},
    },
}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code.
        kept: Candidates in the journal.
        calls: Calls of models that were begun.
        out: Lines of stdout.
        err: Lines of stderr.
    """

    code: int
    kept: int
    calls: int
    out: list[str]
    err: list[str]


@dataclass
class Way:
    """A process that was started one way, with a run under way.

    Attributes:
        process: The process.
        environ: Its environment.
        api: The models behind it.
        answers: What has been read of stdout.
    """

    process: subprocess.Popen[bytes]
    environ: Mapping[str, str]
    api: HeldApi
    out: bytes = b""
    err: bytes = b""
    streams: list[http.client.HTTPConnection] = field(
        default_factory=list[http.client.HTTPConnection]
    )

    def ask(self) -> None:
        """Open a run; a command line has done so by itself."""

    def end(self) -> None:
        """Have the process end once its run has, if it does not by itself."""

    def close_input(self) -> None:
        """Take away its input."""
        if self.process.stdin is not None:
            self.process.stdin.close()
            self.process.stdin = None

    def break_pipes(self) -> None:
        """Take away every pipe that it has."""
        self.close_input()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stdout = None

    def until(self, condition: Callable[[RunState], bool]) -> None:
        """Wait until the journal says so of the run."""

        async def wait() -> None:
            with anyio.fail_after(PATIENCE):
                while True:
                    if any(condition(state) for state in await states_of(self.environ)):
                        return
                    await anyio.sleep(0.2)

        anyio.run(wait)

    def left(self) -> Ended:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=PATIENCE)
        states = anyio.run(states_of, self.environ)
        candidates = [one for state in states for one in candidates_of(state)]
        return Ended(
            self.process.returncode,
            len(candidates),
            self.api.requests,
            (self.out + (out or b"")).decode().splitlines(),
            (self.err + (err or b"")).decode().splitlines(),
        )


class Stdio(Way):
    @override
    def ask(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(CALL).encode() + b"\n")
        self.process.stdin.flush()

    @override
    def end(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.out += line
            if json.loads(line).get("id") == 2:
                break
        self.close_input()


class Http(Way):
    @override
    def ask(self) -> None:
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        self.err += line
        port = re.search(rb":(\d+)/mcp", line)
        assert port is not None, line
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=PATIENCE)
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "solve_with_atlas",
        }
        connection.request("POST", "/mcp", json.dumps(CALL), headers)
        self.streams.append(connection)

    @override
    def close_input(self) -> None:
        for stream in self.streams:
            stream.close()

    @override
    def break_pipes(self) -> None:
        super().break_pipes()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process.stderr = None

    @override
    def end(self) -> None:
        for stream in self.streams:
            if stream.sock is not None:
                stream.getresponse().read()
        self.process.send_signal(signal.SIGTERM)


class NoHome(Stdio):
    """A server that can open no run: it has answered so when the way out is taken."""

    @override
    def ask(self) -> None:
        super().ask()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.out += line
        result = json.loads(line)["result"]
        assert result["isError"]

    @override
    def until(self, condition: Callable[[RunState], bool]) -> None:
        """There is no journal to wait for."""

    @override
    def end(self) -> None:
        self.close_input()


def close(*descriptors: int) -> Callable[[], None]:
    def closing() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return closing


@dataclass(frozen=True)
class In:
    """A way in."""

    kind: type[Way]
    arguments: Sequence[str] = ()
    closed: Sequence[int] = ()
    home: bool = True


WAYS_IN: dict[str, In] = {
    "command line": In(Way, ("solve", "6 * 7?", "--json")),
    "no stdin": In(Way, ("solve", "6 * 7?", "--json"), closed=(0,)),
    "stdio": In(Stdio),
    "no stderr": In(Stdio, closed=(2,)),
    "no home": In(NoHome, home=False),
    "HTTP": In(Http, ("serve", "--http", "--port", "0")),
}


def end_of_input(way: Way) -> None:
    way.close_input()
    if isinstance(way, Stdio | Http):
        way.until(lambda state: state.stop_cause == "client")
    way.api.gate.set()
    if isinstance(way, Http):
        way.until(lambda state: state.finished is not None)
        way.end()


def pipe_gone(way: Way) -> None:
    way.break_pipes()
    if isinstance(way, Stdio):
        way.until(lambda state: state.stop_cause == "client")
    way.api.gate.set()
    if isinstance(way, Http):
        way.end()


def signalled(number: signal.Signals) -> Callable[[Way], None]:
    def send(way: Way) -> None:
        way.process.send_signal(number)
        if isinstance(way, Http):
            way.until(lambda state: state.stop_cause == "shutdown")
            way.api.gate.set()

    return send


def disk_full(way: Way) -> None:
    if sys.platform != "linux":
        pytest.skip("the limits of another process are only Linux's to set")
    assert sys.platform == "linux", "skipped elsewhere"
    import resource

    # From now on no file takes a byte; pipes do.
    for one in processes_of(Path(way.environ["ATLAS_HOME"])):
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (0, 0))
    way.api.gate.set()
    way.end()


def bug(way: Way) -> None:
    way.api.gate.set()
    way.end()


WAYS_OUT: dict[str, Callable[[Way], None]] = {
    "end of input": end_of_input,
    "pipe gone": pipe_gone,
    "SIGINT": signalled(signal.SIGINT),
    "SIGTERM": signalled(signal.SIGTERM),
    "SIGHUP": signalled(getattr(signal, "SIGHUP", signal.SIGTERM)),
    "disk full": disk_full,
    "bug": bug,
}


@contextmanager
def begun(way_in: In, way_out: str, folder: Path, **configured: str) -> Generator[Way]:
    environ = bare_environ(folder) | {"PYTHONDONTWRITEBYTECODE": "1"} | configured
    if not way_in.home:
        # A file stands where the home should be.
        del environ["HOME"]
        (folder / "atlas").write_text("")
    api = HeldApi(held={1})
    program = BROKEN if way_out == "bug" else PROGRAM
    with api.reachable(environ):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *way_in.arguments],
            env=environ,
            stdin=None if 0 in way_in.closed else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if 2 in way_in.closed else subprocess.PIPE,
            preexec_fn=close(*way_in.closed),
        )
        way = way_in.kind(process, environ, api)
        try:
            yield way
        finally:
            process.kill()
            process.communicate()
            for stream in way.streams:
                stream.close()


def take(cell: tuple[str, str], folder: Path) -> Ended:
    way_in, way_out = cell
    with begun(WAYS_IN[way_in], way_out, folder) as way:
        way.ask()
        if not isinstance(way, NoHome):
            way.until(lambda state: way.api.requests == 2 and len(candidates_of(state)) == 1)
        WAYS_OUT[way_out](way)
        return way.left()


async def states_of(environ: Mapping[str, str]) -> list[RunState]:
    """Return the runs in the journal of a process, none while there is no journal."""
    home = Path(environ["ATLAS_HOME"])
    if not (home / "journal.sqlite3").exists():
        return []
    journal = SqliteJournal(home)
    try:
        runs = await journal.list_runs()
        return [RunState.fold(await journal.read(run.run_id)) for run in runs]
    finally:
        await journal.aclose()


def candidates_of(state: RunState) -> list[Any]:
    view = view_of(RunSnapshot("run", state, 0.0, driven=True))
    return [one for one in view.candidates if one.status == "ok"]


def in_id(name: str) -> str:
    """Return a name as it stands in the id of a test."""
    return name.replace(" ", "_")


CELLS = [(way_in, way_out) for way_in in WAYS_IN for way_out in WAYS_OUT]


@pytest.fixture(scope="module")
def ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[tuple[str, str], Future[Ended]]]:
    asked = " ".join(item.nodeid for item in request.session.items)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {
            cell: pool.submit(take, cell, tmp_path_factory.mktemp("way", numbered=True))
            for cell in CELLS
            if f"[{'-'.join(map(in_id, cell))}]" in asked
        }


SIGNALS = {"SIGINT": 2, "SIGTERM": 15, "SIGHUP": 1}


def expected(way_in: str, way_out: str) -> tuple[int, int, int]:
    """Return the exit code, the candidates that are kept, and the calls that are begun."""
    full = way_out == "disk full"
    number = SIGNALS.get(way_out)
    if way_in == "no home":
        return (0 if number is None else 128 + number), 0, 0
    if way_in in ("command line", "no stdin"):
        if number is not None:
            return 130, 1, 2
        return (0, 2, 3) if way_out == "end of input" else (1, 1 if full else 2, 2 if full else 3)
    if way_in in ("stdio", "no stderr") and number is not None:
        return 128 + number, 1, 2
    return 0, (1 if full else 2), (3 if way_out == "bug" else 2)


@pytest.mark.every_day(0)
@pytest.mark.parametrize(("way_in", "way_out"), CELLS, ids=in_id)
@pytest.mark.requirement("PAID-6")
def test_every_way_out_of_every_way_in_keeps_what_was_paid_and_says_one_cause(
    ends: dict[tuple[str, str], Future[Ended]], way_in: str, way_out: str
) -> None:
    ended = ends[way_in, way_out].result()

    assert (ended.code, ended.kept, ended.calls) == expected(way_in, way_out), ended.err
    said = "\n".join(ended.err)
    bugs = way_out == "bug" and way_in not in ("no stderr", "no home")
    assert said.count("Traceback") - said.count(CAUSED) == bugs, said
    assert len(ended.err) <= most_lines(way_in, way_out), said
    if way_in not in ("command line", "no stdin"):
        messages = [cast("dict[str, Any]", json.loads(line)) for line in ended.out]
        assert all(message["jsonrpc"] == "2.0" for message in messages)
    elif ended.out:
        assert json.loads("\n".join(ended.out))["run_id"]


def most_lines(way_in: str, way_out: str) -> int:
    """Return how much may be said on stderr, a bug's traceback aside."""
    if way_out == "bug":
        return 200
    if way_in == "no stderr":
        return 0
    if way_in == "no home":
        return 1
    if way_in == "stdio":
        return 4 if way_out == "disk full" else 0
    if way_in == "HTTP":
        return 6 if way_out == "disk full" else 2
    return 20
