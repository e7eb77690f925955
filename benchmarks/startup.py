"""Time from process start to the `initialize` reply, as a ratio to a one-tool `MCPServer` script.

The two take turns, pair by pair, once all processes of the turn before have ended; the ratio is the
median over the pairs. Ends with 1 where it is above the limit.

    python benchmarks/startup.py [--pairs N] [--limit RATIO]
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
from pathlib import Path

from atlas_mcp.testing.home_processes import processes_of

ONE_TOOL = """\
from mcp.server.mcpserver import MCPServer

server = MCPServer("one")


@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b


server.run("stdio")
"""

INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        },
    }
)


def seconds_to_reply(command: list[str], home: str) -> float:
    """Start a server and return the seconds until it has answered `initialize`."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "ATLAS_HOME": home},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(INITIALIZE + "\n")
    process.stdin.flush()
    reply = json.loads(process.stdout.readline())
    seconds = time.perf_counter() - began
    if "result" not in reply:
        raise RuntimeError(f"no handshake: {reply}")
    process.kill()
    process.wait()
    while processes_of(Path(home)):
        time.sleep(0.05)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--limit", type=float, default=1.05, help="The highest ratio that passes.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "one_tool.py"
        script.write_text(ONE_TOOL, encoding="utf-8")
        ours = [sys.executable, "-m", "atlas_mcp"]
        bare = [sys.executable, str(script)]
        for command in (ours, bare):
            seconds_to_reply(command, folder)
        times = [
            (seconds_to_reply(ours, folder), seconds_to_reply(bare, folder))
            for _ in range(options.pairs)
        ]
    print(f"atlas-mcp       {statistics.median(one for one, _ in times):.3f} s")
    print(f"one-tool server {statistics.median(other for _, other in times):.3f} s")
    ratio = statistics.median(one / other for one, other in times)
    print(f"ratio           {ratio:.3f}, limit {options.limit}")
    return 0 if ratio <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
