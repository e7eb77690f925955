"""Ids of runs."""

from __future__ import annotations

import pytest

from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.run_ids import ID_ALPHABET, ID_LETTERS, check_run_id, new_run_id


def test_ids_are_drawn_anew_from_letters_that_are_not_mistaken_for_each_other() -> None:
    drawn = {new_run_id() for _ in range(1_000)}

    assert len(drawn) == 1_000
    assert all(len(one) == ID_LETTERS and set(one) <= set(ID_ALPHABET) for one in drawn)
    assert not set("0o1li") & set(ID_ALPHABET)


@pytest.mark.parametrize("run_id", ["r", "7", "also-held_2", "x" * 64])
def test_a_run_may_have_an_id_of_letters_digits_and_dashes(run_id: str) -> None:
    check_run_id(run_id)
    check_run_id(new_run_id())


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "a b", "a\n", "-a", "é", "x" * 65, None, 7])
def test_an_id_that_cannot_stand_anywhere_is_refused_by_its_rule(run_id: object) -> None:
    with pytest.raises(InvalidInput, match=r"`run_id`: .* takes 1 to 64 letters") as refused:
        check_run_id(run_id)

    assert str(refused.value).isascii() or len(str(run_id)) > 60
