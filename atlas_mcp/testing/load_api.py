"""A stand-in of the Messages API for many runs at once, in a process of its own.

It plays runs of eight calls: two explores before the orchestrator's first turn, four of that turn,
and the synthesis. Each reply carries a mark of its own. When its standard input closes, it prints
the marks of the replies that were streamed to the end: each must then be in the journal.

    python -m atlas_mcp.testing.load_api [--seconds LEAST MOST]
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import ApiReply, MessagesApi, serve

EXPLORES_OF_THE_TURN = 4
"""Explores that the orchestrator's first turn asks for."""

CALLS = 2 + 1 + EXPLORES_OF_THE_TURN + 1
"""Calls of one run, with the two explores that begin it."""

ANSWER = "153"
"""The answer of every run."""

JUSTIFICATION = "Count the tilings by their first column, then check the sum on a small case. " * 8
"""A part of a solver's reasoning: 600 characters."""


class LoadApi(MessagesApi):
    """The API, with a mark of its own in each reply.

    Args:
        seconds: The least and the most that a reply takes; drawn with the same seed each time.
    """

    def __init__(self, seconds: tuple[float, float]) -> None:
        super().__init__(self._say)
        self._seconds = seconds
        self._random = random.Random(4)
        self._marks = itertools.count(1)

    @property
    def streamed(self) -> list[str]:
        """The marks of the replies that were streamed to the end."""
        return [
            asked.outcome.text.partition("mark-")[2][:7]
            for asked in self.asked
            if asked.replied_at is not None and isinstance(asked.outcome, ApiReply)
        ]

    def _say(self, body: dict[str, Any]) -> ApiReply:
        mark = f"mark-{next(self._marks):07d}"
        latency = self._random.uniform(*self._seconds)
        if not body.get("tools"):
            text = candidate_text(ANSWER, approach=f"By columns, {mark}.")
            text = text.replace("First this, then that.", JUSTIFICATION)
            return ApiReply(text=text, latency=latency)
        if len(body["messages"]) == 1:
            turn = explores(*({"strategy": one} for one in STRATEGIES[:EXPLORES_OF_THE_TURN]))
            return ApiReply(text=f"More evidence, {mark}.", calls=turn.calls, latency=latency)
        text = synthesis_text(ANSWER).replace("Two candidates", f"{mark}: two candidates")
        return ApiReply(text=text, latency=latency)


@dataclass
class Stand:
    """A `LoadApi` in a process of its own.

    Attributes:
        url: Its base URL.
        streamed: The marks of the replies it streamed to the end, once it has been closed.
        most_in_flight: The most calls it had at once, likewise.
    """

    url: str
    streamed: Sequence[str] = field(default=())
    most_in_flight: int = 0


@contextmanager
def stand_in(seconds: tuple[float, float]) -> Generator[Stand]:
    """Run a stand-in for the length of a block."""
    command = [sys.executable, "-m", __name__, "--seconds", *map(str, seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stand = Stand(process.stdout.readline().strip())
        try:
            yield stand
        finally:
            process.stdin.close()
            told = json.loads(process.stdout.read() or "{}")
            stand.streamed = told.get("streamed", ())
            stand.most_in_flight = told.get("most_in_flight", 0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the standard input closes, then print its record as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, nargs=2, default=(1.0, 3.0))
    least, most = parser.parse_args(arguments).seconds
    api = LoadApi((least, most))
    with serve(api) as url:
        _say(url)
        sys.stdin.read()
    _say(json.dumps({"streamed": api.streamed, "most_in_flight": api.most_in_flight}))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
