"""Who may ask for the pages: a browser that shows them, and no page of anybody else.

Any web page can have a browser send requests to this machine. So the name that a request asks for
is one of ours, or a name that was led here could read everything. Its origin, where it has one, is
that of the pages themselves: another server of this machine is a stranger too. A request that
changes a run carries the token of this process, which stands in the pages alone.

Decides on the head of a request, before anything of it is looked at or carried out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from atlas_mcp.addresses import USUAL_PORTS
from atlas_mcp.pages.addresses import METHODS, kind_of
from atlas_mcp.web.host_names import named

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
"""The headers of a request, names in lower case."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""The names by which every browser of this machine finds it."""

TOKEN_HEADER = b"x-atlas-token"
"""The header with the token. A form cannot send one, and a page of another origin only after
asking, which is refused."""

TOKEN_BYTES = 32
"""Bytes of chance in a token."""

MOST_SHOWN = 100
"""Characters of a name that a refusal repeats."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served.

    Attributes:
        status: That of the answer.
        text: The words.
        allow: The methods that are served there; `None` where the method is not the fault.
    """

    status: int
    text: str
    allow: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: Its method.
        path: Its path, decoded.
        headers: Its headers.
    """

    method: str
    path: str
    headers: Headers

    def all(self, name: bytes) -> list[bytes]:
        """Return the values of a header, as often as it stands there."""
        return [value for one, value in self.headers if one == name]

    def only(self, name: bytes) -> bytes:
        """Return the value of a header; nothing if there is none, or more than one."""
        values = self.all(name)
        return values[0] if len(values) == 1 else b""

    @property
    def is_navigation(self) -> bool:
        """Whether somebody follows a link, or opens a bookmark, in a window of its own."""
        mode, dest = self.only(b"sec-fetch-mode"), self.only(b"sec-fetch-dest")
        return self.method in {"GET", "HEAD"} and (mode, dest) == (b"navigate", b"document")


@dataclass(frozen=True, slots=True)
class Visitors:
    """The rules of one process.

    Attributes:
        allowed_hosts: The names, besides those of loopback, by which browsers may ask; one without
            a port goes with any.
        token: The token that requests need which change a run.
    """

    allowed_hosts: Iterable[str] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)

    def refusal(self, request: Request) -> Refusal | None:
        """Return why a request is not served; `None` for one that is."""
        return (
            self._wrong_host(request)
            or _foreign_origin(request)
            or _foreign_page(request)
            or _wrong_method(request)
            or self._wrong_token(request)
        )

    def _wrong_host(self, request: Request) -> Refusal | None:
        hosts = request.all(b"host")
        if len(hosts) == 1 and self._is_ours(_name_of(hosts[0])):
            return None
        shown = ascii(hosts[0].decode("latin-1")[:MOST_SHOWN]) if hosts else "no name"
        return Refusal(
            421,
            f"This server does not answer to {shown}. If that is a name of it, add it to "
            "allowed_hosts under [server] in atlas.toml.",
        )

    def _is_ours(self, host: str) -> bool:
        name, _ = _split(host)
        for allowed in (*LOOPBACK_NAMES, *map(_allowed_name, self.allowed_hosts)):
            if host == allowed or name == allowed:
                return True
        return False

    def _wrong_token(self, request: Request) -> Refusal | None:
        if request.method != "POST":
            return None
        given = request.only(TOKEN_HEADER)
        if not secrets.compare_digest(given, self.token.encode()):
            return Refusal(
                403, "The request is not from a page of this server as it runs now; reload the page"
            )
        kind = request.only(b"content-type").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            return Refusal(415, "The body must be application/json")
        return None


def _foreign_origin(request: Request) -> Refusal | None:
    """Return the refusal of a page that is not of this server, as its browser says."""
    origins = request.all(b"origin")
    if not origins:
        return None
    host = _name_of(request.only(b"host"))
    if len(origins) == 1:
        scheme, apart, where = _name_of(origins[0]).partition("://")
        usual = USUAL_PORTS.get(scheme)
        if apart and usual and _with_port(where, usual) == _with_port(host, usual):
            return None
    return Refusal(403, "Only a page of this server may ask for this")


def _foreign_page(request: Request) -> Refusal | None:
    """Return the refusal of what another site asks for: all but a page that somebody goes to."""
    sites = request.all(b"sec-fetch-site")
    if not sites or sites in ([b"same-origin"], [b"none"]):
        return None
    if request.is_navigation and kind_of(request.path) == "page":
        return None
    return Refusal(403, "Only a page of this server may ask for this")


def _wrong_method(request: Request) -> Refusal | None:
    allowed = METHODS[kind_of(request.path)]
    if request.method in allowed:
        return None
    names = ", ".join(allowed)
    return Refusal(405, f"This address takes {names} alone", allow=names)


def _name_of(header: bytes) -> str:
    """Return a host or an origin, in the form in which they are compared."""
    return named(header).decode("latin-1").lower()


def _allowed_name(name: str) -> str:
    return _name_of(name.encode("latin-1", "replace"))


def _split(host: str) -> tuple[str, str]:
    """Return the name of a host, and its port; no port where it has none."""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and port.isdigit() else (host, "")


def _with_port(host: str, usual: int) -> tuple[str, str]:
    name, port = _split(host)
    return name, port or str(usual)
