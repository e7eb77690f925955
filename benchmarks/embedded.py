"""Five ordinary questions to an embedded model that orchestrates itself: time, explores, answers.

    python benchmarks/embedded.py [--model NAME] [--plain] [--seeds N] [--only NAME] [--readme]

Each question is asked as text and with a JSON Schema of its answer, one run after another, with the
model loaded before the first. `--plain` takes the help for weak orchestrators away, as `guard =
false` does, for comparison. `--readme --seeds 10` asks the README's question instead, ten times.
Weights that are not in place in ATLAS_HOME are pulled. An answer counts as right if it is one of
those listed here, or a text with such a one in it. Nothing else is judged, nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio

from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.base import Notice
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService

LONGEST = 1_800.0
"""Seconds for which a run is waited for."""

SHOWN_CHARS = 48


@dataclass(frozen=True)
class Question:
    """A question, the schema of its answer, and the answers that count as right."""

    name: str
    text: str
    schema: Mapping[str, Json]
    right: tuple[Json, ...]


QUESTIONS = (
    Question(
        "story",
        "A farmer has 17 sheep and buys 5 more. Then 3 of them run away, and 5 lambs are born. How "
        "many sheep does the farmer have now?",
        {"type": "integer"},
        (24, "24", "24 sheep"),
    ),
    Question(
        "puzzle",
        "Anna, Ben and Cleo finish a race one after another. Ben is not first. Cleo is behind Ben. "
        "Who is first?",
        {"enum": ["Anna", "Ben", "Cleo"]},
        ("Anna",),
    ),
    Question(
        "code",
        "What does this line of Python print? print(len('atlas') * 2)",
        {"type": "integer"},
        (10, "10"),
    ),
    Question(
        "fact",
        "What is the chemical symbol of gold?",
        {"type": "string", "maxLength": 2},
        ("Au",),
    ),
    Question(
        "german",
        "Wie heißt die Hauptstadt von Österreich?",
        {"type": "string", "maxLength": 20},
        ("Wien",),
    ),
)

README = Question(
    "readme",
    "A box holds 6 eggs. How many eggs are there in 7 boxes?",
    {"type": "integer"},
    (42,),
)


def settings_of(model: str, *, plain: bool) -> Settings:
    settings = load_settings(os.environ)
    entry = SolverSettings(model=model, guard=False if plain else None)
    return settings.model_copy(update={"solvers": {"embedded": entry}, "orchestrator": None})


def is_right(question: Question, problem: Problem, answer: Json) -> bool:
    """Return whether an answer is one of the right ones, or a text with such a one in it."""
    asked = Asked.about(problem.text, problem.answer_schema)
    if answer_key(answer, asked) in {answer_key(one, asked) for one in question.right}:
        return True
    words = re.findall(r"\w+", answer) if isinstance(answer, str) else []
    return any(str(one) in words for one in question.right)


def row(question: Question, state: RunState, seconds: float) -> str:
    finished = state.finished
    assert finished is not None, "it was waited for"
    shape = "text" if state.problem.answer_schema is None else "schema"
    mark = "right" if is_right(question, state.problem, finished.answer) else "-"
    given = " ".join(str(finished.answer).split())[:SHOWN_CHARS]
    return (
        f"{question.name:8} {shape:7} {seconds:7.1f} s {state.used_explores:9}"
        f" {len(state.turns):6} {state.usage.input_tokens:8,} {state.usage.output_tokens:7,}"
        f"  {finished.stop_reason:20} {mark:6} {given}"
    )


async def ask(service: RunService, question: Question, *, schema: bool, seed: int) -> None:
    problem = Problem(question.text, answer_schema=question.schema if schema else None)
    began = time.perf_counter()
    run_id = await service.solve(problem, RunRequest(solvers=["embedded"], seed=seed))
    await service.wait(run_id, LONGEST)
    seconds = time.perf_counter() - began
    print(row(question, await service.state(run_id), seconds), flush=True)


async def measure(given: argparse.Namespace) -> None:
    settings = settings_of(given.model, plain=given.plain)
    pool = Pool(settings, trust="user")

    told: set[str] = set()

    def on_notice(notice: Notice | None) -> None:
        # Each stage of a pull and a load once, without its figures.
        text = "" if notice is None else notice.text.partition(", ")[0]
        if text and text not in told:
            told.add(text)
            print(text, file=sys.stderr)

    async with open_service(settings, pool=pool) as service:
        [entry] = pool.solvers(["embedded"])
        await pool.prepare([entry.spec], on_notice=on_notice)
        began = time.perf_counter()
        await pool.loaded(entry.spec, on_notice)
        print(f"{entry.spec.title}, loaded in {time.perf_counter() - began:.1f} s")
        print(
            "question shape    seconds  explores  turns   tok in tok out"
            "  ended because of     right  answer"
        )
        asked = [README] if given.readme else [*QUESTIONS]
        for question in (one for one in asked if given.only in (None, one.name)):
            for schema in (True,) if given.readme else (False, True):
                for seed in range(1, given.seeds + 1):
                    await ask(service, question, schema=schema, seed=seed)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default="local", help="default: the first of the catalogue")
    parser.add_argument("--plain", action="store_true", help="without the help (guard = false)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 1 to N")
    parser.add_argument("--only", choices=[one.name for one in QUESTIONS], help="one question")
    parser.add_argument("--readme", action="store_true", help="the README's question alone")
    return parser.parse_args(argv)


if __name__ == "__main__":
    anyio.run(measure, arguments())
