"""A call to the Messages API: its ends, its failures, and their costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.usage import Charge, Price, Usage
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.prices import cost_of
from atlas_mcp.testing.messages_api import (
    ApiReply,
    Fault,
    MessagesApi,
    Tokens,
    refusal,
    status,
    truncated,
)
from tests.support.claude_calls import ASK
from tests.support.claude_models import claude_model


async def test_progress_rises_to_the_exact_count(claude: Claude, api: MessagesApi) -> None:
    api.script(ApiReply(text="x" * 4_000, deltas=20, tokens=Tokens(input=1, output=1_234)))
    heard: list[int] = []

    await claude.generate(ASK, on_tokens=heard.append)

    assert heard[-1] == 1_234
    assert heard == sorted(heard)


@pytest.mark.parametrize(
    ("answer", "end", "detail"),
    [
        (ApiReply(text="a"), "end", ""),
        (ApiReply(text="a", stop_reason="stop_sequence"), "end", ""),
        (
            ApiReply(text="{}", stop_reason="something_new"),
            "end",
            "it ended for a reason that is not known: 'something_new'",
        ),
        (truncated('{"answer": '), "max_tokens", ""),
        (
            ApiReply(text="a", stop_reason="model_context_window_exceeded"),
            "max_tokens",
            "the context window is full",
        ),
        (ApiReply(text="a", stop_reason="pause_turn"), "max_tokens", "the model paused its turn"),
        (refusal("cyber", "It may harm."), "refusal", "cyber: It may harm."),
        (refusal(None), "refusal", ""),
        (ApiReply(), "end", ""),
    ],
)
async def test_every_stop_reason_has_its_meaning(
    claude: Claude, api: MessagesApi, answer: ApiReply, end: str, detail: str
) -> None:
    api.script(answer)

    reply = await claude.generate(ASK)

    assert (reply.end, reply.detail) == (end, detail)
    assert reply.turn.text == answer.text
    assert reply.charge.usage == api.reported


@pytest.mark.parametrize(
    ("fault", "words", "retry_after"),
    [
        (status(429, retry_after=7), "rate limit", 7),
        (status(429, retry_after_ms=250), "rate limit", 0.25),
        (status(429), "rate limit", None),
        (status(429, retry_after="soon"), "rate limit", None),
        (status(529, retry_after=-1), "overloaded", None),
        (status(500), "status 500", None),
        (status(504), "status 504", None),
        (status(408), "status 408", None),
        (status(409), "status 409", None),
        (status(400, should_retry=True), "refuses the request", None),
    ],
)
async def test_what_may_work_later_is_unavailable(
    claude: Claude, api: MessagesApi, fault: Fault, words: str, retry_after: float | None
) -> None:
    api.script(fault)

    with pytest.raises(ModelUnavailable, match=words) as caught:
        await claude.generate(ASK)

    error = caught.value
    assert error.retry_after == retry_after
    assert error.request_id is not None
    assert (error.charge, error.complete) == (Charge(Usage(1)), True)
    assert api.requests == 1, "the client does not retry by itself"


async def test_a_date_to_come_back_at_is_understood(claude: Claude, api: MessagesApi) -> None:
    hour = timedelta(hours=1)
    later = format_datetime(datetime.now(UTC) + hour, usegmt=True)
    api.script(
        status(503, retry_after=later), status(503, retry_after=later.replace("GMT", "-0000"))
    )
    for _ in range(2):
        with pytest.raises(ModelUnavailable) as caught:
            await claude.generate(ASK)
        assert caught.value.retry_after is not None
        assert hour.total_seconds() - 60 < caught.value.retry_after <= hour.total_seconds()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(400, message="prompt is too long"), "refuses the request: prompt is too long"),
        (status(400, message="x" * 5_000), "xxx…"),
        (status(401), "`ANTHROPIC_API_KEY`"),
        (status(402), "settings/billing"),
        (status(403), "may not do that"),
        (status(404), "check the model's name"),
        (status(413), "too large"),
        (status(429, should_retry=False), "rate limit"),
        (Fault("not_a_stream"), "check the network and base_url"),
        (Fault("error", error="invalid_request_error"), "invalid_request_error"),
    ],
)
async def test_what_would_fail_again_is_rejected_with_what_to_do(
    claude: Claude, api: MessagesApi, fault: Fault, words: str
) -> None:
    api.script(fault)

    with pytest.raises(ModelRejected, match=words) as caught:
        await claude.generate(ASK)

    assert caught.value.request_id is not None


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut", after=4),
        Fault("error", error="overloaded_error", after=4),
        Fault("error", error="api_error", after=4),
        Fault("error", error="rate_limit_error", after=4),
        Fault("error", error="timeout_error", after=4),
        Fault("garbage", after=4),
        Fault("ends", after=4),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.error}",
)
async def test_a_reply_that_breaks_off_is_counted_as_far_as_it_came(
    claude: Claude, api: MessagesApi, fault: Fault
) -> None:
    tokens = Tokens(input=10, output=500, cache_read=600, cache_write=20)
    api.script(replace(fault, reply=ApiReply(text="It is broken off.", tokens=tokens)))

    with pytest.raises(ModelUnavailable) as caught:
        await claude.generate(ASK)

    error = caught.value
    assert api.reported == Usage(1, 630, 1, 600, 20)
    assert error.charge == Charge(api.reported, cost_of(claude.name, api.reported))
    assert not error.complete


async def test_a_reply_that_breaks_off_before_its_counts_may_still_be_billed(
    claude: Claude, api: MessagesApi
) -> None:
    api.script(Fault("cut", after=0))

    with pytest.raises(ModelUnavailable) as caught:
        await claude.generate(ASK)

    assert caught.value.charge == Charge(Usage(1))
    assert not caught.value.complete


def has_begun(api: MessagesApi) -> bool:
    return api.in_flight == 1


def has_left(api: MessagesApi) -> bool:
    return api.disconnects == 1


async def test_a_stream_that_falls_silent_is_given_up(
    connection: ClaudeConnection, api: MessagesApi
) -> None:
    claude = claude_model("claude-opus-5-5", connection=connection, read_timeout=0.2)
    api.script(Fault("stall", seconds=600))

    with pytest.raises(ModelUnavailable, match="silent") as caught:
        await claude.generate(ASK)

    assert not caught.value.complete
    assert await anyio.to_thread.run_sync(api.wait_for, has_left)


async def test_a_cancelled_call_leaves_the_api(claude: Claude, api: MessagesApi) -> None:
    api.script(ApiReply(text="x" * 100, deltas=100, delta_latency=60))

    async with anyio.create_task_group() as group:
        group.start_soon(partial(claude.generate, ASK))
        assert await anyio.to_thread.run_sync(api.wait_for, has_begun)
        group.cancel_scope.cancel()

    assert await anyio.to_thread.run_sync(api.wait_for, has_left)


async def test_an_explicit_price_is_what_a_reply_costs(
    connection: ClaudeConnection, api: MessagesApi
) -> None:
    price = Price(input=Decimal(1), output=Decimal(10))
    api.script(ApiReply(text="a", tokens=Tokens(input=1_000, output=100)))

    reply = await claude_model("claude-opus-5-5", price=price, connection=connection).generate(ASK)

    assert reply.charge.cost == Decimal("0.002")
