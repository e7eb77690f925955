"""The names in a vendor's client decide what of a request is kept, and what is secret."""

from __future__ import annotations

import re

import httpx2

from atlas_mcp.models.wire.client_names import NO_NAMES, ClientNames
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.headers import dress

NAMES = ClientNames(
    plain_headers=frozenset({"maker-beta"}), kept_headers={"maker-version": re.compile(r"\d+")}
)

HERE = "https://gpu.example.org/v1"


def kept(version: str, names: ClientNames) -> str | None:
    request = httpx2.Request("POST", HERE, headers={"maker-version": version})
    dress(request, None, named=True, key_header="authorization", names=names)
    return request.headers.get("maker-version")


def test_a_named_address_gets_the_headers_that_a_client_keeps_in_their_form() -> None:
    assert kept("2026", NAMES) == "2026"
    assert kept("of the environment", NAMES) is None
    assert kept("2026", NO_NAMES) is None


def test_a_plain_header_of_a_client_is_no_secret() -> None:
    headers = {"maker-beta": "a-long-name-of-a-beta"}
    plain, secret = (Route(HERE, None, HERE, names=names) for names in (NAMES, NO_NAMES))
    for route in (plain, secret):
        route.secrets.add_headers(headers)

    assert plain.secrets.mask("a-long-name-of-a-beta") == "a-long-name-of-a-beta"
    assert secret.secrets.mask("a-long-name-of-a-beta") == "***"
