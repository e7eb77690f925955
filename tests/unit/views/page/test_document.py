"""The document of a page: whole, in part, of every kind of run, and quickly made."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import cast

import pytest
from hypothesis import given

from atlas_mcp.atlas.events import Record, RecordLost
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.texts import printable, without_logins
from atlas_mcp.views.page.document import PageDocument, page_document
from tests.support.drawn_runs import runs
from tests.support.hostile_texts import RUNS
from tests.support.page_documents import document_of, eventful, hostile_run, snapshot_of
from tests.support.played_runs import Played, a_run, a_solver, found, play


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in cast("dict[str, object]", value).items():
            yield from (name, *texts_in(one))
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from texts_in(one)


@given(runs())
def test_every_run_has_a_document_at_every_record(run: Played) -> None:
    for count in range(1, len(run.records) + 1, 5):
        for driven in (True, False):
            document = document_of(run.records[:count], driven=driven)
            assert document.model_dump_json()
            assert document.version == count


@given(runs())
def test_documents_in_part_add_up_to_the_whole(run: Played) -> None:
    merged: dict[int, dict[str, object]] = {}
    since = 0
    for count in (*range(1, len(run.records), 4), len(run.records)):
        document = document_of(run.records[:count], since=since)
        merged |= {one.explore_id: one.model_dump() for one in document.candidates}
        since = document.version

    whole = document_of(run.records)
    # A page takes the groups of candidates from those of the agreement.
    assert [one | {"group": None} for _, one in sorted(merged.items())] == [
        one.model_dump() | {"group": None} for one in whole.candidates
    ]


def test_records_that_the_snapshot_does_not_know_yet_are_left_out() -> None:
    records = eventful().records

    document = page_document(records, snapshot_of(records[:6]))

    assert document.version == 6
    assert len(document.decisions) == 1


def test_nothing_that_has_not_changed_is_sent_again() -> None:
    problem = Problem("How many?", (Image("image/png", "AAAA"),))
    records = play(a_run(), problem=problem).records

    whole, rest = document_of(records), document_of(records, since=len(records))

    assert [one.data for one in whole.problem.images] == ["AAAA"]
    assert (rest.partial, rest.candidates, rest.problem.images) == (True, [], [])
    assert rest.decisions == whole.decisions


def test_a_run_whose_opening_is_lost_has_a_document() -> None:
    records = eventful().records
    lost = [Record(1, 0.0, RecordLost("damaged", title="How ma")), *records[1:]]

    document = document_of(lost)

    assert document.title == "How ma"
    assert [one.state for one in document.candidates] == ["ok", "failed", "ok"]
    assert document.actions == []


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS.keys())
def test_hostile_texts_are_shown_as_texts(text: str) -> None:
    text = text.encode(errors="replace").decode()
    run = hostile_run(text)

    shown = list(texts_in(document_of(run.records).model_dump(mode="json")))

    assert [one for one in shown if printable(one) != one] == []
    assert shown.count(printable(without_logins(text))) > 8


def large_run(reasoning: str) -> Sequence[Record]:
    spec = a_run(a_solver(), prefetch=20, max_explores=20, max_parallel=20, max_cost_usd=None)
    return play(spec, solve=lambda call: found(reasoning=reasoning)).records


def calls_to_make(records: Sequence[Record]) -> tuple[PageDocument, int]:
    """Return a document, and the functions that were called to make it."""
    called = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(count)
    try:
        document = document_of(records)
    finally:
        sys.setprofile(None)
    return document, called


def test_long_texts_make_a_document_no_more_work_but_their_reading() -> None:
    document, of_long = calls_to_make(large_run("x = 1; " * 4_300))
    _, of_short = calls_to_make(large_run("x = 1"))

    assert sum(len(one.reasoning or "") for one in document.candidates) == 20 * 30_100
    assert of_long < 1.5 * of_short
