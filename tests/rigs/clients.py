"""Clients over HTTP that do what they should not, beside one that pings.

    python tests/rigs/clients.py [pieces] [full] [halves] [silent] [polling] [unread] [pictures]

pieces   8 clients send bodies of 100,000 chunks of a byte each, again and again
full     SIGTERM while 130 half-sent bodies fill a server of 256 files, and more clients come
halves   SIGTERM with 500 half-sent bodies
silent   connections that send nothing, and heads that come a byte a second: seconds until cut
polling  1,000 clients list the tools at once, four times each
pictures SIGTERM while eight large pictures are looked at
unread   8 clients ask 2,000 times in a row and read nothing: seconds until cut, and memory

Prints milliseconds until pings are answered (p50, p99, most) and how the server ended.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
LIST: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {"_meta": META},
}
BODY = json.dumps(LIST).encode()

HEAD = (
    b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-type: application/json\r\n"
    b"accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n"
    b"mcp-method: tools/list\r\n"
)
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
HALF = HEAD + b'content-length: 30000000\r\n\r\n{"jsonrpc":' + b" " * 60_000
PIECES = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100_000 + b"0\r\n\r\n"


class Server:
    """One server process."""

    def __init__(self, files: int | None = None) -> None:
        self._home = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "atlas_mcp", "serve", "--http", "--port", "0"]
        if files is not None:
            command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        environ = {"PATH": "/usr/bin:/bin", "ATLAS_HOME": self._home.name, "HOME": self._home.name}
        # A port without a server.
        environ |= {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        self.log = Path(self._home.name, "log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environ)
        while b"/mcp\n" not in self.log.read_bytes():
            time.sleep(0.05)
        self.port = int(self.log.read_text().rpartition(":")[2].partition("/")[0])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def memory(self) -> float:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096 / 1e6

    def ask(self) -> bytes:
        with self.connect() as connection:
            connection.sendall(WHOLE.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            return answer(connection)

    def end(self) -> None:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(90)
        self.process.kill()
        took = time.monotonic() - began
        said = self.log.read_text()
        print(
            f"  ended after {took:.2f} s with {code}; {said.count('Traceback')} tracebacks, "
            f"{len(said.splitlines())} lines"
        )
        if "Traceback" in said:
            print("  last line:", said.splitlines()[-1][:120])
        self._home.cleanup()


def answer(connection: socket.socket) -> bytes:
    """Return an answer as far as it comes."""
    got = b""
    while b"\r\n0\r\n\r\n" not in got and not got.endswith(b"}"):
        try:
            more = connection.recv(65_536)
        except ConnectionError:
            break
        if not more:
            break
        got += more
    return got


@contextmanager
def pinging(server: Server) -> Generator[None]:
    """Ping for the length of a block, and say how long that took."""
    ended = threading.Event()
    took: list[float] = []

    def ping() -> None:
        while not ended.wait(0.02):
            began = time.perf_counter()
            server.ask()
            took.append((time.perf_counter() - began) * 1e3)

    for _ in range(5):
        server.ask()
    thread = threading.Thread(target=ping)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        took.sort()
        p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
        print(f"  {len(took)} pings: {p50:.1f}, {p99:.1f}, {took[-1]:.1f} ms")


def pieces() -> None:
    server = Server()
    heard = Counter[bytes]()
    until = time.monotonic() + 10

    def send() -> None:
        while time.monotonic() < until:
            with server.connect() as connection:
                with suppress(ConnectionError):
                    connection.sendall(PIECES)
                heard[answer(connection)[:12]] += 1

    with pinging(server):
        time.sleep(1)
    with pinging(server):
        senders = [threading.Thread(target=send) for _ in range(8)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
    print(f"  answers: {dict(heard)}")
    server.end()


def full() -> None:
    server = Server(files=256)
    with ExitStack() as stack:
        for _ in range(130):
            connection = stack.enter_context(server.connect())
            connection.settimeout(0.01)
            with suppress(TimeoutError):
                connection.sendall(HALF)
        ended = threading.Event()

        def come() -> None:
            coming: list[socket.socket] = []
            while not ended.is_set():
                try:
                    coming.append(server.connect())
                except OSError:
                    time.sleep(0.01)
                if len(coming) > 200:
                    coming.pop(0).close()

        threads = [threading.Thread(target=come) for _ in range(4)]
        for each in threads:
            each.start()
        time.sleep(3)
        server.end()
        ended.set()
        for each in threads:
            each.join()


def halves() -> None:
    server = Server()
    with ExitStack() as stack:
        for _ in range(500):
            connection = stack.enter_context(server.connect())
            connection.settimeout(0.01)
            with suppress(TimeoutError):
                connection.sendall(HALF)
        time.sleep(1)
        server.end()


def silent() -> None:
    server = Server()
    server.ask()
    with ExitStack() as stack:
        kinds = {
            stack.enter_context(server.connect()): kind
            for kind in ("quiet", "slow", "idle")
            for _ in range(3)
        }
        slow = [each for each, kind in kinds.items() if kind == "slow"]
        for each, kind in kinds.items():
            if kind == "idle":
                each.sendall(WHOLE)
                answer(each)
        began = time.monotonic()
        for at in range(60):
            for each in slow:
                with suppress(OSError):
                    each.sendall(HEAD[at : at + 1])
            ready = select.select(list(kinds), (), (), 1 if kinds else 0)[0]
            for each in ready:
                print(f"  {kinds.pop(each)} cut after {time.monotonic() - began:.1f} s")
                slow = [one for one in slow if one is not each]
            if not kinds:
                break
            if ready:
                time.sleep(0.5)
        print(f"  left after {time.monotonic() - began:.0f} s: {Counter(kinds.values())}")
    server.end()


def polling() -> None:
    server = Server()
    codes = Counter[bytes]()
    took: list[float] = []

    def poll() -> None:
        for _ in range(4):
            began = time.perf_counter()
            codes[server.ask()[:12]] += 1
            took.append(time.perf_counter() - began)

    began = time.monotonic()
    threads = [threading.Thread(target=poll) for _ in range(1_000)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took.sort()
    print(f"  {dict(codes)} in {time.monotonic() - began:.1f} s, longest {took[-1]:.2f} s")
    server.end()


def unread() -> None:
    server = Server()
    server.ask()
    before = server.memory()
    with ExitStack() as stack:
        made = [stack.enter_context(server.connect()) for _ in range(8)]
        for each in made:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.settimeout(0.2)
            with suppress(TimeoutError):
                each.sendall(WHOLE * 2_000)
        began = time.monotonic()
        most = 0.0
        with pinging(server):
            while time.monotonic() - began < 60:
                most = max(most, server.memory())
                assert sys.platform != "win32", "this rig is for POSIX"
                poll = select.poll()
                for each in made:
                    poll.register(each, select.POLLHUP | select.POLLERR)
                if len(poll.poll(0)) == len(made):
                    break
                time.sleep(0.2)
        print(f"  cut after {time.monotonic() - began:.1f} s; {before:.0f} MB, then {most:.0f} MB")
    server.end()


def pictures() -> None:
    server = Server()
    packed = BytesIO()
    Image.effect_noise((7_000, 7_000), 20).save(packed, "JPEG", progressive=True, quality=20)
    address = f"data:image/jpeg;base64,{b64encode(packed.getvalue()).decode()}"
    print(f"  {len(address) / 1e6:.1f} MB a picture")
    params: dict[str, Any] = {"name": "solve_with_atlas", "_meta": META}
    params["arguments"] = {"problem": "Q?", "images": [address]}
    body = json.dumps({**LIST, "method": "tools/call", "params": params}).encode()
    head = HEAD.replace(b"tools/list\r\n", b"tools/call\r\nmcp-name: solve_with_atlas\r\n")
    server.ask()
    with ExitStack() as stack:
        for _ in range(8):
            sender = stack.enter_context(server.connect())
            sender.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        with pinging(server):
            time.sleep(1)
        server.end()


SCENES: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (pieces, full, halves, silent, polling, unread, pictures)
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SCENES:
        print(f"== {name}", flush=True)
        SCENES[name]()
