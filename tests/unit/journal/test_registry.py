"""Every store in the registry opens by its name, to be written and to be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.journal.registry import DEFAULT_STORE, STORES, open_journal
from atlas_mcp.testing.journal_conformance import first_record


@pytest.mark.parametrize("store", STORES)
async def test_a_store_keeps_its_runs_and_shows_them(store: str, tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "home", looks=False, store=store)
    await journal.release(await journal.open_run("r", first_record()))
    await journal.aclose()

    shown = open_journal(tmp_path / "home", looks=True, store=store)
    (run,) = await shown.list_runs()
    await shown.aclose()

    assert (run.run_id, run.driven) == ("r", False)


def test_the_default_store_is_one_of_them() -> None:
    assert DEFAULT_STORE in STORES
