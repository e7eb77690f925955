"""Variables of the system and of other programs: certificates, proxies, child environments.

They are read when they are needed, and not kept: the address of a proxy may hold a password. Other
rooms ask this module and never read the environment themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import atlas_mcp

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name the certificates to trust in place of the system's own authorities; the first
that is set counts. Source: httpcore2 2.16 (`default_ssl_context`)."""

UNREAD_AUTHORITIES = (
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
)
"""Variables in which other programs look for certificates, and this one does not."""


class Authorities(NamedTuple):
    """The certificates to trust, and the variable that names them."""

    variable: str
    path: str

    @property
    def is_folder(self) -> bool:
        """Whether the variable names a folder of certificates, not a file."""
        return self.variable == "SSL_CERT_DIR"


def authorities() -> Authorities | None:
    """Return the certificates that the environment names; `None` for those of the system."""
    for variable in AUTHORITIES:
        if path := os.environ.get(variable):
            return Authorities(variable, path)
    return None


def unread_authorities() -> str | None:
    """Return a variable of certificates that is set and not read here; `None` if none is."""
    return next((name for name in UNREAD_AUTHORITIES if os.environ.get(name)), None)


def proxies() -> Mapping[str, str]:
    """Return the proxies that are set, by scheme; `no` lists the hosts that are reached without."""
    from urllib.request import getproxies

    return getproxies()


def proxy_variable(scheme: str) -> str:
    """Return the variable that names a proxy, as it is written; the one in small letters wins."""
    name = f"{scheme}_proxy"
    return name if os.environ.get(name) else name.upper()


def uv_program() -> str:
    """Return the name of the program `uv`, or the path that `UV` gives to its children."""
    return os.environ.get("UV") or "uv"


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that imports this package from the same folder.

    Args:
        more: Variables to add.
    """
    # This process may run from a checkout that is not on the child's import path.
    root = Path(*atlas_mcp.__path__).resolve().parent
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}
