"""The parts of configuration entries that all vendors read in the same way."""

from __future__ import annotations

from typing import TypeVar

from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.values import EffortName
from atlas_mcp.errors import InvalidInput

_T = TypeVar("_T")


def given(value: _T | None, *, default: _T) -> _T:
    """Return a declared value, or the default where none is declared."""
    return default if value is None else value


def check_effort(entry: EndpointSettings, efforts: tuple[EffortName, ...]) -> None:
    """Refuse a declared effort that the model does not accept: it would have no effect.

    Raises:
        InvalidInput: The model does not accept the effort.
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
