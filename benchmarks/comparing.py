"""What it takes to say which answers are the same: by rule, and with a computer algebra system.

    python benchmarks/comparing.py [PAIRS.jsonl]

Twenty hard answers by rule, then with the last step; hostile ones in the same way. Beside the last
step a task measures how long the event loop is held. With a file of labelled pairs, one JSON object
a line with `a`, `b`, `same`, `schema`, `question` and `by_rule`, the recall with and without the
last step. Ends with 1 where a limit is missed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

from atlas_mcp.algebra.calculation import Calculation, is_installed
from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.commands import CompareAnswers
from atlas_mcp.atlas.comparing.trees import as_json
from atlas_mcp.atlas.comparisons import due_comparison
from atlas_mcp.atlas.events import (
    AnswersCompared,
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE, NO_CHARGE
from atlas_mcp.runs.driving.work import compared
from atlas_mcp.system.memory import memory_bytes

RULE_MS = 50.0
"""Milliseconds for twenty answers by rule: the contract's."""

REPEATS = 5
"""How often the grouping by rule is measured; the best counts, as other work may come between."""

LAST_STEP_MS = 2_000.0
"""Milliseconds for the same with the last step: the contract's."""

STALL_MS = 50.0
"""Milliseconds for which the event loop may be held meanwhile: our own choice."""

MEMORY_MB = 900.0
"""Megabytes that a child may take: the bound that it sets itself, and Python's own."""

HARD = (
    r"\sinh(2x)",
    r"2\sinh(x)\cosh(x)",
    r"\cos\frac{\pi}{5}",
    r"\frac{1+\sqrt{5}}{4}",
    r"\ln(2x)",
    r"\ln 2 + \ln x",
    r"\sqrt{5 + 2\sqrt{6}}",
    r"\sqrt{2} + \sqrt{3}",
    r"\frac{e^x + e^{-x}}{2}",
    r"\cosh(x)",
    r"x^4 - 4x^3 + 6x^2 - 4x + 1",
    r"(x-1)^4",
    r"\ln(\sqrt{2} + 1)",
    r"-\ln(\sqrt{2} - 1)",
    r"\cos(2x)",
    r"1 - 2\sin^2(x)",
    r"\frac{1+\sqrt{5}}{2}",
    r"\frac{2}{\sqrt{5}-1}",
    r"\frac{3}{4}x^2 + \frac{1}{2}",
    r"\left\{\frac{1}{2}, \frac{3}{4}\right\}",
)
"""Answers of which most have a peer that is the same."""

HOSTILE = (
    "9**9**9**9",
    "9^9^9^9",
    "(" * 1_000 + "x" + ")" * 1_000,
    "7" * 100_000,
    r"\frac{" * 500 + "x" + "}{2}" * 500,
    r"\frac{" * 500,
    "(x+y+z)^90 - (z+y+x)^90",
    "((((x+1)^9)^9)^9)^9",
    "sin(cos(tan(sin(cos(tan(x))))))",
    "tan(cos(sin(tan(cos(sin(x))))))",
    "cos(pi/97) + cos(pi/89) + cos(pi/83)",
    "cos(pi/83) + cos(pi/79) + cos(pi/73)",
    "e^(e^(e^(e^x)))",
    "e^(e^(e^(x^e)))",
    "10000000!",
    "(10!)!",
    "√" * 300 + "2",
    "2^" * 300 + "x",
    "|" * 301,
    "{" * 500 + "1" + "}" * 500,
)
"""Answers that would take for ever, or all memory, where nothing is bounded."""


def run_of(
    answers: Sequence[Json], question: str = "?", schema: dict[str, Json] | None = None
) -> RunState:
    """Return a run with these answers, each of an explore of its own."""
    spec = RunSpec(
        "majority",
        None,
        (SolverSpec("s", ModelSpec("scripted/s")),),
        Budget(max_explores=max(2, len(answers)), max_cost_usd=None),
    )
    numbers = range(1, len(answers) + 1)
    planned = tuple(Planned(number, Explore("s")) for number in numbers)
    events: list[Event] = [
        RunOpened(Problem(question, answer_schema=schema), spec),
        ExploresPlanned("workflow", planned),
    ]
    for number, answer in zip(numbers, answers, strict=True):
        events += [
            SolverStarted(number, FREE),
            SolverFinished(number, Candidate(answer, "So.", "Direct.", 0.5), NO_CHARGE),
        ]
    return RunState.fold(Record(seq, 0.0, event) for seq, event in enumerate(events, 1))


def told(what: str, figure: float, limit: float, unit: str = "ms", more: str = "") -> bool:
    """Print a figure with its limit; return whether the figure keeps to it."""
    print(f"  {what:44} {figure:9,.1f} {unit}   limit {limit:7,.0f} {unit}   {more}")
    return figure <= limit


class Stalls:
    """Notes for how many milliseconds the event loop was held at the most."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            before = time.perf_counter()
            await anyio.sleep(0.001)
            self.longest = max(self.longest, (time.perf_counter() - before) * 1e3 - 1)


def grouped(state: RunState) -> tuple[tuple[Group, ...], CompareAnswers | None, float]:
    """Return the groups by rule, the comparison that is due, and the milliseconds of both."""
    before = time.perf_counter()
    groups = state.groups
    command = due_comparison(state)
    return groups, command, (time.perf_counter() - before) * 1e3


async def last_step(command: CompareAnswers) -> tuple[AnswersCompared, float, float]:
    """Return what the last step says, its milliseconds, and those of the longest stall."""
    stalls = Stalls()
    tasks = anyio.create_task_group()
    async with tasks:
        tasks.start_soon(stalls.watch)
        await anyio.sleep(0.01)
        stalls.longest, before = 0.0, time.perf_counter()
        event = await compared("benchmark", command)
        took = (time.perf_counter() - before) * 1e3
        tasks.cancel_scope.cancel("it has been measured")
        return event, took, stalls.longest
    raise AssertionError("the task group keeps no error to itself")


def children_mb() -> float:
    """Return the megabytes of the largest child so far; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size / (1e6 if sys.platform == "darwin" else 1e3)


async def measure(what: str, answers: Sequence[str]) -> bool:
    """Measure one set of answers, and return whether every limit was kept."""
    print(f"{what}:")
    groups, command, first = grouped(run_of(answers))
    by_rule = min(grouped(run_of(answers))[2] for _ in range(REPEATS))
    what = f"{len(answers)} answers by rule, {len(groups)} groups"
    good = told(what, by_rule, RULE_MS, more=f"the first time {first:.0f} ms")
    if command is None:
        print("  nothing is left for the last step")
        return good
    event, took, stall = await last_step(command)
    more = f"{len(event.explore_ids)} answers, {len(event.same)} sets the same. {event.fault}"
    good &= told("with the last step", by_rule + took, LAST_STEP_MS, more=more)
    good &= told("the event loop is held for", stall, STALL_MS)
    return told("memory of the largest child", children_mb(), MEMORY_MB, "MB") and good


def recall(path: Path) -> None:
    """Print the recall on labelled pairs, with and without the last step."""
    pairs: list[dict[str, Any]] = [
        pair for line in path.read_text("utf-8").splitlines() if (pair := json.loads(line))
    ]
    same = [False] * len(pairs)
    trees: list[Any] = []
    places: list[int] = []
    for place, pair in enumerate(pairs):
        state = run_of([pair["a"], pair["b"]], pair["question"] or "", pair["schema"])
        groups, command, _ = grouped(state)
        same[place] = len(groups) == 1
        if command is not None:
            places.append(place)
            trees += [as_json(one) for one in command.expressions]
    without = list(same)
    asked = [(number, number + 1) for number in range(0, len(trees), 2)]
    verdict = Calculation(trees, asked, seconds=120.0).run()
    for first, _ in verdict.same:
        same[places[first // 2]] = True
    print(f"{path.name}: {len(places)} of {len(pairs)} pairs go to the last step. {verdict.fault}")
    for name, found in (("by rule", without), ("with the last step", same)):
        decided = [
            (one, pair["same"])
            for one, pair in zip(found, pairs, strict=True)
            if pair["by_rule"] or not pair["same"]
        ]
        right = sum(one and is_same for one, is_same in decided)
        wrong = sum(one and not is_same for one, is_same in decided)
        wanted = sum(pair["same"] and pair["by_rule"] for pair in pairs)
        print(
            f"  {name:20} precision {right / max(1, right + wrong):.3f}, "
            f"recall {right / max(1, wanted):.3f}, merged wrongly {wrong}"
        )


async def main() -> int:
    """Print every figure; return 1 where a limit is missed."""
    if not is_installed():
        print("the extra `algebra` is not installed: there is no last step")
    print(f"memory of this machine: {(memory_bytes() or 0) / 1e9:.1f} GB")
    good = await measure("hard answers", HARD)
    good &= await measure("hostile answers", HOSTILE)
    for path in sys.argv[1:]:
        recall(Path(path))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
