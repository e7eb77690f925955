"""The shapes of the documents about several runs: a list of them, two compared, statistics.

Only shapes; their JSON Schemas are in `ui/schema/`. Times are Unix seconds, money is in US dollars
and `null` where it is unknown. Every text that is not ours is printable, and stays text whatever
it holds.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.journal.search import FoundIn
from atlas_mcp.views.page.shape import Name, Shape
from atlas_mcp.views.run_view import Dollars, UsageView


class SnippetPart(Shape):
    """A piece of a text around what was searched for; `hit` where it is what was found."""

    text: str
    hit: bool = False


class RunLine(Shape):
    """One run of a list.

    Attributes:
        run_id: Its id.
        title: The beginning of its problem, in a line.
        status: Its status.
        stop_reason: Why it ended.
        state: Both in words.
        workflow: The policy of the run.
        started_at: When it was opened.
        ended_at: When it ended; `null` while it has not.
        cost_usd: What it cost; `null` where a price is unknown, and where `indexed` is false.
        models: The models that were asked.
        explores: Its explores that ran.
        answer_text: The beginning of its answer; `null` without one.
        confidence: The orchestrator's own, 0 to 1.
        indexed: Whether its records were read; if not, only its title, status and times are known.
        found_in: Where the words were found; `null` without a query.
        snippet: The text around them.
    """

    run_id: str
    title: str
    status: Status
    stop_reason: StopReason | None = None
    state: str
    workflow: str = ""
    started_at: float
    ended_at: float | None = None
    cost_usd: Dollars | None = None
    models: list[Name] = Field(default=[])
    explores: int = 0
    answer_text: str | None = None
    confidence: float | None = None
    indexed: bool = True
    found_in: FoundIn | None = None
    snippet: list[SnippetPart] = Field(default=[])


class RunsDocument(Shape):
    """Runs, the newest first; those that match a query, in the order of the search.

    Attributes:
        format: The version of this shape.
        at: When this document was made.
        query: What was searched for; empty for all runs.
        limit: Most runs in `runs`.
        offset: Runs left out before the first.
        total: Runs that match.
        unindexed: Runs whose records were not read yet, so that a search does not find them.
        note: What the reader should know about this list; `null` for nothing.
        runs: The runs.
    """

    format: Literal[1] = 1
    at: float
    query: str = ""
    limit: int
    offset: int = 0
    total: int
    unindexed: int = 0
    note: str | None = None
    runs: list[RunLine] = Field(default=[])


class OutcomeCount(Shape):
    """How many runs ended in one way; `stop_reason` is `null` for those that have not ended.

    `state` says in words how they ended.
    """

    status: Status
    stop_reason: StopReason | None = None
    state: str
    runs: int


class MonthSpending(Shape):
    """What one model used in one part in one month of UTC.

    Attributes:
        month: As `2026-11`.
        model: The model.
        role: The part that it had.
        runs: The runs in which it was used.
        requests: Requests that reached the vendor.
        input_tokens: Tokens read, from a cache or not.
        output_tokens: Tokens written.
        cost_usd: What is known of the cost.
        unpriced_calls: Calls whose cost is unknown, and so not in `cost_usd`.
    """

    month: str
    model: Name
    role: Literal["solver", "orchestrator"]
    runs: int
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: Dollars
    unpriced_calls: int = 0


class WinningShare(Shape):
    """How often the candidates of one kind gave the answer that their run ended with.

    Attributes:
        name: The solver, the strategy or the effort; empty for a model's default effort.
        explores: Explores of solvers that ended, in all runs.
        failed: Those that gave no candidate.
        judged: Those with a candidate in a run that ended with an answer: what `share` is of.
        won: Those whose candidate gave that answer.
        share: `won` of `judged`; `null` where there are none.
        low: The lower end of the share's 95 % interval (Wilson): wide for few explores.
        high: The upper end.
        cost_usd: What is known of their cost.
        unpriced: Explores whose cost is unknown, and so not in `cost_usd`.
    """

    name: Name
    explores: int
    failed: int
    judged: int
    won: int
    share: float | None = None
    low: float | None = None
    high: float | None = None
    cost_usd: Dollars
    unpriced: int = 0


class StatsDocument(Shape):
    """The history of the runs that are kept.

    Attributes:
        format: The version of this shape.
        at: When this document was made.
        since: When the oldest run was opened; `null` without a run.
        runs: Runs that were counted.
        unindexed: Runs whose records were not read yet, and that are not counted.
        note: What the reader should know about the figures; `null` for nothing.
        cost_usd: What is known of the cost of all runs.
        unpriced_runs: Runs of whose cost a part is unknown.
        answered: Runs that ended with an answer.
        mean_cost_usd: The mean cost of those of them whose cost is known; `null` without one.
        mean_cost_of: How many those are.
        mean_explores: The mean number of explores of answered runs; `null` without one.
        outcomes: Runs by how they ended, the most frequent first.
        months: What was used, the newest month first, then the dearest.
        solvers: Shares by solver.
        strategies: Shares by prompting strategy.
        efforts: Shares by effort.
    """

    format: Literal[1] = 1
    at: float
    since: float | None = None
    runs: int
    unindexed: int = 0
    note: str | None = None
    cost_usd: Dollars
    unpriced_runs: int = 0
    answered: int = 0
    mean_cost_usd: Dollars | None = None
    mean_cost_of: int = 0
    mean_explores: float | None = None
    outcomes: list[OutcomeCount] = Field(default=[])
    months: list[MonthSpending] = Field(default=[])
    solvers: list[WinningShare] = Field(default=[])
    strategies: list[WinningShare] = Field(default=[])
    efforts: list[WinningShare] = Field(default=[])


class ComparedRun(Shape):
    """One of two runs.

    Attributes:
        run_id: Its id.
        title: The beginning of its problem, in a line.
        problem: Its problem.
        status: Its status.
        stop_reason: Why it ended.
        state: Both in words.
        started_at: When it was opened.
        elapsed_s: Seconds that it took.
        answer_text: Its answer; `null` without one.
        confidence: The orchestrator's own, 0 to 1.
        agreement: How far its candidates agree, in a sentence.
        explores: Explores that ran.
        failed: Those that gave no candidate.
        cost_usd: What it cost.
        orchestrator_usd: The orchestrator's part.
        solvers_usd: The solvers' part.
        usage: Requests and tokens.
    """

    run_id: str
    title: str
    problem: str
    status: Status
    stop_reason: StopReason | None = None
    state: str
    started_at: float
    elapsed_s: float
    answer_text: str | None = None
    confidence: float | None = None
    agreement: str = ""
    explores: int = 0
    failed: int = 0
    cost_usd: Dollars | None = None
    orchestrator_usd: Dollars | None = None
    solvers_usd: Dollars | None = None
    usage: UsageView


class ComparedSetting(Shape):
    """A setting that differs; `null` where a run has none of it."""

    name: Name
    a: str | None = None
    b: str | None = None


class ComparedAnswer(Shape):
    """One answer of the candidates of both runs, by the rules that compare answers.

    Attributes:
        answer_text: The answer, as the first candidate gives it.
        a: The explores of the first run that gave it.
        b: The explores of the second run that gave it.
        chosen_in_a: Whether it is the answer of the first run.
        chosen_in_b: Whether it is the answer of the second run.
    """

    answer_text: str
    a: list[int] = Field(default=[])
    b: list[int] = Field(default=[])
    chosen_in_a: bool = False
    chosen_in_b: bool = False


class ComparedMethod(Shape):
    """One method of the candidates of both runs: the same but for case and spaces."""

    approach: str
    a: list[int] = Field(default=[])
    b: list[int] = Field(default=[])


class CompareDocument(Shape):
    """Two runs side by side, `a` and `b`.

    Attributes:
        format: The version of this shape.
        at: When this document was made.
        a: The first run.
        b: The second run.
        same_problem: Whether both were asked the same: problem, pictures and answer schema.
        same_answer: Whether their answers are the same by rule; `null` where one has none, or where
            the problems differ.
        summary: What the comparison says, in sentences.
        settings: The settings that differ.
        answers: The candidates of both by answer, the most frequent first.
        methods: The candidates of both by method.
    """

    format: Literal[1] = 1
    at: float
    a: ComparedRun
    b: ComparedRun
    same_problem: bool
    same_answer: bool | None = None
    summary: str
    settings: list[ComparedSetting] = Field(default=[])
    answers: list[ComparedAnswer] = Field(default=[])
    methods: list[ComparedMethod] = Field(default=[])
