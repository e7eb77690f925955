"""A server is sent everything that is wrong, strange or costly, beside one honest run.

    python tests/rigs/fuzz.py [--messages 400] [--http-messages 100] [--seed 1]
                                [--only stdio|http] [--kind NAME]

Over stdio and over HTTP: messages that are none, schemas, pictures and bodies that cost a lot, and
endpoints that send without end. Prints how long pings took, whether the honest run was answered,
the memory of the process before and after, and half way through many messages, how long it took to
end at SIGTERM with nothing and with everything in flight, and the tracebacks in its log. Ends with
1 unless pings took less than 100 ms, the run was answered, memory grew by less than a fifth, and by
less than a twentieth in the second half (what is kept of a message grows in both), ending took less
than 2 s, and there was no traceback. A night's work: `--messages 40000 --http-messages 5000`.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from tests.rigs import fuzz_messages as fuzz
from tests.support.raw_servers import HINTS, Answer, answering, endless, heading, once

COMMAND = [sys.executable, "-m", "atlas_mcp"]
PING_SECONDS = 0.05
LONGEST_PING_MS = 100.0
GROWTH = 1.2
LATER_GROWTH = 1.05
MANY = 2_000
"""Messages from which on their second half must find everything that is made at first use."""

LONGEST_END = 2.0
PATIENCE = 180.0
AT_ONCE = 3
"""Messages that are sent before one is waited for."""

HTTP_AT_ONCE = 50
"""Requests that are under way at once over HTTP. Each is a millisecond of the server's work and
more, in eighteen turns of its loop: a ping among them takes about as long as all of them."""

SETTLED_AFTER = 10.0
"""Seconds without a fall after which a server's memory counts as what it keeps."""

SETTLED_WITHIN = 60.0
"""Seconds after which it counts in any case."""

QUIET_SECONDS = 4.0
"""Seconds without an answer after which no more is waited for: not everything gets one."""


def endpoints() -> dict[str, Answer]:
    """The hostile ones, by the name of the solver that is there."""
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    comments = b": keep-alive\n\n" * 70_000
    bomb = b"".join([*(packing.compress(comments) for _ in range(500)), packing.flush()])
    event = b'data: {"choices":[{"index":0,"delta":{"content":' + b"[" * 20_000 + b"\n\n"
    return {
        "bomb": once(heading(content_encoding="gzip"), bomb),
        "comments": endless(heading(), comments),
        "line": endless(heading(), b"data: " + b"x" * 100_000),
        "errors": endless(heading(500, "application/json"), b'{"error": "' + b"x" * 100_000),
        "silent": _silent,
        "nonsense": once(b"\0\1\2" * 1_000),
        "deep": endless(heading(), event),
        "bytes": endless(heading(transfer_encoding="chunked"), b"1\r\n:\r\n" * 10_000),
        "hints": endless(b"", HINTS),
        "tools": _tools,
        "wide": endless(heading(), b'data: {"choices":[' + b"{}," * 1_200_000 + b"{}]}\n\n"),
    }


def _tools(connection: socket.socket) -> None:
    """Call tools without end, each with a new index."""
    connection.sendall(heading())
    for number in itertools.count():
        piece = {"index": number, "id": f"c{number}", "function": {"name": "explore"}}
        whole = {"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}
        connection.sendall(b"data: " + json.dumps(whole).encode() + b"\n\n")


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


@dataclass
class Report:
    """The findings over one transport."""

    name: str
    pings: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])
    sent: int = 0
    honest: str = "no answer"
    before_kb: int = 0
    half_kb: int = 0
    after_kb: int = 0
    ends: dict[str, float] = field(default_factory=dict[str, float])
    tracebacks: int = 0

    def lines(self) -> list[str]:
        growth = self.after_kb / max(1, self.before_kb)
        ends = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.ends.items())
        return [
            f"{self.name}: {self.sent} messages, {len(self.pings)} pings",
            f"  ping          {_times(self.pings)}",
            f"  at rest       {_times(self.beside)}  (a server that is sent nothing else)",
            f"  honest run    {self.honest}",
            f"  memory        {self.before_kb / 1e3:.0f} MB, then {self.after_kb / 1e3:.0f} MB "
            f"({growth:.2f}){self._since_half()}",
            f"  SIGTERM       {ends}",
            f"  tracebacks    {self.tracebacks}",
        ]

    def _since_half(self) -> str:
        if not self.half_kb:
            return ""
        return f", half way {self.half_kb / 1e3:.0f} MB ({self.after_kb / self.half_kb:.2f} since)"

    def is_right(self, *, timed: bool) -> bool:
        """Return whether it is as it must be; `timed` where nothing else keeps the machine busy."""
        prompt = max(self.pings, default=float("inf")) * 1e3 < LONGEST_PING_MS and all(
            seconds < LONGEST_END for seconds in self.ends.values()
        )
        return (
            (prompt or not timed)
            and self.honest == "answered"
            and self.after_kb < GROWTH * self.before_kb
            and (not self.half_kb or self.after_kb < LATER_GROWTH * self.half_kb)
            and self.tracebacks == 0
        )


def _times(pings: list[float]) -> str:
    found = sorted(pings) or [float("inf")]
    p50, p99 = (found[int(len(found) * share)] * 1e3 for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {found[-1] * 1e3:.1f} ms"


class Server:
    """A server's process, and its log."""

    def __init__(self, environ: dict[str, str], *arguments: str, piped: bool) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        pipe = subprocess.PIPE if piped else subprocess.DEVNULL
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=pipe, stdout=pipe, stderr=self._log, env=environ
        )

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def memory_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)

    def end(self) -> float:
        """Return how long it takes to end at SIGTERM."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return time.monotonic() - began


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Stdio:
    """A client at the other end of the pipes."""

    def __init__(self, server: Server) -> None:
        self._process = server.process
        self._lock = threading.Lock()
        self.answers: dict[Any, dict[str, Any]] = {}
        self.arrived: dict[Any, float] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now = time.monotonic()
            answer = json.loads(line)
            if isinstance(answer.get("id"), int | str):
                self.answers[answer["id"]] = answer
                self.arrived[answer["id"]] = now

    def send(self, line: bytes) -> float:
        """Send a line; return when it was its turn, behind those that are on their way."""
        assert self._process.stdin is not None
        with self._lock:
            began = time.monotonic()
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        return began

    def ask(self, number: str, method: str, params: dict[str, Any]) -> float:
        whole = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        return self.send(json.dumps(whole).encode())

    def all_came(self) -> None:
        """Wait until no more answers come but those to pings."""
        count, since = self._answered(), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            time.sleep(0.05)
            if (now := self._answered()) != count:
                count, since = now, time.monotonic()

    def _answered(self) -> int:
        return sum(not str(number).startswith("ping ") for number in list(self.arrived))

    def ping(self, number: int) -> float:
        name = f"ping {number}"
        began = self.ask(name, "ping", {})
        if not until(lambda: name in self.arrived):
            return float("inf")
        return self.arrived[name] - began


HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "fuzz", "version": "1"},
}


class Http:
    """A client with a session, that opens a connection for each request."""

    def __init__(self, url: str) -> None:
        self.host, self.port = url.removeprefix("http://").removesuffix("/mcp").split(":")
        self._session = ""
        status, headers, _ = self.post(_request("hello", "initialize", HELLO))
        assert status == 200
        self._session = headers["mcp-session-id"]
        self.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def post(self, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=PATIENCE)
        try:
            connection.request(
                "POST",
                "/mcp",
                body,
                {
                    "content-type": "application/json",
                    "accept": "application/json, text/event-stream",
                    **({"mcp-session-id": self._session} if self._session else {}),
                    **headers,
                },
            )
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read()
        finally:
            connection.close()

    def ping(self, number: int) -> float:
        began = time.monotonic()
        try:
            status, _, _ = self.post(_request(f"ping {number}", "ping", {}))
        except OSError:
            return float("inf")
        return time.monotonic() - began if status == 200 else float("inf")

    def half_sent(self, count: int) -> list[socket.socket]:
        """Begin to send large bodies, and send no more of them."""
        found: list[socket.socket] = []
        for _ in range(count):
            connection = socket.create_connection((self.host, int(self.port)))
            connection.settimeout(0.2)
            head = (
                f"POST /mcp HTTP/1.1\r\nhost: {self.host}:{self.port}\r\n"
                "content-type: application/json\r\ncontent-length: 31000000\r\n\r\n"
            )
            with suppress(OSError):
                connection.sendall(head.encode() + b" " * 30_000_000)
            found.append(connection)
        return found


def _request(number: str, method: str, params: dict[str, Any]) -> bytes:
    whole = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(whole).encode()


def _solve(solver: str, wait: float) -> dict[str, Any]:
    arguments = {"problem": "6 * 7?", "solvers": [solver], "wait_s": wait, "max_explores": 3}
    return {"name": "solve_with_atlas", "arguments": arguments}


@contextmanager
def pinging(
    ping: Callable[[int], float], environ: dict[str, str], report: Report
) -> Generator[None]:
    """Ping again and again for the length of a block, and a server at rest as often."""
    over = threading.Event()
    beside = Server(environ, piped=True)
    at_rest = Stdio(beside)
    at_rest.ask("hello", "initialize", HELLO)
    at_rest.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    at_rest.ask("warm", "tools/call", {"name": "get_run", "arguments": {"run_id": "none"}})
    until(lambda: "warm" in at_rest.answers)

    def go() -> None:
        number = 0
        while not over.wait(PING_SECONDS):
            number += 1
            report.pings.append(ping(number))
            report.beside.append(at_rest.ping(number))

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)
        beside.end()


def settled(server: Server) -> int:
    """Return the memory of a server once it has not fallen for a while."""
    found, since = server.memory_kb(), time.monotonic()
    end = since + SETTLED_WITHIN
    while time.monotonic() - since < SETTLED_AFTER and time.monotonic() < end:
        time.sleep(0.25)
        now = server.memory_kb()
        if now < found * 0.99:
            since = time.monotonic()
        found = min(found, now)
    return found


def status_of(answer: dict[str, Any]) -> str:
    result: dict[str, Any] = answer.get("result") or {}
    found: dict[str, Any] = result.get("structuredContent") or {}
    return str(found.get("status") or json.dumps(answer)[:200])


def over_stdio(environ: dict[str, str], messages: int, chance: random.Random) -> Report:
    report = Report("stdio")
    server = Server(environ, piped=True)
    client = Stdio(server)
    client.ask("hello", "initialize", HELLO)
    client.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    client.ask("first", "tools/call", _solve("honest", 60))
    until(lambda: "first" in client.answers)
    # Once through everything, so that what is loaded at first use is loaded.
    for make, _ in fuzz.KINDS:
        client.send(make(chance).replace(b"\n", b" "))
    client.all_came()
    report.before_kb = settled(server)
    with pinging(client.ping, environ, report):
        client.ask("honest", "tools/call", _solve("honest", 60))
        for _ in range(messages):
            if messages >= MANY and report.sent == messages // 2:
                client.all_came()
                report.half_kb = settled(server)
            client.send(fuzz.drawn(chance))
            report.sent += 1
            if report.sent % AT_ONCE == 0:
                # As fast as it answers: a pipe that is full says nothing of the server.
                client.ask(f"so far {report.sent}", "ping", {})
                until(lambda: f"so far {report.sent}" in client.answers)
        until(lambda: "honest" in client.answers)
    report.honest = status_of(client.answers.get("honest", {}))
    client.all_came()
    report.after_kb = settled(server)
    report.ends["idle"] = server.end()
    report.tracebacks = server.log().count("Traceback")

    server = Server(environ, piped=True)
    client = Stdio(server)
    client.ask("hello", "initialize", HELLO)
    client.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    client.ask("honest", "tools/call", _solve("honest", 60))
    for make in (fuzz.pictures, fuzz.endpoint, fuzz.schema) * 5:
        client.send(make(chance))
    client.ping(0)
    report.ends["busy"] = server.end()
    report.tracebacks += server.log().count("Traceback")
    return report


def _serving(environ: dict[str, str]) -> tuple[Server, str]:
    server = Server(environ, "serve", "--http", "--port", "0", piped=False)
    found: list[str] = []

    def is_up() -> bool:
        found[:] = [word for word in server.log().split() if word.startswith("http://")]
        return bool(found)

    assert until(is_up), server.log()
    return server, found[0]


def over_http(environ: dict[str, str], messages: int, chance: random.Random) -> Report:
    report = Report("HTTP")
    server, url = _serving(environ)
    client = Http(url)
    client.post(_request("first", "tools/call", _solve("honest", 60)))
    for make, _ in fuzz.KINDS:
        client.post(make(chance))
    report.before_kb = settled(server)
    bodies = [
        b"[" + b"[]," * 10_000_000 + b"1]",
        b"{" + b",".join(b'"k%d":1' % i for i in range(1_000_000)) + b"}",
        b" " * 40_000_000,
        b"[" * 20_000_000,
    ]
    waiting: list[threading.Thread] = []

    def post(body: bytes, **headers: str) -> None:
        with suppress(OSError, http.client.HTTPException):
            client.post(body, **headers)

    def under_way() -> int:
        waiting[:] = [one for one in waiting if one.is_alive()]
        return len(waiting)

    honest: list[bytes] = []
    with pinging(client.ping, environ, report):
        run = threading.Thread(
            target=lambda: honest.append(
                client.post(_request("honest", "tools/call", _solve("honest", 60)))[2]
            )
        )
        run.start()
        half = client.half_sent(12)
        for body in bodies:
            post(body)
        post(zlib.compress(bytes(10_000_000)), **{"content-encoding": "deflate"})
        for _ in range(messages):
            if messages >= MANY and report.sent == messages // 2:
                until(lambda: under_way() == 0)
                # What they have sent is held for as long as they may take.
                for connection in half:
                    connection.close()
                report.half_kb = settled(server)
                half = client.half_sent(12)
            thread = threading.Thread(target=post, args=(fuzz.drawn(chance),), daemon=True)
            thread.start()
            waiting.append(thread)
            report.sent += 1
            until(lambda: under_way() < HTTP_AT_ONCE)
        run.join(PATIENCE)
        for connection in half:
            connection.close()
    data = [line[5:] for line in b"".join(honest).splitlines() if line.startswith(b"data:")]
    report.honest = status_of(json.loads(data[-1])) if data else "no answer"
    for thread in waiting:
        thread.join(30)
    report.after_kb = settled(server)
    report.ends["idle"] = server.end()
    report.tracebacks = server.log().count("Traceback")

    server, url = _serving(environ)
    client = Http(url)
    for make in (fuzz.pictures, fuzz.endpoint, fuzz.schema) * 5:
        threading.Thread(target=post, args=(make(chance),), daemon=True).start()
    half = client.half_sent(12)
    client.ping(0)
    report.ends["busy"] = server.end()
    report.tracebacks += server.log().count("Traceback")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--http-messages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["stdio", "http"])
    parser.add_argument("--kind", choices=[make.__name__ for make, _ in fuzz.KINDS])
    parser.add_argument("--timed", action="store_true", help="judge times too: a quiet machine")
    chosen = parser.parse_args()
    if chosen.kind:
        fuzz.KINDS[:] = [(make, 1) for make, _ in fuzz.KINDS if make.__name__ == chosen.kind]
    chance = random.Random(chosen.seed)
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        api = MessagesApi(responder=AtlasPlay())
        lines = ["[solvers.demo]", 'model = "scripted/demo"', "[solvers.honest]"]
        lines += ['model = "anthropic/claude-sonnet-5-5"']
        for name, answer in endpoints().items():
            url = stack.enter_context(answering(answer))
            lines += [f"[solvers.{name}]", 'model = "openai/m"', f'base_url = "{url}/v1"']
            lines += ["price = { input = 1, output = 1 }"]
        lines += ["[orchestrator]", 'model = "anthropic/claude-sonnet-5-5"']
        lines += ["[budget]", "solver_time_limit_s = 20", "[server]", "grace_s = 0"]
        Path(home, "atlas.toml").write_text("\n".join(lines) + "\n")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "ATLAS_HOME": f"{home}/atlas",
            "ATLAS_CONFIG": f"{home}/atlas.toml",
            "ANTHROPIC_BASE_URL": stack.enter_context(serve(api)),
            "ANTHROPIC_API_KEY": API_KEY,
        }
        right = True
        if chosen.only != "http":
            report = over_stdio(environ, chosen.messages, chance)
            print("\n".join(report.lines()), flush=True)
            right = report.is_right(timed=chosen.timed)
        if chosen.only != "stdio":
            report = over_http(environ, chosen.http_messages, chance)
            print("\n".join(report.lines()), flush=True)
            right = report.is_right(timed=chosen.timed) and right
    print("RIGHT" if right else "WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
