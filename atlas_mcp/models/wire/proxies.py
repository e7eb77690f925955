"""The proxy before an address, and the certificate authorities that are trusted.

Owns the reading of both from the environment, for the vendors' clients and for the model hub.
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
from atlas_mcp.models.wire.accounts import RouteClosed

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str


_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""Names of the files in a folder of certificates. Source: openssl-rehash(1)."""


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the certificate authorities that are trusted. Loading them takes 35 ms each time.

    Raises:
        RouteClosed: The certificates cannot be read.
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
        raise RouteClosed(
            f"the certificates cannot be loaded: {place} {kind} of certificates in PEM that can be "
            f"read ({_why(error)}); "
            + ("correct it, or unset it" if named else "set SSL_CERT_FILE to one")
        ) from error


def _check_folder(folder: Path) -> None:
    """Refuse a folder without authorities: OpenSSL would accept it, and then trust no server.

    Raises:
        OSError: The folder cannot be read.
        ValueError: The folder holds no authority.
    """
    if not any(_HASHED.fullmatch(one.name) for one in folder.iterdir()):
        raise ValueError("none in it has the name of a certificate: run `openssl rehash` on it")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "it holds none"
    return str(getattr(error, "strerror", None) or error).lower()


def tls_fault(error: BaseException | None, *, by_proxy: bool) -> str | None:
    """Return why TLS will always fail, with the remedy; `None` if a later connection may succeed.

    Args:
        error: The exception of an HTTP client.
        by_proxy: Whether a proxy had accepted the connection; an early end is then its doing.
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
            return f"no TLS connection can be agreed on ({error.reason.replace('_', ' ').lower()})"
        error = error.__cause__ or error.__context__
    return None


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""OpenSSL's reasons for an answer that is not TLS."""

_EXPIRED, _NOT_YET, _MISNAMED = 10, 9, (62, 64)
"""OpenSSL's codes for the rejection of a certificate: x509_vfy.h, `X509_V_ERR_…`."""


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    fault = f"its certificate is not trusted ({error.verify_message})"
    if error.verify_code in _MISNAMED:
        return f"{fault}; check the address: the certificate is made out to another"
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return f"{fault}; check the clock of this machine, or have the certificate renewed"
    unread = unread_authorities()
    other = f" ({unread} is set, which is not read here)" if unread else ""
    named = authorities()
    trusted = f"those that {named.variable} names are trusted, and no others" if named else ""
    return (
        f"{fault}: an authority of your own, or a proxy that looks into TLS, has signed it; set "
        "SSL_CERT_FILE to a file in PEM that holds the certificate of that authority and of those "
        f"that are to be trusted besides{other}" + (f"; {trusted}" if trusted else "")
    )


@lru_cache(maxsize=1)
def without_authorities() -> ssl.SSLContext:
    """Return a context that trusts no authority, for clients that only speak plain HTTP."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(address: str) -> Proxy | None:
    """Return the proxy that the environment sets for an address; always `None` for this machine."""
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


def proxy_login(variable: str, reason: str) -> str:
    """Return the message for a proxy that rejects a login, or asks for one.

    Args:
        variable: The variable that names the proxy.
        reason: The proxy's own error text.
    """
    cause = f" ({reason})" if reason else ""
    shown = "Requested USERNAME" in reason or "Invalid username" in reason
    wants = "does not take the name and the password" if shown else "asks for a name and a password"
    return (
        f"the proxy that {variable} names {wants}{cause}; {variable} has them as "
        "…://NAME:PASSWORD@HOST:PORT"
    )


def socks_fault(error: BaseException) -> str | None:
    """Return the fault in an exchange with a SOCKS proxy, `None` for any other error.

    The HTTP library does not wrap the errors of its SOCKS package, `socksio`.
    """
    ours = type(error).__module__.partition(".")[0] == "socksio"
    return f"it does not speak SOCKS: {error}" if ours else None


def check_proxy(proxy: Proxy) -> None:
    """Refuse a proxy that cannot be used.

    Raises:
        RouteClosed: The message names the variable.
    """
    import httpx2

    known = ", ".join(f"{one}://HOST:PORT" for one in _PROXY_SCHEMES)
    unusable = RouteClosed(f"{proxy.variable} names no proxy that can be used: it takes {known}")
    try:
        parts = urlsplit(proxy.url)
        scheme = parts.scheme
        # The address without the name and the password that it may hold.
        host = parts.netloc.rpartition("@")[2]
        endpoint_address(f"http://{host}")
        httpx2.URL(proxy.url)
    except (ValueError, httpx2.InvalidURL):
        raise unusable from None
    if scheme not in _PROXY_SCHEMES:
        raise unusable
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise RouteClosed(
            f"{proxy.variable} names a SOCKS proxy, and the package that it needs is not "
            "installed: install `socksio` beside this one, or name an HTTP proxy"
        )


def _is_left_out(parts: SplitResult, no_proxy: str) -> bool:
    """Return whether `no_proxy` lists an address, in any of the usual forms.

    A name covers its subdomains too, with a dot, a star or nothing in front of it. An IP address is
    also covered by its network. Any entry may have a port. Commas or white space separate entries.
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
        # An IPv6 address without brackets, or a network of such addresses.
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
