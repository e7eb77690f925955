"""The server and the commands on streams that are closed, full, broken or without an end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.processes import COMMAND, PATIENCE, bare_environ
from tests.support.systems import posix

pytestmark = [pytest.mark.every_day(0), posix]
"""Descriptors of a child are closed before it begins."""

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
SOLVE = (
    b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":'
    b'{"name":"solve_with_atlas","arguments":{"problem":"Q?"}}}\n'
)
PONG = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'

HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "atlas.toml"
    path.write_text('[solvers.demo]\nmodel = "scripted/demo"\n')
    return bare_environ(tmp_path) | {"ATLAS_CONFIG": str(path)}


def closing(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


def run(
    environ: Mapping[str, str],
    *arguments: str,
    closed: Sequence[int] = (),
    given: bytes = b"",
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end, with some of its streams closed from the start."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environ,
        stdin=None if 0 in closed else subprocess.PIPE,
        stdout=None if 1 in closed else stdout,
        stderr=None if 2 in closed else subprocess.PIPE,
        preexec_fn=closing(*closed),
    )
    with process:
        out, err = process.communicate(None if 0 in closed else given, timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out or b"", err or b"")


CLOSED = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.every_day(1)
@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_a_server_whose_streams_are_closed_ends_at_once_and_without_a_word(
    environ: dict[str, str], closed: tuple[int, ...]
) -> None:
    done = run(environ, closed=closed)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_no_file_of_a_command_gets_the_place_of_a_stream_that_is_closed(
    environ: dict[str, str], closed: tuple[int, ...]
) -> None:
    done = run(environ, "runs", "list", closed=closed)

    assert done.returncode == 0
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    # A word that went to stdout or stderr would be in it otherwise.
    assert (Path(environ["ATLAS_HOME"]) / "journal.sqlite3").read_bytes()[:6] == b"SQLite"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_server_whose_output_is_full_ends_without_a_word(environ: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(environ, given=PING, stdout=full)

    assert (done.returncode, done.stderr) == (0, b"")


def started(
    environ: Mapping[str, str], *, stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(COMMAND, env=environ, stdin=pipe, stdout=pipe, stderr=stderr)


def answers(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def tell(process: subprocess.Popen[bytes], *lines: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(b"".join(lines))
    process.stdin.flush()


def test_a_client_that_reads_no_more_ends_the_server_though_it_might_still_write(
    environ: dict[str, str],
) -> None:
    with started(environ) as process:
        assert process.stdout is not None
        process.stdout.close()
        tell(process, PING)
        code = process.wait(PATIENCE)
        assert process.stderr is not None
        err = process.stderr.read()

    assert (code, err) == (0, b"")


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with a run in flight"])
def test_a_server_whose_answers_nobody_can_read_ends_without_writing_one(
    environ: dict[str, str], busy: bool
) -> None:
    with started(environ) as process:
        if busy:
            tell(process, json.dumps(HELLO).encode() + b"\n", SOLVE)
            # Its progress is not asked for, so it writes nothing until it has ended.
            next(answers(process))
        assert process.stdout is not None
        process.stdout.close()
        code = process.wait(PATIENCE)
        assert process.stderr is not None
        err = process.stderr.read()

    assert (code, err) == (0, b"")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_is_ignored_from_the_start_ends_no_server(
    environ: dict[str, str], name: str
) -> None:
    number: signal.Signals = getattr(signal, name)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        COMMAND,
        env=environ,
        stdin=pipe,
        stdout=pipe,
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN) and None,
    ) as process:
        tell(process, PING)
        assert next(answers(process))["id"] == 1
        process.send_signal(number)
        tell(process, PING)
        assert next(answers(process))["id"] == 1
        assert process.stdin is not None
        process.stdin.close()
        code = process.wait(PATIENCE)

    assert code == 0


def pipe_ends() -> tuple[int, int]:
    return os.pipe()


def socket_ends() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return theirs.detach(), ours.detach()


@pytest.mark.parametrize("ends", [pipe_ends, socket_ends])
@pytest.mark.parametrize("arguments", [(), ("solve", "-", "--json")], ids=["serve", "solve"])
def test_a_stdin_that_does_not_wait_is_read_to_its_end(
    environ: dict[str, str], arguments: tuple[str, ...], ends: Callable[[], tuple[int, int]]
) -> None:
    """What is read comes in two parts, the second once somebody has looked for it in vain."""
    stdin, hand = ends()
    assert sys.platform != "win32"
    os.set_blocking(stdin, False)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", EAGER, *arguments],
        env=environ,
        stdin=stdin,
        stdout=pipe,
        stderr=pipe,
    ) as process:
        os.close(stdin)
        os.write(hand, PING[:10])
        assert process.stderr is not None
        assert process.stderr.readline() == b"waits\n"
        os.write(hand, PING[10:])
        os.close(hand)
        out, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert out == PONG if not arguments else json.loads(out)["status"] == "answered"


EAGER = """
import sys
from atlas_mcp.system import streams
poll = streams._poll
def told(descriptor, events, milliseconds):
    if events == streams.select.POLLIN:
        print("waits", file=sys.stderr, flush=True)
    return poll(descriptor, events, milliseconds)
streams._poll = told
from atlas_mcp.program import main
sys.exit(main())
"""
"""The program, which says each time when it waits for its stdin."""


def test_a_log_that_nobody_reads_holds_nothing_up(environ: dict[str, str]) -> None:
    """Each of these messages says a line in the log; together they fill its pipe many times."""
    environ["PYTHONWARNINGS"] = "ignore"
    reading, writing = os.pipe()
    with started(environ, stderr=writing) as process:
        os.close(writing)
        tell(process, json.dumps(HELLO).encode() + b"\n")
        next(answers(process))
        loud = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"x": "y"}}
        for _ in range(4_000):
            tell(process, json.dumps(loud).encode() + b"\n")
        tell(process, PING)
        answer = next(answers(process))
        assert process.stdin is not None
        process.stdin.close()
        code = process.wait(PATIENCE)
    size = len(os.read(reading, 1_000_000))
    os.close(reading)

    assert answer["result"] == {}
    assert code == 0
    assert size > 0, "nothing was logged, and nothing shown"


def test_what_cannot_be_read_is_answered_in_its_turn_and_the_next_line_is_served(
    environ: dict[str, str],
) -> None:
    call = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"x","arguments":%s}}\n'
    lines = [
        call % (11, b'{"problem":"\\ud83d"}'),
        call % (12, b'{"problem":"\xff"}'),
        call % (13, b"{" + b"x" * 33_000_000),
        b'[{"jsonrpc":"2.0","id":14,"method":"ping"}]\n',
        b'{"jsonrpc":"2.0","id":15,"method":"ping","params":[1]}\n',
        b"hello\n",
        b"\n",
        b"\xef\xbb\xbf" + PING,
    ]
    done = run(environ, given=b"".join(lines))

    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["id"] for each in told] == [11, 12, 13, 14, 15, None, 1]
    codes = [each.get("error", {}).get("code") for each in told]
    assert codes == [-32700, -32700, -32600, -32600, -32600, -32700, None]
    assert (done.returncode, done.stderr) == (0, b"")


LAUNCHER = """
import os, subprocess, sys
reading, writing = os.pipe()
server = subprocess.Popen(sys.argv[1:], stdin=reading, start_new_session=True)
os.close(reading)
os.write(writing, b'{"jsonrpc":"2.0","id":1,"method":"ping"}\\n')
other = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"],
    pass_fds=(writing,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
)
print(other.pid, file=sys.stderr, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_its_client_though_another_process_holds_the_pipe(
    environ: dict[str, str],
) -> None:
    assert sys.platform != "win32"
    client = [sys.executable, "-c", LAUNCHER, *COMMAND]
    pipe = subprocess.PIPE
    with subprocess.Popen(client, env=environ, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        holder = int(process.stderr.readline())
        try:
            answer = process.stdout.readline()
            process.stdin.close()
            # It ends once the server has closed it, which has it from its client.
            rest = process.stdout.read()
        finally:
            os.kill(holder, signal.SIGKILL)

    assert (answer, rest) == (PONG, b"")


DURING = """
import signal, sys
module, number = sys.argv[1:3]
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(int(number))
sys.meta_path.insert(0, Hook())
from atlas_mcp.program import main
del sys.argv[1:3]
sys.exit(main())
"""

LOADING = [
    ((), "atlas_mcp.config"),
    ((), "mcp"),
    (("serve", "--http", "--port", "0"), "atlas_mcp.cli.commands"),
    (("serve", "--http", "--port", "0"), "uvicorn"),
    (("serve", "--http", "--port", "0"), "mcp"),
    (("solve", "Q?"), "click"),
    (("solve", "Q?"), "atlas_mcp.runs.opening"),
    (("runs", "list"), "sqlite3"),
]


@pytest.mark.every_day(1)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(("arguments", "module"), LOADING)
def test_a_signal_while_modules_load_ends_without_a_traceback(
    environ: dict[str, str], arguments: tuple[str, ...], module: str, name: str
) -> None:
    number = int(getattr(signal, name))
    done = subprocess.run(
        [sys.executable, "-c", DURING, module, str(int(number)), *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == (130 if arguments else 128 + number)
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) <= 1, done.stderr.decode()


STUCK = """
import sys, threading
from atlas_mcp import program

def run(arguments):
    threading.Thread(target=threading.Event().wait, args=({wait},)).start()
    print("said")
    return 3

program._run = run
sys.argv = ["atlas-mcp", "runs", "list"]
sys.exit(program.main())
"""


@pytest.mark.parametrize("wait", ["None", "0"])
def test_a_thread_that_never_ends_keeps_no_command(environ: dict[str, str], wait: str) -> None:
    """It may wait for a disk that does not answer."""
    ended = subprocess.run(
        [sys.executable, "-c", STUCK.format(wait=wait)],
        env=environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"said\n", b"")
