"""Clients of the TypeScript SDK get the answer of a run that is longer than their patience.

    python tests/rigs/typescript.py [--seconds 150]

Two versions of the SDK with the default time-out of 60 s, and one with a hard cap of 240 s under
the name of a client that has it; none of them takes progress. Each starts the server over stdio,
calls `solve_with_atlas`, then `get_run` until the run has ended. Ends with 1 if a client got no
answer, a call came near its time-out, or a model call was made twice. Needs npm.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from node import node, node_folder

from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, serve

PACKAGES = ("@modelcontextprotocol/sdk@1.32.2", "@modelcontextprotocol/client@2.4.0")


@dataclass(frozen=True)
class Case:
    sdk: str
    name: str
    timeout_ms: int | None

    @property
    def patience(self) -> float:
        return 60.0 if self.timeout_ms is None else self.timeout_ms / 1_000


CASES = (
    Case("v1", "rig", None),
    Case("v2", "rig", None),
    Case("v1", "claude-ai", 240_000),
)


def ask(case: Case, folder: Path, seconds: float) -> bool:
    half = seconds / 2
    play = AtlasPlay(
        solver=lambda n: ApiReply(text=candidate_text("42"), latency=half),
        orchestrator=(ApiReply(text=synthesis_text("42"), latency=half),),
    )
    api = MessagesApi(play)
    with serve(api) as url, tempfile.TemporaryDirectory() as home:
        orders: dict[str, Any] = {
            "folder": str(folder),
            "sdk": case.sdk,
            "name": case.name,
            "timeout": case.timeout_ms,
            "problem": "What is 6 times 7?",
            "command": sys.executable,
            "args": ["-m", "atlas_mcp"],
        }
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "ATLAS_HOME": f"{home}/atlas",
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": url,
        }
        script = Path(__file__).with_suffix(".mjs")
        done = subprocess.run(
            [node(folder), str(script), json.dumps(orders)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=4 * seconds + 60,
            check=False,
        )
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    calls, end = lines[:-1], (lines[-1] if lines else {})
    longest = max((call["seconds"] for call in calls), default=0.0)
    repeated = sum(count - 1 for count in Counter(api.raw_bodies).values())
    # The two solvers that start together are told apart by their strategy.
    good = (
        done.returncode == 0
        and end.get("answer") == "42"
        and end.get("elapsed", 0.0) >= seconds
        and longest < case.patience
        and repeated == 0
    )
    print(
        f"{'ok  ' if good else 'FAIL'} SDK {case.sdk} as {case.name!r}, patience "
        f"{case.patience:.0f} s: a run of {end.get('elapsed', 0.0):.0f} s, {len(calls)} tool "
        f"calls, the longest {longest:.1f} s; answer {end.get('answer')!r}; {api.requests} model "
        f"calls, {repeated} repeated",
        flush=True,
    )
    if not good:
        print(done.stdout, done.stderr)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=150.0, help="Length of the run.")
    seconds = parser.parse_args().seconds
    folder = node_folder(*PACKAGES)
    with ThreadPoolExecutor() as pool:
        good = list(pool.map(partial(ask, folder=folder, seconds=seconds), CASES))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
