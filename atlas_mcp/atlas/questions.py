"""Questions about a run: which are accepted, under which number, and by which model.

Pure: it works on the state of a run, and spends nothing. A question is refused before any money is
held for it; one that is on record with its answer is not paid for again, unless the caller asks for
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.holds import hold_for
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.question_calls import least_price, question_request
from atlas_mcp.atlas.question_events import QuestionAnswered, QuestionPosed
from atlas_mcp.atlas.question_evidence import evidence_turn
from atlas_mcp.atlas.question_facts import Question
from atlas_mcp.atlas.question_transitions import evidence_of
from atlas_mcp.atlas.resuming import check_carries_on, check_raised_cap, lost_calls
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.atlas.wording import bound_text, money_text
from atlas_mcp.errors import InvalidInput, JournalError

MAX_QUESTION_CHARS = 4_000
"""Longest question, characters. Our own choice: twice the longest instruction."""

STILL_GOING = (
    "it is still going; ask once it has ended (get_run waits for that), or end it with cancel_run"
)
"""Why a run that goes on is asked nothing: the money is its own, and the evidence not whole."""


@dataclass(frozen=True, slots=True)
class QuestionRequest:
    """A question as a caller asks it.

    Attributes:
        question: The question.
        model: The model that answers where the run has no orchestrator; `None` for the model of its
            first solver.
        max_cost_usd: The new cap of the run, US dollars; `None` leaves it.
        fresh: Whether to ask also where the answer is on record.
    """

    question: str
    model: ModelSpec | None = None
    max_cost_usd: Decimal | None = None
    fresh: bool = False


def check_question(question: str) -> str:
    """Return a question without blanks around it.

    Raises:
        InvalidInput: It is empty, too long, or no text.
    """
    text = question.strip()
    if not text:
        raise InvalidInput("question", "is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise InvalidInput(
            "question", f"has {len(text):,} characters; at most {MAX_QUESTION_CHARS:,} are taken"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("question", "is not valid Unicode; write it in UTF-8") from None
    return text


def model_for(state: RunState, model: ModelSpec | None) -> ModelSpec:
    """Return the model that answers questions about a run: its orchestrator, if it has one.

    Args:
        state: The run.
        model: The model for a run without; `None` for the one of its first solver.

    Raises:
        InvalidInput: None of them sees the pictures of the problem.
    """
    named = (state.spec.orchestrator, model, *(entry.spec for entry in state.spec.solvers))
    for one in named:
        if one is not None and one.can_see(state.problem):
            return one
    raise InvalidInput(
        "run_id", "its problem has pictures, and no model that could answer a question sees them"
    )


def same_question(state: RunState, question: str) -> Question | None:
    """Return the newest question of the same words, but for blanks; `None` if there is none."""
    words = question.split()
    found = [one for one in state.questions.values() if one.posed.question.split() == words]
    return max(found, key=lambda one: one.posed_at) if found else None


def number_of(state: RunState, run_id: str, question: str) -> int:
    """Return the number of the newest question of these words.

    Raises:
        JournalError: The question is not on record.
    """
    found = same_question(state, question)
    if found is None:
        raise JournalError(f"the question about run {run_id!r} is not on record; ask again")
    return found.number


def pose(state: RunState, request: QuestionRequest, *, driven: bool) -> tuple[Event, ...]:
    """Return the records that pose a question; none where nothing is to be asked for it.

    That is so where the same question is being asked, or where it was answered on the evidence that
    the run still has.

    Args:
        state: The run.
        request: The question.
        driven: Whether this process carries the run out. If it does not, no process does: what is
            open by the records will not be asked any more.

    Raises:
        InvalidInput: The run goes on, cannot be added to, or has too little money left, or an
            argument breaks a rule. Nothing was spent.
    """
    question = check_question(request.question)
    check_carries_on(state)
    if driven and not is_at_rest(state):
        raise InvalidInput("run_id", STILL_GOING)
    before = same_question(state, question)
    is_asked = before is not None and before.is_open and (driven or before.unread)
    if before is not None and not request.fresh and (is_asked or _is_answered(state, before)):
        return ()
    model = model_for(state, request.model)
    if request.max_cost_usd is not None:
        check_raised_cap(state, request.max_cost_usd)
    _check_money(state, question, model, request.max_cost_usd)
    number = max(state.questions, default=0) + 1
    if before is not None and (before.may_be_posed_again or (before.is_open and not is_asked)):
        number = before.number
    lost = () if driven else lost_calls(state)
    return (*lost, QuestionPosed(number, question, model, request.max_cost_usd))


def price_of_question(state: RunState, request: QuestionRequest) -> Decimal:
    """Return the US dollars that a question takes at least; none where its answer is on record."""
    before = same_question(state, request.question)
    if before is not None and not request.fresh and _is_answered(state, before):
        return FREE
    model = model_for(state, request.model)
    return least_price(model, _request(state, request.question, model))


def _is_answered(state: RunState, before: Question) -> bool:
    """Return whether a question was answered on the evidence that its run has now."""
    answered = isinstance(before.outcome, QuestionAnswered)
    return answered and before.evidence == evidence_of(state)


def _request(state: RunState, question: str, model: ModelSpec) -> ModelRequest:
    return question_request(state, evidence_turn(state, question, model).turn, model)


def _check_money(state: RunState, question: str, model: ModelSpec, raised: Decimal | None) -> None:
    """Refuse a question for which too little is left of the run's cap.

    Raises:
        InvalidInput: The cap does not bear its call; the message has the one that would.
    """
    cap = state.budget.max_cost_usd if raised is None else raised
    if cap is None or model.price is None:
        return
    request, spent = _request(state, question, model), state.ledger.committed
    if hold_for(model, request, max(FREE, cap - spent)) is not None:
        return
    tokens = input_tokens_at_most(request, image_tokens=model.image_tokens)
    most = model.price.of(input_tokens=tokens, output_tokens=request.max_tokens)
    enough = (spent + most).quantize(Decimal("0.01"), ROUND_CEILING)
    raise InvalidInput(
        "max_cost_usd",
        f"the run has {money_text(max(FREE, cap - spent))} left of its cap of {money_text(cap)}, "
        f"and the question may cost up to {bound_text(most)}; ask with max_cost_usd={enough}",
    )
