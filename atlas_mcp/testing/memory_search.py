"""Finding runs in a journal in memory: every run is read at each search."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from typing_extensions import override

from atlas_mcp.atlas.digest import Digest, Spent, Tried, digest_of
from atlas_mcp.atlas.outcomes import status_of
from atlas_mcp.journal.base import ListedRun, Records, RunIndex
from atlas_mcp.journal.search import (
    OUTLINED_CHARS,
    PLACES,
    EndCount,
    Found,
    FoundIn,
    FoundRun,
    FoundRuns,
    Outline,
    Progress,
    Search,
    SpentInRuns,
    Statistics,
)
from atlas_mcp.journal.words import Phrase, count_in, has_all, phrases_of, pieces_of


@dataclass(slots=True)
class MemorySearch(Search):
    """Finding runs in two other parts of the same store.

    Args:
        records: Reads the records.
        index: Lists the runs.
        digests: Those of the store, by run; this object replaces them.
    """

    records: Records
    index: RunIndex
    digests: dict[str, Digest]

    @override
    async def catch_up(
        self, *, seconds: float | None = None, progress: Progress | None = None
    ) -> int:
        listed = await self.index.list_runs(limit=None)
        found = {
            run.run_id: digest_of(run.run_id, await self.records.read(run.run_id)) for run in listed
        }
        self.digests.clear()
        self.digests |= found
        if progress is not None and listed:
            progress(len(listed), len(listed))
        return 0

    @override
    async def search(self, text: str, *, limit: int = 50, offset: int = 0) -> FoundRuns:
        phrases = phrases_of(text)
        listed = await self.index.list_runs(limit=None)
        ranked: list[tuple[int, FoundRun]] = []
        for run in listed:
            digest = self.digests.get(run.run_id)
            if not text.strip():
                ranked.append((0, FoundRun(run, digest and _outline(digest))))
            elif digest is not None and phrases and _fits(digest, phrases):
                found = _found(digest, phrases)
                ranked.append((PLACES.index(found.place), _run(run, digest, found)))
        runs = [one for _, one in sorted(ranked, key=lambda row: row[0])]
        unread = sum(run.run_id not in self.digests for run in listed)
        page = tuple(runs[offset : offset + limit])
        return FoundRuns(text, limit, offset, page, len(runs), unread)

    @override
    async def statistics(self) -> Statistics:
        listed = await self.index.list_runs(limit=None)
        digests = [found for run in listed if (found := self.digests.get(run.run_id))]
        answered = [one for one in digests if one.answered]
        priced = [one.cost_usd for one in answered if one.cost_usd is not None]
        return Statistics(
            since=min((one.opened_at for one in digests), default=None),
            runs=len(digests),
            unread=len(listed) - len(digests),
            answered=len(answered),
            answered_explores=sum(one.explores for one in answered),
            priced=len(priced),
            priced_usd=sum(priced, Decimal(0)),
            unpriced_runs=sum(one.cost_usd is None for one in digests),
            ends=tuple(_ends([run for run in listed if run.run_id in self.digests], self.digests)),
            spent=tuple(_spent(digests)),
            tried=tuple(_tried(digests)),
        )


class MemoryFinding(Search):
    """Finding runs, for a journal whose subclass says in what."""

    __slots__ = ()

    @property
    @abstractmethod
    def _search(self) -> MemorySearch: ...

    @override
    async def catch_up(
        self, *, seconds: float | None = None, progress: Progress | None = None
    ) -> int:
        return await self._search.catch_up(seconds=seconds, progress=progress)

    @override
    async def search(self, text: str, *, limit: int = 50, offset: int = 0) -> FoundRuns:
        return await self._search.search(text, limit=limit, offset=offset)

    @override
    async def statistics(self) -> Statistics:
        return await self._search.statistics()


def _texts(digest: Digest) -> dict[FoundIn, str]:
    texts = digest.texts
    return {
        "answer": texts.answer,
        "problem": texts.problem,
        "candidates": texts.candidates,
        "names": texts.names,
    }


def _fits(digest: Digest, phrases: tuple[Phrase, ...]) -> bool:
    return has_all("\n".join(_texts(digest).values()), phrases)


def _found(digest: Digest, phrases: tuple[Phrase, ...]) -> Found:
    texts = _texts(digest)
    best = max(PLACES, key=lambda place: count_in(texts[place], phrases))
    return Found(best, pieces_of(texts[best], phrases))


def _run(run: ListedRun, digest: Digest, found: Found) -> FoundRun:
    return FoundRun(run, _outline(digest), found)


def _outline(digest: Digest) -> Outline:
    return Outline(
        ended_at=digest.ended_at,
        stop_reason=digest.stop_reason,
        explores=digest.explores,
        cost_usd=digest.cost_usd,
        confidence=digest.confidence,
        models=digest.models,
        answer=digest.texts.answer[:OUTLINED_CHARS] if digest.answered else None,
    )


def _ends(listed: Iterable[ListedRun], digests: Mapping[str, Digest]) -> list[EndCount]:
    counts: dict[EndCount, int] = defaultdict(int)
    for run in listed:
        one = digests[run.run_id]
        counts[EndCount(status_of(one.status, driven=run.driven), one.stop_reason, 0)] += 1
    found = [replace(end, runs=count) for end, count in counts.items()]
    return sorted(found, key=lambda end: (-end.runs, end.status, end.stop_reason or ""))


def _spent(digests: Iterable[Digest]) -> list[SpentInRuns]:
    groups: dict[tuple[str, str, str], list[Spent]] = defaultdict(list)
    for digest in digests:
        for one in digest.spent:
            groups[one.month, one.model, one.role].append(one)
    sums = [SpentInRuns(_sum_spent(rows), len(rows)) for rows in groups.values()]
    sums.sort(key=lambda one: (-one.spent.cost_usd, one.spent.model, one.spent.role))
    return sorted(sums, key=lambda one: one.spent.month, reverse=True)


def _sum_spent(rows: Sequence[Spent]) -> Spent:
    return replace(
        rows[0],
        requests=sum(row.requests for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost_usd=sum((row.cost_usd for row in rows), Decimal(0)),
        unpriced=sum(row.unpriced for row in rows),
    )


def _tried(digests: Iterable[Digest]) -> list[Tried]:
    groups: dict[tuple[str, str, str], list[Tried]] = defaultdict(list)
    for digest in digests:
        for one in digest.tried:
            groups[one.solver, one.strategy, one.effort].append(one)
    found = [_sum_tried(rows) for rows in groups.values()]
    return sorted(found, key=lambda one: (-one.explores, one.solver, one.strategy, one.effort))


def _sum_tried(rows: Sequence[Tried]) -> Tried:
    return replace(
        rows[0],
        explores=sum(row.explores for row in rows),
        failed=sum(row.failed for row in rows),
        judged=sum(row.judged for row in rows),
        won=sum(row.won for row in rows),
        cost_usd=sum((row.cost_usd for row in rows), Decimal(0)),
        unpriced=sum(row.unpriced for row in rows),
    )
