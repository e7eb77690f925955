"""`RunView`: a run as its caller sees it, whole in `--json` and in part in results of tools.

Field names and meanings are a public contract. Only shapes: `views.rendering` fills in every field.
The results of tools, `views.structures`, leave fields out; such a result reads as the defaults
here. A server needs these shapes before its handshake, so nothing else is imported here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from atlas_mcp.atlas.outcomes import Grounds, Status, StopReason
from atlas_mcp.atlas.usage import Usage, rounded


def plain_dollars(amount: Decimal) -> float:
    """Return US dollars as a JSON number with at most six places."""
    return rounded(amount, 6)


Dollars: TypeAlias = Annotated[Decimal, PlainSerializer(plain_dollars, return_type=float)]
"""US dollars, written as a JSON number with at most six places."""


_JSON_TYPES = ("string", "number", "boolean", "object", "array", "null")

Answer: TypeAlias = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": one} for one in _JSON_TYPES]})
]
"""Any JSON value, with a schema that says so: clients distrust one that says nothing."""


class _View(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class UsageView(_View):
    """Counted requests and tokens; `input_tokens` includes both cache counts."""

    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


def usage_view(usage: Usage) -> UsageView:
    """Return counted requests and tokens as they are seen."""
    return UsageView(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


class CandidateView(_View):
    """One explore's result, or why it has none."""

    explore_id: int
    solver: str
    model: str = ""
    effort: str | None = None
    strategy: str = ""
    role: str = "solver"
    instruction: str | None = None
    status: Literal["ok", "failed"]
    answer: Answer = None
    approach: str | None = None
    reasoning: str | None = None
    confidence: float | None = None
    error: str | None = None
    usage: UsageView | None = None
    cost_usd: Dollars | None = None
    elapsed_s: float | None = None


class RemarkView(_View):
    """The reply of a call that attempts no answer, such as a criticism of candidates.

    `about` has the numbers of the explores that the call was shown.
    """

    explore_id: int
    solver: str
    model: str = ""
    effort: str | None = None
    role: str
    about: list[int] = []
    text: str
    usage: UsageView | None = None
    cost_usd: Dollars | None = None
    elapsed_s: float | None = None


class AnswerGroup(_View):
    """Candidates with the same answer; the answer of the run is theirs where `chosen`.

    `agreeing_by_rule`, of a group by judgement, is how many of them have its answer by rule: for
    texts only, and no part of the contract.
    """

    answer: Answer
    explore_ids: list[int]
    solvers: list[str] = []
    approaches: list[str] = []
    by: Grounds = "rule"
    agreeing_by_rule: Annotated[int | None, Field(exclude=True)] = None
    chosen: bool = False


class Agreement(_View):
    """How far the candidates agree, and the warnings of the run."""

    groups: list[AnswerGroup] = []
    dissent: str | None = None
    warnings: list[str] = []


class CostSplit(_View):
    """US dollars by role; `null` where a price is unknown."""

    orchestrator: Dollars | None = None
    solvers: Dollars | None = None


QuestionState: TypeAlias = Literal["asked", "answered", "failed", "interrupted"]
"""Where a question stands. `interrupted`: no process is left that would ask it. Closed."""


class QuestionView(_View):
    """A question about a run, and its answer from the evidence on record.

    `cites` has the numbers of the explores that the answer rests on; `needs_new_evidence` says what
    a further explore would have to find, and is null where the evidence suffices.
    """

    number: int
    question: str
    state: QuestionState
    at: float = 0.0
    model: str = ""
    answer: str | None = None
    cites: list[int] = []
    needs_new_evidence: str | None = None
    note: str | None = None
    error: str | None = None
    cost_usd: Dollars | None = None


def _is_empty(found: list[QuestionView]) -> bool:
    return not found


class RunView(_View):
    """A run as a caller sees it.

    `page` is the address of its page, or the command that opens it. `questions` is left out where
    there are none.
    """

    run_id: str
    status: Status
    stop_reason: StopReason | None = None
    answer: Answer = None
    explanation: str | None = None
    confidence: float | None = None
    agreement: Agreement = Agreement()
    candidates: list[CandidateView] = []
    remarks: list[RemarkView] = []
    usage: UsageView
    cost_usd: Dollars | None = None
    cost_split: CostSplit = CostSplit()
    elapsed_s: float
    questions: Annotated[list[QuestionView], Field(exclude_if=_is_empty)] = []
    page: str | None = None
    next: str | None = None
