"""Addresses of endpoints: which are taken, and how much of one may be shown.

An address is checked once, when it is read, so that no call finds out that it cannot be used. It
holds no secret: one with a user name, a password or a parameter that might be a key is refused,
since addresses are journaled with a run and shown with the pool.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, urlsplit

EXAMPLE = "http://127.0.0.1:8000/v1"

QUERY_NAMES = frozenset({"api-version"})
"""Parameters that an address may have. Source: Azure's portal gives addresses with its version of
the API in them. Any other may be a key."""

CALL_PATHS = ("/chat/completions", "/v1/messages")
"""Paths of single calls, which people copy together with the address they belong to."""

USUAL_PORTS = {"http": 80, "https": 443}
"""The ports that an address need not name."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?", re.IGNORECASE)

_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?")
"""A host, in brackets if it is an address of IPv6, and perhaps a port."""

_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
"""A last part of a name that only addresses of IPv4 have. Source: the URL standard of WHATWG,
"ends in a number"."""

_LONGEST_LABEL = 63


def endpoint_address(given: str) -> str:
    """Return an address of an endpoint in the form in which it is used.

    White space around it, slashes at its end, the path of a single call and the usual port of its
    scheme are left out; its host is written as `host_name` has it.

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
    if not _PLACE.fullmatch(parts.netloc):
        raise ValueError(f"has a host that cannot be one; an address looks like {EXAMPLE!r}")
    _check_query(parts)
    host = host_name(parts.hostname)
    path = parts.path.rstrip("/")
    for call in CALL_PATHS:
        path = path.removesuffix(call).rstrip("/")
    where = f"[{host}]" if ":" in host else host
    if port not in {None, USUAL_PORTS[parts.scheme]}:
        where += f":{port}"
    return parts._replace(netloc=where, path=path).geturl()


def host_name(given: str) -> str:
    """Return a host in the one form in which hosts are compared and asked for.

    In small letters, those of other scripts in ASCII, and addresses of IPv6 in their shortest form.
    A dot at the end stays: without it another host may be found.

    Raises:
        ValueError: It cannot be one.
    """
    wrong = ValueError(f"has a host that cannot be one; an address looks like {EXAMPLE!r}")
    if ":" in given:
        try:
            return str(IPv6Address(given))
        except ValueError:
            raise wrong from None
    host = given.lower() if given.isascii() else _in_ascii(given, wrong)
    labels = host.removesuffix(".").split(".")
    if not _HOST.fullmatch(host) or not all(0 < len(one) <= _LONGEST_LABEL for one in labels):
        raise wrong
    if _NUMBER.fullmatch(labels[-1]):
        try:
            # Its forms with fewer numbers or zeros in front mean different things to programs.
            return str(IPv4Address(host))
        except ValueError:
            raise ValueError(
                "has a host that cannot be one: an address of numbers has four of them, up to 255 "
                "and without zeros in front"
            ) from None
    return host


def origin_of(address: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address, which are those of all addresses of its place.

    Raises:
        ValueError: It is no address.
    """
    parts = urlsplit(address)
    port = parts.port or USUAL_PORTS.get(parts.scheme)
    return parts.scheme, host_name(parts.hostname or ""), port


def is_same_origin(one: str, other: str) -> bool:
    """Return whether two addresses lead to the same place, however they are written."""
    try:
        return origin_of(one) == origin_of(other)
    except ValueError:
        return False


def is_same_address(one: str, other: str) -> bool:
    """Return whether two addresses lead to the same path of the same place."""
    if one == other:
        return True
    if not is_same_origin(one, other):
        return False
    first, second = urlsplit(one), urlsplit(other)
    same_path = first.path.rstrip("/") == second.path.rstrip("/")
    return same_path and first[3:] == second[3:]


def query_of(address: str) -> tuple[str, dict[str, str]]:
    """Return an address without its query, and the query: it belongs behind the path of a call."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return parts._replace(query="").geturl(), query


def place_of(address: str) -> str:
    """Return the place to which an address leads, for people: scheme, host and port.

    A text that is no address is not repeated.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
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
    # An address of IPv4, written as one of IPv6.
    seen = getattr(ip, "ipv4_mapped", None) or ip
    return seen.is_loopback or seen.is_unspecified


def _check_query(parts: SplitResult) -> None:
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.query and (not names or not set(names) <= QUERY_NAMES):
        known = ", ".join(f"`{name}`" for name in sorted(QUERY_NAMES))
        raise ValueError(
            f"has a query in it with more than {known}; leave it out, and name the variable of a "
            "key in `api_key_env`"
        )
    if len(names) > len(set(names)):
        raise ValueError("has a query in it that says one thing twice; leave one of them out")


def _in_ascii(host: str, wrong: ValueError) -> str:
    """Return a name in another script as it is asked for."""
    import httpx2

    if set(host) & set("/?#@"):
        raise wrong
    try:
        return httpx2.URL(f"http://{host}").raw_host.decode("ascii")
    except httpx2.InvalidURL:
        raise wrong from None
