"""Entries of the configuration: what all vendors read of them in the same way."""

from __future__ import annotations

from typing import TypeVar

from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.settings import EffortName, EndpointSettings
from atlas_mcp.errors import InvalidInput

_T = TypeVar("_T")


def given(value: _T | None, *, default: _T) -> _T:
    """Return a declared value, or the default where none is declared."""
    return default if value is None else value


def check_effort(entry: EndpointSettings, efforts: tuple[EffortName, ...]) -> None:
    """Refuse an effort that is asked for and not taken: it would have no effect.

    Raises:
        InvalidInput: It is such a one.
    """
    given = entry.effort if "effort" in entry.model_fields_set else None
    if given is None or given in efforts:
        return
    known = f"takes {', '.join(efforts)}" if efforts else "is known to take none"
    raise InvalidInput(
        "effort", f"is {given!r}, and this model {known}; leave it out, or declare its `efforts`"
    )


def declared_price(entry: EndpointSettings) -> Price | None:
    """Return the operator's own price of an entry, `None` if it has none."""
    given = entry.price
    if given is None:
        return None
    return Price(given.input, given.output, given.cache_read, given.cache_write)
