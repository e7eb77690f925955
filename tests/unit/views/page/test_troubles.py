"""What went wrong in a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from atlas_mcp.atlas.call_names import solver_call
from atlas_mcp.atlas.events import AttemptFailed, CallsLost, HoldRaised, Record, RecordLost
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.runs.snapshot import BrokenOff
from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import a_run, explores, failed, followed_by, play


def troubles_of(records: list[Record], **facts: Any) -> list[tuple[object, ...]]:
    document = document_of(records, **facts)
    return [(one.kind, one.where, one.cause, one.explore_id) for one in document.troubles]


def test_a_failed_explore_has_its_cause() -> None:
    assert troubles_of(eventful().records) == [
        ("failure", "explore 2", "out of time: it ended badly", 2)
    ]


def test_a_retry_a_loss_of_calls_and_of_records() -> None:
    records = eventful().records[:3]
    retry = AttemptFailed(
        solver_call(1), 1, failed("unavailable", "503"), NO_CHARGE, records[-1].at + 4
    )
    records = followed_by(records, retry, CallsLost(), RecordLost("damaged"))

    assert [one[:2] for one in troubles_of(records)] == [
        ("retry", "explore 1, attempt 1"),
        ("loss", "calls in flight"),
        ("loss", "1 record"),
    ]
    assert troubles_of(records)[0][2] == "503; made again after 4 s"


def test_explores_that_are_not_granted_are_refusals() -> None:
    run = play(a_run(max_explores=3), explores({"solver": "nobody"}, {}, {}, {}))

    assert ("refusal", "a wanted explore") in [one[:2] for one in troubles_of(run.records)]


def test_a_run_that_broke_off_has_lost_its_journal() -> None:
    broken = BrokenOff("the disk is full", stored=3)

    assert troubles_of(eventful().records, broken=broken)[-1] == (
        "loss",
        "the journal",
        "the disk is full",
        None,
    )


def test_a_retry_of_an_old_version_has_no_cause_on_record() -> None:
    records = followed_by(eventful().records[:3], HoldRaised(solver_call(1), Decimal("0.1")))

    assert troubles_of(records) == [
        ("retry", "explore 1", "its cause is on no record of that version", 1)
    ]
