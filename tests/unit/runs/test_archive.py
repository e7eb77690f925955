"""A run as a file: what is written is read back, and what is wrong with a file is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore, SolverFailure
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.run_ids import RUN_ID
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.drawing import draws

MODEL = ModelSpec("maker/m")


def records_of(
    *, problem: str = "How many?", answer: Any = "42", reasoning: str = "So.", at: float = 1.5
) -> tuple[Record, ...]:
    events: tuple[Event, ...] = (
        RunOpened(Problem(problem), RunSpec("atlas", MODEL, (SolverSpec("s", MODEL),), Budget())),
        ExploresPlanned("prefetch", (Planned(1, Explore("s")),)),
        SolverStarted(1, Decimal("0.25")),
        SolverFinished(
            1, Candidate(answer, reasoning, "Counts.", 0.5), Charge(Usage(1, 9, 5), Decimal(0))
        ),
        RunFinished("answered", "decided", answer),
    )
    return tuple(Record(seq, at, event) for seq, event in enumerate(events, start=1))


def written(records: Sequence[Record], run_id: str = "abc") -> str:
    return "".join(f"{line}\n" for line in write_archive(run_id, records))


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_archive(text, "run.jsonl")
    assert caught.value.argument == "run.jsonl"
    return caught.value.rule


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=draws(60))
@given(
    problem=st.text(min_size=1),
    answer=JSON_VALUES,
    reasoning=st.text(),
    at=st.floats(0, 1e11),
    run_id=st.from_regex(RUN_ID, fullmatch=True),
)
@pytest.mark.requirement("PAID-10")
def test_a_run_is_read_back_as_it_was_written_and_each_record_is_a_line(
    problem: str, answer: Any, reasoning: str, at: float, run_id: str
) -> None:
    records = records_of(problem=problem, answer=answer, reasoning=reasoning, at=at)
    text = written(records, run_id)

    assert read_archive(text, "run.jsonl") == (run_id, records)
    assert text.count("\n") == 1 + len(records)
    for line in text.split("\n")[:-1]:
        json.loads(line)


def test_the_heading_says_what_the_file_is_and_who_wrote_it() -> None:
    heading = json.loads(written(records_of()).split("\n")[0])

    assert heading.pop("written_by").startswith("atlas-mcp ")
    assert heading == {"format": "atlas-mcp run", "version": 1, "run_id": "abc", "records": 5}


def test_a_file_that_went_through_another_system_is_still_read() -> None:
    """Other line ends come in as `\\n` when text is read; some programs take the last one away."""
    text = written(records_of())

    assert read_archive(text.rstrip("\n"), "run.jsonl") == read_archive(text, "run.jsonl")
    assert read_archive(text + "\n\n", "run.jsonl") == read_archive(text, "run.jsonl")


@settings(deadline=None, max_examples=draws(80))
@given(data=st.data())
def test_a_file_cut_off_anywhere_is_refused_by_the_line_or_the_count(data: st.DataObject) -> None:
    text = written(records_of()).rstrip("\n")
    size = data.draw(st.integers(0, len(text) - 1))
    cut = text[:size]

    said = refusal(cut)

    line = len(cut.split("\n"))
    whole = cut.endswith("\n") or text[size] == "\n"
    if "\n" not in cut.rstrip("\n") and not whole:
        assert "line 1 is not the heading" in said
    elif whole:
        assert f"holds {len(cut.rstrip(chr(10)).split(chr(10))) - 1} records where" in said
    else:
        assert said.startswith(f"line {line} is cut off or damaged")


# What is damaged, by its line

Lines = list[Any]


def without(index: int) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        del lines[index]

    return change


def swapped(lines: Lines) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def with_value(index: int, key: str, value: object) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[index][key] = value

    return change


def with_event(index: int, event: object) -> Callable[[Lines], None]:
    return with_value(index, "event", event)


def changed_event(index: int, **values: object) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[index]["event"].update(values)

    return change


STARTED = {"type": "solver_started", "explore_id": 1, "hold_usd": "0"}

DAMAGES: dict[str, tuple[Callable[[Lines], None], str]] = {
    "no heading": (without(0), "line 1 is not the heading of an exported run"),
    "another format": (with_value(0, "format", "another"), "line 1 is not the heading"),
    "a version in words": (with_value(0, "version", "one"), "line 1 is not the heading"),
    "a newer file": (with_value(0, "version", 2), "is of version 2, this atlas-mcp reads 1"),
    "no id": (with_value(0, "run_id", None), "line 1 is cut off or damaged (`run_id`"),
    "another count": (with_value(0, "records", 6), "holds 5 records where its heading says 6"),
    "a record that is missing": (without(2), "line 3 holds record 3, where 2 should be"),
    "the last record missing": (without(5), "holds 4 records where its heading says 5"),
    "records in another order": (swapped, "line 3 holds record 3, where 2 should be"),
    "a time that is none": (with_value(3, "at", "noon"), "line 4 is cut off or damaged (`at`"),
    "a time without end": (with_value(3, "at", float("inf")), "line 4 is cut off or damaged (`at`"),
    "a time beyond all numbers": (with_value(3, "at", 10**400), "line 4 is cut off or damaged"),
    "a place that is none": (with_value(1, "seq", True), "line 2 is cut off or damaged (`seq`"),
    "an event of another kind": (with_event(3, {"type": "party"}), "line 4: "),
    "no event": (with_event(3, None), "line 4: "),
    "an event of a newer version": (changed_event(1, version=99), "line 2: the run was written by"),
    "an event too much": (with_event(4, STARTED), "line 5 does not follow"),
    "an explore that nobody planned": (changed_event(3, explore_id=7), "line 4 does not follow"),
    "a run that begins in the middle": (with_event(1, STARTED), "line 2 does not follow"),
    "a solver that is not in the run": (
        changed_event(2, planned=[{"explore_id": 1, "explore": {"solver": "x"}}]),
        "line 3 does not follow",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_named_by_its_line(damage: str) -> None:
    change, says = DAMAGES[damage]
    lines = [json.loads(line) for line in written(records_of()).splitlines()]
    change(lines)

    assert refusal("\n".join(json.dumps(line) for line in lines)).startswith(says)


OTHERS = {
    "nothing": "",
    "blank lines": "\n\n",
    "a page": "# A page\n",
    "zeros": "\0" * 99,
    "endless nesting": "[" * 100_000,
    "a list": "[]",
    "null": "null",
    "an object": '{"format": 1}',
    "a byte order mark": "\ufeff{}",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_is_told_apart_and_the_way_to_a_right_one_shown(text: str) -> None:
    assert "`atlas-mcp runs export ID` writes one" in refusal(text)


def test_a_line_nested_without_end_is_refused() -> None:
    text = written(records_of()).split("\n")[0] + "\n" + '{"event":' * 100_000

    assert refusal(text).startswith("line 2 is cut off or damaged")


def test_a_login_in_an_address_that_an_older_version_kept_is_not_exported() -> None:
    address = "https://someone:hunter2-42@gateway.example.org/v1"
    first, *others = records_of()
    assert isinstance(first.event, RunOpened)
    model = replace(MODEL, endpoint={"base_url": address})
    failed = SolverFailure("unavailable", f"no connection to {address}")
    spec = replace(first.event.spec, orchestrator=model, solvers=(SolverSpec("s", model),))
    others[2] = replace(others[2], event=SolverFinished(1, failed, Charge(Usage(1), Decimal(0))))
    records = (replace(first, event=replace(first.event, spec=spec)), *others)

    text = written(records)
    view = view_of(RunSnapshot("abc", RunState.fold(records), 0.0, driven=False))

    assert "hunter2" not in text
    assert "someone" not in text
    run_id, found = read_archive(text, "run.jsonl")
    assert (run_id, len(found)) == ("abc", len(records))
    assert "https://***@gateway.example.org/v1" in (view.candidates[0].error or "")
    assert "hunter2" not in view.model_dump_json()
