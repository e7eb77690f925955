"""Following a run to its end, wherever it is driven."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.cli import output
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.journal import followers
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.runs.lone_drivers import LoneDriver
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.pool_rows import PoolRow
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.texts import one_line, printable
from atlas_mcp.views.run_view import (
    Agreement,
    CandidateView,
    CostSplit,
    RemarkView,
    RunView,
    UsageView,
)
from tests.support.live_runs import live_run
from tests.support.waiting import pause

NOW = 1_000.0


async def test_a_run_that_was_taken_from_this_process_is_followed_where_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that slept through its lease still tells how its run ends."""
    monkeypatch.setattr(followers, "LOOK_SECONDS", 0.001)
    model = Scripted(lambda request: Says("never", seconds=3_600))
    settings = Settings(home=tmp_path, solvers={"s": SolverSettings(model=model.name)})
    pool = Pool(settings, {model.name: model})
    journal = SqliteJournal(tmp_path, clock=lambda: NOW, lease_seconds=0.003)
    other = SqliteJournal(tmp_path, clock=lambda: NOW + 1)
    codes: list[int] = []

    async def follow(service: RunService, run_id: str) -> None:
        codes.append(await output.follow(service, run_id, as_json=False))

    async with open_service(settings, pool=pool, journal=journal) as service:
        run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow, service, run_id)
                lease = await other.claim(run_id)
                while live_run(service, run_id) is not None:
                    await pause()
                seq = len(await other.read(run_id)) + 1
                end = RunFinished("answered", "decided", "42")
                await other.append(lease, [Record(seq, 9e9, end)])
                await other.release(lease)
    await other.aclose()

    assert codes == [0]
    assert capsys.readouterr().out == "42\n"


@pytest.mark.parametrize(
    "ready",
    [
        'not installed: pip install ".[local]"',
        "not reachable: [/foo] \x1b[2J [bold]x[/bold]\r\n\x9b31m",
        "not reachable: " + "very long " * 10_000,
    ],
)
def test_the_pool_says_what_is_wrong_in_the_words_it_was_told(
    ready: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = PoolRow("[s]", "openai/[m]", ready, (), False, False, "prompt", None, True)

    output.print_pool([row], as_json=False)

    out = capsys.readouterr().out
    words = " ".join(out.split())
    assert one_line(ready)[:150] in words
    assert "[s] " in words
    assert "openai/[m]" in words
    assert printable(out) == out
    assert len(out) < 5_000


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (None, "unknown"),
        (Price(FREE, FREE), "free"),
        (Price(Decimal("0.20"), Decimal(1_500)), "$0.2 in, $1500 out"),
    ],
)
def test_the_pool_shows_the_rates_of_a_model(
    price: Price | None, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = PoolRow("s", "maker/m", "ready", (), False, False, "prompt", price, False)

    output.print_pool([row], as_json=False)

    assert shown in " ".join(capsys.readouterr().out.split())


USAGE = UsageView(requests=1, input_tokens=9, output_tokens=1)


def candidate(number: int, answer: str | None) -> CandidateView:
    return CandidateView(
        explore_id=number,
        solver="s",
        model="maker/m",
        effort=None,
        strategy="direct",
        instruction=None,
        status="failed" if answer is None else "ok",
        answer=answer,
        approach=None,
        reasoning=None,
        confidence=None if answer is None else 0.5,
        error="malformed: the reply holds no JSON object" if answer is None else None,
        usage=USAGE,
        cost_usd=None,
        elapsed_s=1.0,
    )


def failed_run(*candidates: CandidateView) -> RunView:
    return RunView(
        run_id="r",
        status="failed",
        stop_reason="no_candidates",
        answer=None,
        explanation="No solver gave an answer.",
        confidence=None,
        agreement=Agreement(groups=[], dissent=None, warnings=[]),
        candidates=list(candidates),
        usage=USAGE,
        cost_usd=None,
        cost_split=CostSplit(orchestrator=None, solvers=None),
        elapsed_s=1.0,
        next=None,
    )


def test_a_run_that_is_shown_goes_to_stdout_whatever_came_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_view(
        failed_run(candidate(1, None), candidate(2, "42")), as_json=False, evidence="all"
    )
    shown = capsys.readouterr()
    output.print_view(failed_run(), as_json=False, evidence="all")
    empty = capsys.readouterr()

    failed, found = "#1 s direct: failed, malformed: the reply holds no", "#2 s direct: 42 (50%)"
    assert shown.out.startswith(failed)
    assert found in shown.out
    assert "No solver gave an answer." in shown.err
    assert empty.out.startswith("failed, no_candidates · cost unknown · 1 call,")


def test_a_run_that_is_shown_has_its_remarks_where_they_were_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remark = RemarkView(explore_id=2, solver="s", role="critic", about=[1], text="Check it.")
    view = failed_run(candidate(1, "41"), candidate(3, "42")).model_copy(
        update={"remarks": [remark]}
    )

    output.print_view(view, as_json=False, evidence="all")

    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert heads == ["#1 s direct: 41 (50%)", "#2 s critic on #1:", "#3 s direct: 42 (50%)"]
    assert lines[lines.index("#2 s critic on #1:") + 1] == "   Check it."


def test_candidates_that_failed_are_no_data_of_an_explore(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While it worked each was told, with its cause."""
    output.print_view(
        failed_run(candidate(1, None), candidate(2, "42")), as_json=False, evidence="data"
    )
    shown = capsys.readouterr()

    assert shown.out.startswith("#2 s direct: 42")
    assert "#1 s" not in shown.out + shown.err


def test_what_went_wrong_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.fail("the endpoint says\r\natlas-mcp: all is well\x1b[2J", 1) == 1

    said = "atlas-mcp: the endpoint says atlas-mcp: all is well\\u001b[2J\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("seconds", [-1e300, -1.0, 0.0, 1e9, 1e18, float("inf")])
def test_a_time_of_any_clock_can_be_listed(
    seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ListedRun(
        *(seconds, seconds, "answered", "atlas", "[/foo]\x1b[2J"),
        run_id="abc",
        size_bytes=1,
        driven=False,
    )

    output.print_runs([run], limit=2)
    output.print_runs_as_data([run], [LoneDriver(123, seconds, ("abc",))])

    _, people, program = capsys.readouterr().out.splitlines()
    assert people.endswith(r"[/foo]\u001b[2J")
    listed = json.loads(program)
    assert listed["run_id"] == "abc"
    assert listed["server_gone_since"] == listed["opened_at"]


def test_runs_that_go_on_without_a_server_are_named_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    since_s = 1_795_456_980.0
    output.print_lone([])
    output.print_lone([LoneDriver(123, since_s, ("atlas1",))])
    output.print_lone([LoneDriver(124, since_s, ("atlas2", "atlas3"))])
    shown = capsys.readouterr()

    assert shown.out == ""
    then = f"{datetime.fromtimestamp(since_s, UTC).astimezone():%Y-%m-%d %H:%M}"
    assert shown.err.replace(then, "THEN").splitlines() == snapshot(
        [
            "1 run goes on in a process whose server is gone (pid 123, since THEN): atlas1; "
            "`atlas-mcp runs cancel ID` ends it",
            "2 runs go on in a process whose server is gone (pid 124, since THEN): atlas2, atlas3; "
            "`atlas-mcp runs cancel ID` ends one of them",
        ]
    )
