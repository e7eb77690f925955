"""What the process beside a server costs: the wall of a run, and memory.

A run over stdio, which a driver process carries out, takes turns with the same run in this process;
the ratio is the median over the pairs. Both are warm. Printed beside it is the first run of a
server that has just started. The memory is that of a server with its driver once a run has ended,
beside that of an earlier server without one. Ends with 1 where a ratio is above its limit.

    python benchmarks/driver.py [--pairs N] [--seconds S] [--servers N] [--before CHECKOUT]
                                [--limit RATIO] [--memory-limit RATIO]

The runs are those of `overhead.py`. `--before` is a worktree of the commit to compare with, which
is served by this environment's Python and libraries. Memory needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import anyio
from overhead import EXPLORES, PROBLEM

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.system.this_process import collect_seldom
from atlas_mcp.testing.home_processes import processes_of
from atlas_mcp.testing.messages_api import API_KEY
from atlas_mcp.views.rendering import view_of

ROOT = Path(__file__).parents[1]

PATIENCE = 120
"""Seconds until a run counts as lost."""

SETTLING = 2.0
"""Seconds until a process has given back what it no longer needs."""

HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}

numbers = count(1)


def next_problem() -> str:
    """Return a problem that was not asked before, since identical calls may join."""
    return f"{PROBLEM.text} ({next(numbers)})"


class Server:
    """A server over stdio, shaken hands with.

    Args:
        checkout: The tree of its package.
        home: `ATLAS_HOME`.
        url: Of its models.
    """

    def __init__(self, checkout: Path, home: Path, url: str) -> None:
        self._home = home
        self._process = subprocess.Popen(
            [sys.executable, "-m", "atlas_mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(checkout),
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home),
                "ATLAS_HOME": str(home),
                "ATLAS_BUDGET_PREFETCH": "0",
                "ATLAS_BUDGET_MAX_PARALLEL": str(EXPLORES),
                "ANTHROPIC_API_KEY": API_KEY,
                "ANTHROPIC_BASE_URL": url,
            },
        )
        self._ask("initialize", HELLO)
        self._send({"method": "notifications/initialized"})

    def run(self) -> float:
        """Have a run carried out and return the seconds it took."""
        arguments = {"problem": next_problem(), "max_explores": EXPLORES, "wait_s": PATIENCE}
        began = time.perf_counter()
        result = self._ask("tools/call", {"name": "solve_with_atlas", "arguments": arguments})
        took = time.perf_counter() - began
        view = result.get("structuredContent", {})
        if view.get("answer") != "153":
            raise RuntimeError(f"the run ended otherwise than planned: {result}")
        return took

    def memory(self) -> list[float]:
        """Return the memory of its processes in MB, its own first."""
        found = {one.pid: one.memory() for one in processes_of(self._home)}
        return [found.pop(self._process.pid, 0.0), *sorted(found.values(), reverse=True)]

    def close(self) -> None:
        """End it, and wait for the end of all its processes."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        while processes_of(self._home):
            time.sleep(0.05)

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(numbers)
        self._send({"id": number, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == number:
                return message.get("result", message)
        raise RuntimeError("the server has ended")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()


@contextmanager
def serving(checkout: Path, url: str) -> Generator[Server]:
    with tempfile.TemporaryDirectory() as home:
        server = Server(checkout, Path(home).resolve(), url)
        try:
            yield server
        finally:
            server.close()


async def run_here(service: RunService) -> float:
    began = time.perf_counter()
    run_id = await service.solve(make_problem(next_problem()), RunRequest(max_explores=EXPLORES))
    view = view_of(await service.wait(run_id, PATIENCE))
    if view.answer != "153":
        raise RuntimeError(f"the run ended otherwise than planned: {view.model_dump_json()}")
    return time.perf_counter() - began


async def compare_walls(url: str, pairs: int) -> float:
    """Print the wall of runs over stdio beside that of the same runs here; return the ratio."""
    os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"] = url, API_KEY
    budget = BudgetSettings(prefetch=0, max_parallel=EXPLORES)
    there: list[float] = []
    here: list[float] = []
    with tempfile.TemporaryDirectory() as home, serving(ROOT, url) as server:
        settings = Settings(home=Path(home), budget=budget, credentials=frozenset({"anthropic"}))
        async with open_service(settings) as service:
            first = server.run()
            await run_here(service)
            collect_seldom()
            for _ in range(pairs):
                there.append(server.run())
                here.append(await run_here(service))
    ratio = statistics.median(one / other for one, other in zip(there, here, strict=True))
    print(f"in this process  {statistics.median(here):.3f} s")
    print(f"over stdio       {statistics.median(there):.3f} s; the first of a server {first:.3f} s")
    print(f"ratio            {ratio:.3f}", flush=True)
    return ratio


def memories(checkout: Path, url: str, servers: int) -> list[list[float]]:
    """Return the memory of the processes of each of some servers, one after the other."""
    found: list[list[float]] = []
    for _ in range(servers):
        with serving(checkout, url) as server:
            server.run()
            time.sleep(SETTLING)
            found.append(server.memory())
    return found


def compare_memory(url: str, servers: int, before: Path | None) -> float | None:
    """Print the memory of a server with its driver; return its ratio to an earlier server's."""
    ours = memories(ROOT, url, servers)
    parts = " + ".join(f"{one:.1f}" for one in ours[-1])
    whole = statistics.median(sum(one) for one in ours)
    print(f"server and driver {whole:.1f} MB ({parts})")
    if before is None:
        return None
    theirs = statistics.median(sum(one) for one in memories(before, url, servers))
    print(f"before            {theirs:.1f} MB")
    print(f"ratio             {whole / theirs:.3f}")
    return whole / theirs


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="Seconds of each explore.")
    parser.add_argument("--servers", type=int, default=3, help="Servers whose memory is measured.")
    parser.add_argument("--before", type=Path, help="A checkout to compare the memory with.")
    parser.add_argument("--limit", type=float, default=1.02, help="Highest ratio of the walls.")
    parser.add_argument("--memory-limit", type=float, default=1.6, help="The same of the memory.")
    options = parser.parse_args()
    api = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks/overhead.py"), "--serve", str(options.seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert api.stdin is not None
    assert api.stdout is not None
    url = api.stdout.readline().strip()
    walls = anyio.run(compare_walls, url, options.pairs) if options.pairs else None
    before = options.before and options.before.resolve()
    memory = compare_memory(url, options.servers, before) if options.servers else None
    api.stdin.close()
    api.wait()
    passes = (walls or 0.0) <= options.limit and (memory or 0.0) <= options.memory_limit
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
