"""The facts of a question about a run: posed, asked, replied, answered or failed.

A question is posed by a caller, which spends nothing. Its call is announced before it is made, its
reply is recorded as it arrived, and only then read. None of these records changes how its run
stands or ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, Json, ReplyEnd, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.record_version import SCHEMA_VERSION
from atlas_mcp.atlas.usage import Charge


@dataclass(frozen=True, slots=True)
class QuestionPosed:
    """A question about the run was accepted.

    Attributes:
        number: From 1. A question that was not answered is posed again under its number.
        question: The question, in the caller's words.
        model: The model that is to answer it.
        max_cost_usd: The new cap of the run; `None` leaves it.
        version: The version of the records from here on.
    """

    number: int
    question: str
    model: ModelSpec
    max_cost_usd: Decimal | None = None
    version: int = SCHEMA_VERSION
    type: Literal["question_posed"] = "question_posed"


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """The model is about to be called for a question.

    Attributes:
        number: The question.
        said: The evidence on record, and the question.
        hold_usd: US dollars set aside for the call.
        max_tokens: Ceiling of its reply.
        schema: JSON Schema of its reply.
        system: The system prompt, the same for all questions.
        shortened: Whether texts of the evidence were shortened, so that all of it fits.
    """

    number: int
    said: UserTurn
    hold_usd: Decimal
    max_tokens: int
    schema: dict[str, Json]
    system: str
    shortened: bool = False
    type: Literal["question_asked"] = "question_asked"


@dataclass(frozen=True, slots=True)
class QuestionReplied:
    """The call for a question gave a reply, recorded as it arrived: see `SolverReplied`."""

    number: int
    reply: AssistantTurn
    stop: ReplyEnd
    detail: str
    charge: Charge
    type: Literal["question_replied"] = "question_replied"


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """A question was answered.

    Attributes:
        number: The question.
        answer: The answer, in the model's words.
        cites: Numbers of the explores that it names.
        needs_new_evidence: What a further explore would have to find; `None` where the evidence
            suffices.
    """

    number: int
    answer: str
    cites: tuple[int, ...] = ()
    needs_new_evidence: str | None = None
    type: Literal["question_answered"] = "question_answered"


@dataclass(frozen=True, slots=True)
class QuestionFailed:
    """A question has no answer: no call was made, its call gave no reply, or an unusable one.

    `charge` is that of a call without a reply; a reply on record has its own.
    """

    number: int
    failure: SolverFailure
    charge: Charge
    type: Literal["question_failed"] = "question_failed"
