"""Places are given out in line."""

from __future__ import annotations

import anyio
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.runs.local.line import Line, Ticket


async def test_places_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    line, order = Line(1), list[int]()
    gate = anyio.Event()

    async def take(number: int, ticket: Ticket) -> None:
        await ticket.admitted()
        order.append(number)
        await gate.wait()
        ticket.give_back()

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(take, number, line.take())
        await anyio.wait_all_tasks_blocked()
        assert order == [0]
        gate.set()

    assert order == [0, 1, 2, 3]


async def test_who_waits_is_told_how_many_come_before_it() -> None:
    line = Line(2)
    held = [line.take() for _ in range(5)]

    assert [line.ahead_of(ticket) for ticket in held] == [None, None, 0, 1, 2]
    assert held[3].where == "waiting in line, 1 before it (2 at once in this process)"


async def test_one_that_leaves_the_line_moves_the_others_up_and_takes_no_place() -> None:
    line = Line(1)
    first, second, third = (line.take() for _ in range(3))

    second.give_back()
    assert (first.where is None, line.ahead_of(third)) == (True, 0)
    third.give_back()
    first.give_back()
    assert line.take().where is None


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 4))
def test_no_more_have_a_place_than_there_are_and_no_place_is_left_empty(
    ends: list[int], places: int
) -> None:
    """Tickets come and go in any order; who has waited longest is always next."""
    line = Line(places)
    held: list[Ticket] = []
    for end in ends:
        held.append(line.take())
        if end > 4:
            held.pop(end % len(held)).give_back()
        ahead = [line.ahead_of(ticket) for ticket in held]
        inside = ahead.count(None)
        assert inside == min(places, len(held))
        assert ahead[inside:] == list(range(len(held) - inside))
