"""Many processes of one home under one cap for the day, some of them killed: it is never passed.

    python tests/rigs/day_cap.py [--processes 20] [--problems 6] [--cap 1.5]

Every process is the unmodified program and solves one problem after the other, against a stand-in
of the Messages API that counts what it bills. Some replies break off after they were billed, and
every fourth process is killed in the middle of its first run. Prints what was billed, the most that
was ever committed in the journal, and what became of the runs; exits with 1 if either figure passed
the cap, if no process was refused, or if a refusal does not name the cap.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from typing_extensions import override

from atlas_mcp.atlas.usage import NO_USAGE, Price
from atlas_mcp.journal.sqlite.spending_rows import committed
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.runs.clock import today
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Fault, MessagesApi, Tokens, serve

PATIENCE = 600
INPUT, OUTPUT = Decimal(3), Decimal(15)
PRICE = Price(INPUT, OUTPUT)
TOKENS = Tokens(input=2_000, output=3_000)
"""Of every reply: about five cents."""

CONFIG = f"""
[solvers.sonnet]
model = "anthropic/claude-sonnet-5-5"
price = {{ input = {INPUT}, output = {OUTPUT} }}
max_tokens = 4096

[orchestrator]
model = "sonnet"
"""


class Play:
    """The replies of the models: every ninth breaks off after it was billed."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
        self.calls += 1
        text = synthesis_text("42") if body.get("tools") else candidate_text("42")
        reply = ApiReply(text=text, tokens=TOKENS, latency=0.2)
        if self.calls % 9 == 0:
            return Fault("cut", reply=reply)
        return reply


class Watch(threading.Thread):
    """Looks at the journal as others write to it, and keeps the most that was committed."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.most = Decimal(0)
        self.looks = 0
        self._path = home / FILE_NAME
        self._ended = threading.Event()

    @override
    def run(self) -> None:
        while not self._ended.wait(0.01):
            if not self._path.exists():
                continue
            try:
                connection = sqlite3.connect(self._path)
                seen = committed(connection, today())
                assert seen is not None, "nothing damages an amount"
                self.most = max(self.most, seen)
                self.looks += 1
                connection.close()
            except sqlite3.Error:
                continue

    def end(self) -> None:
        self._ended.set()
        self.join()


def solve(number: int, problem: int, environ: dict[str, str], *, killed: bool) -> tuple[str, str]:
    """Solve one problem in a process of its own; return what became of it, and its last words."""
    command = [sys.executable, "-m", "atlas_mcp", "solve", "--json", "--explore-effort", "medium"]
    process = subprocess.Popen(
        [*command, f"Problem {number}-{problem}: how much is 6 times 7?"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if killed:
        time.sleep(1.5 + number / 40)
        process.kill()
        process.communicate()
        return "killed", ""
    out, err = process.communicate(timeout=PATIENCE)
    if "Traceback" in err:
        return "traceback", err
    if not out.strip():
        return f"refused with {process.returncode}", err
    view = json.loads(out)
    return f"{view['status']} ({view['stop_reason']})", err


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--problems", type=int, default=6)
    parser.add_argument("--cap", type=Decimal, default=Decimal("1.5"))
    given = parser.parse_args()
    api, ends, words = MessagesApi(Play()), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as name, serve(api) as url:
        home = Path(name)
        (home / "atlas.toml").write_text(CONFIG, encoding="utf-8")
        environ = {
            **{key: os.environ[key] for key in ("PATH",) if key in os.environ},
            "HOME": name,
            "ATLAS_HOME": name,
            "ATLAS_CONFIG": str(home / "atlas.toml"),
            "ATLAS_BUDGET_MAX_COST_USD_PER_DAY": str(given.cap),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": API_KEY,
        }

        def one(number: int) -> None:
            for problem in range(given.problems):
                end, err = solve(number, problem, environ, killed=number % 4 == 3 and not problem)
                ends[end] += 1
                if end.startswith("refused") or end == "traceback":
                    words.append(err.strip())

        watch = Watch(home)
        watch.start()
        threads = [threading.Thread(target=one, args=(n,)) for n in range(given.processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        watch.end()
        billed = PRICE.cost_of(sum((asked.billed for asked in api.asked), NO_USAGE))
    print(f"cap ${given.cap}: billed ${billed:.4f} for {len(api.asked)} calls, at most "
          f"${watch.most:.4f} committed at {watch.looks} looks")  # fmt: skip
    for end, count in sorted(ends.items()):
        print(f"{count:4} {end}")
    if words:
        print(f"a refusal: {words[-1].splitlines()[-1]}")
    refused = any(end.startswith("refused") for end in ends)
    unnamed = [one for one in words if "max_cost_usd_per_day" not in one]
    passed = billed > given.cap or watch.most > given.cap
    return int(passed or not refused or bool(unnamed) or bool(ends["traceback"]))


if __name__ == "__main__":
    sys.exit(main())
