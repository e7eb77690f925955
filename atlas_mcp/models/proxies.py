"""What lies between this machine and an address: the proxy that is set, and who is trusted.

Owns what of the environment says so, whoever goes there: the vendors' clients and the model hub.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from atlas_mcp.addresses import endpoint_address, is_this_machine
from atlas_mcp.models.accounts import WayClosed

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the certificate authorities that are trusted. Loading them takes 35 ms a time.

    Raises:
        WayClosed: They cannot be read.
    """
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise WayClosed(
            "the certificates cannot be loaded: SSL_CERT_FILE names no file of "
            "certificates that can be read; correct it, or unset it"
        ) from error


@lru_cache(maxsize=1)
def trusting_nobody() -> ssl.SSLContext:
    """Return what is enough for plain HTTP, and lets nothing else through."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_of(address: str) -> Proxy | None:
    """Return the proxy that the environment sets before an address; none before this machine."""
    from urllib.request import getproxies, proxy_bypass

    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = parts.hostname or ""
    if is_this_machine(host):
        return None
    found = getproxies()
    for scheme in (parts.scheme, "all"):
        if url := found.get(scheme):
            if proxy_bypass(parts.netloc) or _in_a_network(host, found.get("no", "")):
                return None
            return Proxy(url if "://" in url else f"http://{url}", f"{scheme.upper()}_PROXY")
    return None


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


def _in_a_network(host: str, no_proxy: str) -> bool:
    """Return whether an address stands in one of the networks that no proxy is for."""
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    for one in no_proxy.split(","):
        try:
            if "/" in one and ip in ip_network(one.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
