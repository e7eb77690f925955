"""Many runs at once, beside a bare loop over `AsyncAnthropic` that makes the same calls.

Each run makes eight streamed calls of 1 to 3 s to a stand-in of the API, which is a process of its
own and remembers what it has streamed to the end. Bare and ours are a process each. Printed are
wall and CPU as ratios, memory a run, the delay of the event loop, and the seconds until a caller
has the run's handle. Over HTTP a process of its own asks for a short answer, again and again over
one connection, as the client that opens the runs is late itself; and `sdk` is a tool that does
nothing, served by the MCP SDK alone and asked as often at once: the least that a handle costs. Ends
with 1 unless all runs are answered and every reply is in the journal; on a disk that fills up,
unless each run that broke off says so, with the replies that are not stored.

    python benchmarks/load.py [--runs N] [--files N] [--flush S] [--full BYTES] [--at-once N]
                              [--sides bare ours http sdk]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

import anyio

from atlas_mcp.atlas.orchestrator_schemas import synthesis_schema
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.testing.load_api import ANSWER, CALLS, stand_in
from atlas_mcp.testing.messages_api import API_KEY
from atlas_mcp.views.rendering import view_of

Side = Literal["bare", "ours", "http", "sdk"]

RUNNING = frozenset({"ours", "http"})
"""The sides that open runs."""

TICK = 0.01
"""Seconds between two looks at how late the event loop is."""

PING_SECONDS = 0.05
"""Seconds between two looks at how late a server is."""

PATIENCE = 600.0
"""Seconds until a run counts as lost."""


@dataclass
class Figures:
    """What one side took.

    Attributes:
        wall: Seconds.
        cpu: Seconds of its process.
        bytes_a_run: How much its memory grew, by run.
        late: Milliseconds by which the loop was late, p50, p99 and most; over HTTP, until a request
            that waits for no run was answered.
        handles: Seconds until a caller had its handle, p50, p99 and most.
        statuses: How the runs ended.
        errors: The most frequent ones.
        unstored: Replies of which the callers were told that they are not stored, or were cut off.
    """

    wall: float = 0.0
    cpu: float = 0.0
    bytes_a_run: float = 0.0
    late: Sequence[float] = ()
    handles: Sequence[float] = ()
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    errors: Sequence[str] = ()
    unstored: int = 0


@dataclass(frozen=True)
class Load:
    """How much, and under what."""

    runs: int
    files: int | None = None
    flush: float = 0.0
    full: int | None = None
    at_once: int | None = None


def problem(number: int) -> str:
    return f"How many ways are there to tile a 3 by 8 board with dominoes? Board {number}. " * 4


# The bare side


async def bare(load: Load) -> Figures:
    import anthropic

    from atlas_mcp.atlas import prompts, solver_prompts
    from atlas_mcp.atlas.budget import Budget
    from atlas_mcp.atlas.explore import STRATEGIES, Explore
    from atlas_mcp.atlas.messages import ModelRequest, UserTurn
    from atlas_mcp.atlas.model_spec import ModelSpec
    from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
    from atlas_mcp.models.claude.families import family_of
    from atlas_mcp.models.claude.params import message_params

    name = "claude-sonnet-5-5"
    model = ModelSpec(f"anthropic/{name}", effort="high")
    spec = RunSpec("atlas", model, (SolverSpec("s", model),), Budget())

    def params(request: ModelRequest) -> dict[str, Any]:
        transform = anthropic.transform_schema
        return message_params(
            name, family_of(name), request, thinking="auto", transform_schema=transform
        )

    client = anthropic.AsyncAnthropic(timeout=PATIENCE)

    async def call(body: dict[str, Any]) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        pieces: list[str] = []
        async for event in await client.messages.create(**body, stream=True):
            if event.type == "content_block_start":
                blocks.append(event.content_block.to_dict(mode="json"))
                pieces = []
            elif event.type == "content_block_delta":
                delta: Any = event.delta
                pieces.append(delta.partial_json if delta.type[0] == "i" else delta.text)
            elif event.type == "content_block_stop":
                text = "".join(pieces)
                if blocks[-1]["type"] == "tool_use":
                    blocks[-1]["input"] = json.loads(text or "{}")
                else:
                    blocks[-1]["text"] = text
        return blocks

    async def run(number: int) -> str:
        asked = make_problem(problem(number))
        first = params(
            ModelRequest(
                system=prompts.orchestrator_system(spec),
                turns=(UserTurn(solver_prompts.problem_parts(asked)),),
                max_tokens=32_000,
                schema=synthesis_schema(asked, spec),
                tools=(prompts.explore_tool(spec),),
                effort="high",
            )
        )

        async def explores(count: int) -> list[str]:
            texts: list[str] = []

            async def explore(strategy: Any) -> None:
                request = solver_prompts.solver_request(
                    asked, Explore("s", strategy), model, max_tokens=model.max_tokens, seed=None
                )
                texts.append((await call(params(request)))[0]["text"])

            async with anyio.create_task_group() as tasks:
                for strategy in STRATEGIES[:count]:
                    tasks.start_soon(explore, strategy)
            return texts

        await explores(2)
        turn = await call(first)
        calls = [block for block in turn if block["type"] == "tool_use"]
        texts = await explores(len(calls))
        results = [
            {"type": "tool_result", "tool_use_id": one["id"], "content": text}
            for one, text in zip(calls, texts, strict=True)
        ]
        said = [{"role": "assistant", "content": turn}, {"role": "user", "content": results}]
        last = await call({**first, "messages": [*first["messages"], *said]})
        return "answered" if json.loads(last[0]["text"])["answer"] == ANSWER else "otherwise"

    await run(0)
    figures = await measured(load, run)
    await client.close()
    return figures


# Ours


async def ours(load: Load) -> Figures:
    from atlas_mcp.config.settings import ServerSettings, Settings
    from atlas_mcp.journal.sqlite.journal import SqliteJournal
    from atlas_mcp.runs.opening import open_service
    from atlas_mcp.runs.request import RunRequest
    from atlas_mcp.system.this_process import collect_seldom

    # As every process of the program's own does.
    collect_seldom()

    def flush(file: int) -> None:
        time.sleep(load.flush)
        os.fsync(file)

    home = Path(os.environ["ATLAS_HOME"])
    server = ServerSettings() if load.at_once is None else ServerSettings(max_runs=load.at_once)
    settings = Settings(home=home, credentials=frozenset({"anthropic"}), server=server)
    handles: list[float] = []
    unstored: list[int] = []
    journal = SqliteJournal(home, sync=flush if load.flush else os.fsync)
    async with open_service(settings, journal=journal) as service:

        async def run(number: int) -> str:
            began = time.perf_counter()
            run_id = await service.solve(make_problem(problem(number)), RunRequest())
            handles.append(time.perf_counter() - began)
            view = view_of(await service.wait(run_id, PATIENCE))
            if view.answer == ANSWER and len(view.candidates) == CALLS - 2:
                return "answered"
            if view.next is not None and "Fix the cause" in view.next:
                unstored.append(told_of(view.next))
                return "broke off"
            return view.status

        await run(0)
        handles.clear()
        figures = await measured(load, run)
    figures.handles, figures.unstored = spread(handles), sum(unstored)
    return figures


def told_of(text: str) -> int:
    """Return of how many replies a caller is told that they are not stored, or were cut off."""
    told = re.findall(r"(\d+) (?:repl(?:y|ies)|calls?) (?:is|are|was|were) ", text)
    return sum(map(int, told))


# Through one server


PROTOCOL = "2026-07-28"

META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def post(port: int, method: str, name: str | None = None, **arguments: object) -> Any:
    """Make one request of a server over a connection of its own, and return its result."""
    params: dict[str, Any] = {"_meta": META}
    if name is not None:
        params |= {"name": name, "arguments": arguments}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: close",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        f"Mcp-Protocol-Version: {PROTOCOL}",
        f"Mcp-Method: {method}",
        *([f"Mcp-Name: {name}"] if name is not None else []),
        f"Content-Length: {len(body)}",
    ]
    stream = await anyio.connect_tcp("127.0.0.1", port)
    received: list[bytes] = []
    async with stream:
        await stream.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        with contextlib.suppress(anyio.EndOfStream):
            while True:
                received.append(await stream.receive())
    head, _, said = b"".join(received).partition(b"\r\n\r\n")
    if b" 200 " not in head.splitlines()[0]:
        raise RuntimeError(head.decode())
    # An answer that takes long comes as a stream of events.
    events = re.findall(rb"^data: (\{.*)", said, re.MULTILINE)
    return json.loads(events[-1] if events else said)["result"]


@dataclass
class Server:
    """A server over HTTP, and what it has taken so far."""

    process: subprocess.Popen[str]
    port: int

    @classmethod
    def start(cls, command: Sequence[str], load: Load, environ: dict[str, str]) -> Server:
        """Start one that says at which address it serves, in the first line of its stderr."""
        process = subprocess.Popen(
            command,
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: limit(load),
        )
        assert process.stderr is not None
        address = process.stderr.readline().strip()
        return cls(process, int(address.rpartition(":")[2].partition("/")[0]))

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate()

    @contextlib.contextmanager
    def pinged(self, into: list[float]) -> Generator[None]:
        """Have another process ask it for a short answer, again and again, while a block runs.

        Args:
            into: Gets the milliseconds that each answer took.
        """
        command = [sys.executable, __file__, "--ping", str(self.port)]
        asking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert asking.stdout is not None
        asking.stdout.readline()
        try:
            yield
        finally:
            # The end of its input tells it to stop.
            printed, _ = asking.communicate()
            into += map(float, printed.split())

    def cpu(self) -> float:
        """Return the seconds of CPU it has taken."""
        assert sys.platform != "win32"
        fields = (
            Path(f"/proc/{self.process.pid}/stat")
            .read_text(encoding="utf-8")
            .rpartition(")")[2]
            .split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the most bytes it has had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return 1024.0 * int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def ping(port: int) -> None:
    """Print how many milliseconds each short answer of a server took, until the input ends.

    Over one connection, as clients keep theirs.
    """

    def end_with_the_input() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_the_input, daemon=True).start()
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": META}}
    )
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Mcp-Protocol-Version": PROTOCOL,
        "Mcp-Method": "server/discover",
    }
    connection = HTTPConnection("127.0.0.1", port)
    while True:
        began = time.perf_counter()
        connection.request("POST", "/mcp", body, headers)
        connection.getresponse().read()
        print(1e3 * (time.perf_counter() - began), flush=True)
        time.sleep(PING_SECONDS)


async def http(load: Load) -> Figures:
    environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if load.at_once is not None:
        environ["ATLAS_SERVER_MAX_RUNS"] = str(load.at_once)
    command = [sys.executable, "-m", "atlas_mcp", "serve", "--http", "--port", "0"]
    server = Server.start(command, load, environ)
    handles: list[float] = []
    unstored: list[int] = []

    async def run(number: int) -> str:
        began = time.perf_counter()
        opened = await post(
            server.port, "tools/call", "solve_with_atlas", problem=problem(number), wait_s=0
        )
        handles.append(time.perf_counter() - began)
        view = opened["structuredContent"]
        until = began + PATIENCE
        while view["status"] == "running" and time.perf_counter() < until:
            polled = await post(
                server.port, "tools/call", "get_run", run_id=view["run_id"], wait_s=30
            )
            view = polled["structuredContent"]
        if view.get("answer") == ANSWER and len(view.get("candidates", [])) == CALLS - 2:
            return "answered"
        if "Fix the cause" in view.get("next", ""):
            unstored.append(told_of(view["next"]))
            return "broke off"
        return str(view["status"])

    figures = await measured_at(server, load, run, handles)
    figures.unstored = sum(unstored)
    return figures


# The least that a handle costs


async def sdk(load: Load) -> Figures:
    """Ask a tool that does nothing, as often at once as runs are opened."""
    server = Server.start([sys.executable, __file__, "--serve"], load, dict(os.environ))
    handles: list[float] = []

    async def call(number: int) -> str:
        began = time.perf_counter()
        done = await post(server.port, "tools/call", "solve_with_atlas", problem=problem(number))
        handles.append(time.perf_counter() - began)
        return "answered" if done["structuredContent"]["status"] == "running" else "otherwise"

    return await measured_at(server, load, call, handles)


def serve() -> None:
    """Serve a tool that does nothing, with nothing but the SDK and its own web server."""
    import uvicorn
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("least", log_level="ERROR")

    @server.tool()
    async def solve_with_atlas(problem: str) -> dict[str, str]:
        """Do nothing."""
        return {"status": "running", "run_id": problem[:14]}

    app = server.streamable_http_app(host="127.0.0.1")
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", file=sys.stderr, flush=True)
    config = uvicorn.Config(app, log_level="critical", http="h11")
    uvicorn.Server(config).run(sockets=[listener])


async def measured_at(
    server: Server, load: Load, run: Callable[[int], Awaitable[str]], handles: list[float]
) -> Figures:
    """Measure what a server takes for so many runs at once, and end it.

    Args:
        server: The server.
        load: How many.
        run: Makes one, and adds the seconds until its handle to `handles`.
        handles: Those seconds.
    """
    pings: list[float] = []
    try:
        await run(0)
        handles.clear()
        cpu, memory = server.cpu(), server.memory()
        with server.pinged(pings):
            figures = await measured(load, run)
        figures.cpu = server.cpu() - cpu
        figures.bytes_a_run = (server.memory() - memory) / load.runs
    finally:
        server.end()
    figures.handles, figures.late = spread(handles), spread(pings)
    return figures


async def measured(load: Load, run: Callable[[int], Awaitable[str]]) -> Figures:
    """Measure so many runs at once."""
    late: list[float] = []
    statuses: Counter[str] = Counter()
    errors: Counter[str] = Counter()

    async def watch_the_loop() -> None:
        while True:
            due = time.perf_counter() + TICK
            await anyio.sleep(TICK)
            late.append(1e3 * (time.perf_counter() - due))

    async def one(number: int) -> None:
        try:
            statuses[await run(number)] += 1
        except Exception as error:  # noqa: BLE001 - it is what is counted
            statuses[type(error).__name__] += 1
            errors[str(error)] += 1

    fill_disk(load.full)
    before = peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as watching:
        watching.start_soon(watch_the_loop)
        async with anyio.create_task_group() as tasks:
            for number in range(1, load.runs + 1):
                tasks.start_soon(one, number)
        watching.cancel_scope.cancel()
    return Figures(
        time.perf_counter() - wall,
        time.process_time() - cpu,
        (peak_memory() - before) / load.runs,
        spread(late),
        statuses=dict(statuses),
        errors=[text for text, _ in errors.most_common(3)],
    )


def spread(values: Sequence[float]) -> tuple[float, ...]:
    """Return the median, the 99th percentile and the most."""
    if len(values) < 2:
        return (values[0],) * 3 if values else (0.0,) * 3
    return statistics.median(values), statistics.quantiles(values, n=100)[98], max(values)


def peak_memory() -> float:
    """Return the most bytes that this process has had resident."""
    assert sys.platform != "win32"
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def limit(load: Load) -> None:
    """Have this process do with what there is: descriptors, and space on its disk."""
    limit_files(load.files)
    fill_disk(load.full)


def limit_files(files: int | None) -> None:
    if files is not None:
        assert sys.platform != "win32"
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def fill_disk(at: int | None) -> None:
    if at is not None:
        assert sys.platform != "win32"
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (at, resource.RLIM_INFINITY))


# Both, and what is printed


@dataclass
class Outcome:
    """What came of one side."""

    figures: Figures
    streamed: Sequence[str]
    recorded: frozenset[str]

    @property
    def lost(self) -> int:
        """Replies that were streamed to the end and are not in the journal."""
        return len(set(self.streamed) - self.recorded)


def play(side: Side, load: Load, seconds: tuple[float, float]) -> Outcome:
    """Have one side play in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with stand_in(seconds) as stand:
            environ = {
                **os.environ,
                "ATLAS_HOME": str(home),
                "ATLAS_CONFIG": os.devnull,
                "ANTHROPIC_BASE_URL": stand.url,
                "ANTHROPIC_API_KEY": API_KEY,
            }
            command = [sys.executable, __file__, "--play", side, json.dumps(asdict(load))]
            played = subprocess.run(
                command, env=environ, stdout=subprocess.PIPE, check=True, text=True
            )
            figures = Figures(**json.loads(played.stdout))
        return Outcome(figures, stand.streamed, recorded(home) if side in RUNNING else frozenset())


def recorded(home: Path) -> frozenset[str]:
    """Return the marks of the replies that the journal of a home holds."""
    import sqlite3

    from atlas_mcp.journal.sqlite.store import FILE_NAME

    connection = sqlite3.connect(home / FILE_NAME)
    bodies = connection.execute("SELECT body FROM events").fetchall()
    connection.close()
    return frozenset(mark for (body,) in bodies for mark in re.findall(r"mark-(\d{7})", body))


def report(load: Load, sides: dict[str, Outcome]) -> bool:
    """Print what the sides took; return whether nothing is missing."""
    base = sides.get("bare")
    well = True
    for name, outcome in sides.items():
        took = outcome.figures
        answered = took.statuses.get("answered", 0)
        late, handles = (
            " ".join(f"{value:8.2f}" for value in values) for values in (took.late, took.handles)
        )
        print(f"\n{name}: {answered} of {load.runs} answered; {took.statuses} {took.errors or ''}")
        print(f"  wall {took.wall:7.2f} s, cpu {took.cpu:7.2f} s", end="")
        if base is not None and name in RUNNING:
            ratios = (took.wall / base.figures.wall, took.cpu / base.figures.cpu)
            print(f"; beside bare {ratios[0]:.3f} and {ratios[1]:.2f}", end="")
        print(f"; {took.bytes_a_run / 1e3:.0f} kB a run")
        print(f"  the loop late, ms: {late}; handle, s: {handles}  (p50 p99 most)")
        if name in RUNNING:
            print(
                f"  {len(outcome.streamed)} replies streamed, {outcome.lost} not in the journal",
                end="",
            )
            told = f"; told of {took.unstored}" if load.full is not None else ""
            print(told)
            # What a full disk stops says so: the run to its caller, or the refusal to open one.
            said = sum(took.statuses.get(one, 0) for one in ("broke off", "JournalError"))
            ended = answered + (said if load.full is not None else 0)
            well = well and ended == load.runs and outcome.lost <= took.unstored
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, nargs=2, default=(1.0, 3.0))
    parser.add_argument("--files", type=int, help="descriptors that each side may have")
    parser.add_argument("--flush", type=float, default=0.0, help="seconds that a flush takes")
    parser.add_argument("--full", type=int, help="bytes at which the disk is full")
    parser.add_argument("--at-once", type=int, help="[server] max_runs")
    parser.add_argument("--sides", nargs="+", default=("bare", "ours"))
    parser.add_argument("--play", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--ping", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    if options.ping is not None:
        ping(options.ping)
        return 0
    if options.play is not None:
        side, load = options.play[0], Load(**json.loads(options.play[1]))
        if side in {"bare", "ours"}:
            limit_files(load.files)
        sides = {"bare": bare, "ours": ours, "http": http, "sdk": sdk}
        figures = anyio.run(sides[side], load)
        print(json.dumps(asdict(figures)))
        return 0
    load = Load(options.runs, options.files, options.flush, options.full, options.at_once)
    sides = {side: play(side, load, tuple(options.seconds)) for side in options.sides}
    return 0 if report(load, sides) else 1


if __name__ == "__main__":
    sys.exit(main())
