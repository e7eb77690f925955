"""The shapes of a run's course on its page: decisions, the time line, troubles, money.

Only shapes: see `views.page.shapes`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field

from atlas_mcp.views.page.shape import Name, Shape
from atlas_mcp.views.run_view import Dollars, UsageView

DecisionKind: TypeAlias = Literal[
    "started", "explored", "sent_back", "synthesized", "stopped", "resumed", "limit", "workflow"
]
"""A kind of decision: the first explores; explores; an answer that was not accepted; the end with
an answer; the end, or a stop, without one; going on after an end; a limit that was reached; a step
of a workflow without an orchestrator."""

Decider: TypeAlias = Literal["orchestrator", "rule", "client", "user"]
"""Who decided: the model that owns the loop, a rule of the run, the agent that called, a person."""


TroubleKind: TypeAlias = Literal["failure", "retry", "refusal", "loss"]
"""A call that failed for good, one that is made again, something that was refused, or records,
replies or calls that are lost."""


class PageDecision(Shape):
    """One decision about the course of the run, in the order in which they were taken.

    Attributes:
        turn: The orchestrator's turn, from 1; `null` where it was not asked.
        at: When the decision began to be made.
        ended_at: When it was made.
        kind: Its kind.
        by: Who decided.
        sentence: The decision in words, without its reason.
        reason: Why: the words of the one that decided, or the rule.
        words: What the orchestrator said, where a rule decided on it.
        explore_ids: The explores that it led to, or that it kept from running.
        refused: Why explores that were asked for were not granted.
        usage: The tokens of the orchestrator's turn.
        cost_usd: Their cost; `null` without a turn, and where the price is unknown.
    """

    turn: int | None = None
    at: float
    ended_at: float
    kind: DecisionKind
    by: Decider
    sentence: str
    reason: str
    words: str | None = None
    explore_ids: list[int] = Field(default_factory=list[int])
    refused: list[str] = Field(default_factory=list[str])
    usage: UsageView | None = None
    cost_usd: Dollars | None = None


class TimelineBar(Shape):
    """Something that took time.

    Attributes:
        label: What it is, in few words.
        kind: A solver's call, the orchestrator's, a wait before an attempt, a comparison.
        explore_id: The explore, where it is one's.
        turn: The orchestrator's turn, where it is one's.
        start: When it began; `from` in JSON.
        to: When it ended; `null` while it goes on.
        state: `running`, `ok`, `failed` or `lost`.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,
        serialize_by_alias=True,
    )

    label: Name
    kind: Literal["solver", "orchestrator", "wait", "compare"]
    explore_id: int | None = None
    turn: int | None = None
    start: float = Field(serialization_alias="from")
    to: float | None = None
    state: Literal["running", "ok", "failed", "lost"]


class TimelineLane(Shape):
    """Bars that do not overlap, in order."""

    name: Name
    bars: list[TimelineBar]


class Timeline(Shape):
    """What happened when, in lanes; `start` is `from` in JSON."""

    model_config = TimelineBar.model_config

    start: float = Field(serialization_alias="from")
    to: float
    lanes: list[TimelineLane]


class PageTrouble(Shape):
    """Something that went wrong, and its cause, in the order of time.

    Attributes:
        at: When.
        kind: Its kind.
        where: What it happened to, in few words.
        sentence: Both in words, without the cause.
        cause: Why.
        explore_id: The explore, where it is one's.
        turn: The orchestrator's turn, where it is one's.
    """

    at: float
    kind: TroubleKind
    where: str
    sentence: str
    cause: str
    explore_id: int | None = None
    turn: int | None = None


class ModelMoney(Shape):
    """What one model used in one part; `cost_usd` is `null` where its price is unknown."""

    model: Name
    role: Literal["solver", "orchestrator"]
    requests: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Dollars | None


class PageMoney(Shape):
    """The money of a run.

    Attributes:
        spent_usd: What was counted; `null` where a price is unknown, never 0 for that.
        held_usd: Set aside for calls in flight.
        uncertain_usd: What may have been billed beyond, at most: calls that broke off.
        cap_usd: The cap; `null` for none.
        unknown: Whether `spent_usd` is not known.
        by_model: By model and part, the solvers first.
    """

    spent_usd: Dollars | None
    held_usd: Dollars
    uncertain_usd: Dollars
    cap_usd: Dollars | None
    unknown: bool
    by_model: list[ModelMoney]
