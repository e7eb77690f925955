"""Checks of `submit`: a submission is on record before it is carried out, and once."""

from __future__ import annotations

from typing import cast

import anyio

from atlas_mcp.atlas.events import RunOpened
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.errors import InvalidInput, JournalBusy, RunExists, UnknownRun
from atlas_mcp.runs.engine import ExploreFurther, ResumeRun
from atlas_mcp.testing.engine_conformance import (
    PATIENCE,
    Check,
    Stand,
    a_run,
    begin_held,
    checks_of,
    client_run,
    end_of,
    events_of,
    interrupt,
    looking,
    state_of,
)
from atlas_mcp.testing.outcomes import error_of

NO_RUN_IDS = ("", "../../x", "-r", "a b", "r\n", "x" * 5_000, "a\0b", "\ud800", cast("str", None))
"""Ids that a run is not opened under; callers without types may give `None`."""


async def check_01_a_run_is_recorded_under_its_id_and_carried_out(stand: Stand) -> None:
    """Its first record opens it as it was submitted, and it comes to its answer."""
    async with stand.open() as engine:
        submission = a_run(stand)
        assert await engine.submit("r", submission)
        async with looking(stand) as journal:
            first = (await journal.read("r"))[0]
        assert first.event == RunOpened(submission.problem, submission.spec)

        state = await end_of(engine, "r")

        assert state.finished is not None
        assert (state.finished.status, state.finished.answer) == ("answered", "42")
    assert await state_of(stand, "r") == state, "all that was shown is on record"


async def check_02_a_submission_that_is_repeated_opens_one_run(stand: Stand) -> None:
    """Its outcome may have been unknown: the run is not opened again, here or elsewhere."""
    for run_id, submission in (("solved", a_run(stand)), ("client", client_run(stand, count=2))):
        async with stand.open() as engine, stand.open() as other:
            assert await engine.submit(run_id, submission)
            assert not await engine.submit(run_id, submission)
            await end_of(engine, run_id)
            before = await events_of(stand, run_id)
            for again in (engine, other):
                assert not await again.submit(run_id, submission)
        assert await events_of(stand, run_id) == before
    assert stand.calls.arrived == 5, "two solvers and the orchestrator, and two for the client"


async def check_41_another_submission_cannot_take_the_id_of_a_run(stand: Stand) -> None:
    """The run is unchanged, and nothing is spent on the other."""
    async with stand.open() as engine:
        await engine.submit("r", client_run(stand))
        await end_of(engine, "r")
        before = await events_of(stand, "r")
        for other in (a_run(stand), client_run(stand, max_explores=5), client_run(stand, count=2)):
            error = await error_of(engine.submit("r", other))
            assert isinstance(error, RunExists), error
            assert "'r'" in str(error)
    assert await events_of(stand, "r") == before
    assert stand.calls.arrived == 1


async def check_42_a_run_is_opened_under_an_id_that_can_stand_anywhere(stand: Stand) -> None:
    """Other ids are refused with the rule, and known to no other verb."""
    async with stand.open() as engine:
        for run_id in NO_RUN_IDS:
            error = await error_of(engine.submit(run_id, a_run(stand)))
            assert isinstance(error, InvalidInput), error
            assert (error.argument, len(str(error)) < 250) == ("run_id", True)
            for ask in (engine.submit(run_id, ResumeRun()), engine.stop(run_id, "user")):
                error = await error_of(ask)
                assert isinstance(error, UnknownRun), error
                assert len(str(error)) < 250
    assert stand.calls.arrived == 0


async def check_03_explores_of_a_client_are_opened_with_their_run(stand: Stand) -> None:
    """The run ends once they have ended, without an orchestrator."""
    async with stand.open() as engine:
        await engine.submit("r", client_run(stand, count=2))
        await end_of(engine, "r")
    state = await state_of(stand, "r")
    assert [explore.id for explore in state.done] == [1, 2]
    assert state.finished is not None
    assert stand.calls.arrived == 2


async def check_04_a_run_that_has_its_answer_is_resumed_for_a_higher_limit_alone(
    stand: Stand,
) -> None:
    """Without one there is nothing to do, and nothing is recorded."""
    async with stand.open() as engine:
        await engine.submit("r", a_run(stand))
        await end_of(engine, "r")
        before = await events_of(stand, "r")

        assert not await engine.submit("r", ResumeRun())
        assert await events_of(stand, "r") == before

        assert await engine.submit("r", ResumeRun(max_explores=6))
        await end_of(engine, "r")
    assert "run_resumed" in await events_of(stand, "r")


async def check_05_a_run_under_way_is_not_resumed_again(stand: Stand) -> None:
    """It goes on as it is; a limit cannot be raised meanwhile."""
    async with stand.open() as engine:
        await begin_held(stand, engine)
        before = await events_of(stand, "r")

        assert not await engine.submit("r", ResumeRun())
        error = await error_of(engine.submit("r", ResumeRun(max_explores=9)))

        assert isinstance(error, InvalidInput), error
        assert error.argument == "run_id"
        assert await events_of(stand, "r") == before
        stand.calls.release()
        await end_of(engine, "r")


async def check_06_explores_are_added_to_a_run_under_way(stand: Stand) -> None:
    """They are called at once, beside those that are open."""
    async with stand.open() as engine:
        stand.calls.hold()
        await engine.submit("r", client_run(stand))
        await stand.calls.reach(1)
        for count in (2, 3):
            assert await engine.submit("r", ExploreFurther(None, ExploreRequest()))
            with anyio.fail_after(PATIENCE):
                await stand.calls.reach(count)
        stand.calls.release()
        state = await end_of(engine, "r")
    assert [explore.id for explore in state.done] == [1, 2, 3]


async def check_07_explores_open_a_run_again_that_has_ended(stand: Stand) -> None:
    """Also in another engine, and with the problem repeated."""
    async with stand.open() as engine:
        await engine.submit("r", client_run(stand))
        await end_of(engine, "r")
    async with stand.open() as other:
        further = ExploreFurther(Problem("6  *  7?"), ExploreRequest(count=2))
        assert await other.submit("r", further)
        state = await end_of(other, "r")
    assert [explore.id for explore in state.done] == [1, 2, 3]
    assert stand.calls.arrived == 3


async def check_08_a_submission_against_the_rules_changes_nothing(stand: Stand) -> None:
    """The error names the argument; nothing is recorded and nothing spent."""
    async with stand.open() as engine:
        await engine.submit("client", client_run(stand, max_explores=2))
        await engine.submit("ours", a_run(stand))
        for run_id in ("client", "ours"):
            await end_of(engine, run_id)
        calls = stand.calls.arrived
        before = {run_id: await events_of(stand, run_id) for run_id in ("client", "ours")}
        refused = {
            "run_id": ("ours", ExploreFurther(None, ExploreRequest())),
            "count": ("client", ExploreFurther(None, ExploreRequest(count=2))),
            "problem": ("client", ExploreFurther(Problem("6 * 8?"), ExploreRequest())),
            "solver": ("client", ExploreFurther(None, ExploreRequest(solver="none"))),
            "max_explores": ("ours", ResumeRun(max_explores=1)),
        }
        for argument, (run_id, submission) in refused.items():
            error = await error_of(engine.submit(run_id, submission))
            assert isinstance(error, InvalidInput), error
            assert error.argument == argument
    assert {run_id: await events_of(stand, run_id) for run_id in before} == before
    assert stand.calls.arrived == calls


async def check_09_an_unknown_run_is_told_by_its_id(stand: Stand) -> None:
    """Whatever is asked of it."""
    async with stand.open() as engine:

        async def follow() -> None:
            async with engine.follow("gone"):
                raise AssertionError("there is no such run")

        for ask in (
            engine.submit("gone", ResumeRun()),
            engine.submit("gone", ExploreFurther(None, ExploreRequest())),
            engine.stop("gone", "user"),
            follow(),
        ):
            error = await error_of(ask)
            assert isinstance(error, UnknownRun), error
            assert "gone" in str(error)


async def check_10_of_two_engines_that_resume_a_run_one_carries_it_out(stand: Stand) -> None:
    """The other finds that it goes on, or is told that it is busy; no call is made twice."""
    async with stand.open() as one, stand.open() as other:
        await begin_held(stand, one)
        await interrupt(stand, one, "r")
        outcomes: list[bool | Exception] = []

        async def resume(through: int) -> None:
            try:
                outcomes.append(await (one, other)[through].submit("r", ResumeRun()))
            except JournalBusy as busy:
                outcomes.append(busy)

        async with anyio.create_task_group() as tasks:
            for through in (0, 1):
                tasks.start_soon(resume, through)
        assert [outcome for outcome in outcomes if outcome is True] == [True]
        with anyio.fail_after(PATIENCE):
            await stand.calls.reach(4)
        stand.calls.release()
        state = await end_of(one, "r")
    assert state.finished is not None
    assert stand.calls.arrived == 5, "the two that were left, again, and the orchestrator"


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
