from __future__ import annotations

import logging

import anyio
import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.task_groups import main_cause, open_task_group

FULL = "the disk is full"


async def fail_together(*errors: BaseException) -> None:
    """Raise each error in a task of its own, and none of them before all tasks have begun."""
    begun = 0
    all_begun = anyio.Event()

    async def fail(error: BaseException) -> None:
        nonlocal begun
        begun += 1
        if begun == len(errors):
            all_begun.set()
        with anyio.CancelScope(shield=True):
            await all_begun.wait()
        raise error

    async with open_task_group() as tasks:
        for error in errors:
            tasks.start_soon(fail, error)


async def test_one_failure_comes_out_as_itself() -> None:
    with pytest.raises(JournalError, match=FULL):
        await fail_together(JournalError(FULL))


async def test_two_failures_of_one_cause_come_out_as_one_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(JournalError, match=FULL):
        await fail_together(JournalError(FULL), JournalError(FULL))

    assert caplog.records == []


async def test_a_bug_wins_over_what_was_raised_on_purpose_which_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(KeyError), caplog.at_level(logging.ERROR):
        await fail_together(JournalError(FULL), KeyError("bug"))

    (record,) = caplog.records
    assert record.getMessage() == f"and also: {FULL}"
    assert record.exc_info is None


async def test_a_second_bug_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises((KeyError, TypeError)) as raised:
        await fail_together(KeyError("a bug"), TypeError("another"))

    (record,) = caplog.records
    assert record.exc_info is not None
    assert {raised.type, record.exc_info[0]} == {KeyError, TypeError}


def test_groups_within_groups_are_opened_and_an_exit_wins_over_all() -> None:
    inner = BaseExceptionGroup("inner", [KeyError("bug"), KeyboardInterrupt()])
    group = BaseExceptionGroup("outer", [JournalError(FULL), inner])

    assert isinstance(main_cause(group), KeyboardInterrupt)
