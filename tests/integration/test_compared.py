"""Runs whose answers are expressions: compared in a child process, on record, waited for by no end.

Source: note 020.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from atlas_mcp.algebra import calculation
from atlas_mcp.algebra.calculation import FAULTS, Verdict, is_installed
from atlas_mcp.algebra.child import MISSING
from atlas_mcp.atlas.events import AnswersCompared, Record, RunFinished
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of
from tests.support.gated_models import Gated, candidate, play, synthesis, until

ANSWERS = ("cosh(x)", "x + 1", "(e^x + e^(-x))/2")
QUESTION = make_problem("What is the derivative of sinh(x)?")


class Algebra:
    """Takes the place of the computer algebra system: answers when it is let, and counts."""

    def __init__(self, *same: tuple[int, int], fault: str = "") -> None:
        self.verdict = Verdict(same, fault)
        self.asked = 0
        self.cut_off = 0
        self.gate = anyio.Event()
        self.gate.set()

    async def compare(self, trees: Sequence[object], pairs: Sequence[tuple[int, int]]) -> Verdict:
        self.asked += 1
        try:
            await self.gate.wait()
        except anyio.get_cancelled_exc_class():
            self.cut_off += 1
            raise
        assert all(a < b < len(trees) for a, b in pairs)
        return self.verdict


@pytest.fixture
def algebra(monkeypatch: pytest.MonkeyPatch) -> Algebra:
    """Prove that the first answer is the last."""
    found = Algebra((0, 2))
    monkeypatch.setattr(calculation, "compare", found.compare)
    return found


@asynccontextmanager
async def service_of(home: Path) -> AsyncGenerator[RunService]:
    model = Gated(play(lambda n: candidate(ANSWERS[n % len(ANSWERS)]), synthesis("cosh(x)")))
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=0),
    )
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        yield service


def nothing_installed(name: str) -> None:
    assert name == "sympy"


async def records_of(home: Path, workflow: str = "majority:3") -> Sequence[Record]:
    """Return the records of a run that has been carried out."""
    async with service_of(home) as service:
        run_id = await service.solve(QUESTION, RunRequest(workflow=workflow))
        with anyio.fail_after(20):
            await service.wait(run_id, 20)
        return await service.read(run_id)


def compared_in(records: Sequence[Record]) -> list[AnswersCompared]:
    return [one.event for one in records if isinstance(one.event, AnswersCompared)]


async def test_what_is_proved_is_on_record_before_the_votes_are_counted(
    tmp_path: Path, algebra: Algebra
) -> None:
    records = await records_of(tmp_path)

    assert compared_in(records) == [AnswersCompared((1, 2, 3), ((1, 3),))]
    state = RunState.fold(records)
    assert [(one.explore_ids, one.by) for one in state.groups] == [((1, 3), "rule"), ((2,), "rule")]
    assert isinstance(records[-1].event, RunFinished)
    assert records[-1].event.answer == state.votes[0].candidate.answer
    assert algebra.asked == 1


async def test_a_run_reads_the_same_wherever_it_is_read(
    tmp_path: Path, algebra: Algebra, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await records_of(tmp_path)
    monkeypatch.setattr(calculation, "find_spec", nothing_installed)

    _, again = read_archive("\n".join(write_archive("abc", records)), "run.jsonl")

    assert again == records
    assert RunState.fold(again) == RunState.fold(records)
    assert len(RunState.fold(again).groups) == 2


async def test_an_orchestrator_is_asked_after_the_comparison(
    tmp_path: Path, algebra: Algebra
) -> None:
    algebra.verdict = Verdict(((0, 1),))
    async with service_of(tmp_path) as service:
        run_id = await service.solve(QUESTION, RunRequest(max_explores=4, solvers=["demo"]))
        with anyio.fail_after(20):
            await service.wait(run_id, 20)
        records = await service.read(run_id)

    kinds = [record.event.type for record in records]
    assert kinds.index("answers_compared") < kinds.index("orchestrator_asked")


@pytest.mark.parametrize("fault", list(FAULTS.values()))
async def test_a_run_whose_answers_cannot_be_compared_goes_on_and_says_so(
    fault: str, tmp_path: Path, algebra: Algebra
) -> None:
    algebra.verdict = Verdict(fault=fault)

    records = await records_of(tmp_path)

    assert compared_in(records) == [AnswersCompared((1, 2, 3), (), fault)]
    assert isinstance(records[-1].event, RunFinished)
    assert records[-1].event.status == "answered"
    assert len(RunState.fold(records).groups) == 3


async def test_a_cancelled_run_does_not_wait_for_a_comparison(
    tmp_path: Path, algebra: Algebra
) -> None:
    algebra.gate = anyio.Event()
    async with service_of(tmp_path) as service:
        run_id = await service.solve(QUESTION, RunRequest(workflow="majority:3"))
        await until(lambda: algebra.asked == 1)
        with anyio.fail_after(10):
            view = view_of(await service.cancel(run_id))
        records = await service.read(run_id)

    assert view.status == "cancelled"
    assert compared_in(records) == []
    assert algebra.cut_off == 1


async def test_a_comparison_that_a_shutdown_cut_off_is_made_when_the_run_goes_on(
    tmp_path: Path, algebra: Algebra
) -> None:
    algebra.gate = anyio.Event()
    async with service_of(tmp_path) as service:
        run_id = await service.solve(QUESTION, RunRequest(workflow="majority:3"))
        await until(lambda: algebra.asked == 1)
        with anyio.fail_after(10):
            await service.leave(grace=0)
    assert algebra.cut_off == 1

    algebra.gate.set()
    async with service_of(tmp_path) as service:
        assert await service.resume(run_id)
        with anyio.fail_after(20):
            await service.wait(run_id, 20)
        records = await service.read(run_id)

    assert compared_in(records) == [AnswersCompared((1, 2, 3), ((1, 3),))]
    assert algebra.asked == 2


@pytest.mark.skipif(not is_installed(), reason="sympy is not installed")
@pytest.mark.slow
async def test_the_computer_algebra_system_is_asked_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine must not look like a fault.
    monkeypatch.setattr(calculation, "DEADLINE_SECONDS", 20.0)

    records = await records_of(tmp_path)

    (compared,) = compared_in(records)
    assert (compared.explore_ids, compared.fault) == ((1, 2, 3), "")
    same, other = RunState.fold(records).groups
    assert {vote.candidate.answer for vote in same.votes} == {ANSWERS[0], ANSWERS[2]}
    assert other.answer == ANSWERS[1]


async def test_without_the_library_nothing_is_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calculation, "find_spec", nothing_installed)

    records = await records_of(tmp_path)

    assert compared_in(records) == [AnswersCompared((1, 2, 3), (), FAULTS[MISSING])]
