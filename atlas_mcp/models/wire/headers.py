"""The headers that a request may carry to its address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas_mcp.config.keys import clean_key
from atlas_mcp.models.wire.client_names import NO_NAMES, ClientNames

if TYPE_CHECKING:
    import httpx2

_OWN_NAMES = frozenset({"host", "content-length", "transfer-encoding", "x-stainless-raw-response"})
"""Headers of a single request, not of the environment; the client library sets the last one for
its own use."""

KEY_HEADERS = frozenset({"authorization", "x-api-key"})
"""Headers that carry a key, which `dress` cleans and which is checked apart from other headers."""

_CHARACTER_SETS = (
    r"utf-?8|(us-)?ascii|(iso-?8859-|latin-?|windows-|cp)[0-9]{1,4}|koi8-[ru]|shift-jis"
    r"|euc-(jp|kr)|gb(k|2312|18030)|big5"
)
"""Names of the character sets in which endpoints and web pages send text."""


def dress(
    request: httpx2.Request,
    api_key: str | None,
    *,
    named: bool,
    key_header: str,
    names: ClientNames = NO_NAMES,
) -> None:
    """Give a request the headers that its address may have.

    Args:
        request: The request as the vendor's client made it, with headers of the environment.
        api_key: The key that is sent to the address.
        named: Whether an entry names the address. Its headers are then made here, as the client's
            own may come from the environment, under any name.
        key_header: The header in which such an address expects its key.
        names: The names of the vendor's client; such an address gets the headers that they keep.
    """
    import httpx2

    if not named:
        for name in KEY_HEADERS:
            if value := request.headers.get(name):
                scheme, space, key = value.partition(" ")
                request.headers[name] = (
                    f"{scheme} {clean_key(key)}" if space and key else clean_key(value)
                )
        return
    kept = {name: request.headers[name] for name in _OWN_NAMES if name in request.headers}
    for name, pattern in names.kept_headers.items():
        if pattern.fullmatch(value := request.headers.get(name, "")):
            kept[name] = value
    kept["host"] = request.url.netloc.decode("ascii")
    kept |= {
        "accept": "application/json",
        "connection": "keep-alive",
        "content-type": "application/json",
        "user-agent": "atlas-mcp",
    }
    if api_key is not None:
        key = clean_key(api_key)
        if key.lower().startswith("basic "):
            kept["authorization"] = key
        else:
            kept[key_header] = f"Bearer {key}" if key_header == "authorization" else key
    request.headers = httpx2.Headers(kept)


def sendable(text: str) -> bool:
    """Return whether a header can hold a text."""
    return text.isascii() and (text.isprintable() or not text)


def read_as_text(response: httpx2.Response) -> None:
    """Make a body be decoded in the character set that it names, or else as UTF-8.

    Python also has codecs that are not character sets, and fails to decode text with them.
    """
    named = (response.charset_encoding or "").lower().replace("_", "-")
    if not re.fullmatch(_CHARACTER_SETS, named):
        response.encoding = "utf-8"
