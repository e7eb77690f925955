"""The digests of runs as rows, with an index of their words: made from records, and made anew.

Nothing is kept here alone, so the tables are no part of the file's version: they are made when
somebody searches for the first time, programs that know nothing of them use the file as before, and
whatever is damaged is thrown away.

Appends and removals only note that their run has changed, which fails none of them: the index may
fail as late as when a transaction is committed, so it is written in transactions of its own. It is
that of SQLite (FTS5), and has no text itself; a build of SQLite without it keeps the texts alone.
Works on its caller's connection, within the caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from decimal import Decimal
from typing import NamedTuple

from atlas_mcp.atlas.digest import DIGEST_VERSION, Digest, Spent, Tried
from atlas_mcp.journal.search import OUTLINED_CHARS
from atlas_mcp.journal.sqlite import columns
from atlas_mcp.journal.sqlite.spending_rows import MOST_UNITS, UNITS
from atlas_mcp.journal.words import WORD_CATEGORIES, indexed, storable, tokens_of

TEXTS = "problem, answer, candidates, names"
"""The columns of a digest's texts, in the order of `Texts`."""

TABLES = (
    "digests",
    "digest_texts",
    "digest_spending",
    "digest_tries",
    "digest_changes",
    "digest_state",
)

_TABLES = f"""
CREATE TABLE digests (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    updated_at REAL NOT NULL,
    opened_at REAL NOT NULL,
    ended_at REAL,
    status TEXT NOT NULL,
    stop_reason TEXT,
    answered INTEGER NOT NULL,
    explores INTEGER NOT NULL,
    units INTEGER,
    confidence REAL,
    models TEXT NOT NULL,
    answer TEXT
);
CREATE TABLE digest_texts (
    id INTEGER PRIMARY KEY, problem TEXT, answer TEXT, candidates TEXT, names TEXT
);
CREATE TABLE digest_spending (
    id INTEGER NOT NULL,
    month TEXT NOT NULL,
    model TEXT NOT NULL,
    role TEXT NOT NULL,
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    units INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (id, month, model, role)
) WITHOUT ROWID;
CREATE TABLE digest_tries (
    id INTEGER NOT NULL,
    solver TEXT NOT NULL,
    strategy TEXT NOT NULL,
    effort TEXT NOT NULL,
    explores INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    judged INTEGER NOT NULL,
    won INTEGER NOT NULL,
    units INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (id, solver, strategy, effort)
) WITHOUT ROWID;
CREATE TABLE digest_changes (run_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE digest_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO digest_state VALUES ('version', {DIGEST_VERSION})
"""
"""`updated_at` and `size_bytes` are those of the run's row when its records were read."""

_INDEX = (
    f"CREATE VIRTUAL TABLE digest_words USING fts5({TEXTS}, content='', "
    f"tokenize=\"unicode61 remove_diacritics 2 categories '{WORD_CATEGORIES}'\")"
)

_STALE = """
SELECT runs.run_id FROM runs LEFT JOIN digests ON digests.run_id = runs.run_id
WHERE digests.size_bytes IS NOT runs.size_bytes OR digests.updated_at IS NOT runs.updated_at
ORDER BY runs.opened_at
"""

_ORPHANS = "SELECT run_id FROM digests WHERE run_id NOT IN (SELECT run_id FROM runs)"

_DAMAGES = ("SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH")
"""Beginnings of SQLite's names of the errors that damaged tables of digests cause."""


class ReadRun(NamedTuple):
    """A run whose records were read.

    Attributes:
        run_id: Its id.
        size_bytes: The size in its row when they were read.
        updated_at: The time in its row when they were read.
        digest: Its digest; `None` where there is no such run any more.
    """

    run_id: str
    size_bytes: object
    updated_at: object
    digest: Digest | None


class State(NamedTuple):
    """How the tables of digests stand.

    Attributes:
        there: Whether this version's tables are there.
        newer: Whether those of a newer version are.
        words: Whether there is an index of words.
        damaged: Whether something of them was found damaged.
    """

    there: bool = False
    newer: bool = False
    words: bool = False
    damaged: bool = False


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that tables of digests are damaged, not that a disk is full."""
    # Text that cannot be decoded gives an error without a name.
    return (getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR").startswith(_DAMAGES)


def state_of(connection: sqlite3.Connection) -> State:
    """Return how the tables of digests stand."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'digest%'")
    names = {name for (name,) in found}
    if not names:
        return State()
    try:
        values = dict(connection.execute("SELECT name, value FROM digest_state").fetchall())
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        values = {}
    version = values.get("version")
    newer = isinstance(version, int) and version > DIGEST_VERSION
    there = version == DIGEST_VERSION and names.issuperset(TABLES)
    damaged = bool(values.get("damaged"))
    return State(there, newer, "digest_words" in names, damaged or not (there or newer))


def make(connection: sqlite3.Connection, *, anew: bool, words: bool) -> None:
    """Make the tables where they are missing.

    Args:
        connection: The file.
        anew: Whether to throw away what is there first.
        words: Whether to make an index of words.
    """
    if not anew and state_of(connection).there:
        return
    _drop(connection)
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    if words:
        connection.execute(_INDEX)


def can_index(connection: sqlite3.Connection) -> bool:
    """Return whether this build of SQLite can keep an index of words."""
    asked = "SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"
    return connection.execute(asked).fetchone() is not None


def note_change(connection: sqlite3.Connection, run_id: str) -> None:
    """Note that a run has changed, where there are digests."""
    try:
        connection.execute("INSERT OR IGNORE INTO digest_changes VALUES (?)", (run_id,))
    except sqlite3.Error as error:
        if "no such table" not in str(error) and not connection.in_transaction:
            raise


def stale(connection: sqlite3.Connection) -> list[str]:
    """Return the runs whose digests are missing or out of date, oldest first; it reads all rows."""
    found = [row for query in (_ORPHANS, _STALE) for row in connection.execute(query)]
    return [columns.text(run_id) for (run_id,) in found]


def noted(connection: sqlite3.Connection) -> list[str]:
    """Return the runs that were noted to have changed."""
    found = connection.execute("SELECT run_id FROM digest_changes").fetchall()
    return [columns.text(run_id) for (run_id,) in found]


def store(connection: sqlite3.Connection, runs: Iterable[ReadRun]) -> None:
    """Store digests, but none of a run that has changed since its records were read.

    Raises:
        sqlite3.Error: They cannot be stored.
    """
    words = state_of(connection).words
    for run in runs:
        row = connection.execute(
            "SELECT size_bytes, updated_at FROM runs WHERE run_id = ?", (run.run_id,)
        ).fetchone()
        if row is None:
            _remove(connection, run.run_id, words=words)
        elif run.digest is not None and row == (run.size_bytes, run.updated_at):
            _store(connection, run, run.digest, words=words)
        else:
            continue
        connection.execute("DELETE FROM digest_changes WHERE run_id = ?", (run.run_id,))


def finds_itself(connection: sqlite3.Connection) -> bool:
    """Return whether the index finds the newest run by its id: damage need not show by itself."""
    newest = connection.execute(
        "SELECT id, run_id FROM digests ORDER BY id DESC LIMIT 1"
    ).fetchone()
    words = tokens_of(columns.text(newest[1])) if newest else ()
    if not words:
        return True
    query = f'"{" ".join(words)}"'
    asked = "SELECT 1 FROM digest_words WHERE digest_words MATCH ? AND rowid = ?"
    return connection.execute(asked, (query, newest[0])).fetchone() is not None


def dollars(units: object) -> Decimal:
    """Return a stored amount in US dollars; 0 where it is damaged."""
    return Decimal(units if isinstance(units, int) else 0) / UNITS


def units_of(usd: Decimal) -> int:
    """Return US dollars as they are stored."""
    return max(0, min(MOST_UNITS, int(usd * UNITS)))


def _store(connection: sqlite3.Connection, run: ReadRun, digest: Digest, *, words: bool) -> None:
    before = _remove(connection, run.run_id, words=words)
    cost = digest.cost_usd
    stored = connection.execute(
        "INSERT INTO digests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            before,
            *(run.run_id, run.size_bytes, run.updated_at),
            *(digest.opened_at, digest.ended_at, digest.status, digest.stop_reason),
            *(digest.answered, digest.explores),
            None if cost is None else units_of(cost),
            digest.confidence,
            json.dumps(digest.models),
            storable(digest.texts.answer[:OUTLINED_CHARS]) if digest.answered else None,
        ),
    )
    number = stored.lastrowid
    texts = tuple(map(storable, astuple(digest.texts)))
    connection.execute("INSERT INTO digest_texts VALUES (?,?,?,?,?)", (number, *texts))
    if words:
        connection.execute(
            f"INSERT INTO digest_words (rowid, {TEXTS}) VALUES (?,?,?,?,?)",
            (number, *map(indexed, texts)),
        )
    connection.executemany(
        "INSERT OR REPLACE INTO digest_spending VALUES (?,?,?,?,?,?,?,?,?)",
        [(number, *_values(one)) for one in digest.spent],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO digest_tries VALUES (?,?,?,?,?,?,?,?,?,?)",
        [(number, *_values(one)) for one in digest.tried],
    )


def _values(row: Spent | Tried) -> Iterator[object]:
    """Yield values as they are stored: amounts in units, numbers that fit a column."""
    for value in astuple(row):
        if isinstance(value, Decimal):
            yield units_of(value)
        elif isinstance(value, int):
            yield min(value, columns.MOST)
        else:
            yield storable(value)


def _remove(connection: sqlite3.Connection, run_id: str, *, words: bool) -> int | None:
    """Remove what is kept of a run, and return its number; `None` if there was nothing."""
    row = connection.execute("SELECT id FROM digests WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    if words:
        # The index has to be told which words it loses.
        for texts in connection.execute(f"SELECT {TEXTS} FROM digest_texts WHERE id = ?", row):
            connection.execute(
                f"INSERT INTO digest_words (digest_words, rowid, {TEXTS}) "
                "VALUES ('delete',?,?,?,?,?)",
                (*row, *(indexed(columns.text(text or "")) for text in texts)),
            )
    for table in ("digest_texts", "digest_spending", "digest_tries", "digests"):
        connection.execute(f"DELETE FROM {table} WHERE id = ?", row)
    return row[0]


def _drop(connection: sqlite3.Connection) -> None:
    """Throw all tables of digests away, also where they are damaged."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'digest%' "
        "ORDER BY name = 'digest_words' DESC"
    ).fetchall()
    for (name,) in found:
        try:
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        except sqlite3.Error:
            if name != "digest_words" or not connection.in_transaction:
                raise
            # An index that cannot be opened is forgotten; its own tables are dropped next.
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("DELETE FROM sqlite_master WHERE name = 'digest_words'")
            connection.execute("PRAGMA writable_schema = RESET")
