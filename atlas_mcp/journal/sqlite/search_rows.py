"""Queries over the digests of runs: which of them match a search, and what they add up to.

Reads the tables of `digest_rows` on its caller's connection. Where they are missing, or there is no
index of words, texts are looked through one by one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, cast, get_args

from atlas_mcp.atlas.digest import Role, Spent, Tried
from atlas_mcp.atlas.outcomes import StopReason, status_of
from atlas_mcp.journal.search import (
    OUTLINED_CHARS,
    PLACES,
    EndCount,
    Found,
    FoundRun,
    Outline,
    SpentInRuns,
    Statistics,
)
from atlas_mcp.journal.sqlite import columns, run_rows
from atlas_mcp.journal.sqlite.digest_rows import TEXTS, dollars
from atlas_mcp.journal.sqlite.run_rows import IsLive
from atlas_mcp.journal.words import Phrase, count_in, has_all, pieces_of

RANKED = 1_000
"""Matches that are ranked, the newest ones: ranking takes microseconds each, and of more matches
than these none is the one that was looked for."""

RANKED_PHRASES = 4
"""Phrases of a search that is ranked: each of them costs a look at all runs that have it. The runs
that have more phrases than these are few, and all fit well."""

WEIGHTS = (4.0, 6.0, 2.0, 3.0)
"""The weights of `TEXTS` in the rank: a word of the answer says most."""

_STOP_REASONS: tuple[StopReason, ...] = get_args(StopReason)

BEGINNING_CHARS = 2_000
"""Characters of each text in which finds are looked for first: a problem may have ten times as
many, and fifty of them are shown at once."""

_LISTED = ", ".join(f"runs.{name.strip()}" for name in run_rows.LISTED.split(","))

_OUTLINE = (
    "digests.ended_at, digests.stop_reason, digests.explores, digests.units, "
    "digests.confidence, digests.models, digests.answer, digests.answered"
)

_RANK = (
    f"SELECT rowid, bm25(digest_words, {', '.join(map(str, WEIGHTS))}) FROM digest_words "
    "WHERE digest_words MATCH ? ORDER BY rowid DESC LIMIT ?"
)


_NEWEST = (
    "SELECT rowid, 0.0 FROM digest_words WHERE digest_words MATCH ? ORDER BY rowid DESC LIMIT ?"
)


class Matches(NamedTuple):
    """The runs that match, and how many there are in all."""

    runs: tuple[FoundRun, ...]
    total: int


def newest(
    connection: sqlite3.Connection, limit: int, offset: int, is_live: IsLive, *, digests: bool
) -> Matches:
    """Return the newest runs, with their outlines where there are digests."""
    outline, join = (_OUTLINE, "LEFT JOIN digests USING (run_id)") if digests else ("NULL", "")
    rows = connection.execute(
        f"SELECT {_LISTED}, {outline} FROM runs {join} "
        "ORDER BY runs.opened_at DESC LIMIT ? OFFSET ?",
        (limit, offset),
    ).fetchall()
    [total] = connection.execute("SELECT count(*) FROM runs").fetchone()
    return Matches(_found(rows, is_live, {}), total)


def matching(
    connection: sqlite3.Connection,
    phrases: Sequence[Phrase],
    limit: int,
    offset: int,
    is_live: IsLive,
) -> Matches:
    """Return the runs whose texts have all phrases, by the index.

    The newest `RANKED` are ordered by rank where there are at most `RANKED_PHRASES`; all others
    follow by age, the newest first.
    """
    query = " ".join(phrase.as_query for phrase in phrases)
    rank = _RANK if len(phrases) <= RANKED_PHRASES else _NEWEST
    ranked = connection.execute(rank, (query, max(RANKED, offset + limit))).fetchall()
    best = sorted(ranked[:RANKED], key=lambda row: (row[1], -row[0])) + ranked[RANKED:]
    total = len(ranked)
    if total >= RANKED:
        asked = "SELECT count(*) FROM digest_words WHERE digest_words MATCH ?"
        [total] = connection.execute(asked, (query,)).fetchone()
    numbers = [number for number, _ in best[offset : offset + limit]]
    return Matches(_of_numbers(connection, numbers, phrases, is_live), total)


def scanned(
    connection: sqlite3.Connection,
    phrases: Sequence[Phrase],
    limit: int,
    offset: int,
    is_live: IsLive,
    *,
    digests: bool,
) -> Matches:
    """Return the runs whose texts have all phrases, newest first, by looking through all of them.

    Args:
        connection: The file.
        phrases: What is searched for.
        limit: Most runs.
        offset: Runs left out before the first.
        is_live: Returns whether a live process holds a lease.
        digests: Whether there are digests; if not, only titles and ids are looked through.
    """
    wanted = tuple(phrases)
    if digests:
        rows = connection.execute(f"SELECT id, {TEXTS} FROM digest_texts ORDER BY id DESC")
        numbers = [row[0] for row in rows if has_all(_joined(row[1:]), wanted)]
        page = numbers[offset : offset + limit]
        return Matches(_of_numbers(connection, page, phrases, is_live), len(numbers))
    rows = connection.execute(
        f"SELECT {_LISTED}, NULL FROM runs ORDER BY runs.opened_at DESC"
    ).fetchall()
    fit = [row for row in rows if has_all(_joined(row[3:6]), wanted)]
    found = _found(fit[offset : offset + limit], is_live, {})
    return Matches(tuple(_with_title(one, wanted) for one in found), len(fit))


def statistics(connection: sqlite3.Connection, unread: int, is_live: IsLive) -> Statistics:
    """Return the digests of all runs, added up.

    Args:
        connection: The file.
        unread: Runs that have no digest.
        is_live: Returns whether a live process holds a lease.
    """
    since, runs, answered, explores, priced, units, unpriced = connection.execute(
        "SELECT min(opened_at), count(*), total(answered), total(answered * explores), "
        "total(answered AND units IS NOT NULL), total(iif(answered, units, 0)), "
        "total(units IS NULL) FROM digests"
    ).fetchone()
    return Statistics(
        since=columns.time(since),
        runs=runs,
        unread=unread,
        answered=int(answered),
        answered_explores=int(explores),
        priced=int(priced),
        priced_usd=dollars(int(units)),
        unpriced_runs=int(unpriced),
        ends=tuple(_ends(connection, is_live)),
        spent=tuple(_spent(connection)),
        tried=tuple(_tried(connection)),
    )


def _ends(connection: sqlite3.Connection, is_live: IsLive) -> Iterable[EndCount]:
    going = connection.execute(
        "SELECT owner, lease_until FROM digests JOIN runs USING (run_id) "
        "WHERE digests.status = 'running'"
    ).fetchall()
    lives = cache(is_live)
    driven = sum(
        owner is not None and lives(columns.text(owner), columns.seconds(until))
        for owner, until in going
    )
    rows = connection.execute("SELECT status, stop_reason, count(*) FROM digests GROUP BY 1, 2")
    ends = [
        EndCount(columns.status(status), _stop_reason(reason), count)
        for status, reason, count in rows
        if columns.status(status) != "running"
    ]
    ends += [
        EndCount(status_of("running", driven=is_driven), None, count)
        for is_driven, count in ((True, driven), (False, len(going) - driven))
        if count
    ]
    return sorted(ends, key=lambda end: (-end.runs, end.status, end.stop_reason or ""))


def _spent(connection: sqlite3.Connection) -> Iterable[SpentInRuns]:
    rows = connection.execute(
        "SELECT month, model, role, sum(requests), sum(input_tokens), sum(output_tokens), "
        "sum(units), sum(unpriced), count(*) FROM digest_spending "
        "GROUP BY 1, 2, 3 ORDER BY 1 DESC, 7 DESC, 2, 3"
    )
    for month, model, role, requests, read, written, units, unpriced, runs in rows:
        yield SpentInRuns(
            Spent(
                columns.text(month),
                columns.text(model),
                cast("Role", role if role in get_args(Role) else "solver"),
                *(requests, read, written),
                cost_usd=dollars(units),
                unpriced=unpriced,
            ),
            runs,
        )


def _tried(connection: sqlite3.Connection) -> Iterable[Tried]:
    rows = connection.execute(
        "SELECT solver, strategy, effort, sum(explores), sum(failed), sum(judged), sum(won), "
        "sum(units), sum(unpriced) FROM digest_tries GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3"
    )
    for solver, strategy, effort, explores, failed, judged, won, units, unpriced in rows:
        yield Tried(
            columns.text(solver),
            columns.text(strategy),
            columns.text(effort),
            *(explores, failed, judged, won),
            cost_usd=dollars(units),
            unpriced=unpriced,
        )


def _of_numbers(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    phrases: Sequence[Phrase],
    is_live: IsLive,
) -> tuple[FoundRun, ...]:
    """Return the runs of some digests, in the order of their numbers; those that are gone not."""
    texts = ", ".join(f"digest_texts.{name.strip()}" for name in TEXTS.split(","))
    rows = {
        row[-5]: row
        for row in connection.execute(
            f"SELECT {_LISTED}, {_OUTLINE}, digests.id, {texts} FROM digests "
            "JOIN runs USING (run_id) JOIN digest_texts ON digest_texts.id = digests.id "
            "WHERE digests.id IN (SELECT value FROM json_each(?))",
            (json.dumps(numbers),),
        )
    }
    page = [rows[number] for number in numbers if number in rows]
    places = {columns.text(row[5]): _place(row[-4:], tuple(phrases)) for row in page}
    return _found([row[:-5] for row in page], is_live, places)


def _found(
    rows: Iterable[tuple[Any, ...]], is_live: IsLive, places: Mapping[str, Found]
) -> tuple[FoundRun, ...]:
    rows = list(rows)
    runs = run_rows.listed([row[:9] for row in rows], is_live)
    return tuple(
        FoundRun(run, _outline(row[9:]), places.get(run.run_id))
        for run, row in zip(runs, rows, strict=True)
    )


def _outline(row: tuple[Any, ...]) -> Outline | None:
    if len(row) == 1 or row[2] is None:
        return None
    ended_at, stop_reason, explores, units, confidence, models, answer, _ = row
    return Outline(
        ended_at=columns.time(ended_at),
        stop_reason=_stop_reason(stop_reason),
        explores=columns.count(explores),
        cost_usd=None if units is None else dollars(units),
        confidence=confidence if isinstance(confidence, float) else None,
        models=_names(models),
        answer=None if answer is None else columns.text(answer)[:OUTLINED_CHARS],
    )


def _names(models: object) -> tuple[str, ...]:
    try:
        names: object = json.loads(columns.text(models))
    except ValueError:
        return ()
    return tuple(map(str, cast("list[object]", names))) if isinstance(names, list) else ()


def _place(row: Sequence[object], phrases: tuple[Phrase, ...]) -> Found:
    """Return the text that has most of the phrases, with the place in it."""
    names = [name.strip() for name in TEXTS.split(",")]
    texts = {name: columns.text(text or "") for name, text in zip(names, row, strict=True)}
    begun = {place: texts[place][:BEGINNING_CHARS] for place in PLACES}
    counts = {place: count_in(text, phrases) for place, text in begun.items()}
    if not any(counts.values()):
        begun = texts
        counts = {place: count_in(texts[place], phrases) for place in PLACES}
    best = max(PLACES, key=counts.__getitem__)
    return Found(best, pieces_of(begun[best], phrases))


def _with_title(found: FoundRun, phrases: tuple[Phrase, ...]) -> FoundRun:
    return FoundRun(found.run, None, Found("problem", pieces_of(found.run.title, phrases)))


def _joined(texts: Iterable[object]) -> str:
    # A phrase does not go from one text into the next.
    return "\n\0\n".join(columns.text(text or "") for text in texts)


def _stop_reason(value: object) -> StopReason | None:
    return value if value in _STOP_REASONS else None
