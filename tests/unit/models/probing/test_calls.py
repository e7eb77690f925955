"""The calls of a probe stay within their cap, and are made again while an endpoint is busy."""

from __future__ import annotations

from decimal import Decimal

import pytest

from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import ModelDown, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.probing import calls
from atlas_mcp.models.probing.calls import ProbeCalls, ProbeCapReached
from atlas_mcp.models.probing.questions import question
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.testing.scripted import Recording

SPEC = ModelSpec("maker/m", price=Price(Decimal(1), Decimal(1)))

BUSY = ModelUnavailable("maker/m", "busy", complete=True)


def probing(*outcomes: Says | ModelError) -> tuple[ProbeCalls, Recording]:
    left = list(outcomes)

    def says(request: ModelRequest) -> Says:
        outcome = left.pop(0)
        return Says(error=outcome) if isinstance(outcome, ModelError) else outcome

    model = Recording(says)
    return ProbeCalls(lambda spec: model), model


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "RETRIES", RetryPolicy(attempts=2, first_delay=0))


async def test_a_refused_request_has_no_reply_and_is_remembered() -> None:
    asking, _ = probing(Says("ready"), ModelRejected("maker/m", "no"))

    reply = await asking.ask(question("q"), SPEC)
    assert reply is not None
    assert not asking.any_refused
    assert await asking.ask(question("q"), SPEC) is None
    assert asking.any_refused


async def test_a_busy_endpoint_is_asked_again_within_its_attempts() -> None:
    asking, model = probing(BUSY, Says("ready"), BUSY, BUSY)

    assert (await asking.reply(question("q"), SPEC)).turn.text == "ready"
    with pytest.raises(ModelUnavailable, match="busy"):
        await asking.reply(question("q"), SPEC)
    assert len(model.requests) == 4


async def test_an_endpoint_that_is_down_is_not_asked_again() -> None:
    asking, model = probing(ModelDown("maker/m", "down"))

    with pytest.raises(ModelDown):
        await asking.reply(question("q"), SPEC)
    assert len(model.requests) == 1


async def test_a_question_that_might_exceed_the_cap_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "PROBE_CAP_USD", Decimal("0.000001"))
    asking, model = probing()

    with pytest.raises(ProbeCapReached, match="might cost more than"):
        await asking.ask(question("q"), SPEC)
    assert model.requests == []
