"""Names of hosts in requests are compared however a client writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from atlas_mcp.web.host_names import Named

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def handed_on(header: str, value: str) -> str:
    """Return a header as it reaches the application."""
    seen: list[tuple[bytes, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])

    async def nothing(*_: Any) -> Any:
        return None

    headers = [(header.encode(), value.encode("latin-1")), (b"x-other", b"Kept:80")]
    await Named(app)({"type": "http", "headers": headers}, nothing, nothing)
    assert seen[1] == (b"x-other", b"Kept:80")
    return seen[0][1].decode("latin-1")


@pytest.mark.parametrize(
    ("given", "compared"),
    [
        ("atlas.example", "atlas.example"),
        ("ATLAS.Example.", "atlas.example"),
        ("Atlas.:8000", "atlas:8000"),
        ("[0:0::1]:8000", "[::1]:8000"),
        ("[::1]", "[::1]"),
        ("[atlas]", "[atlas]"),
        ("::1", "::1"),
        ("A b", "A b"),
        ("A:b", "A:b"),
        ("", ""),
    ],
)
async def test_a_name_is_handed_on_in_its_one_form(given: str, compared: str) -> None:
    assert await handed_on("host", given) == compared
    assert await handed_on("origin", f"https://{given}") == f"https://{compared}"


@pytest.mark.parametrize("given", ["null", "HTTP://Atlas.:80"])
async def test_an_origin_keeps_its_scheme_and_its_port(given: str) -> None:
    assert await handed_on("origin", given) == {"null": "null"}.get(given, "http://atlas:80")
