"""Documents of played runs, and a run with all that a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.document import PageDocument, page_document
from tests.support.played_runs import (
    Played,
    a_model,
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


def hostile_run(text: str) -> Played:
    """Play a run in which a text stands wherever a caller, a model or an endpoint writes."""
    # What cannot be encoded is refused or replaced before it is on record.
    text = text.encode(errors="replace").decode()
    one = found(text, approach=text, reasoning=text)
    seeing = a_solver(text[:99], spec=a_model(f"maker/{text}", images=True))
    return play(
        a_run(seeing, a_solver("b", spec=seeing.spec), orchestrator=a_model("m/o", images=True)),
        explores({"solver": text}, {"solver": "b", "strategy": "direct", "instruction": text}),
        answers(text, explanation=text, dissent=text),
        solve=in_turn(one, failed("refused", text), one),
        problem=Problem(text, (Image(url=f"https://x.invalid/{text}"),)),
    )
