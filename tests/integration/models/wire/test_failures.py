"""The error of a call that fails, whatever shape the endpoint gives it: both adapters alike."""

from __future__ import annotations

import json

import pytest

from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from tests.support.odd_endpoints import ASK, JSON, Make, Place, always, failure_of

HTML = {"content-type": "text/html; charset=utf-8"}


async def test_a_redirect_in_circles_is_an_address_that_is_wrong(make: Make) -> None:
    place = Place(always(307, {"location": "/again"}, ""))
    with place.serving() as here:
        error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert "in circles; check base_url" in str(error)


WORDS: dict[str, object] = {
    "a string": {"error": "the reason"},
    "a message": {"message": "the reason"},
    "the usual": {"error": {"message": "the reason", "type": "t", "code": None}},
    "a message in a message": {"error": {"message": {"message": "the reason"}}},
    "JSON in a string": {"error": {"message": json.dumps({"error": {"message": "the reason"}})}},
    "a detail": {"detail": "the reason"},
    "details": {"detail": [{"loc": ["body", "n"], "msg": "the reason", "type": "t"}]},
    "errors": {"errors": [{"message": "the reason"}]},
    "errors as strings": {"errors": ["the reason"]},
    "a problem": {"type": "about:blank", "title": "Bad", "status": 400, "detail": "the reason"},
    "OAuth": {"error": "invalid", "error_description": "the reason"},
    "of OpenRouter": {
        "error": {
            "message": "Provider returned error",
            "metadata": {"raw": '{"error": "the reason"}', "provider_name": "P"},
        }
    },
    "of Google": [{"error": {"code": 400, "message": "the reason", "status": "INVALID"}}],
}


@pytest.mark.every_day(16)
@pytest.mark.parametrize("name", WORDS)
async def test_an_endpoints_own_words_are_told_in_whatever_shape(make: Make, name: str) -> None:
    with Place(always(400, JSON, json.dumps(WORDS[name]))).serving() as here:
        error = await failure_of(make(here))

    assert "refuses the request" in str(error)
    assert "the reason" in str(error)
    assert "{" not in str(error)


@pytest.mark.every_day(8)
@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", "17", '"', "[" * 5_000, '{"error": {"error": {}}}', "\x00"]
)
async def test_an_answer_without_words_is_an_answer(make: Make, body: str) -> None:
    for status in (400, 403, 418, 503):
        with Place(always(status, JSON, body)).serving() as here:
            await failure_of(make(here))


async def test_a_long_text_is_cut(make: Make) -> None:
    with Place(always(400, {"content-type": "text/plain"}, "x" * 300_000)).serving() as here:
        error = await failure_of(make(here))

    assert "xxx…" in str(error)
    assert len(str(error)) < 1_000


PAGE = "<!DOCTYPE html>\n<html><head><title>Blocked by the firewall</title></head>…</html>"


@pytest.mark.every_day(8)
@pytest.mark.parametrize("status", [200, 401, 402, 403, 404, 429, 502])
async def test_a_web_page_is_told_as_one_whatever_its_status(make: Make, status: int) -> None:
    place = Place(always(status, HTML, PAGE))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelError, match="web page") as caught:
            await model.generate(ASK)
        with pytest.raises(ModelError, match="web page"):
            await model.generate(ASK)
        await model.aclose()

    error = caught.value
    assert isinstance(error, ModelUnavailable) == (status in {429, 502})
    for part in ("'Blocked by the firewall'", "proxy", "firewall", "base_url", here):
        assert part in str(error)
    assert "key" not in str(error)
    assert len(place.asked) == 2, "it says nothing of the key"


async def test_plain_words_with_403_may_be_a_firewalls(make: Make) -> None:
    with Place(always(403, {"content-type": "text/plain"}, "denied by policy")).serving() as here:
        error = await failure_of(make(here))

    assert "denied by policy" in str(error)
    assert "firewall" in str(error)


LISTS: dict[str, tuple[dict[str, str], str]] = {
    "broken JSON": (JSON, '{"data": [{"id": "m'),
    "deep JSON": (JSON, '{"data": ' + "[" * 100_000),
    "nothing": (JSON, ""),
    "no JSON": ({"content-type": "text/plain"}, "hello"),
    "a web page": (HTML, "<!doctype html><html><title>Sign in</title></html>"),
}


FRAGMENTS = ("[]", "null", "17", '"m"', '{"data": 17}', '{"data": {"id": 1}}', '[{"id": "m"}]')


@pytest.mark.every_day(10)
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_list_of_models_that_cannot_be_read_is_told_as_what_it_is(
    make: Make, name: str, status: int
) -> None:
    headers, body = LISTS[name]
    with Place(always(status, headers, body)).serving() as here:
        model = make(here)
        with pytest.raises(ModelError, match=r"answers with|status 500"):
            await model.is_there()
        await model.aclose()


@pytest.mark.every_day(8)
@pytest.mark.parametrize("body", FRAGMENTS)
async def test_a_list_of_another_shape_is_no_fault_of_ours(make: Make, body: str) -> None:
    with Place(always(200, JSON, body)).serving() as here:
        model = make(here)
        try:
            assert await model.is_there() in {True, False}
        except ModelRejected as error:
            assert "answers with" in str(error)  # noqa: PT017 - either will do
        await model.aclose()
