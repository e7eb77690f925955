"""Ids of runs."""

from __future__ import annotations

from atlas_mcp.runs.run_ids import ID_ALPHABET, ID_LETTERS, new_run_id


def test_ids_are_drawn_anew_from_letters_that_are_not_mistaken_for_each_other() -> None:
    drawn = {new_run_id() for _ in range(1_000)}

    assert len(drawn) == 1_000
    assert all(len(one) == ID_LETTERS and set(one) <= set(ID_ALPHABET) for one in drawn)
    assert not set("0o1li") & set(ID_ALPHABET)
