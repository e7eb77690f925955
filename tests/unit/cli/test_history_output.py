"""Searches, comparisons and statistics as tables for people."""

from __future__ import annotations

import io
import re
import sys
from decimal import Decimal

import pytest
from inline_snapshot import snapshot
from typing_extensions import override

from atlas_mcp.cli.history_output import Reading, print_comparison, print_found, print_statistics
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import printable
from atlas_mcp.views.page.comparison import compare_document
from atlas_mcp.views.page.lists import (
    MonthSpending,
    OutcomeCount,
    RunLine,
    RunsDocument,
    SnippetPart,
    StatsDocument,
    WinningShare,
)
from tests.support.played_runs import a_run, a_solver, answers, found, in_turn, play

HOSTILE = "\x1b[31m[red]x[/red]\u202e\r\n=cmd()" + "y" * 5_000

LINE = RunLine(
    run_id="b4c5d6",
    title="How many primes are there below 100?",
    status="answered",
    stop_reason="decided",
    state="answered",
    workflow="atlas",
    started_at=0.0,
    ended_at=60.0,
    cost_usd=Decimal("0.25"),
    explores=3,
    answer_text="25",
    found_in="problem",
    snippet=[SnippetPart(text="How many "), SnippetPart(text="primes", hit=True)],
)
STATS = StatsDocument(
    at=9.0,
    since=0.0,
    runs=1_200,
    cost_usd=Decimal("12.5"),
    unpriced_runs=2,
    answered=1_000,
    mean_cost_usd=Decimal("0.0104"),
    mean_cost_of=998,
    note="Runs that were removed are in none of these figures.",
    outcomes=[
        OutcomeCount(status="answered", stop_reason="decided", state="answered", runs=1_000),
        OutcomeCount(status="running", state="running", runs=200),
    ],
    months=[
        MonthSpending(
            month="2026-11",
            model="maker/sonnet",
            role="solver",
            runs=1_000,
            requests=3_000,
            input_tokens=3_400_000,
            output_tokens=900,
            cost_usd=Decimal("12.5"),
            unpriced_calls=4,
        ),
        MonthSpending(
            month="2026-11",
            model="maker/boss",
            role="orchestrator",
            runs=2,
            requests=4,
            input_tokens=4_000,
            output_tokens=2_000_000_000,
            cost_usd=Decimal(0),
            unpriced_calls=4,
        ),
    ],
    solvers=[
        WinningShare(
            name="sonnet",
            explores=3_000,
            failed=10,
            judged=2_900,
            won=2_500,
            share=0.8621,
            low=0.8491,
            high=0.8741,
            cost_usd=Decimal("12.5"),
        ),
        WinningShare(
            name="", explores=1, failed=1, judged=0, won=0, cost_usd=Decimal(0), unpriced=1
        ),
    ],
)


def shown(text: str) -> list[str]:
    """Return the lines of a table, with the gaps between its columns made one width."""
    return [re.sub(" {2,}", "  ", line).rstrip() for line in text.splitlines()]


def test_a_found_run_is_shown_with_its_answer_and_the_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = LINE.model_copy(
        update={"found_in": "candidates", "indexed": False, "status": "failed", "state": "failed"}
    )
    print_found(RunsDocument(at=9.0, query="primes", limit=2, total=7, runs=[LINE, other]))

    out, err = capsys.readouterr()
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE", line) for line in shown(out)] == snapshot(
        [
            "b4c5d6  DATE  answered  $0.25",
            "  How many primes are there below 100?",
            "  = 25",
            "  How many primes",
            "b4c5d6  DATE  failed",
            "  How many primes are there below 100?",
            "  = 25",
            "  candidates: How many primes",
        ]
    )
    assert err == "2 of 7 shown; --limit shows more.\n"


def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_found(RunsDocument(at=9.0, query="x", limit=2, total=0, note="Search again."))

    out, err = capsys.readouterr()
    assert (out, err) == ("", "Search again.\nNo run has all of these words.\n")


def test_statistics_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_statistics(STATS)

    out, err = capsys.readouterr()
    assert shown(out)[1:] == snapshot(
        [
            "",
            "runs that ended as  runs",
            "answered  1,000",
            "running  200",
            "",
            "month  model  runs  requests  tokens in  out  cost",
            "2026-11  maker/sonnet  1,000  3,000  3.4M  900  $12.50+",
            "2026-11  maker/boss (orchestrator)  2  4  4.0k  2.0G  unknown",
            "",
            "solver  explores  failed  won  share  95 %  cost",
            "sonnet  3,000  10  2,500 of 2,900  86%  85-87%  $12.50",
            "default  1  1  0 of 0  -  -  unknown",
        ]
    )
    assert shown(out)[0].endswith("an answered run costs $0.0104 on average (of 998).")
    assert err == f"{STATS.note}\n"


def test_without_runs_there_are_no_statistics(capsys: pytest.CaptureFixture[str]) -> None:
    print_statistics(StatsDocument(at=9.0, runs=0, cost_usd=Decimal(0)))

    assert capsys.readouterr() == ("", "There are no runs yet.\n")


def test_two_runs_are_shown_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    one = play(a_run(a_solver("s"), max_explores=2), answers("42"))
    two = play(
        a_run(a_solver("s"), a_solver("t"), max_explores=2),
        answers("42"),
        solve=in_turn(found("42", approach="Algebra."), found("7")),
    )
    runs = [
        RunSnapshot(name, run.state, 9.0, driven=False) for name, run in (("a1", one), ("b2", two))
    ]

    print_comparison(compare_document(*runs))

    out, err = capsys.readouterr()
    assert shown(out) == snapshot(
        [
            "  a1  b2",
            "problem  How many?  How many?",
            "answer  42 (90%)  42 (90%)",
            "ended  answered: limit of explores  answered: limit of explores",
            "candidates  2 of 2 agree; they come from 1 model by 1 method.  "
            "2 candidates: no two agree.",
            "explores  2, 0 failed  2, 0 failed",
            "cost  $0.0991  $0.0992",
            "  orchestrator  $0.0334  $0.0335",
            "  solvers  $0.0657  $0.0657",
            "tokens out  150  150",
            "time  8 s  8 s",
            "solvers  s (maker/s)  s (maker/s), t (maker/t)",
            "",
            "candidates' answer  a1  b2",
            "42  #1, #2 (its answer)  #1 (its answer)",
            "7  -  #2",
            "",
            "method  a1  b2",
            "Counting.  #1, #2  #2",
            "Algebra.  -  #1",
        ]
    )
    assert err.startswith("Both runs give the same answer.")


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [60, 80, 120])
def test_hostile_texts_stay_texts_and_tables_fit(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    bad = printable(HOSTILE)
    line = LINE.model_copy(
        update={"title": bad, "answer_text": bad, "snippet": [SnippetPart(text=bad, hit=True)]}
    )
    print_found(RunsDocument(at=9.0, query="x", limit=2, total=1, runs=[line]))
    month = STATS.months[0].model_copy(update={"model": bad[:400]})
    share = STATS.solvers[0].model_copy(update={"name": bad[:400]})
    print_statistics(STATS.model_copy(update={"months": [month], "solvers": [share]}))
    hostile = play(a_run(), answers(HOSTILE), solve=lambda call: found(HOSTILE, approach=HOSTILE))
    run = RunSnapshot("a1", hostile.state, 9.0, driven=False)
    print_comparison(compare_document(run, run))

    text = screen.getvalue()
    plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[2m", "")
    assert "[red]x[/red]" in plain
    assert "\u202e" not in text
    assert "\x1b[31m" not in text
    assert max(len(row.rstrip()) for row in plain.replace("\x1b[1;7m", "").splitlines()) <= width


def test_it_is_said_now_and_then_how_many_runs_were_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = iter([100.0, 100.5, 101.5, 101.5, 102.0, 107.0, 107.0, 120.0])
    reading = Reading(lambda: next(times))
    for done in (1, 2_000, 3_000, 9_000, 9_500):
        reading(done, 9_500)

    assert capsys.readouterr().err == (
        "reading runs that are not indexed yet: 2,000 of 9,500\n"
        "reading runs that are not indexed yet: 9,000 of 9,500\n"
    )
