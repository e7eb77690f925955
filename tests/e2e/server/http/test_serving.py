"""The server over HTTP as a process: what an operator starts and ends."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import anyio
import anyio.to_thread
import pytest
from mcp import Client

from atlas_mcp.program import main
from atlas_mcp.views.run_view import RunView
from tests.support.held_apis import HeldApi
from tests.support.processes import COMMAND, PATIENCE, resumed
from tests.support.systems import BREAK, BREAK_NUMBER, GROUP, posix

pytestmark = pytest.mark.every_day(0)

Mode = Literal["auto", "legacy"]

ENDING = b"atlas-mcp: ending; calls in flight get 60 s, another signal ends now\n"


@contextmanager
def serving(
    environ: Mapping[str, str], *arguments: str, before: Sequence[str] = ()
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """Start a server on a port that is free; yield its process, and the address it prints.

    Args:
        environ: Its environment.
        arguments: More for `serve`.
        before: A command that runs the server's.
    """
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", "--http", "--port", "0", *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=GROUP,
    )
    try:
        assert process.stderr is not None
        said, _, url = process.stderr.readline().decode().strip().rpartition(" ")
        assert said == "atlas-mcp: serving MCP at"
        pages = process.stderr.readline().decode().strip()
        assert pages == f"atlas-mcp: the pages of runs are at {url.removesuffix('mcp')}runs"
        yield process, url
    finally:
        process.kill()
        process.communicate()


@pytest.mark.every_day(1)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_signal_answers_who_waits_and_leaves_the_runs_to_be_resumed(
    environ: dict[str, str], mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HeldApi(held={1})
    signalled = False

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        nonlocal signalled
        assert message is not None
        if "1 candidate" in message and not signalled:
            assert await anyio.to_thread.run_sync(api.all_arrived, 2)
            signalled = True
            process.send_signal(BREAK)
        elif message.startswith("stopping"):
            api.gate.set()

    with api.reachable(environ), serving(environ) as (process, url):
        with anyio.fail_after(PATIENCE):
            async with Client(url, mode=mode) as client:
                await client.list_tools()
                result = await client.call_tool(
                    "solve_with_atlas", {"problem": "Q?"}, progress_callback=hear
                )
                told = RunView.model_validate(result.structured_content)
        out, err = process.communicate(timeout=PATIENCE)
        left, done = await resumed(environ, told.run_id, monkeypatch)

    assert (process.returncode, out, err) == (0, b"", ENDING)
    assert told.status == left.status == "interrupted"
    assert [one.answer for one in told.candidates] == ["42", "42"]
    assert (done.status, done.answer) == ("answered", "42")
    assert api.requests == len(set(api.raw_bodies)) == 3


@pytest.mark.requirement("HANG-10")
async def test_a_second_signal_does_not_wait_for_calls_in_flight(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HeldApi(held={0, 1})
    with api.reachable(environ), serving(environ) as (process, url):
        with anyio.fail_after(PATIENCE):
            async with Client(url) as client:
                opened = await client.call_tool("solve_with_atlas", {"problem": "Q?", "wait_s": 0})
        assert api.all_arrived(2)
        assert process.stderr is not None
        process.send_signal(BREAK)
        said = process.stderr.readline()
        process.send_signal(BREAK)
        out, err = process.communicate(timeout=PATIENCE)
        api.gate.set()
        run_id = RunView.model_validate(opened.structured_content).run_id
        left, done = await resumed(environ, run_id, monkeypatch)

    assert (process.returncode, said, out, err) == (128 + BREAK_NUMBER, ENDING, b"", b"")
    assert (left.status, done.status, done.answer) == ("interrupted", "answered", "42")
    # What was in flight has to be asked again.
    assert api.requests == 5


@pytest.mark.every_day(1)
def test_a_port_that_is_taken_is_one_line_on_stderr_and_exit_code_2(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main(["serve", "--http", "--port", port])

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"atlas-mcp: --port: {port} of 127.0.0.1 ")
    assert "in use" in line


@pytest.mark.every_day(1)
def test_a_host_that_is_not_known_is_one_line_on_stderr_and_exit_code_2(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    code = main(["serve", "--http", "--host", "localhost"])

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("atlas-mcp: --host: 'localhost' is not known on this machine: ")


@pytest.mark.every_day(1)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_an_address_that_other_machines_reach_is_refused_before_anything_starts(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, host: str
) -> None:
    code = main(["serve", "--http", "--host", host, "--port", "0"])

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"atlas-mcp: --host: {host!r} ")
    assert "127.0.0.1" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_a_server_on_another_loopback_address_is_reached_at_the_url_it_prints(
    environ: dict[str, str],
) -> None:
    with serving(environ, "--host", "::1") as (_, url), anyio.fail_after(PATIENCE):
        async with Client(url) as client:
            tools = (await client.list_tools()).tools

    assert url.startswith("http://[::1]:")
    assert "solve_with_atlas" in [tool.name for tool in tools]


def half_sent(url: str, count: int, *, read: bool = True) -> list[socket.socket]:
    """Return connections that each hold half a request: of some the head, of others the body.

    Args:
        url: Where to.
        count: How many.
        read: Whether the server reads them all; it may have no room for some.
    """
    port = int(url.rpartition(":")[2].partition("/")[0])
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        "accept: application/json, text/event-stream\r\ncontent-length: 30000000\r\n\r\n"
    ).encode()
    made = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for number, connection in enumerate(made):
        connection.sendall(
            head[:40]
            if number % 4 == 0
            else head + b'{"jsonrpc":' + b" " * (60_000 if read else 60)
        )
    return made


@pytest.mark.requirement("HANG-11")
async def test_half_sent_requests_neither_hold_up_the_end_nor_fill_the_log(
    environ: dict[str, str],
) -> None:
    with serving(environ) as (process, url):
        senders = half_sent(url, 40)
        with anyio.fail_after(PATIENCE):
            async with Client(url) as client:
                # Whoever sends a whole request is served meanwhile.
                tools = (await client.list_tools()).tools
        process.send_signal(BREAK)
        out, err = process.communicate(timeout=PATIENCE)
        for sender in senders:
            sender.close()

    assert len(tools) >= 3
    assert (process.returncode, out, err) == (0, b"", ENDING)


async def test_clients_that_leave_in_the_middle_leave_nothing_in_the_log(
    environ: dict[str, str],
) -> None:
    with serving(environ) as (process, url):
        for sender in half_sent(url, 20):
            sender.close()
        with anyio.fail_after(PATIENCE):
            async with Client(url) as client:
                await client.list_tools()
        process.send_signal(BREAK)
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, b"", ENDING)


@posix
def test_a_full_server_ends_as_any_other_while_more_clients_come(environ: dict[str, str]) -> None:
    few_files = ("sh", "-c", 'ulimit -n 200; exec "$@"', "sh")
    with serving(environ, before=few_files) as (process, url), ExitStack() as stack:
        for sender in half_sent(url, 130, read=False):
            stack.enter_context(sender)
        assert process.stderr is not None
        full = process.stderr.readline()
        process.send_signal(BREAK)
        out, err = process.communicate(timeout=PATIENCE)

    assert b"clients are connected, as many as the limit of open files allows" in full
    assert (process.returncode, out, err) == (0, b"", ENDING)


def test_a_sender_of_too_much_hears_so_though_it_is_still_sending(
    environ: dict[str, str],
) -> None:
    with serving(environ) as (_, url):
        port = int(url.rpartition(":")[2].partition("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/mcp", b" " * 33_000_000, {"content-type": "application/json"})
        status = connection.getresponse().status
        connection.close()

    assert status == 413


HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Bare:
    """A client over HTTP that is none of the SDK's. Each request has a connection of its own."""

    def __init__(self, url: str, **headers: str) -> None:
        self.port = int(url.rpartition(":")[2].partition("/")[0])
        self.headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **headers,
        }
        self._connections = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._connections.close()

    def post(self, method: str, params: dict[str, Any], **headers: str) -> http.client.HTTPResponse:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self._send("POST", json.dumps(message), headers)

    def listen(self, **headers: str) -> http.client.HTTPResponse:
        return self._send("GET", None, {"accept": "text/event-stream", **headers})

    def _send(
        self, verb: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._connections.callback(connection.close)
        connection.request(verb, "/mcp", body, {**self.headers, **headers})
        response = connection.getresponse()
        self._connections.callback(response.close)
        return response


def test_streams_that_clients_listen_on_are_ended_as_a_whole_and_hold_up_nothing(
    environ: dict[str, str],
) -> None:
    """They are not cut: whoever reads one sees its end, and no error."""
    with serving(environ) as (process, url), Bare(url) as client:
        streams: list[http.client.HTTPResponse] = []
        for _ in range(3):
            greeted = client.post("initialize", HELLO)
            session = greeted.headers["mcp-session-id"]
            greeted.read()
            version = {"mcp-protocol-version": HELLO["protocolVersion"]}
            streams.append(client.listen(**{"mcp-session-id": session, **version}))
        process.send_signal(BREAK)
        rest = [stream.read() for stream in streams]
        out, err = process.communicate(timeout=PATIENCE)

    assert {stream.status for stream in streams} == {200}
    assert {stream.headers["content-type"] for stream in streams} == {"text/event-stream"}
    assert not any(b"data" in one for one in rest)
    assert (process.returncode, out, err) == (0, b"", ENDING)


def stateless(version: str) -> dict[str, Any]:
    """Return the part of every request that speaks this version."""
    return {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }


def test_a_stream_of_updates_is_ended_with_its_result(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """A client tells by the result that the stream was not lost."""
    path = tmp_path / "atlas.toml"
    path.write_text('[solvers.demo]\nmodel = "scripted/demo"\n')
    environ["ATLAS_CONFIG"] = str(path)
    version = "2026-07-28"
    meta = stateless(version)
    explore = {"name": "explore", "arguments": {"problem": "6 * 7?"}, "_meta": meta}
    with serving(environ) as (process, url), Bare(url, **{"mcp-protocol-version": version}) as one:
        explored = one.post(
            "tools/call", explore, **{"mcp-method": "tools/call", "mcp-name": "explore"}
        ).read()
        run_id = re.findall(rb"Run: (\w+)", explored)[0].decode()
        wanted = {"resourceSubscriptions": [f"atlas://runs/{run_id}"]}
        stream = one.post(
            "subscriptions/listen",
            {"_meta": meta, "notifications": wanted},
            **{"mcp-method": "subscriptions/listen"},
        )
        first = b"".join(iter(stream.readline, b"\r\n"))
        process.send_signal(BREAK)
        rest = stream.read()
        out, err = process.communicate(timeout=PATIENCE)

    assert json.loads(first.partition(b"data: ")[2])["params"]["notifications"] == wanted
    last = json.loads(rest.rpartition(b"data: ")[2])
    assert last["result"]["resultType"] == "complete"
    assert (process.returncode, out, err) == (0, b"", ENDING)


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("", "atlas", 421),
        ("", "127.0.0.1", 200),
        ("", "localhost", 200),
        ("", "[::1]", 200),
        ("atlas", "atlas", 200),
        ("atlas", "atlas:8000", 200),
        ("atlas", "127.0.0.1:80", 200),
        ("atlas:8000", "atlas:8000", 200),
        ("atlas:8000", "atlas:9000", 421),
        ("atlas", "atlas.example.org", 421),
        ("other,atlas", "atlas", 200),
    ],
)
def test_the_names_that_it_answers_to_besides_loopback_are_configured(
    environ: dict[str, str], allowed: str, host: str, status: int
) -> None:
    if allowed:
        environ["ATLAS_SERVER_ALLOWED_HOSTS"] = allowed
    with serving(environ) as (_, url), Bare(url, host=host, origin=f"http://{host}") as client:
        answered = client.post("initialize", HELLO).status

    assert answered == status
