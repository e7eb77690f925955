"""Addresses of endpoints: which are taken, and what of one may be shown.

An address is checked once, when it is read, so that no call finds out that it cannot be used. It
holds no secret: one with a user name, a password or a parameter that might be a key is refused,
since addresses are journaled with a run and shown to whoever asks for the pool.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, urlsplit

EXAMPLE = "http://127.0.0.1:8000/v1"

QUERY_NAMES = frozenset({"api-version"})
"""Parameters that an address may have. Source: Azure's portal gives addresses with its version of
the API in them. Any other may be a key."""

CALL_PATHS = ("/chat/completions", "/v1/messages")
"""Paths of single calls, which people copy together with the address they belong to."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?", re.IGNORECASE)

_LONGEST_LABEL = 63


def endpoint_address(given: str) -> str:
    """Return an address of an endpoint in the form in which it is used.

    White space around it, slashes at its end and the path of a single call are left out.

    Raises:
        ValueError: It cannot be used; the text says why and what to do, and does not repeat it.
    """
    address = given.strip()
    if not address.isprintable() or any(character.isspace() for character in address):
        raise ValueError("has white space or a control character in it; leave it out")
    if "\\" in address:
        raise ValueError(f"has a backslash in it; an address looks like {EXAMPLE!r}")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError(f"is no address; one looks like {EXAMPLE!r}") from None
    if "@" in parts.netloc:
        raise ValueError(
            "has a user name or a password in it, which would be kept with every run; leave them "
            "out, and name the variable of the key in `api_key_env` (for a proxy that asks for a "
            f"name and a password, the variable holds `Basic` and then the base64 of both); "
            f"an address looks like {EXAMPLE!r}"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"is no address; one looks like {EXAMPLE!r}")
    if "#" in address:
        raise ValueError("has a part behind `#`, which no endpoint is sent; leave it out")
    _check_query(parts)
    _check_host(parts.hostname, address)
    path = parts.path.rstrip("/")
    for call in CALL_PATHS:
        path = path.removesuffix(call).rstrip("/")
    return parts._replace(path=path).geturl()


def query_of(address: str) -> tuple[str, dict[str, str]]:
    """Return an address without its query, and the query: it belongs behind the path of a call."""
    parts = urlsplit(address)
    return parts._replace(query="").geturl(), dict(parse_qsl(parts.query))


def place_of(address: str) -> str:
    """Return where an address leads, as people are told it: scheme, host and port."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_this_machine(host: str | None) -> bool:
    """Return whether a host is the machine that we run on."""
    if not host:
        return False
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip = ip_address(name)
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified


def _check_query(parts: SplitResult) -> None:
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.query and (not names or not names <= QUERY_NAMES):
        known = ", ".join(f"`{name}`" for name in sorted(QUERY_NAMES))
        raise ValueError(
            f"has a query in it with more than {known}; leave it out, and name the variable of a "
            "key in `api_key_env`"
        )


def _check_host(host: str, address: str) -> None:
    wrong = ValueError(f"has a host that cannot be one; an address looks like {EXAMPLE!r}")
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            raise wrong from None
    elif host.isascii():
        labels = host.removesuffix(".").split(".")
        if not _HOST.fullmatch(host) or not all(0 < len(one) <= _LONGEST_LABEL for one in labels):
            raise wrong
    else:
        # Names in other scripts are the client's business: it turns them into ASCII when it calls.
        import httpx2

        try:
            httpx2.URL(address)
        except httpx2.InvalidURL:
            raise wrong from None
