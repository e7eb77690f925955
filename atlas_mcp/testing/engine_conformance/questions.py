"""Questions about runs: asked beside each other, stopped, left by their engine, paid once."""

from __future__ import annotations

import anyio

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.question_events import QuestionAnswered
from atlas_mcp.atlas.questions import QuestionRequest
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.engine import AskRun, Engine, ResumeRun
from atlas_mcp.testing.engine_conformance import (
    PATIENCE,
    Stand,
    a_run,
    begin_held,
    checks_of,
    end_of,
    events_of,
    interrupt,
    state_of,
    until_free,
)
from atlas_mcp.testing.outcomes import error_of


def asking(question: str = "Why not 17?") -> AskRun:
    """Return the submission of a question."""
    return AskRun(QuestionRequest(question))


async def answered_run(stand: Stand, engine: Engine) -> RunState:
    """Open the run `r`, and return it once it has its answer and is not carried out."""
    await engine.submit("r", a_run(stand))
    await end_of(engine, "r")
    await until_free(stand, "r")
    return await state_of(stand, "r")


async def check_01_a_question_is_answered_and_leaves_its_run_as_it_was(stand: Stand) -> None:
    """Its call is announced before it is made, and its reply recorded before it is read."""
    async with stand.open() as engine:
        before = await answered_run(stand, engine)
        assert await engine.submit("r", asking())
        await end_of(engine, "r")
        assert not await engine.submit("r", asking()), "its answer is on record"
    state = await state_of(stand, "r")
    assert isinstance(state.questions[1].outcome, QuestionAnswered)
    assert (state.finished, state.explores) == (before.finished, before.explores)
    types = await events_of(stand, "r")
    assert types[-4:] == [
        "question_posed",
        "question_asked",
        "question_replied",
        "question_answered",
    ]
    assert stand.calls.arrived == 4


async def check_02_several_questions_are_asked_beside_each_other(stand: Stand) -> None:
    """The same question is asked once, whoever asks it again meanwhile."""
    async with stand.open() as engine:
        await answered_run(stand, engine)
        stand.calls.hold()
        assert await engine.submit("r", asking("Why?"))
        assert await engine.submit("r", asking("How?"))
        assert not await engine.submit("r", asking("Why?"))
        with anyio.fail_after(PATIENCE):
            await stand.calls.reach(5)
        stand.calls.release()
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert len(state.questions) == 2
    assert not state.open_questions
    assert stand.calls.arrived == 5


async def check_03_a_run_that_goes_on_is_asked_nothing(stand: Stand) -> None:
    """Nor by another engine than the one that carries it out."""
    async with stand.open() as engine, stand.open() as other:
        await begin_held(stand, engine)
        for one in (engine, other):
            error = await error_of(one.submit("r", asking()))
            assert isinstance(error, InvalidInput), error
            assert error.argument == "run_id"
        stand.calls.release()
        await end_of(engine, "r")
    assert "question_posed" not in await events_of(stand, "r")


async def check_04_a_user_stops_a_question_and_its_run_keeps_its_answer(stand: Stand) -> None:
    """The question may be asked again under its number."""
    async with stand.open() as engine:
        before = await answered_run(stand, engine)
        stand.calls.hold()
        await engine.submit("r", asking())
        await stand.calls.reach(4)
        await engine.stop("r", "user")
        await end_of(engine, "r")
        state = await state_of(stand, "r")
        assert (state.finished, state.stop_cause) == (before.finished, None)
        assert isinstance(state.questions[1].outcome, SolverFailure)
        stand.calls.release()
        await until_free(stand, "r")
        assert await engine.submit("r", asking())
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert [*state.questions] == [1]
    assert isinstance(state.questions[1].outcome, QuestionAnswered)


async def check_05_an_interrupted_run_is_asked_and_does_not_go_on(stand: Stand) -> None:
    """It goes on once it is resumed."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        await interrupt(stand, engine, "r")
        stand.calls.release()
        calls = stand.calls.arrived
        assert await engine.submit("r", asking())
        await end_of(engine, "r")
        await until_free(stand, "r")
        state = await state_of(stand, "r")
        assert (state.finished, state.resting) == (None, True)
        assert stand.calls.arrived == calls + 1
        assert await engine.submit("r", ResumeRun())
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert state.finished is not None
    assert state.finished.answer == "42"


async def check_06_a_question_of_an_engine_that_is_gone_is_not_asked_by_itself(
    stand: Stand,
) -> None:
    """Its caller asks again, and it keeps its number."""
    async with stand.open() as engine:
        await answered_run(stand, engine)
        stand.calls.hold()
        await engine.submit("r", asking())
        await stand.calls.reach(4)
    stand.calls.release()
    async with stand.open() as engine:
        await until_free(stand, "r")
        assert await engine.submit("r", ResumeRun(max_explores=6))
        await end_of(engine, "r")
        await until_free(stand, "r")
        asked = (await events_of(stand, "r")).count("question_asked")
        assert asked == 1
        assert await engine.submit("r", asking())
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert [*state.questions] == [1]
    assert isinstance(state.questions[1].outcome, QuestionAnswered)


async def check_07_an_instruction_has_an_answered_run_go_on(stand: Stand) -> None:
    """It is recorded with the resumption, and told to the orchestrator."""
    async with stand.open() as engine:
        await answered_run(stand, engine)
        assert await engine.submit("r", ResumeRun(instruction="Check step 2."))
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert state.finished is not None
    assert state.finished.status == "answered"
    assert "Check step 2." in repr(state.turns[-1].asked.said)


CHECKS = checks_of(globals())
