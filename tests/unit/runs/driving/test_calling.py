"""Every end of an attempt but a cancellation is a value, with the charge that is known of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.calls import Cause, NoReply
from atlas_mcp.atlas.events import Record, RunOpened
from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Usage
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, ModelDown, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.runs.driving import calling
from atlas_mcp.runs.driving.calling import Attempt
from atlas_mcp.runs.live import LiveRun
from tests.support.played_runs import a_run

COUNTED = Charge(Usage(1, 100), Decimal("0.1"))
REQUEST = ModelRequest("", (UserTurn((Text("How many?"),)),), 100)
REPLY = Reply(AssistantTurn("42"), "end", COUNTED)
Ending = Callable[[], Reply]


class Ends(Scripted):
    """A model that reports its usage and some tokens, and then ends as a test says."""

    def __init__(self, ending: Ending | None) -> None:
        super().__init__(lambda request: Says("42"))
        self.ending = ending
        self.asked = anyio.Event()

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        assert on_tokens is not None
        assert on_usage is not None
        on_usage(COUNTED)
        on_tokens(7)
        self.asked.set()
        if self.ending is None:
            await anyio.sleep_forever()
            raise AssertionError
        return self.ending()


def attempt_at(model: Scripted) -> Attempt:
    state = RunState.fold([Record(1, 0.0, RunOpened(Problem("How many?"), a_run()))])
    pool = Pool(Settings(home=Path("unused")), {model.name: model})
    return Attempt(LiveRun("r", state), pool, "solver-1", ModelSpec(model.name), REQUEST, {})


def raising(error: Exception) -> Ending:
    def end() -> Reply:
        raise error

    return end


async def test_a_reply_is_handed_over_as_it_came() -> None:
    reply = Reply(AssistantTurn("42"), "end", COUNTED)
    attempt = attempt_at(Ends(lambda: reply))

    assert await attempt.make() is reply
    assert (attempt.may_be_billed, attempt.counted) == (True, COUNTED)
    assert attempt.live.tokens == {}, "its tokens are no longer coming in"


ERRORS: list[tuple[Exception, NoReply]] = [
    (
        ModelUnavailable("a/b", "busy", request_id="r-1", charge=COUNTED, retry_after=7.0),
        NoReply("unavailable", "busy", "a/b", "r-1", COUNTED, True, 7.0),
    ),
    (
        ModelDown("a/b", "refused", given_up="not asked for 9 s", complete=False),
        NoReply("down", "refused", "a/b", None, NO_CHARGE, False, None, "not asked for 9 s"),
    ),
    (ModelRejected("a/b", "bad key"), NoReply("rejected", "bad key", "a/b")),
    (ConfigError("install it"), NoReply("rejected", "install it")),
]


@pytest.mark.parametrize(("error", "ended"), ERRORS, ids=lambda one: type(one).__name__)
async def test_an_error_of_a_model_becomes_the_cause_of_no_reply(
    error: Exception, ended: NoReply
) -> None:
    assert await attempt_at(Ends(raising(error))).make() == ended


async def test_a_bug_is_logged_and_keeps_the_charge_that_was_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        ended = await attempt_at(Ends(raising(KeyError("x")))).make()

    assert isinstance(ended, NoReply)
    cause: Cause = "bug"
    assert (ended.cause, ended.charge, ended.complete) == (cause, COUNTED, False)
    assert "KeyError" in ended.message
    assert "run r" in caplog.text


async def test_an_attempt_that_is_cancelled_ends_as_aborted_with_its_counts() -> None:
    model = Ends(None)
    attempt = attempt_at(model)
    made: list[object] = []

    async def make() -> None:
        made.append(await attempt.make())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(make)
            await model.asked.wait()
            assert attempt.live.tokens == {"solver-1": 7}
            group.cancel_scope.cancel()

    assert made == []
    assert attempt.aborted(by_stop=False) == NoReply("aborted", "", charge=COUNTED, complete=False)
    assert attempt.aborted(by_stop=True).cause == "stopped"
    assert attempt.live.tokens == {}


def test_an_attempt_that_never_left_may_not_be_billed() -> None:
    assert attempt_at(Ends(None)).aborted(by_stop=False) == NoReply("aborted", "", complete=True)


async def test_the_pictures_of_a_call_are_fitted_once_for_all_its_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits: list[ModelRequest] = []

    async def noted(request: ModelRequest, spec: ModelSpec) -> ModelRequest:
        fits.append(request)
        return request

    monkeypatch.setattr(calling, "with_fitted_pictures", noted)
    first = attempt_at(Ends(raising(ModelUnavailable("m", "busy"))))
    await first.make()
    await replace(attempt_at(Ends(lambda: REPLY)), fitted=first.fitted).make()

    assert fits == [REQUEST]
