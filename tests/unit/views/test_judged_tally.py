"""The tally says which candidates agree by rule, and which by the orchestrator's judgement."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from atlas_mcp.atlas.judgement import judged_groups
from atlas_mcp.cli.display import picture
from atlas_mcp.cli.terminal import Screen
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.plain_text import state_line
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.status import status_line
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary
from atlas_mcp.views.whole_runs import whole_json
from tests.support.played_runs import Played, a_run, answers, explores, found, in_turn, play

SENTENCE = "The farmer has 24 sheep now."


def counted(*candidates: str, same: Any, chosen: str | None = "24") -> Played:
    """Return a run of these candidates, in which the orchestrator names the same answers."""
    return play(
        a_run(prefetch=len(candidates)),
        answers(chosen, supported=chosen is not None, same_answers=same),
        solve=in_turn(*map(found, candidates)),
    )


MIXED = counted("24", SENTENCE, "24", "25", same=[[1, 2]])
JUDGED = counted("24", SENTENCE, "25", same=[[1, 2]])
RULED = counted("24", "25", "24", same=[[1, 3]])


def view(run: Played) -> RunView:
    return view_of(RunSnapshot("r", run.state, run.state.at, driven=False))


def table(run: Played) -> str:
    stream = io.StringIO()
    Screen(stream, columns=200).print(picture(LiveRun("r", run.state), now=run.state.at))
    return stream.getvalue()


@pytest.mark.requirement("SEEN-13")
def test_the_view_says_which_groups_are_by_judgement() -> None:
    first, second = view(MIXED).agreement.groups

    assert (first.answer, first.explore_ids, first.by) == ("24", [1, 2, 3], "judgement")
    assert (second.answer, second.explore_ids, second.by) == ("25", [4], "rule")
    assert [one.by for one in view(RULED).agreement.groups] == ["rule", "rule"]


def test_every_form_of_a_result_has_the_grounds_of_each_group() -> None:
    shown = view(MIXED)
    dumps: list[Any] = [
        json.loads(shown.model_dump_json()),
        json.loads(whole_json(shown)),
        structured(shown),
    ]

    for form in dumps:
        assert [one["by"] for one in form["agreement"]["groups"]] == ["judgement", "rule"]
        assert all("agreeing_by_rule" not in one for one in form["agreement"]["groups"])


@pytest.mark.requirement("SEEN-13")
@pytest.mark.parametrize(
    ("run", "text", "line"),
    [
        (
            MIXED,
            '3 of 4 candidates say "24" (2 by rule, 1 by the orchestrator\'s judgement)',
            "3 of 4 agree: 2 by rule, 1 by judgement",
        ),
        (
            JUDGED,
            '2 of 3 candidates say "24" (by the orchestrator\'s judgement)',
            "2 of 3 agree: by judgement",
        ),
        (RULED, '2 of 3 candidates say "24"', "2 of 3 agree"),
    ],
    ids=["mixed", "judged", "ruled"],
)
def test_texts_and_lines_say_how_many_agree_by_what(run: Played, text: str, line: str) -> None:
    assert f"Agreement: {text}." in summary(view(run)).splitlines()
    assert f" · {line} · " in state_line(view(run))
    assert f"({line})" in status_line(LiveRun("r", run.state), now=run.state.at)
    assert f"{line} " in table(run)


def test_while_a_run_goes_on_candidates_agree_by_rule_alone() -> None:
    before = MIXED.live[-2]

    assert "(2 of 4 agree)" in status_line(LiveRun("r", before), now=before.at)
    assert {group.by for group in judged_groups(before)} == {"rule"}


def test_candidates_that_say_the_same_in_other_words_do_not_dissent() -> None:
    assert view(MIXED).agreement.dissent == 'Other candidates answer: "25" (explore 4)'
    assert view(counted("24", SENTENCE, same=[[1, 2]])).agreement.dissent is None
    assert view(counted("24", SENTENCE, same=[])).agreement.dissent is not None


def test_judgement_may_settle_a_tie_and_the_warning_of_it() -> None:
    apart, judged = (counted("24", SENTENCE, same=same) for same in ([], [[1, 2]]))

    assert any("tied" in one for one in view(apart).agreement.warnings)
    assert not any("tied" in one for one in view(judged).agreement.warnings)


def test_an_answer_belongs_to_the_group_whatever_words_of_it_it_has() -> None:
    for chosen in ("24", SENTENCE):
        run = counted("24", SENTENCE, "24", "25", same=[[1, 2]], chosen=chosen)
        assert [one.chosen for one in view(run).agreement.groups] == [True, False]


def test_an_answer_in_words_of_its_own_belongs_to_the_candidates_that_are_named_with_it() -> None:
    worded = "24 sheep are left."
    alone, named, both = (
        view(counted("24", SENTENCE, "24", "25", same=same, chosen=worded))
        for same in ([], [[0, 1]], [[0, 1], [2, 0]])
    )

    assert "no candidate gives this answer" in summary(alone)
    assert [one.chosen for one in alone.agreement.groups] == [False, False, False]
    assert [(one.explore_ids, one.chosen) for one in named.agreement.groups] == [
        ([1, 3], True),
        ([2], False),
        ([4], False),
    ]
    assert "no candidate gives this answer" not in summary(named)
    assert [(one.explore_ids, one.by) for one in both.agreement.groups] == [
        ([1, 2, 3], "judgement"),
        ([4], "rule"),
    ]
    assert both.agreement.dissent == 'Other candidates answer: "25" (explore 4)'


def test_a_candidate_named_with_an_answer_is_one_with_those_that_give_it_by_rule() -> None:
    shown = view(counted("24", SENTENCE, "24", "25", same=[[0, 2]], chosen="24.0"))

    assert [(one.explore_ids, one.chosen) for one in shown.agreement.groups] == [
        ([1, 2, 3], True),
        ([4], False),
    ]


def test_judgement_stands_also_where_no_answer_is_supported() -> None:
    run = counted("24", SENTENCE, "25", "26", same=[[1, 2]], chosen=None)

    assert run.end.stop_reason == "no_supported_answer"
    assert [one.by for one in view(run).agreement.groups] == ["judgement", "rule", "rule"]


def test_a_client_that_orchestrates_sees_groups_by_rule_alone() -> None:
    run = play(a_run(workflow="majority", max_explores=3), solve=in_turn(*map(found, "112")))

    assert {one.by for one in view(run).agreement.groups} == {"rule"}
    assert " · 2 of 3 agree · " in state_line(view(run))


def test_candidates_of_later_explores_are_judged_too() -> None:
    run = play(
        a_run(),
        explores({"strategy": "direct"}),
        answers("24", same_answers=[[2, 3]]),
        solve=in_turn(*map(found, ("24", SENTENCE, "24 sheep are left."))),
    )

    assert [one.explore_ids for one in view(run).agreement.groups] == [[2, 3], [1]]
