"""How the records of questions change the facts of their run.

Called by `atlas.transitions` for each of them. Money apart, they change nothing but questions: how
a run stands, and how it ended, stays as it was.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.question_facts import Evidence, Question
from atlas_mcp.atlas.run_facts import Facts, RunFacts
from atlas_mcp.atlas.usage import NO_CHARGE


def with_questions(facts: Facts, *questions: Question) -> Facts:
    """Return the facts with these questions added, or put in place of those of their numbers."""
    changed = {one.number: one for one in questions}
    return replace(facts, questions=MappingProxyType({**facts.questions, **changed}))


def evidence_of(facts: RunFacts) -> Evidence:
    """Return how much evidence a run has."""
    return len(facts.done), len(facts.turns), facts.finished_at


def posed(facts: Facts, event: QuestionPosed, at: float) -> Facts:
    """Return the facts after a question was accepted: a run that had not ended rests meanwhile.

    Raises:
        ValueError: Its number is that of a question that is open or answered.
    """
    before = facts.questions.get(event.number)
    if before is not None and not before.may_be_posed_again:
        raise ValueError("a question is posed once")
    spent = NO_CHARGE if before is None else before.charge
    idle = 0.0 if facts.finished is not None else max(0.0, at - facts.at)
    budget = facts.budget
    if event.max_cost_usd is not None:
        budget = replace(budget, max_cost_usd=event.max_cost_usd)
    if not facts.open_questions:
        # Another day may leave more of its cap than the last one did.
        ledger = replace(facts.ledger, limit=budget.max_cost_usd)
        facts = replace(facts, ledger=ledger, asking_cap_usd=None, questions_stopped=False)
    elif event.max_cost_usd is not None and facts.asking_cap_usd is None:
        facts = replace(facts, ledger=replace(facts.ledger, limit=event.max_cost_usd))
    question = Question(event, at, evidence_of(facts), charge=spent)
    return replace(
        with_questions(facts, question),
        spec=replace(facts.spec, budget=budget),
        resting=facts.finished is None,
        idle_s=facts.idle_s + idle,
    )


def asked(facts: Facts, event: QuestionAsked, at: float) -> Facts:
    """Return the facts with the call for a question open; its money is held elsewhere."""
    question = replace(facts.questions[event.number], asked=event, asked_at=at)
    return with_questions(facts, question)


def replied(facts: Facts, event: QuestionReplied, at: float) -> Facts:
    """Return the facts with the reply to a question, which has not been read."""
    before = facts.questions[event.number]
    question = replace(before, reply=event, ended_at=at, charge=before.charge + event.charge)
    return with_questions(facts, question)


def answered(facts: Facts, event: QuestionAnswered) -> Facts:
    """Return the facts with the answer to a question."""
    return with_questions(facts, replace(facts.questions[event.number], outcome=event))


def failed(facts: Facts, event: QuestionFailed, at: float) -> Facts:
    """Return the facts with a question that has no answer."""
    before = facts.questions[event.number]
    question = replace(
        before,
        outcome=event.failure,
        ended_at=at if before.ended_at is None else before.ended_at,
        charge=before.charge + event.charge,
    )
    return with_questions(facts, question)


def lapsed(facts: Facts) -> Facts:
    """Return the facts after the process is gone that was to ask the open questions.

    Replies that were paid for are read all the same.
    """
    gone = (one for one in facts.open_questions if not one.unread)
    return with_questions(facts, *(replace(one, lapsed=True) for one in gone))
