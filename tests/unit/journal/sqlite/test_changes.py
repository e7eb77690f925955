"""The queue of changes, and the roles of the threads that serve it."""

from __future__ import annotations

from anyio import Event
from anyio.lowlevel import current_token

from atlas_mcp.journal.sqlite.changes import Change, Changes


def a_change(*, alone: bool = False, durable: bool = True) -> Change:
    return Change(lambda _: None, alone, durable, current_token(), Event())


async def test_what_was_taken_cannot_be_withdrawn() -> None:
    changes, one, two = Changes(), a_change(), a_change()
    for change in (one, two):
        assert changes.add(change)

    assert changes.withdraw(one)
    assert changes.take() == [two]
    assert not changes.withdraw(two)
    assert changes.is_empty
    assert (one.stage, two.stage) == ("withdrawn", "taken")


async def test_changes_that_are_to_be_alone_or_single_share_no_transaction() -> None:
    changes = Changes()
    shared, single, alone = a_change(), a_change(), a_change(alone=True)
    single.single = True
    for change in (shared, single, alone):
        changes.add(change)

    assert changes.take() == [shared]
    assert changes.take() == [single]
    assert changes.take() == []
    assert changes.take_these([alone, shared]) == [alone]


async def test_the_thread_that_has_written_flushes_unless_another_one_does() -> None:
    changes, one, two, quick = Changes(), a_change(), a_change(), a_change(durable=False)
    changes.add(one)
    assert changes.wait_to_write() == [one]
    first = changes.end_writing(changes.take())
    assert (first.settled, first.is_to_flush) == ([], True)
    assert changes.take_written() == [one]

    # While it flushes, another thread writes on.
    changes.add(two)
    changes.add(quick)
    assert changes.wait_to_write() == [two, quick]
    second = changes.end_writing(changes.take())
    assert (second.settled, second.is_to_flush) == ([quick], False)

    changes.settle([one])
    assert changes.take_written() == [two]
    assert changes.take_written() == []
    assert (one.stage, two.stage, quick.stage) == ("settled", "written", "settled")


async def test_changes_are_queued_again_before_later_ones_and_each_alone() -> None:
    changes, one, two, hurried, later = Changes(), a_change(), a_change(), a_change(), a_change()
    for change in (one, hurried, two):
        changes.add(change)
    batch = changes.take()
    changes.add(later)
    assert changes.hurry(hurried)

    assert changes.queue_again(batch) == [hurried]
    assert [changes.take(), changes.take(), changes.take()] == [[one], [two], [later]]


async def test_a_queue_that_is_closed_takes_nothing_and_is_served_to_its_end() -> None:
    changes, left = Changes(), a_change()
    changes.add(left)
    changes.close()

    assert not changes.add(a_change())
    assert changes.wait_to_write() == [left]
    changes.end_writing(changes.take())
    assert changes.wait_to_write() == ()
