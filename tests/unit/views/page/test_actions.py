"""What may be done about a run."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.explore import Explore
from atlas_mcp.views.page.shapes import PageSuggestion
from tests.support.client_runs import explored
from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import a_run, answers, explores, play, posed


def test_a_run_at_work_can_be_cancelled() -> None:
    document = document_of(eventful().records[:4], driven=True)

    assert document.actions == ["cancel"]
    assert document.suggestion is None
    assert "atlas-mcp runs cancel r1" in [one.line for one in document.commands]


def test_an_interrupted_run_goes_on_under_its_limits() -> None:
    document = document_of(eventful().records[:4])

    assert document.actions == ["ask", "resume"]
    assert document.suggestion == PageSuggestion()
    assert "atlas-mcp runs resume r1" in [one.line for one in document.commands]


def test_an_answered_run_goes_on_under_a_larger_ceiling() -> None:
    document = document_of(eventful().records)

    assert document.suggestion == PageSuggestion(max_explores=12)
    assert any(one.line.startswith("atlas-mcp runs ask r1 ") for one in document.commands)
    assert "atlas-mcp runs resume r1 --max-explores 12" in [one.line for one in document.commands]


def test_a_run_that_ended_at_its_cap_goes_on_under_a_larger_one() -> None:
    run = play(a_run(max_cost_usd="0.9"), explores({}), answers(), price=lambda hold: hold)
    document = document_of(run.records)

    assert document.stop_reason == "max_cost"
    assert document.suggestion == PageSuggestion(max_cost_usd=Decimal("1.8"))


def test_a_question_under_way_can_be_ended_by_a_command_too() -> None:
    document = document_of(posed(eventful()), driven=True)

    assert document.actions == ["cancel", "ask", "resume"]
    ends = [one.what for one in document.commands if one.line == "atlas-mcp runs cancel r1"]
    assert ends == ["End the question about it"]


def test_a_client_explores_further() -> None:
    assert document_of(explored(Explore("s"))).actions == ["ask", "explore"]


def test_a_fixed_workflow_that_has_answered_can_be_asked_and_no_more() -> None:
    assert document_of(play(a_run(workflow="majority:3")).records).actions == ["ask"]
    assert document_of(play(a_run(workflow="majority", max_explores=3)).records).actions == [
        "ask",
        "resume",
    ]
