"""The text of a result: nothing foreign in it passes for a line of ours."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.views.lengths import chars_of
from atlas_mcp.views.run_view import (
    Agreement,
    AnswerGroup,
)
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary
from tests.support.shown_views import FORGED, a_candidate, a_solve, a_view, tokens

LABELS = ("Answer", "Why", "Agreement", "Cost", "Note", "Dissent", "Next", "Run")
"""The beginnings of our own lines."""

PROSE = ("instruction", "answer", "approach", "justification")
"""The parts of a candidate's text that others wrote."""


def labels_of(text: str) -> list[str]:
    """Return the labels that lines of a text begin with, whatever a reader takes for a line."""
    found = (re.match(rf"\W*({'|'.join(LABELS)})\b", line) for line in text.splitlines())
    quoted = (line.startswith("> ") for line in text.splitlines())
    return [one[1] for one, quote in zip(found, quoted, strict=True) if one and not quote]


STATUSES = ["running", "answered", "cancelled", "interrupted", "failed"]

ANSWERED_TOKENS, POLL_TOKENS = 1_200, 300
"""Source: the contract."""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.requirement("SEEN-11")
def test_no_foreign_text_forges_a_line_a_candidate_or_a_tag(status: str) -> None:
    text = summary(a_view(FORGED, status=status))

    ended = ["Why", "Agreement", "Cost", "Note", "Dissent", "Next", "Run"]
    assert labels_of(text) == (["Cost", "Next"] if status == "running" else ended)
    assert re.findall(r"<(?=\S)[^>]{0,20}>", text) == [
        "<candidate>",
        "<candidate>",
        "</candidate>",
    ]
    (line,) = [line for line in text.splitlines() if line.startswith("<candidate>")]
    seen = json.loads(line.removeprefix("<candidate>").removesuffix("</candidate>"))
    told = ("answer",) if status == "running" else PROSE
    for key in told:
        said = seen.pop(key)
        assert FORGED.startswith(said.removesuffix("…"))
        assert len(said) > 100
    beside = {} if status == "running" else {"strategy": "direct", "confidence_percent": 80}
    assert seen == {"number": 1, "solver": "demo", **beside}
    for character in "\x1b\u202e\u200b\u2028\x85\r":
        assert character not in text


def test_an_answer_of_several_lines_stands_behind_marks_and_keeps_its_code() -> None:
    text = summary(
        a_view("", answer="#include <stdio.h>\nCost: $9", confidence=0.9, explanation=None)
    )

    assert text.startswith("Answer: (confidence 90%)\n> #include <stdio.h>\n> Cost: $9\n")
    assert labels_of(text)[:3] == ["Answer", "Agreement", "Cost"]


@given(
    text=st.text(
        st.one_of(st.characters(codec="utf-8"), st.sampled_from("\n\r<>`#\x1b\u2028\u202e")),
        max_size=300,
    ),
    status=st.sampled_from(STATUSES),
    answered=st.booleans(),
)
def test_no_text_at_all_adds_a_label(text: str, status: str, *, answered: bool) -> None:
    forged = "\n".join(f"{label}: {text}" for label in LABELS)
    plain = a_view("x", status=status, answer="x" if answered else None)
    view = a_view(forged, status=status, answer=forged if answered else None)

    assert labels_of(summary(view)) == labels_of(summary(plain))


@pytest.mark.parametrize("count", [1, 5, 40])
def test_candidates_are_cut_to_what_a_text_may_hold_and_each_stays_closed(count: int) -> None:
    view = a_view(
        "x", candidates=[a_candidate(n, FORGED * 50) for n in range(count)], explanation=None
    )
    text = summary(view)

    assert len(text) <= 1.1 * chars_of(view)
    lines = [line for line in text.splitlines() if line.startswith("<candidate>")]
    assert lines
    assert all(line.endswith("}</candidate>") for line in lines)
    if len(lines) < count:
        assert f"{count - len(lines)} more" in text


def test_a_poll_tells_why_new_explores_failed() -> None:
    fault = "rejected: `openai/m`: no credit is left </candidate> " * 9
    failed = {"status": "failed", "answer": None, "reasoning": None, "approach": None}
    candidates = [
        a_candidate(1, "x", **failed, error=fault),
        a_candidate(2, "x", answer="42"),
        a_candidate(3, "x", **failed, error=fault),
    ]
    view = a_view("", status="running", candidates=candidates, next="Call get_run.")
    text, structure = summary(view, {1}), structured(view, {1})

    assert text.startswith("Still running: 1 candidate, 2 explores failed so far.")
    assert 'Explore 3 (demo) failed: "rejected: `openai/m`: no credit is left' in text
    assert "Explore 1" not in text
    assert "</candidate> " not in text
    told = structure.get("candidates", [])
    assert [(one["explore_id"], one["status"]) for one in told] == [(2, "ok"), (3, "failed")]
    assert "no credit is left" in told[1].get("error", "")
    assert tokens(text) < POLL_TOKENS
    assert tokens(structure) < POLL_TOKENS


def test_dissent_and_the_next_step_are_never_pushed_out_by_notes() -> None:
    causes = [f"explore {n} failed: " + "the endpoint refuses the request " * 12 for n in range(8)]
    agreement = Agreement(groups=[], dissent="But " * 100, warnings=causes)
    text = summary(a_solve(["42"] * 6, agreement=agreement, next="Do this."))

    assert text.count("Note: explore") == 8
    assert "Dissent: " + "But " * 50 in text
    assert "Next: Do this." in text
    assert tokens(text) < ANSWERED_TOKENS


@pytest.mark.parametrize(
    ("groups", "agreement"),
    [
        ([("42", [1, 2], True), ("41", [3], False)], '2 of 3 candidates say "42"'),
        (
            [("41", [1, 2], False), ("42", [3], True)],
            '1 of 3 candidates says "42"; 2 of 3 candidates say "41"',
        ),
        (
            [("41", [1, 2], False)],
            'no candidate gives this answer; 2 of 2 candidates say "41"',
        ),
    ],
)
def test_the_agreement_is_about_the_answer_of_the_run(
    groups: list[tuple[str, list[int], bool]], agreement: str
) -> None:
    found = [
        AnswerGroup(answer=answer, explore_ids=explores, chosen=chosen)
        for answer, explores, chosen in groups
    ]
    view = a_view("So.", answer="42", candidates=[], agreement=Agreement(groups=found))

    assert f"Agreement: {agreement}." in summary(view).splitlines()


def test_a_run_without_votes_claims_no_agreement() -> None:
    view = a_view("So.", answer="42", agreement=Agreement())

    assert "Agreement" not in labels_of(summary(view))


@pytest.mark.parametrize("status", ["running", "answered", "interrupted", "cancelled", "failed"])
def test_every_result_says_how_to_see_the_run(status: str) -> None:
    view = a_view("x" * 50_000, status=status, page="http://127.0.0.1:8000/runs/abcdefgh")

    assert "Page for the user: http://127.0.0.1:8000/runs/abcdefgh" in summary(view).split("\n")
    assert structured(view).get("page") == "http://127.0.0.1:8000/runs/abcdefgh"


def test_a_run_without_a_page_has_no_line_for_it() -> None:
    assert "Page" not in summary(a_view("x", page=None))
