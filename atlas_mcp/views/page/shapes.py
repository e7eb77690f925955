"""The shapes of a page's document: what crosses from here to the page of a run, and nothing else.

Only shapes; `views.page.document` fills them in. Their JSON Schema is `ui/schema/run.schema.json`,
and the page's types are made from it. Times are Unix seconds, money is in US dollars. Every text
that is not ours is printable: characters that steer a reader are written as in JSON. It may hold
HTML, and stays text all the same. A text that was cut ends with a note that says so.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.views.page.course_shapes import PageDecision, PageMoney, PageTrouble, Timeline
from atlas_mcp.views.page.evidence_shapes import (
    MatrixCell,
    PageAgreement,
    PageCandidate,
    PageQuestion,
    PageRemark,
)
from atlas_mcp.views.page.shape import Name, Shape
from atlas_mcp.views.run_view import Answer, Dollars, UsageView

Action: TypeAlias = Literal["cancel", "resume", "explore", "ask"]
"""What may be done about a run."""


class PagePicture(Shape):
    """A picture of the problem: `data` is base64 of its `media_type`, or it is at `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class PageProblem(Shape):
    """The question. `answer_schema` is the JSON Schema of its answer, `null` for a text."""

    text: str
    images: list[PagePicture]
    answer_schema: dict[str, Answer] | None = None


class PageWorkflow(Shape):
    """The policy of the run: its name, and its work in a few words."""

    name: Name
    summary: str


class PageLimits(Shape):
    """The limits in force; `max_cost_usd` is `null` for no cap, `time_limit_s` is in seconds."""

    max_explores: int
    max_cost_usd: Dollars | None
    time_limit_s: float
    explore_effort: str
    max_parallel: int


class PageAnswer(Shape):
    """An answer: as a value, and as the text that is shown.

    `value` is `null` where the answer is too long for a page.
    """

    value: Answer
    text: str


class PageCommand(Shape):
    """A line for a command line, and what it does."""

    what: str
    line: str


class PageSuggestion(Shape):
    """Limits under which the run could go on; `null` where a limit need not be raised."""

    max_explores: int | None = None
    max_cost_usd: Dollars | None = None


class PageDocument(Shape):
    """A run, as its page shows it.

    Attributes:
        format: The version of this shape.
        run_id: The run.
        version: Number of its last record.
        at: When this document was made.
        title: The beginning of its problem, in a line.
        live: Whether it, or a question about it, is being carried out: there will be news.
        driven: Whether some process drives it.
        status: Its status.
        stop_reason: Why it ended.
        status_text: How it stands, as a heading.
        stop_text: Why it ended, as a sentence.
        without_answer: What stands in the place of an answer; `null` where there is one.
        partial: Whether what has not changed since an earlier document is left out: candidates,
            remarks and the problem's pictures. All else is always whole.
        waiting: Its place in line, where it waits for one.
        confidence: The orchestrator's own, 0 to 1.
        explanation: How the answer follows.
        dissent: What speaks against it.
        error: Why there is no answer.
        next: What can be done now, for an agent.
        actions: What may be done now.
        suggestion: Limits for a resumption; `null` where it cannot be resumed.
    """

    format: Literal[1] = 1
    run_id: str
    version: int
    at: float
    title: str
    live: bool
    driven: bool
    status: Status
    stop_reason: StopReason | None = None
    status_text: str
    stop_text: str | None = None
    without_answer: str | None = None
    partial: bool = False
    waiting: str | None = None
    problem: PageProblem
    workflow: PageWorkflow
    limits: PageLimits
    answer: PageAnswer | None = None
    confidence: float | None = None
    explanation: str | None = None
    dissent: str | None = None
    error: str | None = None
    warnings: list[str]
    next: str | None = None
    commands: list[PageCommand]
    agreement: PageAgreement
    matrix: list[MatrixCell]
    candidates: list[PageCandidate]
    remarks: list[PageRemark]
    decisions: list[PageDecision]
    timeline: Timeline
    troubles: list[PageTrouble]
    money: PageMoney
    usage: UsageView
    elapsed_s: float
    questions: list[PageQuestion]
    actions: list[Action]
    suggestion: PageSuggestion | None = None
