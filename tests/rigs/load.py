"""A thousand runs at once: on a sound machine, with few files, on a slow disk and on a full one.

    python tests/rigs/load.py [--runs N]

Each condition is a line of `benchmarks/load.py`, which prints the figures beside a bare loop. Ends
with 1 unless in each of them all runs are answered and every reply that was streamed to the end is
in the journal; on the full disk, unless each run that broke off says so. Takes some minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "load.py"

BYTES_A_RUN = 10_000
"""The size at which the disk is full, by run: a third of what its records take."""


def conditions(runs: int) -> list[tuple[str, list[str]]]:
    return [
        ("beside a bare loop", ["--sides", "bare", "ours", "http"]),
        ("with 256 descriptors", ["--files", "256", "--sides", "ours", "http"]),
        ("a flush takes 2 s", ["--flush", "2", "--sides", "ours"]),
        ("the disk fills up", ["--full", str(BYTES_A_RUN * runs), "--sides", "ours"]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000)
    options = parser.parse_args()
    failed: list[str] = []
    for name, arguments in conditions(options.runs):
        print(f"\n== {options.runs} runs, {name}", flush=True)
        command = [sys.executable, str(BENCHMARK), "--runs", str(options.runs), *arguments]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
    print(f"\nnot as it must be: {', '.join(failed)}" if failed else "\nall as it must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
