"""The server as a process: what a client's configuration starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import anyio
import pytest
from mcp import Client, StdioServerParameters

from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi
from atlas_mcp.views.run_view import RunView
from tests.support.held_apis import HeldApi
from tests.support.processes import (
    COMMAND,
    PATIENCE,
    measured,
    reachable,
    resumed,
    until_recorded,
)
from tests.support.systems import BREAK, BREAK_NUMBER, GROUP, kill, posix

pytestmark = pytest.mark.every_day(0)

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}

ENVELOPE: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""What every request of the stateless era carries."""

Mode = Literal["auto", "legacy"]


@dataclass
class Raw:
    """A server process, spoken to in bare lines, of the handshake era if not said otherwise."""

    process: subprocess.Popen[bytes]
    mode: Mode = "legacy"
    lines: list[bytes] = field(default_factory=list[bytes])
    asked: int = 0

    def send(self, method: str, params: Mapping[str, Any], id_: int | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if id_ is not None:
            message["id"] = id_
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message for which `condition` holds."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            message = json.loads(line)
            if condition(message):
                return message
        raise AssertionError(f"the output ended after {self.lines!r}")

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request, and return its answer."""
        self.asked += 1
        id_ = 1_000 + self.asked
        self.send(method, params, id_)
        return self.until(lambda message: message.get("id") == id_)

    def greet(self) -> None:
        if self.mode == "auto":
            return
        self.send("initialize", HELLO, 1)
        self.until(lambda message: message.get("id") == 1)
        self.send("notifications/initialized", {})

    def solve(self) -> str:
        """Start a run, and return its id."""
        meta = {"progressToken": 7, **(ENVELOPE if self.mode == "auto" else {})}
        call: dict[str, Any] = {"name": "solve_with_atlas", "_meta": meta}
        call["arguments"] = {"problem": "6 * 7?"}
        self.send("tools/call", call, 2)
        first = self.until(lambda message: message.get("method") == "notifications/progress")
        return first["params"]["message"].removeprefix("run ").partition(" ")[0]

    def rest(self) -> tuple[int, list[bytes], bytes]:
        """Wait for the end; return the exit code, all lines of stdout, and stderr.

        The input stays open, unless it has been closed: its end is another reason to end.
        """
        stdin, self.process.stdin = self.process.stdin, None
        out, err = self.process.communicate(timeout=PATIENCE)
        if stdin is not None:
            stdin.close()
        return self.process.returncode, [*self.lines, *out.splitlines(keepends=True)], err


@contextmanager
def started(
    environ: Mapping[str, str], mode: Mode = "legacy", arguments: Sequence[str] = ()
) -> Generator[Raw]:
    pipe = subprocess.PIPE
    command = [*COMMAND, *arguments]
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, creationflags=GROUP
    )
    try:
        yield Raw(process, mode)
    finally:
        kill(process)
        process.communicate()


def assert_protocol(lines: list[bytes]) -> None:
    """Assert that there is nothing but whole messages of the protocol."""
    assert lines
    for line in lines:
        assert line.endswith(b"\n")
        assert json.loads(line)["jsonrpc"] == "2.0"


@pytest.mark.every_day(1)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_runs_a_problem_over_stdio_and_hears_of_its_progress(
    environ: dict[str, str], mode: Mode
) -> None:
    heard: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))

    # Longer than the server takes to be shown the run by the process that drives it.
    text = candidate_text("42")
    api = MessagesApi(AtlasPlay(solver=lambda _: ApiReply(text=text, latency=0.3)))
    with reachable(api, environ):
        server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environ)
        with anyio.fail_after(PATIENCE):
            async with Client(server, mode=mode) as client:
                version = client.protocol_version
                tools = [tool.name for tool in (await client.list_tools()).tools]
                result = await client.call_tool(
                    "solve_with_atlas", {"problem": "6 * 7?"}, progress_callback=hear
                )
                view = RunView.model_validate(result.structured_content)
                again = await client.call_tool("get_run", {"run_id": view.run_id})

    assert version == ("2026-07-28" if mode == "auto" else "2025-11-25")
    assert "solve_with_atlas" in tools
    assert (view.status, view.answer) == ("answered", "42")
    assert view.usage.requests == api.requests == 3
    assert view.usage.input_tokens == api.reported.input_tokens
    assert again.structured_content == result.structured_content
    numbers = [number for number, _ in heard]
    assert numbers == sorted(set(numbers))
    assert any("claude-sonnet-5-5" in message for _, message in heard)


@pytest.mark.parametrize(("sent", "number"), [(BREAK, BREAK_NUMBER), (signal.SIGINT, 2)])
def test_a_signal_ends_an_idle_server_at_once(
    environ: dict[str, str], sent: signal.Signals, number: int
) -> None:
    with started(environ) as server:
        server.greet()
        server.process.send_signal(sent)
        code, lines, err = server.rest()

    assert code == 128 + number
    assert_protocol(lines)
    assert err == b""


async def test_a_signal_ends_a_busy_server_and_its_run_stops_as_on_a_cancel(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HeldApi(held={1})
    with api.reachable(environ), started(environ) as server:
        run_id = at_work(server, api)
        server.process.send_signal(BREAK)
        code, lines, err = server.rest()
        await until_recorded(environ, run_id, lambda state: state.stop_cause == "client")
        api.gate.set()
        await until_recorded(environ, run_id, lambda state: state.finished is not None)
        asked = api.requests
        left, done = await resumed(environ, run_id, monkeypatch)

    assert (code, err) == (128 + BREAK_NUMBER, b"")
    assert_protocol(lines)
    assert asked == 2
    assert (left.status, [one.status for one in left.candidates]) == ("cancelled", ["ok", "ok"])
    assert (done.status, done.answer) == ("answered", "42")
    assert api.requests == len(set(api.raw_bodies)) == 3


def test_an_interrupt_ends_a_busy_server_too(environ: dict[str, str], tmp_path: Path) -> None:
    use_the_demo(environ, tmp_path)
    with started(environ) as server:
        server.greet()
        server.solve()
        server.process.send_signal(signal.SIGINT)
        code, lines, err = server.rest()

    assert code == 130
    assert_protocol(lines)
    assert err == b""


def use_the_demo(environ: dict[str, str], folder: Path) -> None:
    """Let the server use the scripted model, which takes its time and needs no vendor."""
    path = folder / "atlas.toml"
    path.write_text('[solvers.demo]\nmodel = "scripted/demo"\n')
    environ["ATLAS_CONFIG"] = str(path)


def test_the_end_of_input_ends_a_busy_server_with_zero(
    environ: dict[str, str], tmp_path: Path
) -> None:
    use_the_demo(environ, tmp_path)
    with started(environ) as server:
        server.greet()
        server.solve()
        end_input(server)
        code, lines, err = server.rest()

    assert (code, err) == (0, b"")
    assert_protocol(lines)


def test_an_input_that_never_begins_ends_with_zero_and_no_word(environ: dict[str, str]) -> None:
    done = subprocess.run(
        COMMAND, env=environ, input=b"", capture_output=True, timeout=PATIENCE, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# Requests that end without an answer


def cancel(server: Raw) -> None:
    server.send("notifications/cancelled", {"requestId": 2})


def end_input(server: Raw) -> None:
    assert server.process.stdin is not None
    server.process.stdin.close()
    server.process.stdin = None


WAYS: dict[str, tuple[Mode, Callable[[Raw], None]]] = {
    "cancelled, stateless era": ("auto", cancel),
    "cancelled, handshake era": ("legacy", cancel),
    "end of input": ("legacy", end_input),
}


@pytest.mark.parametrize("case", WAYS)
async def test_a_call_in_flight_when_its_request_ends_is_kept_and_nothing_more_is_asked(
    environ: dict[str, str], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode, way = WAYS[case]
    api = HeldApi(held={1})
    with api.reachable(environ), started(environ, mode) as server:
        run_id = at_work(server, api)
        way(server)
        await until_recorded(environ, run_id, lambda state: state.stop_cause == "client")
        api.gate.set()
        await until_recorded(environ, run_id, lambda state: state.finished is not None)
        asked = api.requests
        left, done = await resumed(environ, run_id, monkeypatch)

    assert asked == 2
    assert (left.status, [one.answer for one in left.candidates]) == ("cancelled", ["42", "42"])
    assert (done.status, done.answer) == ("answered", "42")
    assert api.requests == len(set(api.raw_bodies)) == 3


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_request_that_its_client_cancelled_is_never_answered(
    environ: dict[str, str], mode: Mode
) -> None:
    """Source: the specification, under cancellation: no response is sent for such a request."""
    api = HeldApi(held={1})
    with api.reachable(environ), started(environ, mode) as server:
        run_id = at_work(server, api)
        cancel(server)
        api.gate.set()
        await until_recorded(environ, run_id, lambda state: state.finished is not None)
        # Whatever is still to be said of the request is said before this.
        meta = ENVELOPE if mode == "auto" else {}
        server.ask("tools/list", {"_meta": meta})
        end_input(server)
        code, lines, err = server.rest()

    assert (code, err) == (0, b"")
    assert 2 not in [json.loads(line).get("id") for line in lines]


@pytest.mark.parametrize("case", WAYS)
async def test_a_call_that_outlasts_the_grace_is_aborted_and_asked_again_on_resuming(
    environ: dict[str, str], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ["ATLAS_SERVER_GRACE_S"] = "0.05"
    mode, way = WAYS[case]
    api = HeldApi(held={1})
    with api.reachable(environ), started(environ, mode) as server:
        run_id = at_work(server, api)
        way(server)
        await until_recorded(environ, run_id, lambda state: state.finished is not None)
        assert api.wait_for(lambda api: api.in_flight == 0)
        asked, aborted = api.requests, api.disconnects
        api.gate.set()
        left, done = await resumed(environ, run_id, monkeypatch)

    assert (asked, aborted) == (2, 1)
    assert left.status == "cancelled"
    assert sorted(one.status for one in left.candidates) == ["failed", "ok"]
    assert (done.status, done.answer) == ("answered", "42")
    # The solver that was done is not asked again.
    assert (api.requests, len(set(api.raw_bodies))) == (4, 3)


def at_work(server: Raw, api: HeldApi) -> str:
    """Start a run, and return its id once one solver is done and one is at work."""
    server.greet()
    run_id = server.solve()
    server.until(lambda message: "1 candidate" in json.dumps(message))
    assert api.all_arrived(2)
    return run_id


# Starting


VENDORS = {"anthropic", "genai_prices", "xllamacpp", "openai"}


def imports(trace: str) -> list[str]:
    """Return the modules of a trace of imports, in the order in which they were done."""
    return [line.rpartition("|")[2].strip() for line in trace.splitlines() if "|" in line]


def time_imports(environ: dict[str, str]) -> None:
    """Have a process tell its imports; those of a measurement of coverage are none of its own."""
    for name in measured():
        environ.pop(name, None)
    environ["PYTHONPROFILEIMPORTTIME"] = "1"


def vendors(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & VENDORS


@pytest.mark.every_day(1)
def test_waiting_for_the_first_message_imports_no_vendor_and_opens_no_journal(
    environ: dict[str, str],
) -> None:
    assert sys.platform != "win32"
    environ["ANTHROPIC_API_KEY"] = API_KEY
    time_imports(environ)
    done = subprocess.run(
        COMMAND, env=environ, input=b"", capture_output=True, timeout=PATIENCE, check=False
    )

    modules = imports(done.stderr.decode())
    assert "atlas_mcp.server.app" in modules
    assert vendors(modules) == set()
    assert not {"atlas_mcp.runs.opening", "sqlite3", "jsonschema"} & set(modules)
    assert not Path(environ["ATLAS_HOME"]).exists()


@posix
@pytest.mark.requirement("TOOL-15")
def test_the_handshake_is_answered_before_a_vendor_is_imported(
    environ: dict[str, str], tmp_path: Path
) -> None:
    assert sys.platform != "win32"
    environ["ANTHROPIC_API_KEY"] = API_KEY
    time_imports(environ)
    trace = tmp_path / "imports"
    with trace.open("wb") as stderr:
        pipe = subprocess.PIPE
        process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=stderr, env=environ)
        try:
            Raw(process).greet()
            os.kill(process.pid, signal.SIGSTOP)
            modules = imports(trace.read_text())
        finally:
            kill(process)
            process.communicate()

    # What comes in the background may have begun by now; it begins with the service.
    if "atlas_mcp.runs.opening" in modules:
        modules = modules[: modules.index("atlas_mcp.runs.opening")]
    assert vendors(modules) == set()


NO_CONFIGURATION = {
    "a bad variable": ({"ATLAS_BUDGET_MAX_EXPLORES": "many"}, "ATLAS_BUDGET_MAX_EXPLORES"),
    "no file": ({"ATLAS_CONFIG": "/nowhere/atlas.toml"}, "/nowhere/atlas.toml"),
    "no TOML": ({"ATLAS_CONFIG": "{folder}/atlas.toml"}, "is not TOML"),
}


@pytest.mark.parametrize("case", NO_CONFIGURATION)
@pytest.mark.parametrize("arguments", [(), ("serve",)])
@pytest.mark.requirement("ERR-7")
def test_a_bad_configuration_is_told_in_each_tool_result_and_the_server_starts(
    environ: dict[str, str], tmp_path: Path, case: str, arguments: tuple[str, ...]
) -> None:
    given, names = NO_CONFIGURATION[case]
    (tmp_path / "atlas.toml").write_text("[budget")
    environ |= {name: value.format(folder=tmp_path) for name, value in given.items()}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("solve_with_atlas", {"problem": "Q?", "images": ["/tmp/picture.png"]}),
        ("explore", {"problem": "Q?"}),
        ("get_run", {"run_id": "x"}),
    ]
    with started(environ, arguments=arguments) as server:
        server.greet()
        results = [
            server.ask("tools/call", {"name": name, "arguments": given})["result"]
            for name, given in calls
        ]
        listed = server.ask("tools/list", {})["result"]
        end_input(server)
        code, lines, err = server.rest()

    assert code == 2
    assert_protocol(lines)
    assert [result["isError"] for result in results] == [True] * len(calls)
    assert all(names in result["content"][0]["text"] for result in results)
    assert len(listed["tools"]) >= 3
    (line,) = err.decode().splitlines()
    assert line.startswith("atlas-mcp: ")
    assert names in line


def test_a_call_without_a_key_says_what_to_do_and_the_server_lives_on(
    environ: dict[str, str],
) -> None:
    with started(environ) as server:
        server.greet()
        call = {"name": "solve_with_atlas", "arguments": {"problem": "6 * 7?"}}
        server.send("tools/call", call, 2)
        reply = server.until(lambda message: message.get("id") == 2)
        server.send("tools/list", {}, 3)
        listed = server.until(lambda message: message.get("id") == 3)

    result = cast("dict[str, Any]", reply["result"])
    assert result["isError"] is True
    assert "ANTHROPIC_API_KEY" in result["content"][0]["text"]
    assert len(listed["result"]["tools"]) >= 3


TELLS_OF_FREEZING = """
import gc, os
freeze = gc.freeze

def told():
    freeze()
    os.write(2, b"%d\\n" % gc.get_freeze_count())

gc.freeze = told
from atlas_mcp.program import main
raise SystemExit(main())
"""


async def test_the_collector_is_spared_what_is_imported_after_the_handshake_too(
    environ: dict[str, str],
) -> None:
    command = [sys.executable, "-c", TELLS_OF_FREEZING]
    told = b""
    async with await anyio.open_process(command, env=environ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        await process.stdin.send(json.dumps(hello).encode() + b"\n")
        with anyio.fail_after(PATIENCE):
            while told.count(b"\n") < 2:
                told += await process.stderr.receive()
        process.kill()

    before, after = map(int, told.split())
    assert after > before + 10_000
