"""Runs in every state that a page can show, as records; and homes that hold them.

They are played without models, in no time, by `played_runs`; their times are set so that they look
like runs of some minutes. No process drives them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import anyio

from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import (
    CallsLost,
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunOpened,
    RunResumed,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore, Outcome
from atlas_mcp.atlas.messages import AssistantTurn, Image, ReplyEnd, Text, UserTurn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import plain, text_of
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.registry import open_journal
from tests.support.hostile_texts import hostile_value
from tests.support.pictures import drawn
from tests.support.played_runs import (
    a_model,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    followed_by,
    found,
    gives_up,
    in_turn,
    play,
    remark,
    says,
)

Records: TypeAlias = list[Record]

PACE = 4.0
"""Seconds between two records of a run."""

LONG = 30_000
"""Characters of a long justification."""

PROBLEM = (
    "Seven people meet and each shakes hands with every other exactly once, except that Ann and "
    "Bob, who quarrelled, do not shake hands with each other. How many handshakes are there?"
)

COUNTED = r"""Number the people $1, \dots, 7$ and let Ann be $1$ and Bob $2$.

1. There are $\binom{7}{2} = \frac{7 \cdot 6}{2} = 21$ pairs.
2. Exactly one pair, $\{1, 2\}$, does not shake hands.
3. So the number is

$$21 - 1 = 20.$$

A check by a program:

```python
from itertools import combinations

pairs = [p for p in combinations(range(1, 8), 2) if p != (1, 2)]
print(len(pairs))  # 20
```"""

SUMMED = r"""Go round the table and count the *new* handshakes of each person:

1. The first shakes $6$ hands, the second $5$, and so on: $6 + 5 + 4 + 3 + 2 + 1 = 21$.
2. Ann and Bob do not shake hands, which takes away one **each**, so $21 - 2 = 19$."""

DEGREES = r"""By the handshake lemma, \(\sum_v \deg(v) = 2|E|\). Five people have degree \(6\), Ann
and Bob have \(5\): \[5 \cdot 6 + 2 \cdot 5 = 40 = 2|E|,\] so \(|E| = 20\). It would cost $5 to bet
on it and $10 to lose."""


def pool(**settings: Any) -> RunSpec:
    """Return the settings of a run with two solvers."""
    return a_run(
        a_solver("sonnet", spec=a_model("anthropic/claude-sonnet-5-5", efforts=("low", "high"))),
        a_solver("qwen", spec=a_model("openai/qwen3-32b", price=("0.2", "0.6"))),
        orchestrator=a_model("anthropic/claude-sonnet-5-5"),
        **settings,
    )


def answered() -> Records:
    """Three candidates agree by two methods, a minority of one counts twice."""
    return play(
        pool(effort="medium"),
        explores(
            {"solver": "qwen", "strategy": "first_principles"},
            {"solver": "sonnet", "instruction": "Use degrees instead of pairs."},
        ),
        answers(
            "20",
            explanation=r"Candidates 1 and 4 reach $20$ by pairs and by degrees; the second step "
            r"of candidate 2 takes one pair away twice: $21 - 2$.",
            dissent="Candidate 2 answers 19: it subtracts the missing handshake once for each of "
            "the two people.",
        ),
        solve=in_turn(
            found("20", approach="Counts pairs.", reasoning=COUNTED),
            found("19", approach="Sums new handshakes.", reasoning=SUMMED),
            found("20", approach="counts  pairs.", reasoning=COUNTED.replace("check", "test")),
            found("20", approach="Sums degrees.", reasoning=DEGREES),
        ),
        problem=Problem(PROBLEM),
    ).records


def dissent() -> Records:
    """The answer is that of a minority."""
    return play(
        pool(effort="high"),
        explores({"solver": "qwen"}, {"solver": "qwen"}, {"solver": "sonnet"}),
        answers(
            "20",
            explanation="The majority subtracts one pair twice; candidate 4 does not.",
            dissent="Four of five candidates answer 19, all of them along one path. If 'each' in "
            "the problem means that both lose a handshake of their own, they are right.",
            confidence_percent=55,
        ),
        solve=in_turn(
            *(found("19", approach="Sums new handshakes.", reasoning=SUMMED) for _ in range(3)),
            found("20", approach="Sums degrees.", reasoning=DEGREES),
            found("19", approach="Sums new handshakes.", reasoning=SUMMED),
        ),
        problem=Problem(PROBLEM),
    ).records


def unsupported() -> Records:
    """Nothing supports an answer."""
    return play(
        pool(),
        explores({"solver": "qwen"}),
        gives_up(),
        solve=in_turn(found("19"), found("20"), found("21")),
        problem=Problem(PROBLEM),
    ).records


def no_candidates() -> Records:
    """Every solver fails, each in another way."""
    kinds = ("timeout", "unavailable", "rejected", "truncated", "malformed")
    return play(
        pool(max_explores=5),
        explores({}, {}, {"solver": "qwen"}),
        solve=in_turn(*(failed(kind, f"it ended: {kind}") for kind in kinds)),
        problem=Problem(PROBLEM),
    ).records


def refused() -> Records:
    """A solver refuses, and then the orchestrator."""
    return play(
        pool(max_explores=3),
        says("", "refusal"),
        solve=in_turn(failed("refused", "the model refused: category cyber"), found("20")),
        problem=Problem(PROBLEM),
    ).records


def cancelled() -> Records:
    """A user cancels it after the second candidate."""

    def stop(state: RunState) -> StopRequested | None:
        seen = len(state.explores) and state.seq > 7
        return StopRequested("user") if seen and state.stop_cause is None else None

    return play(
        pool(),
        solve=in_turn(found("20", reasoning=COUNTED), found("19", reasoning=SUMMED)),
        meanwhile=stop,
        problem=Problem(PROBLEM),
    ).records


def capped() -> Records:
    """The cap is reached after some explores."""
    return play(
        pool(max_cost_usd="1", max_explores=20),
        explores({}, {}, {}),
        solve=in_turn(found("20"), found("19"), found("20")),
        price=lambda hold: hold,
        problem=Problem(PROBLEM),
    ).records


def interrupted() -> Records:
    """Its process went away while solvers were at work."""
    records = answered()
    last = max(n for n, one in enumerate(records) if isinstance(one.event, SolverStarted))
    return records[: last + 1]


def resumed() -> Records:
    """It was interrupted, went on under a larger cap, and was answered."""
    left = followed_by(interrupted(), CallsLost(), RunResumed("Go on.", max_cost_usd=Decimal(9)))
    return play(
        pool(), answers("20"), solve=in_turn(found("20", reasoning=COUNTED)), go_on_from=left
    ).records


def unpriced() -> Records:
    """One model has no price, so that no cost is known."""
    solvers = (a_solver("free", spec=a_model("ollama/x", price=None)), a_solver("priced"))
    return play(a_run(*solvers, max_cost_usd=None), price=lambda hold: None).records


def pictures() -> Records:
    """The problem has two pictures, and its answer a shape."""
    schema: dict[str, Any] = {
        "type": "object",
        "title": "Colours",
        "properties": {"left": {"type": "string"}, "right": {"type": "string"}},
        "required": ["left", "right"],
    }
    shown = tuple(
        Image(f"image/{kind.lower()}", base64.b64encode(drawn(kind, (240, 160))).decode())
        for kind in ("PNG", "JPEG")
    )
    return play(
        a_run(a_solver(spec=a_model(images=True)), orchestrator=a_model(images=True)),
        answers({"left": "red", "right": "blue"}),
        solve=in_turn(found({"left": "red", "right": "blue"}), found({"right": "blue"})),
        problem=Problem("Which colours do the halves have?", shown, schema),
    ).records


def asked() -> Records:
    """Three questions were asked about it: answered, in need of evidence, and one that failed."""
    return with_questions(
        answered(),
        ("Why not 19?", QuestionAnswered(1, "Candidate 2 takes $1$ away **twice**.", (2, 4))),
        (
            "Does the order count?",
            QuestionAnswered(2, "The evidence does not say.", (), "A count of *ordered* pairs."),
        ),
        ("Where is the weakest step?", QuestionFailed(3, failed(), Charge())),
    )


def with_questions(
    records: Records, *questions: tuple[str, QuestionAnswered | QuestionFailed]
) -> Records:
    """Return the records of a run with questions about it, each with its end."""
    for question, end in questions:
        number, model = end.number, a_model("anthropic/claude-sonnet-5-5")
        said = UserTurn((Text(question),))
        events: list[Event] = [
            QuestionPosed(number, question, model),
            QuestionAsked(number, said, Decimal("0.1"), 1_000, {}, "You answer questions."),
        ]
        if isinstance(end, QuestionAnswered):
            paid = Charge(Usage(1, 900, 60), Decimal("0.02"))
            events.append(QuestionReplied(number, AssistantTurn(end.answer), "end", "", paid))
        records = followed_by(records, *events, end)
    return records


def explored() -> Records:
    """A client is its orchestrator."""
    spec = a_run(workflow="explore", prefetch=0)
    planned = tuple(Planned(n, Explore("s", "direct" if n < 3 else "decompose")) for n in (1, 2, 3))
    opened = [Record(1, 0.0, RunOpened(Problem(PROBLEM), spec))]
    return play(
        spec,
        solve=in_turn(found("20", reasoning=COUNTED), failed(), found("19", reasoning=SUMMED)),
        go_on_from=followed_by(opened, ExploresPlanned("client", planned)),
    ).records


def voted() -> Records:
    """Five solvers vote."""
    return play(
        pool(workflow="majority:5"),
        solve=in_turn(found("20"), found("19"), found("20"), failed(), found("20")),
        problem=Problem(PROBLEM),
    ).records


def refined() -> Records:
    """One solver mends its answer as a critic says."""
    return play(
        a_run(workflow="self-refine"),
        solve=in_turn(
            found("19"), remark(r"Step 2 takes $1$ twice."), found("20"), remark(satisfied=True)
        ),
        problem=Problem(PROBLEM),
    ).records


def large(explores_made: int = 20, chars: int = LONG) -> Records:
    """Twenty candidates with long justifications, of text, mathematics and code."""

    def solve(call: RunSolver) -> Outcome:
        number = call.intent.explore_id
        step = f"### Attempt {number}\n\n{COUNTED}\n\n{SUMMED}\n\n{DEGREES}\n\n"
        text = (step * (chars // len(step) + 1))[:chars]
        return found(str(19 + number % 3), approach=f"Method {number % 4}.", reasoning=text)

    more = [{"solver": "qwen" if n % 2 else "sonnet"} for n in range(explores_made - 2)]
    return play(
        pool(max_explores=explores_made, max_cost_usd="500", max_parallel=8),
        explores(*more[:9]),
        explores(*more[9:]),
        answers("20", explanation=DEGREES, dissent=SUMMED),
        solve=solve,
        problem=Problem(PROBLEM),
    ).records


def hostile(text: str, *, shaped: bool = False) -> Records:
    """A run in which a text stands in every place that a model or a client writes.

    Args:
        text: The text.
        shaped: Whether answers fit a schema; the text is in its titles then, and in keys.
    """
    text = text_of(text)
    answer: Any = plain(hostile_value(text)) if shaped else text
    schema: dict[str, Any] = {"type": "object", "title": text[:500], "description": text[:500]}
    spec = a_run(
        a_solver(text[:60] or "s", spec=a_model(f"maker/{text[:100]}")),
        a_solver("other"),
        orchestrator=a_model(f"maker/{text[:100]}"),
        max_explores=6,
        max_cost_usd="500",
    )
    said: list[tuple[AssistantTurn, ReplyEnd]] = [
        calls({"solver": "other", "instruction": text[:2_000]}, {"solver": text[:2_000]}),
        calls({"strategy": text[:200]}),
        concludes(answer, explanation=text, dissent=text, warning=text),
    ]
    worded: list[tuple[AssistantTurn, ReplyEnd]] = [
        (replace(turn, text=text), end) for turn, end in said[:-1]
    ]
    played = play(
        spec,
        *worded,
        said[-1],
        solve=in_turn(
            found(answer, approach=text, reasoning=text),
            found(answer, approach=text, reasoning=f"1. {text}\n2. {text[:1_000]}"),
            failed("malformed", text[:2_000]),
            found("other", approach=text, reasoning=text),
        ),
        problem=Problem(text[:100_000] or "?", answer_schema=schema if shaped else None),
    ).records
    return with_questions(
        played,
        (text[:4_000] or "?", QuestionAnswered(1, text, (1,), text)),
        (f"{text[:1_000]} ?", QuestionFailed(2, failed("malformed", text[:2_000]), Charge())),
    )


def calls(*arguments: Mapping[str, Any]) -> tuple[AssistantTurn, ReplyEnd]:
    said = explores(*arguments)
    assert isinstance(said, tuple)
    return said


def concludes(answer: Any, **more: Any) -> tuple[AssistantTurn, ReplyEnd]:
    said = answers(answer, **more)
    assert isinstance(said, tuple)
    return said


STATES: Mapping[str, Callable[[], Records]] = {
    one.__name__: one
    for one in (
        answered, dissent, unsupported, no_candidates, refused, cancelled, capped, interrupted,
        resumed, unpriced, pictures, asked, explored, voted, refined,
    )
}  # fmt: skip
"""One run of each state, by its name, which is its id too."""


def in_time(records: Sequence[Record], ends_at: float, pace: float = PACE) -> Records:
    """Return records with times that end at one, so many seconds apart."""
    last = records[-1].seq
    return [replace(one, at=ends_at - (last - one.seq) * pace) for one in records]


def keep(home: Path, runs: Mapping[str, Sequence[Record]]) -> None:
    """Write runs into the journal of a home, by id; no process drives them."""

    async def write() -> None:
        journal = open_journal(home, looks=False)
        try:
            for run_id, records in runs.items():
                await _write(journal, run_id, records)
        finally:
            await journal.aclose()

    anyio.run(write)


async def _write(journal: Journal, run_id: str, records: Sequence[Record]) -> None:
    lease = await journal.open_run(run_id, records[0])
    await journal.append(lease, records[1:])
    await journal.release(lease)
