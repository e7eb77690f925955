"""A call to an endpoint of Chat Completions: its ends, its failures, and their costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Cost, Price, Usage
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import endpoint_of, with_endpoint
from atlas_mcp.testing.chat_api import (
    ApiReply,
    Fault,
    Quirk,
    Tokens,
    refusal,
    status,
    truncated,
)
from tests.support.chat_worlds import (
    ASK,
    KEY,
    KINDS,
    RATES,
    ChatWorld,
    failure,
    on_asyncio,
    world_of,
)

on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])


@on_asyncio
@pytest.mark.parametrize(
    ("answer", "end", "detail"),
    [
        (ApiReply(text="a"), "end", ""),
        (ApiReply(), "end", ""),
        (truncated('{"answer": '), "max_tokens", ""),
        (refusal(), "refusal", "the endpoint's content filter"),
        (refusal("cyber", "It may harm."), "refusal", "It may harm."),
        (
            ApiReply(text="{}", stop_reason="something_new"),
            "end",
            "it ended for a reason that is not known: 'something_new'",
        ),
    ],
)
async def test_every_reason_for_the_end_has_its_meaning(
    answer: ApiReply, end: str, detail: str
) -> None:
    async with world_of() as world:
        world.api.script(answer)

        reply = await world.model.generate(ASK)

    assert (reply.end, reply.detail) == (end, detail)
    assert reply.charge.usage == world.api.reported


async def test_progress_rises_to_the_exact_count(world: ChatWorld) -> None:
    tokens = Tokens(input=1, output=1_234)
    world.api.script(ApiReply(text="x" * 2_000, thinking="y" * 2_000, deltas=20, tokens=tokens))
    heard: list[int] = []

    await world.model.generate(ASK, on_tokens=heard.append)

    assert heard[-1] == 1_234
    assert len(set(heard)) > 1
    assert heard == sorted(heard)


async def counted(quirk: Quirk | None, price: Price | None, **changes: Any) -> tuple[Usage, Cost]:
    kind, billed = changes.pop("kind", "openai"), changes.pop("billed_usd", None)
    tokens = changes.pop("tokens", Tokens(input=1_000, output=100, reasoning=40))
    async with world_of(kind, price=price, **changes) as world:
        quirks: frozenset[Quirk] = frozenset({quirk} if quirk else ())
        world.api.script(ApiReply(text="a", tokens=tokens, quirks=quirks, billed_usd=billed))
        reply = await world.model.generate(ASK)
    return reply.charge.usage, reply.charge.cost


@on_asyncio
async def test_what_is_not_counted_has_no_known_cost_unless_it_is_free() -> None:
    free = Price(FREE, FREE)

    assert await counted("no_usage", RATES) == (Usage(1), None)
    assert await counted("no_usage", free) == (Usage(1), FREE)
    assert await counted("no_usage", None, spec_price=free) == (Usage(1), FREE)


@on_asyncio
async def test_what_is_counted_costs_what_it_costs_or_nobody_knows() -> None:
    whole = Usage(1, 1_000, 100)

    assert await counted(None, RATES) == (whole, Decimal("0.002"))
    assert await counted(None, None) == (whole, None)
    assert await counted(None, RATES, kind="xai") == (whole, Decimal("0.002"))


@on_asyncio
async def test_a_bill_is_believed_from_openrouter_alone_and_the_operator_before_it() -> None:
    def billed(**changes: Any) -> Any:
        return counted(None, changes.pop("price", None), **{"billed_usd": 0.0125, **changes})

    assert (await billed(kind="openrouter"))[1] == Decimal("0.0125")
    assert (await billed(kind="openrouter", price=RATES))[1] == Decimal("0.002")
    assert (await billed())[1] is None
    assert (await billed(kind="openrouter", billed_usd=0))[1] == 0
    zeros = Tokens(input=0, output=0)
    assert (await billed(kind="openrouter", billed_usd=0, tokens=zeros))[1] is None
    for nonsense in ("NaN", "much", -1):
        assert (await billed(kind="openrouter", billed_usd=nonsense))[1] is None


async def test_counts_are_told_before_a_call_ends(world: ChatWorld) -> None:
    """What an aborted call has consumed is known from nothing else."""
    world.api.script(ApiReply(text="a", quirks=frozenset({"open_end"})))
    heard: list[Charge] = []
    told = anyio.Event()

    def on_usage(charge: Charge) -> None:
        heard.append(charge)
        told.set()

    async with anyio.create_task_group() as group:
        group.start_soon(partial(world.model.generate, ASK, on_usage=on_usage))
        await told.wait()
        group.cancel_scope.cancel()

    assert heard == [Charge(world.api.reported, RATES.cost_of(world.api.reported))]


@dataclass(frozen=True)
class Case:
    """A fault, and what people are told of it."""

    fault: Fault
    words: str
    retry_after: float | None = None


LATER = {
    "429 with retry-after": Case(status(429, retry_after=7), "rate limit", 7),
    "429 in milliseconds": Case(status(429, retry_after_ms=250), "rate limit", 0.25),
    "429": Case(status(429), "rate limit"),
    "503": Case(status(503), "status 503"),
    "529": Case(status(529), "overloaded"),
    "500": Case(status(500), "status 500"),
    "408": Case(status(408), "status 408"),
    "400 to be tried again": Case(status(400, should_retry=True), "refuses the request"),
}


NEVER = {
    "an empty account": Case(status(429, error_code="insufficient_quota"), "no credit"),
    "a quota by type": Case(status(429, error="insufficient_quota"), "no credit"),
    "400": Case(status(400, message="prompt is too long"), "request: prompt is too long"),
    "401": Case(status(401), "`MY_KEY`"),
    "402": Case(status(402), "no credit"),
    "403": Case(status(403), "may not do that"),
    "404": Case(status(404), "no such model at http://127.0.0.1:.*base_url"),
    "413": Case(status(413), "too large"),
    "422": Case(status(422), "refuses the request"),
    "503 for good": Case(status(503, should_retry=False), "status 503"),
    "a page": Case(Fault("not_a_stream"), "web page.*check the network and base_url"),
    "JSON of another kind": Case(
        Fault("not_a_stream", error="json", message='{"status": "ok"}'),
        "not a reply; check base_url",
    ),
    "a lasting error inside": Case(
        Fault("error", code=400, message="no"), "broke off the reply: no"
    ),
    "a wrong request": Case(Fault("error", error="invalid_request_error"), "broke off"),
    "an empty account inside": Case(Fault("error", code="insufficient_quota"), "broke off"),
}


BROKEN = {
    "a cut": Case(Fault("cut"), "connection was cut"),
    "a cut at the start": Case(Fault("cut", after=0), "connection was cut"),
    "an error event": Case(Fault("error", message="busy", code=502), "broke off the reply: busy"),
    "llama.cpp's error": Case(Fault("error", error="llama.cpp", message="busy"), "busy"),
    "an error in a choice": Case(Fault("error", error="in_choice", message="busy"), "busy"),
    "garbage": Case(Fault("garbage"), "could not be read"),
    "garbage in one piece": Case(
        Fault("not_a_stream", error="json", message='{"choices": ['), "could not be read"
    ),
    "an early end": Case(Fault("ends"), "ended before"),
}


@on_asyncio
@pytest.mark.parametrize("name", LATER)
async def test_what_may_work_later_is_unavailable(name: str) -> None:
    case = LATER[name]
    async with world_of() as world:
        world.api.script(case.fault)

        with pytest.raises(ModelUnavailable, match=case.words) as caught:
            await world.model.generate(ASK)

    error = caught.value
    assert error.retry_after == case.retry_after
    assert error.request_id == "req_000001"
    assert (error.charge, error.complete) == (Charge(Usage(1)), True)
    assert world.api.requests == 1, "the client library does not retry by itself"


@on_trio
@pytest.mark.parametrize("name", NEVER)
async def test_what_would_fail_again_is_rejected_with_what_to_do(name: str) -> None:
    case = NEVER[name]
    async with world_of(api_key_env="MY_KEY") as world:
        world.api.script(case.fault)

        with pytest.raises(ModelRejected, match=case.words) as caught:
            await world.model.generate(ASK)

    assert caught.value.request_id == "req_000001"
    assert caught.value.charge == Charge(Usage(1))


@pytest.mark.parametrize("name", BROKEN)
async def test_a_reply_that_breaks_off_may_have_cost_more_than_is_known(name: str) -> None:
    case = BROKEN[name]
    async with world_of() as world:
        world.api.script(case.fault)

        with pytest.raises(ModelUnavailable, match=case.words) as caught:
            await world.model.generate(ASK)

    error = caught.value
    assert (error.charge, error.complete) == (Charge(Usage(1)), False)


@on_asyncio
async def test_a_reply_that_breaks_off_and_is_free_cost_nothing() -> None:
    async with world_of(price=Price(FREE, FREE)) as world:
        world.api.script(Fault("cut"))

        error = await failure(world.model)

    assert (error.charge or NO_CHARGE).cost == FREE
    assert error.complete


@on_asyncio
@pytest.mark.parametrize("kind", ["mistral", "google", "openai"])
async def test_what_an_endpoint_says_is_passed_on_without_its_wrapping(kind: str) -> None:
    async with world_of(kind) as world:
        error = await failure(world.model, replace(ASK, max_tokens=10**6))

    field = endpoint_of(KINDS[kind].spec).max_tokens_field
    assert error.message == (
        f"the endpoint refuses the request: {field} is too large: 1000000. This model supports at "
        "most 128000 completion tokens."
    )


@on_asyncio
@pytest.mark.parametrize("after", [3, 4])
async def test_a_reply_that_is_whole_is_not_lost_with_its_connection(after: int) -> None:
    """Its pieces: the beginning, the text, the reason for the end, the counts, `[DONE]`."""
    async with world_of() as world:
        world.api.script(Fault("cut", after=after, reply=ApiReply(text="a", deltas=1)))

        reply = await world.model.generate(ASK)

    assert reply.turn.text == "a"
    assert reply.charge.usage == world.api.reported
    assert (reply.charge.cost is None) == (after == 3), "what was never counted has no known cost"


async def test_json_that_is_no_reply_is_no_endpoint_of_ours(world: ChatWorld) -> None:
    """As of a server whose Chat Completions are at another path."""
    elsewhere = with_endpoint(KINDS["openai"].spec, base_url=f"{world.url}/v2")
    model = OpenAICompatible(elsewhere, api_key=KEY)

    error = await failure(model)

    assert isinstance(error, ModelRejected)
    assert "base_url" in str(error)
    await model.aclose()
