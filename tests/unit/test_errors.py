"""The texts of errors, and that they survive a process."""

from __future__ import annotations

import pickle

import pytest
from inline_snapshot import snapshot

from atlas_mcp.errors import (
    AtlasError,
    InvalidInput,
    JournalCorrupt,
    JournalInUse,
    JournalNewer,
    ModelDown,
    ModelRejected,
    UnknownRun,
)


def test_an_argument_is_named_before_its_rule() -> None:
    error = InvalidInput("max_explores", "is 0; it takes 1 to 100")

    assert str(error) == "`max_explores`: is 0; it takes 1 to 100"
    assert (error.argument, error.rule) == ("max_explores", "is 0; it takes 1 to 100")


def test_a_model_is_named_with_the_id_of_its_call() -> None:
    assert str(ModelRejected("maker/m", "no credit", request_id="r-1")) == (
        "`maker/m`: no credit (request r-1)"
    )


def test_an_unknown_run_is_shown_in_part_with_the_way_on() -> None:
    text = str(UnknownRun("x" * 1_000))

    assert "x" * 100 + "…" in text
    assert "x" * 101 not in text
    assert "runs list" in text


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("images", "is too large"),
        UnknownRun("r"),
        JournalInUse("/home/journal", {"r": "7-a"}),
        JournalNewer("newer"),
        ModelDown("maker/m", "busy", given_up="not asked for 9 s"),
    ],
)
def test_an_error_survives_a_process(error: AtlasError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again)) == (type(error), str(error))


def test_a_run_of_a_newer_version_is_no_damaged_one_to_mend_but_is_caught_as_such() -> None:
    assert issubclass(JournalNewer, JournalCorrupt)


def test_a_journal_in_use_names_few_of_many_runs_and_each_process_once() -> None:
    runs = {f"run{n}": "12-ab" if n % 2 else "9-cd" for n in range(7)}

    assert str(JournalInUse("/j", runs)) == snapshot(
        "the journal /j cannot be brought up to date yet, since an older version of atlas-mcp "
        "drives runs of it: `run0`, `run1`, `run2`, `run3`, `run4`, 2 more (process 9, 12). Try "
        "again once they have ended, or end the process: what is found is kept, and runs can be "
        "resumed"
    )
