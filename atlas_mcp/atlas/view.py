"""`RunView`: what a caller is told of a run. The same for tools, resources and `--json`.

Field names and meanings are a public contract. Only shapes: `atlas.rendering` fills them in. A
server needs them before its handshake, so nothing else is imported here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.atlas.usage import rounded


def _plain_dollars(amount: Decimal) -> float:
    return rounded(amount, 6)


Dollars: TypeAlias = Annotated[Decimal, PlainSerializer(_plain_dollars, return_type=float)]
"""US dollars, written as a JSON number with at most six places."""


_JSON_TYPES = ("string", "number", "boolean", "object", "array", "null")

Answer: TypeAlias = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": one} for one in _JSON_TYPES]})
]
"""Any JSON value, with a schema that says so: clients distrust one that says nothing."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UsageView(_View):
    """Counted requests and tokens; `input_tokens` includes both cache counts."""

    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


class CandidateView(_View):
    """One explore's result, or why it has none."""

    explore_id: int
    solver: str
    model: str
    effort: str | None
    strategy: str
    instruction: str | None
    status: Literal["ok", "failed"]
    answer: Answer
    approach: str | None
    reasoning: str | None
    confidence: float | None
    error: str | None
    usage: UsageView
    cost_usd: Dollars | None
    elapsed_s: float


class AnswerGroup(_View):
    """Candidates with the same answer."""

    answer: Answer
    explore_ids: list[int]
    solvers: list[str]
    approaches: list[str]


class Agreement(_View):
    """How far the candidates agree, and what to be careful about."""

    groups: list[AnswerGroup]
    dissent: str | None
    warnings: list[str]


class CostSplit(_View):
    """US dollars by who spent them; `null` where a price is unknown."""

    orchestrator: Dollars | None
    solvers: Dollars | None


class RunView(_View):
    """A run as a caller sees it."""

    run_id: str
    status: Status
    stop_reason: StopReason | None
    answer: Answer = Field(description="A string, or the value that fits answer_schema.")
    explanation: str | None
    confidence: float | None
    agreement: Agreement
    candidates: list[CandidateView]
    usage: UsageView
    cost_usd: Dollars | None
    cost_split: CostSplit
    elapsed_s: float
    next: str | None
