"""Redirects that are followed, and those that are refused: both adapters alike."""

from __future__ import annotations

from contextlib import nullcontext

import httpx2
import pytest

from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.wire.connections import RouteClosed
from atlas_mcp.models.wire.redirects import check_redirect
from tests.support.odd_endpoints import ASK, JSON, Answer, Make, Place, always, failure_of, good


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_a_problem_to_another_address(make: Make, status: int) -> None:
    elsewhere = Place(good)
    with elsewhere.serving() as there:
        place = Place(always(status, {"location": f"{there}/secret-path?x=1"}, ""))
        with place.serving() as here:
            error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert not elsewhere.asked
    assert there in str(error)
    assert f"status {status}" in str(error)
    assert "base_url" in str(error)
    assert "secret-path" not in str(error)
    assert (error.charge or NO_CHARGE).usage.requests == 1


async def test_nor_does_one_take_the_question_whether_a_model_is_there(make: Make) -> None:
    elsewhere = Place(good)
    with (
        elsewhere.serving() as there,
        Place(always(308, {"location": there}, "")).serving() as here,
    ):
        model = make(here)
        with pytest.raises(ModelRejected, match="sends calls on to"):
            await model.is_there()
        await model.aclose()

    assert not elsewhere.asked


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1:{port}/", "//[::1]:1/", "http://[", "ftp://x/"]
)
async def test_a_redirect_to_another_scheme_or_to_nowhere_is_told(make: Make, target: str) -> None:
    place = Place(good)
    with place.serving() as here:
        port = here.rpartition(":")[2]
        place.answer = always(307, {"location": target.format(port=port)}, "")
        error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert len(place.asked) == 1


async def test_a_redirect_within_the_address_is_followed_with_the_whole_call(make: Make) -> None:
    def moved(command: str, path: str) -> Answer:
        if path.endswith("/"):
            return good(command, path)
        return 307, {"location": f"{path}/"}, ""

    place = Place(moved)
    with place.serving() as here:
        model = make(here)
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()

    assert [command for command, _, _ in place.asked] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("target", "elsewhere"),
    [
        ("/next", False),
        ("HTTP://H.Example:80/next", False),
        # Where a resolver has a search list, another host may be found without the dot.
        ("http://h.example./next", True),
        ("http://h.example:8000/next", True),
        ("https://h.example/next", True),
        ("http://h.example.org/next", True),
        ("http://h,example/next", True),
    ],
)
def test_a_place_is_the_same_however_a_redirect_writes_it(target: str, elsewhere: bool) -> None:
    request = httpx2.Request("POST", "http://h.example/v1/messages")
    response = httpx2.Response(307, headers={"location": target}, request=request)

    with pytest.raises(RouteClosed) if elsewhere else nullcontext():
        check_redirect(response)


async def test_redirects_that_are_followed_are_requests(make: Make) -> None:
    def moved(command: str, path: str) -> Answer:
        return good(command, path) if path.endswith("//") else (307, {"location": f"{path}/"}, "")

    place = Place(moved)
    with place.serving() as here:
        model = make(here)
        reply = await model.generate(ASK)
        place.answer = always(307, {"location": "/again"}, "")
        circles = await failure_of(model)
        place.answer = lambda command, path: (
            (400, JSON, "{}") if path.endswith("/") else (307, {"location": f"{path}/"}, "")
        )
        refused = await failure_of(make(here))

    assert reply.charge.usage.requests == 3
    made = [(error.charge or NO_CHARGE).usage.requests for error in (circles, refused)]
    assert made[1] == 2
    assert reply.charge.usage.requests + sum(made) == len(place.asked)
