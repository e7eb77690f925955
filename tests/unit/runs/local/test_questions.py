"""Questions about runs, asked by an engine of this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.atlas.events import Event, Record, SolverFinished
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.question_events import QuestionAnswered, QuestionAsked, QuestionReplied
from atlas_mcp.errors import InvalidInput
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.request import RunRequest
from tests.support.asked_worlds import AskedWorld


@pytest.mark.requirement("ASK-3")
async def test_a_question_is_answered_and_its_run_stays_as_it_was(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path)
    async with world.service() as service:
        run_id = await world.answered(service)
        before = await service.look(run_id)

        number = await service.ask(run_id, "Why not 17?")
        run = await service.wait(run_id, 10)

    question = run.state.questions[number]
    assert question.outcome == QuestionAnswered(1, "It fails in step 2.", (1,))
    assert (run.status, run.driven, run.asking) == ("answered", False, False)
    assert run.state.finished == before.state.finished
    assert run.state.usage.requests == before.state.usage.requests + 1


async def test_two_questions_at_once_are_both_asked_and_the_same_one_once(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path, seconds=0.05)
    async with world.service() as service:
        run_id = await world.answered(service)
        numbers: list[int] = []

        async def ask(question: str) -> None:
            numbers.append(await service.ask(run_id, question))

        async with anyio.create_task_group() as tasks:
            for question in ("Why not 17?", "Why not 18?", "Why not  17?"):
                tasks.start_soon(ask, question)
        run = await service.wait(run_id, 10)
        again = await service.ask(run_id, "Why not 18?")

    assert sorted({*numbers}) == [1, 2]
    assert again in numbers
    assert world.asked == 2
    assert world.model.most_in_flight == 2
    assert not run.state.open_questions


async def test_a_run_that_goes_on_is_asked_nothing(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path)
    async with world.service() as service:
        run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
        with pytest.raises(InvalidInput, match="still going"):
            await service.ask(run_id, "Why?")
        await service.wait(run_id, 10)

    assert world.asked == 0


async def test_cancelling_a_run_ends_the_question_and_leaves_the_answer(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path, seconds=9.0)
    async with world.service() as service:
        run_id = await world.answered(service)
        number = await service.ask(run_id, "Why?")
        while not world.asked:
            await anyio.lowlevel.checkpoint()
        run = await service.cancel(run_id)

        assert run.status == "answered"
        assert run.state.stop_cause is None
        question = run.state.questions[number]
        assert getattr(question.outcome, "kind", None) == "cancelled"
        world.seconds = 0.0
        assert await service.ask(run_id, "Why?") == number
        run = await service.wait(run_id, 10)

    assert isinstance(run.state.questions[number].outcome, QuestionAnswered)


@pytest.mark.requirement("ASK-5")
async def test_an_open_question_of_a_dead_process_is_asked_again_only_by_its_caller(
    tmp_path: Path,
) -> None:
    world = AskedWorld(tmp_path)
    run_id, records = await asked_run(world)
    await leave(tmp_path / "2", run_id, records, upto=QuestionAsked)

    world.home = tmp_path / "2"
    async with world.service() as service:
        seen = await service.look(run_id)
        assert (seen.status, seen.asking) == ("answered", False)
        await service.resume(run_id, max_explores=20)
        await service.wait(run_id, 10)
        assert world.asked == 1, "nothing is asked by itself"
        assert (await service.state(run_id)).questions[1].lapsed
        assert await service.ask(run_id, "Why?") == 1
        run = await service.wait(run_id, 10)

    assert world.asked == 2
    assert isinstance(run.state.questions[1].outcome, QuestionAnswered)


@pytest.mark.requirement("ASK-4")
async def test_a_reply_on_record_that_was_not_read_is_never_paid_for_again(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path)
    run_id, records = await asked_run(world)
    await leave(tmp_path / "2", run_id, records, upto=QuestionReplied)

    world.home = tmp_path / "2"
    async with world.service() as service:
        assert await service.ask(run_id, "Why?") == 1
        run = await service.wait(run_id, 10)

    assert world.asked == 1
    assert isinstance(run.state.questions[1].outcome, QuestionAnswered)


async def test_an_interrupted_run_is_asked_and_stays_interrupted(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path, seconds=0.05)
    run_id, records = await asked_run(world)
    await leave(tmp_path / "2", run_id, records, upto=SolverFinished)

    world.home = tmp_path / "2"
    async with world.service() as service:
        calls = len(world.model.requests)
        await service.ask(run_id, "What is known?")
        assert (await service.look(run_id)).status == "interrupted"
        run = await service.wait(run_id, 10)

        assert run.status == "interrupted"
        assert len(world.model.requests) == calls + 1
        (listed,) = await service.list_runs()
        assert listed.status == "interrupted"
        assert await service.resume(run_id)
        assert (await service.wait(run_id, 10)).status == "answered"


async def test_a_service_that_ends_while_it_asks_leaves_its_run_as_it_was(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path, seconds=9.0)
    async with world.service() as service:
        run_id = await world.answered(service)
        await service.ask(run_id, "Why?")
        while not world.asked:
            await anyio.lowlevel.checkpoint()
    async with world.service() as service:
        run = await service.look(run_id)

    assert (run.status, run.state.stop_cause) == ("answered", None)
    assert run.state.questions[1].may_be_posed_again


async def test_a_run_without_an_orchestrator_is_asked_through_the_configured_one(
    tmp_path: Path,
) -> None:
    world = AskedWorld(tmp_path)
    async with world.service() as service:
        run_id = await service.explore(
            make_problem("6 * 7?"), RunRequest(), ExploreRequest(count=2)
        )
        await service.wait(run_id, 10)
        await service.ask(run_id, "Which is better?")
        run = await service.wait(run_id, 10)
        with pytest.raises(InvalidInput, match="has none; call explore"):
            await service.resume(run_id, instruction="Check step 2.")

    assert run.state.questions[1].posed.model.model == world.model.name
    assert isinstance(run.state.questions[1].outcome, QuestionAnswered)


@pytest.mark.requirement("ASK-6")
async def test_an_instruction_has_an_answered_run_gather_more(tmp_path: Path) -> None:
    world = AskedWorld(tmp_path)
    async with world.service() as service:
        run_id = await world.answered(service)
        assert not await service.resume(run_id)
        assert await service.resume(run_id, instruction="Check step 2 by another method.")
        run = await service.wait(run_id, 10)

    assert run.status == "answered"
    told = world.model.requests[-1].turns[-1]
    assert "Check step 2 by another method." in repr(told)
    assert run.state.instruction == ""


async def asked_run(world: AskedWorld) -> tuple[str, tuple[Record, ...]]:
    """Return an answered run that was asked a question, with its records."""
    async with world.service() as service:
        run_id = await world.answered(service)
        await service.ask(run_id, "Why?")
        await service.wait(run_id, 10)
        return run_id, await service.read(run_id)


async def leave(home: Path, run_id: str, records: Sequence[Record], *, upto: type[Event]) -> None:
    """Leave a run as a process does that is killed after its first event of a kind."""
    last = next(at for at, one in enumerate(records, start=1) if isinstance(one.event, upto))
    journal = SqliteJournal(home)
    lease = await journal.open_run(run_id, records[0])
    await journal.append(lease, records[1:last])
    await journal.release(lease)
    await journal.aclose()
