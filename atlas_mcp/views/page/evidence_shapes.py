"""The shapes of a page's evidence: candidates, their groups, remarks, questions asked afterwards.

Only shapes: see `views.page.shapes`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from atlas_mcp.atlas.outcomes import Grounds
from atlas_mcp.views.page.shape import Name, Shape
from atlas_mcp.views.run_view import Answer, Dollars, UsageView

CandidateState: TypeAlias = Literal["planned", "running", "ok", "failed", "skipped"]
"""Where an explore stands."""


class PageGroup(Shape):
    """Candidates with one answer, the largest group first.

    Attributes:
        number: From 1, in this order; it may change with the next candidate.
        answer: The answer, as a value.
        text: The answer, as text.
        explore_ids: Its candidates.
        by: Why they count as one: by rule, or by the orchestrator's judgement.
        chosen: Whether the answer of the run is theirs.
        solvers: The names of the solvers that gave it.
        models: Their models.
        approaches: Their methods, each once: those that differ in case and spaces alone are one.
    """

    number: int
    answer: Answer
    text: str
    explore_ids: list[int]
    by: Grounds
    chosen: bool
    solvers: list[Name]
    models: list[Name]
    approaches: list[str]


class PageAgreement(Shape):
    """How far the candidates agree: in a sentence, and as groups.

    `paths` says along how many paths the answer was found; `null` without candidates.
    """

    sentence: str
    paths: str | None
    groups: list[PageGroup]


class MatrixCell(Shape):
    """The candidates that one model brought to one answer by one method.

    `group` is the number of the answer's group. Three candidates in one cell are one path, tried
    three times.
    """

    group: int
    approach: str
    model: Name
    explore_ids: list[int]


class PageCandidate(Shape):
    """An explore, from its plan to its outcome: a `CandidateView`, and its place in the run.

    Attributes:
        explore_id: Its number, from 1.
        solver: The entry of the pool.
        model: The model, as it is shown.
        effort: How hard it tries; `null` for the model's default.
        strategy: Its prompting strategy.
        role: `solver`, or another part that a workflow gave it.
        instruction: What the orchestrator or the client asked of it besides.
        status: `ok` or `failed`; `null` before its outcome.
        answer: Its answer, as a value; `null` before, and where it is too long for a page.
        answer_text: Its answer, as text.
        approach: Its method, in its own words.
        reasoning: Its justification.
        confidence: Its own estimate, 0 to 1.
        error: Why it failed.
        usage: Its requests and tokens.
        cost_usd: `null` where a price is unknown, and before its end.
        elapsed_s: Seconds from its start to its end; `null` before.
        changed: Number of the record that changed it last.
        origin: Who asked for it: `prefetch` is the start of the run, `floor` its least evidence.
        group: The number of its answer's group in this document; a page that merges documents
            takes it from `agreement.groups`.
        started_at: When its last attempt began.
        ended_at: When its call ended.
        state: Where it stands.
        received_tokens: Tokens that have come so far, while it runs; `null` where nothing is known.
        skipped: Why it did not run.
    """

    explore_id: int
    solver: Name
    model: Name = ""
    effort: str | None = None
    strategy: str = ""
    role: Name = "solver"
    instruction: str | None = None
    status: Literal["ok", "failed"] | None = None
    answer: Answer = None
    answer_text: str | None = None
    approach: str | None = None
    reasoning: str | None = None
    confidence: float | None = None
    error: str | None = None
    usage: UsageView | None = None
    cost_usd: Dollars | None = None
    elapsed_s: float | None = None
    changed: int
    origin: str
    group: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    state: CandidateState
    received_tokens: int | None = None
    skipped: str | None = None


class PageRemark(Shape):
    """The reply of a call that attempts no answer, such as a criticism: a `RemarkView`.

    `changed` is the number of the record that brought it.
    """

    explore_id: int
    solver: Name
    model: Name = ""
    effort: str | None = None
    role: str
    about: list[int]
    text: str
    usage: UsageView | None = None
    cost_usd: Dollars | None = None
    elapsed_s: float | None = None
    changed: int


class PageQuestion(Shape):
    """A question about the run, asked afterwards, and its answer from the evidence on record.

    Attributes:
        number: From 1.
        at: When it was asked.
        question: The question.
        state: Where it stands.
        answer: The orchestrator's answer.
        cites: The explores that it rests on.
        needs_new_evidence: What would have to be found out; `null` where the evidence suffices.
        cost_usd: Its cost; `null` where unknown.
        note: What its reader should know about the answer; `null` for nothing.
        error: Why it was not answered.
    """

    number: int
    at: float
    question: str
    state: Literal["asked", "answered", "failed"]
    answer: str | None = None
    cites: list[int]
    needs_new_evidence: str | None = None
    cost_usd: Dollars | None = None
    note: str | None = None
    error: str | None = None
