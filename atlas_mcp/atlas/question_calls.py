"""The calls for questions about a run: what is next for them, the money held, the reply read.

Pure: the policy asks for the commands, and `atlas.replies` for the reading. Which questions are
accepted is decided in `atlas.questions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

from atlas_mcp.atlas import question_prompts
from atlas_mcp.atlas.commands import AskQuestion, Command, Note, ReadReply
from atlas_mcp.atlas.day_cap import too_little_left_text
from atlas_mcp.atlas.explore import FailureKind, SolverFailure, incomplete
from atlas_mcp.atlas.holds import MIN_OUTPUT_TOKENS, hold_for
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import Json, ModelRequest, Reply, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.question_events import QuestionAnswered, QuestionAsked, QuestionFailed
from atlas_mcp.atlas.question_evidence import evidence_turn
from atlas_mcp.atlas.question_facts import Question
from atlas_mcp.atlas.solver_prompts import bounded
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.atlas.storable import failure_text, text_of
from atlas_mcp.atlas.usage import FREE, NO_CHARGE
from atlas_mcp.atlas.written_json import read_object, without_thinking

QUESTION_TOKENS = 16_000
"""Output tokens of one reply, thinking included: twice those of a synthesis, which has thought
before."""

NO_MONEY = "the run's cap leaves too little money for it: ask again with a larger max_cost_usd"

STOPPED = "it was stopped before it was asked"


def question_commands(state: RunState) -> tuple[Command, ...]:
    """Return the next command for the questions about a run, if there is one."""
    for question in state.open_questions:
        if question.unread:
            return (ReadReply(None, question.number),)
        if question.waiting:
            return (_asked(state, question),)
    return ()


def models_to_call(state: RunState) -> tuple[ModelSpec, ...]:
    """Return the models that a run is about to call: those of its questions while it is at rest."""
    if is_at_rest(state):
        return tuple(question.posed.model for question in state.open_questions)
    return state.spec.models


def question_request(state: RunState, said: UserTurn, model: ModelSpec) -> ModelRequest:
    """Return the request for a question.

    Args:
        state: The run.
        said: The evidence on record, and the question: see `atlas.question_evidence`.
        model: The model that is asked.
    """
    schema = bounded(question_prompts.schema(), model.max_string_chars)
    seed = state.spec.seed
    return ModelRequest(
        system=question_prompts.SYSTEM,
        turns=(said,),
        max_tokens=min(model.max_tokens, QUESTION_TOKENS),
        schema=schema,
        effort=model.effort,
        seed=None if seed is None else seed * 1_000 + 900,
        temperature=None if model.temperature is None else 0.0,
    )


def least_price(model: ModelSpec, request: ModelRequest) -> Decimal:
    """Return the US dollars that must be left for a question; `FREE` where no price is known."""
    if model.price is None:
        return FREE
    tokens = input_tokens_at_most(request, image_tokens=model.image_tokens)
    return model.price.of(
        input_tokens=tokens, output_tokens=min(MIN_OUTPUT_TOKENS, request.max_tokens)
    )


def read_question(state: RunState, number: int) -> QuestionAnswered | QuestionFailed:
    """Return the answer that the reply to a question gives, or why it gives none.

    A reply in prose is an answer too: nothing is decided on its form.
    """
    replied = state.questions[number].reply
    assert replied is not None, "only a reply is to be read"
    reply = Reply(replied.reply, replied.stop, replied.charge, replied.detail)
    failed = incomplete(reply)
    if failed is not None:
        return QuestionFailed(number, failed, NO_CHARGE)
    text = without_thinking(replied.reply.text)
    found = read_object(text, (question_prompts.ANSWER,))
    answer = None if isinstance(found, str) else found.get(question_prompts.ANSWER)
    if isinstance(found, str) or not isinstance(answer, str) or not answer.strip():
        if not text.strip():
            return _failed(number, "malformed", "the reply is empty")
        return QuestionAnswered(number, text_of(text.strip()))
    return QuestionAnswered(number, text_of(answer.strip()), _cites(state, found), _needs(found))


def unread_failure(number: int, failure: SolverFailure) -> QuestionFailed:
    """Return the event of a reply to a question that cannot be read; its charge is on record."""
    return QuestionFailed(number, failure, NO_CHARGE)


def _asked(state: RunState, question: Question) -> Command:
    """Return the call for a question, or why there is none."""
    number, model = question.number, question.posed.model
    if state.questions_stopped:
        return Note(_failed(number, "cancelled", STOPPED))
    said = evidence_turn(state, question.posed.question, model)
    request = question_request(state, said.turn, model)
    hold = hold_for(model, request, state.ledger.available)
    if hold is None:
        cap = state.asking_cap_usd
        why = NO_MONEY if cap is None else too_little_left_text(cap)
        return Note(_failed(number, "unavailable", why))
    intent = QuestionAsked(
        number=number,
        said=said.turn,
        hold_usd=hold.amount,
        max_tokens=hold.max_tokens,
        schema=dict(request.schema or {}),
        system=request.system,
        shortened=said.shortened,
    )
    return AskQuestion(intent, replace(request, max_tokens=hold.max_tokens))


def _failed(number: int, kind: FailureKind, why: str) -> QuestionFailed:
    return QuestionFailed(number, SolverFailure(kind, failure_text(why)), NO_CHARGE)


def _cites(state: RunState, found: Mapping[str, Json]) -> tuple[int, ...]:
    """Return the explores that a reply names, each once, those that there are."""
    cites = found.get(question_prompts.CITES)
    given = cast("list[Json]", cites if isinstance(cites, list) else [])
    known = [one for one in given if isinstance(one, int) and one in state.explores]
    return tuple(dict.fromkeys(known))


def _needs(found: Mapping[str, Json]) -> str | None:
    needs = found.get(question_prompts.NEEDS)
    return text_of(needs.strip()) if isinstance(needs, str) and needs.strip() else None
