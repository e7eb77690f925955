"""Checks of failures: which of them may be tried again, and what they cost."""

from __future__ import annotations

from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.testing.model_conformance import (
    SECRET,
    Check,
    Stand,
    asking,
    checks_of,
    error_of,
    needs,
    opened,
)
from atlas_mcp.testing.replies import ApiReply, Fault, status


@needs("faulty")
async def check_13_what_may_work_later_is_unavailable_and_may_be_tried_again(stand: Stand) -> None:
    """The error says so by its class, costs nothing, and does not hinder the next call."""
    stand.script(status(503, message="too busy"), ApiReply(text="Blue."))
    async with opened(stand) as model:
        error = await error_of(model.generate(asking(SECRET)))

        assert isinstance(error, ModelUnavailable)
        assert error.complete
        assert (error.charge or NO_CHARGE).cost == 0
        assert error.model == stand.name
        assert SECRET not in f"{error} {error!r}"
        assert (await model.generate(asking())).turn.text == "Blue."


@needs("faulty")
async def check_14_what_would_fail_again_is_rejected_with_the_reason(stand: Stand) -> None:
    """The error quotes the endpoint's message, and leaves the prompt out."""
    stand.script(status(400, message="the prompt is too long"), ApiReply(text="Blue."))
    async with opened(stand) as model:
        error = await error_of(model.generate(asking(SECRET)))

        assert isinstance(error, ModelRejected)
        assert "the prompt is too long" in str(error)
        assert SECRET not in f"{error} {error!r}"
        assert (await model.generate(asking())).turn.text == "Blue."


@needs("faulty")
async def check_15_a_reply_that_breaks_off_may_have_cost_more_than_is_known(stand: Stand) -> None:
    """Only a free model's charge is complete then."""
    for fault in (Fault("cut"), Fault("ends"), Fault("garbage")):
        stand.script(fault)
        async with opened(stand) as model:
            error = await error_of(model.generate(asking()))

            assert isinstance(error, ModelUnavailable), fault
            assert (error.charge or NO_CHARGE).usage.requests == 1
            assert error.complete == (stand.abilities.billing == "free")


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
