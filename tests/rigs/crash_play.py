"""What the models of the crash rig say: decided by the request alone, so that a run that is asked
again goes on as it would have.

Owns the problems, the words of both sides, their latencies and the faults that pass. Every reply
carries a mark of its own, by which it is found in the journal.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import ApiReply, Asked, Fault, status

ANSWER = "42"

SOLVERS = {"sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}

SLOWEST = 0.35
"""Seconds before the first byte of the slowest reply."""

MOST_TURNS = 3
"""Most turns of an orchestrator that ask for explores."""

WIDE_CAP = 5
"""US dollars that no run uses up, however often it is killed."""

TIGHT_CAP = 0.15
"""US dollars that a few lost calls use up, since all that was held for them counts as gone."""


QUESTION = "Why not 17?"
"""What every run is asked once it has its answer."""


class Key(NamedTuple):
    """A call, whenever it is made; no two calls of a run have the same.

    Attributes:
        problem: The number of the problem.
        model: Whom it goes to.
        turn: How many turns of the orchestrator came before; `None` for a solver's call.
        directive: What a solver is told beside the problem, or the question about the run.
    """

    problem: int
    model: str
    turn: int | None = None
    directive: str = ""


def problem_text(number: int) -> str:
    return f"Problem {number}: how much is 6 times 7?"


def cap_of(problem: int) -> float:
    """Return the cap of a problem's run: one in four is tight."""
    return WIDE_CAP if problem % 4 else TIGHT_CAP


def problem_of(text: str) -> int:
    found = re.search(r"Problem (\d+):", text)
    assert found is not None, "the rig asks nothing else"
    return int(found[1])


def key_of(body: dict[str, Any]) -> Key:
    messages = body["messages"]
    first = messages[0]["content"]
    problem = problem_of(first[0]["text"])
    if body.get("tools"):
        turn = sum(message["role"] == "assistant" for message in messages)
        return Key(problem, body["model"], turn=turn)
    return Key(problem, body["model"], directive=first[-1]["text"])


def mark_of(asked: Asked) -> str:
    """Return the mark of the reply that a call got."""
    assert isinstance(asked.outcome, ApiReply), "only a reply carries a mark"
    if asked.outcome.thinking is not None:
        return asked.outcome.thinking
    return json.loads(asked.outcome.text)["approach"]


@dataclass(slots=True)
class Play:
    """A responder for `MessagesApi`."""

    random: Random
    marks: Iterator[int] = field(default_factory=itertools.count)

    def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
        """Return what one request gets."""
        reply = self._reply(body, f"reply {next(self.marks)}")
        roll = self.random.random()
        if roll < 0.04:
            return status(529)
        if roll < 0.06:
            return Fault("cut", after=self.random.randrange(8), reply=reply)
        if roll < 0.07:
            return Fault("error", error="overloaded_error", reply=reply)
        return reply

    def _reply(self, body: dict[str, Any], mark: str) -> ApiReply:
        key = key_of(body)
        if key.turn is None:
            said = ApiReply(text=candidate_text(ANSWER, approach=mark))
        else:
            said = _turn(key.problem, key.turn, mark)
        return ApiReply(
            text=said.text,
            calls=said.calls,
            thinking=said.thinking,
            latency=self.random.uniform(0.0, SLOWEST),
            delta_latency=self.random.uniform(0.0, 0.01),
            deltas=2,
        )


def _turn(problem: int, turn: int, mark: str) -> ApiReply:
    if turn >= Random(problem).randint(0, MOST_TURNS):
        return ApiReply(text=synthesis_text(ANSWER), thinking=mark)
    plan = Random(f"{problem}, turn {turn}")
    wanted = [
        {
            "solver": plan.choice(list(SOLVERS)),
            "strategy": plan.choice(STRATEGIES),
            "instruction": f"This is attempt {turn}.{number}.",
        }
        for number in range(plan.randint(1, 3))
    ]
    return explores(*wanted, thinking=mark)
