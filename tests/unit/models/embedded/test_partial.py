"""A file of weights that has come in part."""

from __future__ import annotations

from tests.support.pulls import WEIGHTS, Hub, Pulled, leave_partial, model


async def test_wrong_bytes_left_by_an_earlier_pull_cost_one_more_try(
    pulled: Pulled, hub: Hub
) -> None:
    leave_partial(pulled, b"x" * 100)

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == ["bytes=100-", None]
    assert path.read_bytes() == WEIGHTS


async def test_a_partial_file_that_is_too_long_is_started_over(pulled: Pulled, hub: Hub) -> None:
    leave_partial(pulled, WEIGHTS + b"x")

    path = await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_a_partial_file_that_is_whole_needs_no_source(pulled: Pulled) -> None:
    leave_partial(pulled, WEIGHTS)

    path = await pulled.ensure(model())

    assert path.read_bytes() == WEIGHTS
