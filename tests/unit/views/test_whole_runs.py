"""All of a run as JSON: whole, printable, without tags."""

from __future__ import annotations

import pytest

from atlas_mcp.server.results import (
    whole,
)
from atlas_mcp.texts import printable
from atlas_mcp.views.run_view import (
    Agreement,
    AnswerGroup,
    RunView,
)
from atlas_mcp.views.whole_runs import as_json
from tests.support.shown_views import a_candidate, a_view, long_run, structure_of


async def test_answers_go_into_results_as_they_are() -> None:
    answer = [{"a": [j, None, 1.5, "sö"]} for j in range(3_000)]
    group = AnswerGroup(answer=answer, explore_ids=[1], solvers=["s"], approaches=["a"])
    agreement = Agreement(groups=[group], dissent=None, warnings=[])
    candidates = [a_candidate(1, "short", answer=answer), a_candidate(2, "short", answer=None)]
    view = a_view("short", answer=answer, candidates=candidates, agreement=agreement)

    # Copied by the serializer in one go, they would keep the interpreter from everybody.
    assert structure_of(view)["answer"] is answer
    assert as_json(view) == view.model_dump(mode="json")
    assert as_json(view)["candidates"][0]["answer"] is answer
    assert as_json(view)["agreement"]["groups"][0]["answer"] is answer
    assert RunView.model_validate_json(await whole(view)) == view


@pytest.mark.parametrize("text", ["<b>\u202e", "sö" * 20_000, "\u0301" * 5_000])
async def test_all_of_a_run_is_printable_json_without_tags(text: str) -> None:
    answer: dict[str, object] = {"deep": [text, 1.5, None, {}]}
    view = long_run(text, count=3, answer=answer)
    read = await whole(view)

    assert RunView.model_validate_json(read) == view
    assert "<" not in read
    assert printable(read) == read
