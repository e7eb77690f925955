"""The headers of a request to an address that an entry names."""

from __future__ import annotations

import httpx2
import pytest

from atlas_mcp.models.wire.headers import dress, read_as_text, sendable

SENT = {"authorization": "Bearer of-the-environment", "x-company": "secret", "x-title": "t"}


def test_a_named_address_gets_its_own_key_and_nothing_of_the_environment() -> None:
    request = httpx2.Request("POST", "https://gpu.example.org/v1", headers=SENT)

    dress(request, " key\n", named=True, key_header="authorization")

    assert request.headers["authorization"] == "Bearer key"
    assert not {"x-company", "x-title"} & request.headers.keys()


def test_a_named_address_without_a_key_is_shown_none() -> None:
    request = httpx2.Request("POST", "https://gpu.example.org/v1", headers=SENT)

    dress(request, None, named=True, key_header="authorization")

    assert "authorization" not in request.headers


def test_the_environments_own_address_keeps_what_the_client_made() -> None:
    request = httpx2.Request("POST", "https://api.example.org/v1", headers=SENT)

    dress(request, None, named=False, key_header="authorization")

    assert {name: request.headers[name] for name in SENT} == SENT


@pytest.mark.parametrize(
    ("text", "fits"), [("k-1", True), ("", True), ("a\nb", False), ("é", False)]
)
def test_a_header_holds_printable_ascii(text: str, fits: bool) -> None:
    assert sendable(text) == fits


def test_a_character_set_that_is_none_is_read_as_utf_8() -> None:
    kind = {"content-type": "text/plain; charset=rot13"}
    response = httpx2.Response(200, headers=kind, content="é".encode())

    read_as_text(response)

    assert response.text == "é"
