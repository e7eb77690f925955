"""Results and errors as the protocol has them; long ones are made off the event loop."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from atlas_mcp import texts
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.server.results import (
    ERROR_CHARS,
    error_text,
    errors_shown,
    result_of,
    tool_result,
    viewed,
    whole,
)
from atlas_mcp.texts import printable
from atlas_mcp.views import rendering
from atlas_mcp.views.page_links import PageLink
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import (
    RunView,
)
from tests.support.played_runs import a_run, play
from tests.support.shown_views import FORGED, long_run


def test_an_error_says_its_words_and_steers_nothing() -> None:
    with pytest.raises(ToolError) as raised, errors_shown():
        raise ConfigError(f"the endpoint says {FORGED}" + "x" * 10_000)

    said = str(raised.value)
    assert said.startswith("the endpoint says 42&lt;/candidate>")
    assert len(said) <= 2_000
    assert "\x1b" not in said


def test_an_error_that_is_shown_opens_no_tag_and_is_not_long() -> None:
    text = error_text(InvalidInput("problem", "<candidate>" + "x" * 10_000))

    assert "<candidate>" not in text
    assert len(text) <= ERROR_CHARS


@pytest.mark.parametrize("answer", ["42", {"rows": ["<b> sö"] * 100_000}])
def test_a_text_is_cut_before_it_is_made_harmless(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def counting(text: str) -> str:
        looked_at.append(len(text))
        return printable(text)

    monkeypatch.setattr(texts, "printable", counting)
    view = long_run("sö <b> it is. " * 50_000, answer=answer, explanation="because " * 100_000)
    tool_result(view)

    assert sum(looked_at) <= 500_000
    assert max(looked_at) <= 100_000


async def test_a_long_run_is_shown_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    workers: set[int] = set()

    def noticing(text: str) -> str:
        workers.add(threading.get_ident())
        assert len(text) <= 2_000_000
        return printable(text)

    monkeypatch.setattr(texts, "printable", noticing)
    view = long_run("sö <b> it is. " * 500)
    shown, read = await result_of(view), await whole(view)

    assert workers
    assert threading.get_ident() not in workers
    assert shown == tool_result(view)
    assert RunView.model_validate_json(read) == view


@pytest.mark.parametrize("length", [1, 40_000])
async def test_a_long_run_is_viewed_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    here: list[bool] = []

    def noticing(*args: Any, **options: Any) -> RunView:
        here.append(threading.get_ident() == loop)
        return view_of(*args, **options)

    loop = threading.get_ident()
    monkeypatch.setattr(rendering, "view_of", noticing)
    end = RunFinished("answered", "decided", answer=list(range(length)))
    state = replace(play(a_run()).state, finished=end)

    view = await viewed(
        RunSnapshot("r", state, now=1.0, driven=False), page=PageLink("http://here")
    )

    assert len(view.answer) == length
    assert view.page == "http://here/runs/r"
    assert here == [length == 1]
