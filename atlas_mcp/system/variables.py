"""Variables of the environment, as a system names them."""

from __future__ import annotations

import sys
from collections.abc import Mapping


def lookup(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a variable, empty where it is not set.

    On Windows names have no case, and are kept in capitals.
    """
    return environ.get(name) or (environ.get(name.upper(), "") if sys.platform == "win32" else "")
