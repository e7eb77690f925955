"""What a search and the statistics keep of a run: its texts, its outcome, its money, its explores.

A pure function of the records. A digest can be thrown away at any time and be made again from the
records; a store that keeps digests does so to answer without reading every run. Long texts are cut:
a search finds words at the beginning of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from atlas_mcp.atlas.call_names import CallEnd
from atlas_mcp.atlas.events import (
    Event,
    Record,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.explore import SOLVER, Candidate, SolverFailure
from atlas_mcp.atlas.judgement import confirming
from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.atlas.question_events import QuestionFailed, QuestionReplied
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.summary import TITLE_CHARS
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Cost
from atlas_mcp.system.dates import moment
from atlas_mcp.texts import answer_start

DIGEST_VERSION = 1
"""Version of what is kept; raised with every change of it. Kept digests of another version are made
anew."""

PROBLEM_CHARS = 20_000
"""Characters of a problem that are searched: some pages."""

ANSWER_CHARS = 2_000
"""Characters of an answer that are searched."""

ALL_ANSWERS_CHARS = 10_000
"""Characters of the candidates' answers together."""

Role: TypeAlias = Literal["solver", "orchestrator"]
"""The part that a model has in a call."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a run that are searched.

    Attributes:
        problem: The question.
        answer: The answer of the run; empty without one.
        candidates: The other answers of candidates, each once, one a line.
        names: The run's id, its workflow, its solvers and models.
    """

    problem: str
    answer: str
    candidates: str
    names: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model used in one part in one month of UTC.

    Attributes:
        month: As `2026-11`.
        model: The model.
        role: The part that it had.
        requests: Requests that reached the vendor.
        input_tokens: Tokens read, from a cache or not.
        output_tokens: Tokens written.
        cost_usd: What is known of the cost.
        unpriced: Calls whose cost is unknown.
    """

    month: str
    model: str
    role: Role
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Tried:
    """Explores of solvers with the same settings, and what became of them.

    Attributes:
        solver: The entry of the pool.
        strategy: The prompting strategy.
        effort: The effort; empty for the model's default.
        explores: Those that ended, but for those that were stopped.
        failed: Those that gave no candidate.
        judged: Those with a candidate, where the run ended with an answer.
        won: Those whose candidate gave that answer.
        cost_usd: What is known of their cost.
        unpriced: Those whose cost is unknown.
    """

    solver: str
    strategy: str
    effort: str
    explores: int
    failed: int
    judged: int
    won: int
    cost_usd: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What is kept of one run.

    Attributes:
        opened_at: Unix seconds.
        ended_at: Unix seconds; `None` while it has not ended.
        status: As recorded: `running` for a run that has not finished, driven or not.
        stop_reason: Why it ended; `None` while it has not.
        answered: Whether it ended with an answer.
        workflow: The policy of the run.
        title: The beginning of its problem, on one line.
        explores: Explores that were not skipped.
        cost_usd: What it cost; `None` where a price is unknown.
        confidence: The orchestrator's own, 0 to 1.
        models: The models that its settings name, each once.
        texts: The texts that are searched.
        spent: What its models used.
        tried: Its solvers' explores, by settings.
    """

    opened_at: float
    ended_at: float | None
    status: Status
    stop_reason: StopReason | None
    answered: bool
    workflow: str
    title: str
    explores: int
    cost_usd: Cost
    confidence: float | None
    models: tuple[str, ...]
    texts: Texts
    spent: tuple[Spent, ...] = ()
    tried: tuple[Tried, ...] = ()


def digest_of(run_id: str, records: Sequence[Record]) -> Digest:
    """Return the digest of a run; damaged records are counted as its state counts them."""
    state = RunState.fold(records)
    finished = state.finished
    problem = state.problem.text
    return Digest(
        opened_at=state.opened_at,
        ended_at=state.finished_at if finished else None,
        status=finished.status if finished else "running",
        stop_reason=finished.stop_reason if finished else None,
        answered=_is_answered(state),
        workflow=state.spec.workflow,
        title=" ".join(problem[: 16 * TITLE_CHARS].split())[:TITLE_CHARS],
        explores=state.used_explores,
        cost_usd=state.cost_usd,
        confidence=finished.confidence if finished else None,
        models=tuple(dict.fromkeys(spec.title for spec in state.spec.models)),
        texts=_texts(run_id, state),
        spent=tuple(_spent(state, records)),
        tried=tuple(_tried(state)),
    )


def _is_answered(state: RunState) -> bool:
    finished = state.finished
    return finished is not None and finished.status == "answered" and finished.answer is not None


def _texts(run_id: str, state: RunState) -> Texts:
    answer = ""
    if state.finished is not None and state.finished.answer is not None:
        answer = answer_start(state.finished.answer, ANSWER_CHARS)
    answers = dict.fromkeys(
        answer_start(explore.outcome.answer, ANSWER_CHARS)
        for explore in state.candidates
        if isinstance(explore.outcome, Candidate)
    )
    answers.pop(answer, None)
    spec = state.spec
    names = dict.fromkeys(
        (
            run_id,
            spec.workflow,
            *(entry.name for entry in spec.solvers),
            *(model.model for model in spec.models),
            *(model.title for model in spec.models),
        )
    )
    return Texts(
        state.problem.text[:PROBLEM_CHARS],
        answer,
        "\n".join(answers)[:ALL_ANSWERS_CHARS],
        " ".join(names),
    )


def _spent(state: RunState, records: Iterable[Record]) -> Iterator[Spent]:
    """Yield what each model used, by month and part."""
    sums: dict[tuple[str, str, Role], list[Charge]] = {}
    for at, event, charge in _charges(records):
        if charge == NO_CHARGE:
            continue
        role: Role = (
            "solver" if isinstance(event, SolverReplied | SolverFinished) else "orchestrator"
        )
        key = (f"{moment(at):%Y-%m}", _model(state, event), role)
        sums.setdefault(key, []).append(charge)
    for (month, model, role), charges in sums.items():
        usage = sum((charge.usage for charge in charges), NO_CHARGE.usage)
        cost, unpriced = _known_cost(charges)
        yield Spent(
            *(month, model, role),
            *(usage.requests, usage.input_tokens, usage.output_tokens),
            cost_usd=cost,
            unpriced=unpriced,
        )


def _charges(records: Iterable[Record]) -> Iterator[tuple[float, Event, Charge]]:
    """Yield the charge of each call that ended, once, with its event and its time."""
    replied: set[int] = set()
    for record in records:
        event = record.event
        if isinstance(event, SolverStarted):
            replied.discard(event.explore_id)
        elif isinstance(event, SolverReplied):
            replied.add(event.explore_id)
            yield record.at, event, event.charge
        elif isinstance(event, SolverFinished):
            if event.explore_id not in replied:
                yield record.at, event, event.charge
        elif isinstance(event, CallEnd):
            yield record.at, event, event.charge


def _model(state: RunState, event: Event) -> str:
    """Return the model that an event's call went to; empty where a lost record knew it."""
    if isinstance(event, QuestionReplied | QuestionFailed):
        question = state.questions.get(event.number)
        return "" if question is None else question.posed.model.title
    if isinstance(event, SolverReplied | SolverFinished):
        explore = state.explores.get(event.explore_id)
        return (
            "" if explore is None else state.spec.solver(explore.planned.explore.solver).spec.title
        )
    return "" if state.spec.orchestrator is None else state.spec.orchestrator.title


def _known_cost(charges: Iterable[Charge]) -> tuple[Decimal, int]:
    """Return the US dollars that are known, and how many charges are of unknown cost."""
    costs = [charge.shown_cost for charge in charges]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)), len(costs) - len(known)


@dataclass(slots=True)
class _Tally:
    """A `Tried` that is being counted."""

    explores: int = 0
    failed: int = 0
    judged: int = 0
    won: int = 0
    charges: list[Charge] = field(default_factory=list[Charge])


def _tried(state: RunState) -> Iterator[Tried]:
    """Yield the ended explores of solvers, counted by solver, strategy and effort."""
    answered = _is_answered(state)
    winners = confirming(state) if answered else frozenset[int]()
    tallies: dict[tuple[str, str, str], _Tally] = {}
    for explore in state.done:
        if not _is_try(explore):
            continue
        action = explore.planned.explore
        effort = action.effort or state.spec.solver(action.solver).spec.effort or ""
        tally = tallies.setdefault((action.solver, action.strategy, effort), _Tally())
        gave = isinstance(explore.outcome, Candidate)
        tally.explores += 1
        tally.failed += not gave
        tally.judged += answered and gave
        tally.won += explore.id in winners
        tally.charges.append(explore.charge)
    for (solver, strategy, effort), tally in tallies.items():
        cost, unpriced = _known_cost(tally.charges)
        yield Tried(
            *(solver, strategy, effort),
            *(tally.explores, tally.failed, tally.judged, tally.won),
            cost_usd=cost,
            unpriced=unpriced,
        )


def _is_try(explore: ExploreState) -> bool:
    """Return whether an explore attempted an answer, and was not stopped from outside."""
    outcome = explore.outcome
    stopped = isinstance(outcome, SolverFailure) and outcome.kind == "cancelled"
    return explore.planned.explore.role == SOLVER and not stopped
