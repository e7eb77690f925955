"""The part of the seam that finds runs again: by words, and added up over all of them.

A store keeps a digest of each run (`atlas.digest`) and brings it up to date when somebody asks, so
that no append waits for it. A search finds the runs whose digests are up to date, and says how many
are not. Digests follow removal: nothing of a removed run is found or counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

from atlas_mcp.atlas.digest import Spent, Tried
from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.journal.listed import ListedRun

FoundIn: TypeAlias = Literal["problem", "answer", "candidates", "names"]
"""The text of a digest in which the words of a search were found; `names` are the run's id, its
solvers, models and workflow."""

PLACES: tuple[FoundIn, ...] = ("answer", "problem", "candidates", "names")
"""The texts in which words are shown, the first of those that have most of them."""

OUTLINED_CHARS = 400
"""Characters of an answer in an outline."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many runs were read, and of how many."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the words of a search were found in a run.

    Attributes:
        place: The text that has them.
        pieces: The text around them, in pieces that alternate: text, then what was found, and so
            on.
    """

    place: FoundIn
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The facts of a run that a list of runs shows besides its summary: see `atlas.digest.Digest`.

    Attributes:
        ended_at: Unix seconds; `None` while it has not ended.
        stop_reason: Why it ended.
        explores: Explores that were not skipped.
        cost_usd: US dollars; `None` where a price is unknown.
        confidence: The orchestrator's own, 0 to 1.
        models: The models that its settings name.
        answer: The beginning of its answer; `None` without one.
    """

    ended_at: float | None
    stop_reason: StopReason | None
    explores: int
    cost_usd: Decimal | None
    confidence: float | None
    models: tuple[str, ...]
    answer: str | None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run that matches a search.

    Attributes:
        run: Its line of the list.
        outline: More of it; `None` where its digest is not there yet.
        found: Where the words were found; `None` where nothing was searched for.
    """

    run: ListedRun
    outline: Outline | None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """The runs that match a search.

    Attributes:
        text: The words.
        limit: Most runs asked for.
        offset: Runs left out before the first.
        runs: The runs, in the order of the search: see `Search.search`.
        total: How many match.
        unread: Runs that have no digest yet, or changed after it, and may match too.
        plain: Whether titles and texts were looked through one by one, since there is no index.
    """

    text: str
    limit: int
    offset: int
    runs: tuple[FoundRun, ...]
    total: int
    unread: int = 0
    plain: bool = False


@dataclass(frozen=True, slots=True)
class EndCount:
    """How many runs ended in one way; one that has not is `running`, or `interrupted` undriven."""

    status: Status
    stop_reason: StopReason | None
    runs: int


@dataclass(frozen=True, slots=True)
class SpentInRuns:
    """What several runs used: a sum over their `Spent`, and the number of the runs."""

    spent: Spent
    runs: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The digests of all runs, added up.

    Attributes:
        since: Unix seconds at which the oldest run was opened; `None` without a run.
        runs: Runs that were counted.
        unread: Runs that have no digest yet, and are not counted.
        answered: Runs that ended with an answer.
        answered_explores: The explores of these together.
        priced: Those of them whose cost is known.
        priced_usd: The cost of these together.
        unpriced_runs: Runs of whose cost a part is unknown.
        ends: Runs by how they ended, the most frequent first.
        spent: What was used, by month, model and part; the newest month first.
        tried: Explores by solver, strategy and effort.
    """

    since: float | None
    runs: int
    unread: int
    answered: int
    answered_explores: int
    priced: int
    priced_usd: Decimal
    unpriced_runs: int
    ends: tuple[EndCount, ...]
    spent: tuple[SpentInRuns, ...]
    tried: tuple[Tried, ...]


class Search(Protocol):
    """Finding runs by words, and statistics of all of them."""

    async def catch_up(
        self, *, seconds: float | None = None, progress: Progress | None = None
    ) -> int:
        """Read the runs that have changed since their digests were made, in slices.

        Args:
            seconds: How long to go on; `None` until all are read.
            progress: Is told how many runs were read so far, and of how many.

        Returns:
            The number of runs that are left. Where nothing can be written, all of them are.
        """
        ...

    async def search(self, text: str, *, limit: int = 50, offset: int = 0) -> FoundRuns:
        """Return the runs in which all words of a text are found; without words, the newest runs.

        A word is found where one begins with it if it is the last of the text, and is one if not;
        case and accents do not count. Nothing in the text is a command. The best of the newest
        matches come first if the store can rank them, and the others follow, the newest first.
        """
        ...

    async def statistics(self) -> Statistics:
        """Return the digests of all runs, added up."""
        ...
