"""Names in a vendor's client library, for the code that all vendors share.

Each vendor's `connection.py` states its own: its loggers, headers and variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientNames:
    """The names of one client library. Headers are in small letters.

    Attributes:
        loggers: The first parts of the names of its loggers; variables of the environment can make
            them log whole requests.
        plain_headers: Headers of its requests that hold no secret.
        kept_headers: Headers that an address named by an entry gets as the client made them, each
            with the pattern of its values.
        found_attributes: Attributes that the client fills from the environment, even if it is given
            a key.
        header_variables: The variable of the environment from which the client makes a header, by
            the header.
    """

    loggers: tuple[str, ...] = ()
    plain_headers: frozenset[str] = frozenset()
    kept_headers: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]])
    found_attributes: tuple[str, ...] = ()
    header_variables: Mapping[str, str] = field(default_factory=dict[str, str])


NO_NAMES = ClientNames()
"""The names of a client that reads nothing of the environment."""
