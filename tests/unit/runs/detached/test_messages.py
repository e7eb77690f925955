"""Messages between a server and its driver are read back as they were written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp import errors
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import Image, Problem
from atlas_mcp.errors import (
    AtlasError,
    HomeUnusable,
    InvalidInput,
    JournalBusy,
    JournalError,
    JournalInUse,
    ModelError,
    ModelRejected,
    RunExists,
    UnknownRun,
)
from atlas_mcp.models.base import Notice
from atlas_mcp.runs.detached.messages import (
    Answer,
    Command,
    Done,
    Follow,
    Hello,
    Logged,
    Ready,
    Refused,
    Shown,
    Stop,
    Submit,
    Unfollow,
    Unready,
    UnstoredRecord,
    answer_on,
    command_on,
    encode,
)
from atlas_mcp.runs.engine import ExploreFurther, ResumeRun, Submission
from atlas_mcp.runs.snapshot import BrokenOff
from tests.support.opened_runs import client_opening, opening

PICTURE = Image("image/png", "aGVsbG8=")


@pytest.mark.parametrize(
    "submission",
    [
        opening(),
        replace(
            opening(), problem=Problem("line\nbreak \u2028 😀", (PICTURE,), {"type": "string"})
        ),
        client_opening(),
        ResumeRun(),
        ResumeRun(12, Decimal("0.25")),
        ExploreFurther(None, ExploreRequest(count=3)),
        ExploreFurther(Problem("6 * 7?"), ExploreRequest("s", "high", "direct", "check it")),
    ],
)
def test_a_submission_arrives_as_it_was(submission: Submission) -> None:
    line = encode(Submit.of(7, "r", submission))
    assert line.count(b"\n") == 1
    command = command_on(line)
    assert isinstance(command, Submit)
    assert (command.number, command.run_id, command.submission) == (7, "r", submission)


@pytest.mark.parametrize(
    "command",
    [Hello("12-ab"), Stop(1, "r", "client", 60.0), Follow(2, "r"), Unfollow(2)],
    ids=lambda one: one.type,
)
def test_a_command_arrives_as_it_was(command: Command) -> None:
    assert command_on(encode(command)) == command


@pytest.mark.parametrize(
    "answer",
    [
        Ready(12, "1.0", outlives=True, settings="a0"),
        Unready("no home"),
        Done(3, value=False),
        Refused(4, "UnknownRun", ("r",)),
        Shown(5, 9, done=False, tokens={"solver 1": 12}),
        Shown(
            5,
            9,
            done=True,
            tokens={},
            notice=Notice("waiting", 0.5, "busy"),
            waiting="waiting in line",
            broken=BrokenOff("disk full", 9, 1, 2, damaged=True),
            unstored=(UnstoredRecord(10, 1.5, "{}"),),
        ),
        Logged("atlas_mcp.x", 30, "text"),
    ],
    ids=lambda one: one.type,
)
def test_an_answer_arrives_as_it_was(answer: Answer) -> None:
    assert answer_on(encode(answer)) == answer


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("max_explores", "is 0"),
        RunExists("r"),
        UnknownRun("r"),
        JournalBusy("driven by another"),
        JournalError("full"),
        AtlasError("else"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_raised_again_as_it_was(error: AtlasError) -> None:
    answer = answer_on(encode(Refused.of(1, error)))
    assert isinstance(answer, Refused)
    assert (type(answer.cause), answer.cause.args) == (type(error), error.args)


def an_error(kind: type[AtlasError]) -> AtlasError:
    """Make an error of a class, each with what its class is made of."""
    if issubclass(kind, ModelError):
        return kind("v/m", "bad key")
    if issubclass(kind, JournalInUse):
        return kind("journal.db", {"r": "12-ab"})
    return kind("a", "b") if kind is InvalidInput else kind("text")


@pytest.mark.parametrize(
    "kind",
    [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, AtlasError)],
    ids=lambda kind: kind.__name__,
)
def test_every_error_is_raised_again_with_its_words_as_its_class_or_a_parent(
    kind: type[AtlasError],
) -> None:
    error = an_error(kind)
    answer = answer_on(encode(Refused.of(1, error)))
    assert isinstance(answer, Refused)
    assert str(answer.cause) == str(error)
    assert isinstance(error, type(answer.cause))
    if issubclass(kind, JournalInUse):
        assert type(answer.cause) is HomeUnusable


def test_an_error_that_texts_do_not_make_is_one_of_its_parents() -> None:
    cause = Refused.of(1, ModelRejected("v/m", "bad key")).cause
    assert type(cause) is AtlasError
    assert str(cause) == "`v/m`: bad key"


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":"submit"}', b"\xff"])
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's words are its own
        command_on(line)
    with pytest.raises(ValueError):  # noqa: PT011
        answer_on(line)
