"""The server as a process: what a client's configuration starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import anyio
import pytest
from mcp import Client, StdioServerParameters

from atlas_mcp.atlas.view import RunView
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Fault, MessagesApi, serve

COMMAND = [sys.executable, "-m", "atlas_mcp"]
PATIENCE = 15
"""Seconds for what must happen, on a machine that is busy with other tests."""

PROTOCOL = {
    "legacy": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
}

Mode = Literal["auto", "legacy"]


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The process is the same whatever loop the test has."""
    return request.param


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of the process: nothing of ours but what a test adds."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "ATLAS_HOME": str(tmp_path / "atlas"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ANTHROPIC_CONFIG_DIR": str(tmp_path / "anthropic"),
        "PYTHONWARNINGS": "error",
    }


@contextmanager
def reachable(api: MessagesApi, environ: dict[str, str]) -> Generator[None]:
    with serve(api) as url:
        environ["ANTHROPIC_BASE_URL"] = url
        environ["ANTHROPIC_API_KEY"] = API_KEY
        yield


@dataclass
class Raw:
    """A server process, spoken to in bare lines of the handshake era."""

    process: subprocess.Popen[bytes]
    lines: list[bytes] = field(default_factory=list[bytes])

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

    def greet(self) -> None:
        self.send("initialize", PROTOCOL["legacy"], 1)
        self.until(lambda message: message.get("id") == 1)
        self.send("notifications/initialized", {})

    def solve(self) -> None:
        """Start a run, and return once a solver is at work."""
        arguments = {"problem": "6 * 7?"}
        call = {"name": "solve_with_atlas", "arguments": arguments, "_meta": {"progressToken": 7}}
        self.send("tools/call", call, 2)
        self.until(lambda message: message.get("method") == "notifications/progress")

    def rest(self) -> tuple[int, list[bytes], bytes]:
        """Wait for the end; return the exit code, all lines of stdout, and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, [*self.lines, *out.splitlines(keepends=True)], err


@contextmanager
def started(environ: Mapping[str, str]) -> Generator[Raw]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=environ)
    try:
        yield Raw(process)
    finally:
        process.kill()
        process.communicate()


def assert_protocol(lines: list[bytes]) -> None:
    """Assert that there is nothing but whole messages of the protocol."""
    assert lines
    for line in lines:
        assert line.endswith(b"\n")
        assert json.loads(line)["jsonrpc"] == "2.0"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_runs_a_problem_over_stdio_and_hears_of_its_progress(
    environ: dict[str, str], mode: Mode
) -> None:
    heard: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))

    api = MessagesApi(AtlasPlay())
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
    assert view.usage.input_tokens == api.told.input_tokens
    assert again.structured_content == result.structured_content
    numbers = [number for number, _ in heard]
    assert numbers == sorted(set(numbers))
    assert any("claude-sonnet-5-5" in message for _, message in heard)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_at_once(
    environ: dict[str, str], number: signal.Signals
) -> None:
    with started(environ) as server:
        server.greet()
        server.process.send_signal(number)
        code, lines, err = server.rest()

    assert code == 128 + number
    assert_protocol(lines)
    assert err == b""


def test_a_signal_ends_a_busy_server_and_keeps_what_it_found(environ: dict[str, str]) -> None:
    stall = Fault("stall", seconds=3_600)
    api = MessagesApi(AtlasPlay(lambda n: stall if n else ApiReply(text=candidate_text("42"))))
    with reachable(api, environ), started(environ) as server:
        server.greet()
        server.solve()
        server.until(lambda message: "1 candidates" in json.dumps(message))
        server.process.send_signal(signal.SIGTERM)
        code, lines, err = server.rest()
        assert api.wait_for(lambda api: api.in_flight == 0)
        shown = run_cli(environ, "runs", "list", "--json")

    assert code == 143
    assert_protocol(lines)
    assert b"Traceback" not in err
    (line,) = shown.stdout.splitlines()
    assert json.loads(line)["status"] == "interrupted"
    assert api.requests == 2


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


def run_cli(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environ, capture_output=True, timeout=PATIENCE, check=False
    )


def test_the_end_of_input_ends_a_busy_server_with_zero(
    environ: dict[str, str], tmp_path: Path
) -> None:
    use_the_demo(environ, tmp_path)
    with started(environ) as server:
        server.greet()
        server.solve()
        assert server.process.stdin is not None
        server.process.stdin.close()
        server.process.stdin = None
        code, lines, err = server.rest()

    assert (code, err) == (0, b"")
    assert_protocol(lines)


def test_an_input_that_never_begins_ends_with_zero_and_no_word(environ: dict[str, str]) -> None:
    done = subprocess.run(
        COMMAND, env=environ, input=b"", capture_output=True, timeout=PATIENCE, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


VENDORS = {"anthropic", "genai_prices", "xllamacpp", "openai"}


def imports(trace: str) -> list[str]:
    """Return the modules of a trace of imports, in the order in which they were done."""
    return [line.rpartition("|")[2].strip() for line in trace.splitlines() if "|" in line]


def vendors(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & VENDORS


def test_waiting_for_the_first_message_imports_no_vendor_and_opens_no_journal(
    environ: dict[str, str],
) -> None:
    environ["ANTHROPIC_API_KEY"] = API_KEY
    environ["PYTHONPROFILEIMPORTTIME"] = "1"
    done = subprocess.run(
        COMMAND, env=environ, input=b"", capture_output=True, timeout=PATIENCE, check=False
    )

    modules = imports(done.stderr.decode())
    assert "atlas_mcp.server.app" in modules
    assert vendors(modules) == set()
    assert not {"atlas_mcp.runs.service", "sqlite3", "jsonschema"} & set(modules)
    assert not Path(environ["ATLAS_HOME"]).exists()


def test_the_handshake_is_answered_before_a_vendor_is_imported(
    environ: dict[str, str], tmp_path: Path
) -> None:
    environ["ANTHROPIC_API_KEY"] = API_KEY
    environ["PYTHONPROFILEIMPORTTIME"] = "1"
    trace = tmp_path / "imports"
    with trace.open("wb") as stderr:
        pipe = subprocess.PIPE
        process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=stderr, env=environ)
        try:
            Raw(process).greet()
            os.kill(process.pid, signal.SIGSTOP)
            modules = imports(trace.read_text())
        finally:
            process.kill()
            process.communicate()

    # What comes in the background may have begun by now; it begins with the service.
    if "atlas_mcp.runs.service" in modules:
        modules = modules[: modules.index("atlas_mcp.runs.service")]
    assert vendors(modules) == set()


def test_a_bad_configuration_is_one_line_on_stderr_and_exit_code_2(
    environ: dict[str, str],
) -> None:
    environ["ATLAS_BUDGET_MAX_EXPLORES"] = "many"
    for arguments in ((), ("serve",)):
        done = run_cli(environ, *arguments)

        assert done.returncode == 2
        assert done.stdout == b""
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("atlas-mcp: ")
        assert "ATLAS_BUDGET_MAX_EXPLORES" in line
        assert "'many'" in line


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
