"""Redirects leave no origin and change no request."""

from __future__ import annotations

import httpx2
import pytest

from atlas_mcp.models.wire.accounts import RouteClosed
from atlas_mcp.models.wire.redirects import check_redirect

HERE = "https://api.example.org/v1/chat"


def answer(location: str, status: int = 307, method: str = "POST") -> httpx2.Response:
    request = httpx2.Request(method, HERE)
    return httpx2.Response(status, headers={"location": location}, request=request)


@pytest.mark.parametrize("location", ["/v2/chat", "https://api.example.org/v2"])
def test_one_within_the_origin_is_followed(location: str) -> None:
    check_redirect(answer(location))


def test_one_to_another_origin_is_refused_and_named() -> None:
    with pytest.raises(RouteClosed, match=r"sends calls on to \S*other\.example\.org"):
        check_redirect(answer("https://other.example.org/v1"))


def test_one_to_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(RouteClosed, match=r"an invalid address \(status 307\)"):
        check_redirect(answer("https://example.org:port/"))


def test_one_that_would_ask_without_the_request_is_refused() -> None:
    with pytest.raises(RouteClosed, match="has moved within"):
        check_redirect(answer("/v2", status=302))
    check_redirect(answer("/v2", status=302, method="GET"))
