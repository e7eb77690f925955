"""Secrets are masked in the error or the reply of every call."""

from __future__ import annotations

from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.wire.masking import Secrets
from atlas_mcp.models.wire.trips import CURRENT_TRIP, Trip, note_sent

KEY = "sk-of-a-test-and-long-enough"


def trip() -> Trip:
    secrets = Secrets()
    secrets.add(KEY)
    return Trip(secrets, moves=1)


def test_an_error_is_told_without_the_key_and_with_all_requests() -> None:
    error = ModelRejected("m/m", f"bad key {KEY}", charge=Charge(Usage(requests=1)))

    masked = trip().failed(error)

    assert masked.message == "bad key ***"
    assert masked.charge == Charge(Usage(requests=2))


def test_a_reply_is_kept_without_the_key_and_with_all_requests() -> None:
    reply = Reply(AssistantTurn(f"the key is {KEY}"), "end", Charge(Usage(requests=1)))

    masked = trip().masked(reply)

    assert masked.turn.text == "the key is ***"
    assert masked.charge.usage.requests == 2


def test_a_request_that_leaves_is_noted_in_the_trip_it_belongs_to() -> None:
    note_sent()
    made = trip()
    token = CURRENT_TRIP.set(made)
    try:
        note_sent()
    finally:
        CURRENT_TRIP.reset(token)

    assert made.sent
