"""A key that is refused, or an account without credit, is found out once: both adapters alike."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelError, ModelRejected
from atlas_mcp.models.chat.connection import ChatConnection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.wire import accounts, connections
from tests.support.odd_endpoints import (
    ASK,
    JSON,
    KEY,
    STREAM,
    Answer,
    AnyModel,
    Make,
    Place,
    always,
    good,
)

EMPTY = json.dumps({"error": {"type": "x", "message": "Your credit balance is too low."}})


REFUSALS: dict[str, tuple[int, str, str]] = {
    "a refused key": (401, '{"error": "no"}', "key is refused"),
    "no credit": (402, "{}", "no credit is left"),
    "no credit in words": (400, EMPTY, "no credit is left: Your credit balance"),
    "a quota": (429, '{"error": {"code": "insufficient_quota"}}', "no credit is left"),
    "billing": (429, '{"error": {"code": "billing_not_active"}}', "no credit is left"),
    "arrears": (403, '{"code": "Arrearage", "message": "No."}', "no credit is left"),
    "a closed account": (403, '{"error": {"code": "account_deactivated"}}', "key is refused"),
    "an old key": (403, '{"error": {"code": "key_expired"}}', "the API key is refused"),
    "no credit, forbidden": (403, '{"error": "You have no credits left"}', "no credit is left"),
    "an invalid key": (
        400,
        '{"error": {"message": "m", "details": [{"reason": "API_KEY_INVALID"}]}}',
        "key is refused",
    ),
}


@pytest.mark.every_day(10)
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_key_that_is_refused_is_refused_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    status, body, cause = REFUSALS[name]
    place = Place(always(status, JSON, body))
    errors: list[ModelError] = []

    async def ask(model: AnyModel) -> None:
        with pytest.raises(ModelRejected, match=cause) as caught:
            await model.generate(ASK)
        errors.append(caught.value)

    # However busy the machine is that this runs on, the first answer is waited for.
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 15.0)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(ask, model)
                group.start_soon(ask, model)
            await ask(model)
        await model.aclose()

    assert len(place.asked) == 1, "two at once, and one afterwards"
    assert len({str(error) for error in errors}) == 1
    assert sorted((error.charge or NO_CHARGE).usage.requests for error in errors) == [0, 0, 1]


async def test_an_account_that_is_found_empty_inside_a_stream_is_too() -> None:
    body = 'data: {"error": {"code": 402, "message": "no money"}}\n\n'
    place = Place(always(200, STREAM, body))
    with place.serving() as here:
        model = OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{here}/v1"}), api_key=KEY
        )
        for _ in range(3):
            with pytest.raises(ModelRejected, match="no money"):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 1


@pytest.mark.parametrize(("status", "asked"), [(401, 1), (402, 2)])
async def test_a_refused_key_is_refused_to_all_models_and_missing_credit_to_one(
    status: int, asked: int
) -> None:
    """What an account has no credit for may stand beside models that cost nothing."""
    place = Place(always(status, JSON, "{}"))
    with place.serving() as here:
        connection = ChatConnection(f"{here}/v1", KEY)
        for name in ("openai/a", "openai/b", "openai/a", "openai/b"):
            model = OpenAICompatible(ModelSpec(name), connection=connection)
            with pytest.raises(ModelRejected):
                await model.generate(ASK)
        await connection.aclose()

    assert len(place.asked) == asked


async def test_after_a_while_a_refused_key_is_tried_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "REFUSED_FOR", 0.0)
    answers = [(401, JSON, "{}")]
    place = Place(lambda command, path: answers.pop() if answers else good(command, path))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelRejected):
            await model.generate(ASK)
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()


async def test_a_key_that_was_accepted_is_doubted_when_it_is_refused_twice(make: Make) -> None:
    place = Place(good)
    with place.serving() as here:
        model = make(here)
        await model.generate(ASK)
        place.answer = always(401, JSON, "{}")
        for _ in range(4):
            with pytest.raises(ModelRejected):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 3


async def test_a_refusal_of_one_call_says_nothing_of_the_next(make: Make) -> None:
    place = Place(always(400, JSON, '{"error": "too long"}'))
    with place.serving() as here:
        model = make(here)
        for _ in range(2):
            with pytest.raises(ModelRejected, match="too long"):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 2


async def test_that_a_list_of_models_is_forbidden_says_nothing_of_calls(make: Make) -> None:
    place = Place(lambda command, path: (401, JSON, "{}") if command == "GET" else good("", path))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelRejected):
            await model.is_there()
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()


async def test_calls_wait_only_briefly_for_an_endpoint_that_is_slow_to_answer_the_first(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is answered before all of them are in flight."""
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 0.01)
    all_of_them = threading.Barrier(4)

    def together(command: str, path: str) -> Answer:
        all_of_them.wait(10)
        return good(command, path)

    place = Place(together)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(partial(model.generate, ASK))
        await model.aclose()

    assert len(place.asked) == 4


async def test_a_first_call_that_leaves_unanswered_leaves_it_to_the_next_to_find_out(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 15.0)
    arrived, may_answer = threading.Event(), threading.Event()
    first = anyio.CancelScope()

    def refused(command: str, path: str) -> Answer:
        arrived.set()
        if len(place.asked) == 1:
            may_answer.wait(10)
        return 401, JSON, "{}"

    async def leave(model: AnyModel) -> None:
        with first:
            await model.generate(ASK)

    async def ask(model: AnyModel) -> None:
        with pytest.raises(ModelRejected, match="key is refused"):
            await model.generate(ASK)

    place = Place(refused)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(leave, model)
                await anyio.to_thread.run_sync(arrived.wait)
                for _ in range(3):
                    group.start_soon(ask, model)
                first.cancel()
        may_answer.set()
        await model.aclose()

    assert len(place.asked) == 2


async def test_the_wait_for_the_first_answer_begins_when_there_is_a_client_to_ask_with(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making the first one takes seconds on a cold start, in which nobody is asked."""
    events: list[str] = []
    calling, options = accounts.Account.calling, connections.Route.client_options

    def enter(account: accounts.Account, model: str) -> Any:
        events.append("call")
        return calling(account, model)

    def make_client(route: connections.Route) -> dict[str, Any]:
        events.append("client")
        return options(route)

    monkeypatch.setattr(accounts.Account, "calling", enter)
    monkeypatch.setattr(connections.Route, "client_options", make_client)
    with Place(good).serving() as here:
        model = make(here)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(model.generate, ASK)
        await model.aclose()

    assert events == ["client", "call", "call", "call", "call"]


async def test_calls_with_an_accepted_key_wait_for_nobody(make: Make) -> None:
    """Both must be in flight before either is answered."""
    both = threading.Barrier(2)

    def together(command: str, path: str) -> Answer:
        if len(place.asked) > 1:
            both.wait(10)
        return good(command, path)

    place = Place(together)
    with place.serving() as here:
        model = make(here)
        await model.generate(ASK)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(partial(model.generate, ASK))
                group.start_soon(partial(model.generate, ASK))
        await model.aclose()
