"""What lies between this machine and an address: the proxy that is set, and who is trusted.

Owns what of the environment says so, whoever goes there: the vendors' clients and the model hub.
"""

from __future__ import annotations

import re
import ssl
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from atlas_mcp.addresses import USUAL_PORTS, endpoint_address, is_this_machine
from atlas_mcp.config.system_variables import (
    authorities,
    proxies,
    proxy_variable,
    unread_authorities,
)
from atlas_mcp.models.wire.accounts import WayClosed

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str


_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""What files in a folder of certificates are called. Source: openssl-rehash(1)."""


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the certificate authorities that are trusted. Loading them takes 35 ms a time.

    Raises:
        WayClosed: They cannot be read.
    """
    import httpx2

    named = authorities()
    try:
        if named is not None and named.is_folder:
            _check_folder(Path(named.path))
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:
        kind = "no folder" if named is not None and named.is_folder else "no file"
        place = f"{named.variable} names" if named else "this system has"
        raise WayClosed(
            f"the certificates cannot be loaded: {place} {kind} of certificates in PEM that can be "
            f"read ({_why(error)}); "
            + ("correct it, or unset it" if named else "set SSL_CERT_FILE to one")
        ) from error


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds no authority: it would be read, and nobody trusted.

    Raises:
        OSError: It cannot be read.
        ValueError: There is none in it.
    """
    if not any(_HASHED.fullmatch(one.name) for one in folder.iterdir()):
        raise ValueError("none in it has the name of a certificate: run `openssl rehash` on it")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "it holds none"
    return str(getattr(error, "strerror", None) or error).lower()


def tls_fault(error: BaseException | None, *, by_proxy: bool) -> str | None:
    """Return why no connection by TLS will come about, with what to do; `None` if one may later.

    Args:
        error: What a client raised.
        by_proxy: Whether a proxy had said that the way is free: who hangs up then is the proxy.
    """
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return _distrust(error)
        ended = isinstance(error, ssl.SSLEOFError)
        if isinstance(error, ssl.SSLError) and (by_proxy if ended else error.reason in _NO_TLS):
            return (
                "what answers there does not speak TLS, as an address with https:// asks for: a "
                "login page of the network, a proxy, or a server that takes http://"
            )
        if isinstance(error, ssl.SSLError) and error.reason and not ended:
            return f"no way to speak TLS is found ({error.reason.replace('_', ' ').lower()})"
        error = error.__cause__ or error.__context__
    return None


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL says of an answer that is none of TLS."""

_EXPIRED, _NOT_YET, _MISNAMED = 10, 9, (62, 64)
"""Codes of OpenSSL for why a certificate is not taken: x509_vfy.h, `X509_V_ERR_…`."""


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    said = f"its certificate is not trusted ({error.verify_message})"
    if error.verify_code in _MISNAMED:
        return f"{said}; check the address: the certificate is made out to another"
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return f"{said}; check the clock of this machine, or have the certificate renewed"
    unread = unread_authorities()
    other = f" ({unread} is set, which is not read here)" if unread else ""
    named = authorities()
    trusted = f"those that {named.variable} names are trusted, and no others" if named else ""
    return (
        f"{said}: an authority of your own, or a proxy that looks into TLS, has signed it; set "
        "SSL_CERT_FILE to a file in PEM that holds the certificate of that authority and of those "
        f"that are to be trusted besides{other}" + (f"; {trusted}" if trusted else "")
    )


@lru_cache(maxsize=1)
def trusting_nobody() -> ssl.SSLContext:
    """Return what is enough for plain HTTP, and lets nothing else through."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(address: str) -> Proxy | None:
    """Return the proxy that the environment sets before an address; none before this machine."""
    from urllib.request import proxy_bypass

    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = parts.hostname or ""
    if is_this_machine(host):
        return None
    found = proxies()
    for scheme in (parts.scheme, "all"):
        if url := found.get(scheme, "").strip():
            if proxy_bypass(parts.netloc) or _is_left_out(parts, found.get("no", "")):
                return None
            return Proxy(url if "://" in url else f"http://{url}", proxy_variable(scheme))
    return None


def proxy_login(variable: str, said: str) -> str:
    """Return what it means that a proxy does not take who is calling, or asks for that.

    Args:
        variable: The variable that names it.
        said: Its own words.
    """
    told = f" ({said})" if said else ""
    shown = "Requested USERNAME" in said or "Invalid username" in said
    wants = "does not take the name and the password" if shown else "asks for a name and a password"
    return (
        f"the proxy that {variable} names {wants}{told}; {variable} has them as "
        "…://NAME:PASSWORD@HOST:PORT"
    )


def socks_fault(error: BaseException) -> str | None:
    """Return what is wrong in a talk with a SOCKS proxy, `None` for what is no such fault.

    The HTTP library lets the errors of the package that it talks with pass as they are.
    """
    ours = type(error).__module__.partition(".")[0] == "socksio"
    return f"it does not speak SOCKS: {error}" if ours else None


def check_proxy(proxy: Proxy) -> None:
    """Refuse a proxy that cannot be used.

    Raises:
        WayClosed: The message names the variable.
    """
    import httpx2

    known = ", ".join(f"{one}://HOST:PORT" for one in _PROXY_SCHEMES)
    unusable = WayClosed(f"{proxy.variable} names no proxy that can be used: it takes {known}")
    try:
        parts = urlsplit(proxy.url)
        scheme = parts.scheme
        # Without the name and the password that a proxy's address may have.
        host = parts.netloc.rpartition("@")[2]
        endpoint_address(f"http://{host}")
        httpx2.URL(proxy.url)
    except (ValueError, httpx2.InvalidURL):
        raise unusable from None
    if scheme not in _PROXY_SCHEMES:
        raise unusable
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise WayClosed(
            f"{proxy.variable} names a SOCKS proxy, and the package that it needs is not "
            "installed: install `socksio` beside this one, or name an HTTP proxy"
        )


def _is_left_out(parts: SplitResult, no_proxy: str) -> bool:
    """Return whether an address stands among those that no proxy is for, in any usual form.

    A name means its subdomains too, with a dot, a star or nothing in front of it. An address may be
    one of a network. Any of them may have a port. Commas or white space stand between them.
    """
    host, port = (parts.hostname or "").rstrip("."), parts.port or USUAL_PORTS.get(parts.scheme)
    for one in re.split(r"[\s,;]+", no_proxy.lower()):
        name, given = _host_and_port(one)
        if name and given in {None, port} and _covers(name, host):
            return True
    return False


def _host_and_port(one: str) -> tuple[str, int | None]:
    one = one.rpartition("://")[2].rstrip("/") if "://" in one else one
    found = re.fullmatch(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:]*))(?::(?P<port>[0-9]{1,5}))?", one)
    if found is None:
        # An address of IPv6 without brackets, or a network of such.
        return one, None
    return found["six"] or found["host"] or "", int(found["port"]) if found["port"] else None


def _covers(name: str, host: str) -> bool:
    if name == "*":
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        domain = name.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
    try:
        return ip in ip_network(name, strict=False)
    except ValueError:
        return False
