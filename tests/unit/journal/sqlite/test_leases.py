"""Leases of one process that the file does not know of as it should."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite import lease_rows
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record


async def test_what_cannot_be_given_back_keeps_no_other_lease_from_being_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise JournalError("it cannot be written")

    monkeypatch.setattr(lease_rows, "give_back", refuse)
    now = [time.time()]
    journal = SqliteJournal(tmp_path, clock=lambda: now[0], lease_seconds=60)
    other = SqliteJournal(tmp_path, clock=lambda: now[0])
    await journal.open_run("held", first_record())
    given_back = await journal.open_run("given back", first_record())
    with pytest.raises(JournalError):
        await journal.release(given_back)
    now[0] += 59
    assert await journal.renew() == ()
    now[0] += 2

    assert await other.is_driven("held")
    assert not await other.is_driven("given back")
    await other.aclose()
    await journal.aclose()
