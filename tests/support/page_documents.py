"""Documents of played runs, and a run with all that a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.document import PageDocument, page_document
from tests.support.played_runs import (
    Played,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    found,
    in_turn,
    play,
)


def snapshot_of(records: Sequence[Record], *, driven: bool = False, **facts: Any) -> RunSnapshot:
    state = RunState.fold(records)
    return RunSnapshot("r1", state, state.at + 3 * driven, driven, **facts)


def document_of(
    records: Sequence[Record], *, driven: bool = False, since: int = 0, **facts: Any
) -> PageDocument:
    return page_document(records, snapshot_of(records, driven=driven, **facts), since=since)


def eventful() -> Played:
    """Play a run with a further explore, a failure, and an answer."""
    return play(
        a_run(a_solver("a"), a_solver("b")),
        explores({"solver": "a", "strategy": "work_backwards", "instruction": "Check it."}),
        answers(dissent="One says 41."),
        solve=in_turn(found(), failed(), found("41", approach="Guessing."), found()),
    )
