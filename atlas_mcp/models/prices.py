"""The cost of a call to a named model, from the price tables of `genai-prices`.

Owns the way from `provider/name` to US dollars. Never touches the network: the tables are those of
the installed package. A price that the operator configured wins over them.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from atlas_mcp.atlas.usage import FREE, Cost, Price, Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

HOLD_HORIZON_H = 24
"""Hours ahead over which `price_of` looks for a dearer rate, since some vendors change rates on a
day or with the hour and a call may end after it began. Our own choice: longer than any run."""


def price_of(
    model: str,
    *,
    override: Price | None = None,
    base_url: str | None = None,
    at: datetime | None = None,
) -> Price | None:
    """Return the dearest rates a call to `model` can be billed at, for holds.

    Args:
        model: The model as `provider/name`, the provider as the tables name it; `/name` where only
            the prices of the address can hold.
        override: The operator's own price; wins over the tables.
        base_url: The address of the model, if not its vendor's own. If the tables know the address,
            its prices apply.
        at: When the call is made; now if not given.

    Returns:
        The highest rate of any tier, the five-minute cache write counted as input; `None` if the
        tables do not know the model.
    """
    if override is not None:
        return override
    return _dearest(
        model, base_url, (at or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    )


@lru_cache(maxsize=256)
def _dearest(model: str, base_url: str | None, start: datetime) -> Price | None:
    """Return the dearest rates from the hour `start` on. The look-up takes a millisecond."""
    found = _find(model, base_url)
    if found is None:
        return None
    _, info = found
    rates = [info.get_prices(start + timedelta(hours=hour)) for hour in range(HOLD_HORIZON_H + 1)]
    if any(one.requests_kcount is not None for one in rates):
        # A `Price` has no fee for each call, so a hold for such a model cannot be computed.
        return None
    inputs = [rate for one in rates for key in _INPUT_RATES for rate in _tiers(getattr(one, key))]
    outputs = [rate for one in rates for rate in _tiers(one.output_mtok)]
    if not (inputs or outputs):
        return None
    return Price(input=max(inputs, default=FREE), output=max(outputs, default=FREE))


def cost_of(
    model: str,
    usage: Usage,
    *,
    override: Price | None = None,
    base_url: str | None = None,
    at: datetime | None = None,
) -> Cost:
    """Return the cost of the usage of one call in US dollars, `None` if it is unknown.

    Tiers depend on the size of one prompt, so usage summed over calls must be priced call by call.

    Args:
        model: As for `price_of`.
        usage: The usage of a single call. Cache writes are taken as five-minute ones.
        override: The operator's own price; wins over the tables.
        base_url: As for `price_of`.
        at: When the call was made; now if not given.
    """
    if override is not None:
        return override.cost_of(usage)
    minute = (at or datetime.now(UTC)).replace(second=0, microsecond=0)
    rates = _rates(model, base_url, minute)
    if rates is None:
        return None
    provider, info, flat = rates
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    if flat is not None and cached <= usage.input_tokens:
        return flat.cost_of(usage)
    from genai_prices import Usage as CountedUsage

    counted = CountedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return info.calc_price(counted, provider, genai_request_timestamp=at).total_price
    except ValueError:
        # The counts contradict each other.
        return None


class _Rates(NamedTuple):
    """A model in the tables, and its rates where no rate depends on the size of a prompt."""

    provider: Provider
    info: ModelInfo
    flat: Price | None


@lru_cache(maxsize=256)
def _rates(model: str, base_url: str | None, minute: datetime) -> _Rates | None:
    """Return the rates of a model in a minute; `None` if the cost of a call is unknown.

    Rates change on whole minutes, and the look-up takes longer than the rest of `cost_of`.
    """
    found = _find(model, base_url)
    if found is None or price_of(model, base_url=base_url, at=minute) is None:
        return None
    provider, info = found
    return _Rates(provider, info, flat_price(info, minute))


def flat_price(info: ModelInfo, at: datetime) -> Price | None:
    """Return the rates of a model at a time, `None` where a rate depends on the prompt's size.

    With such rates a cost is a sum of four products; the tables need a quarter of a millisecond.
    """
    rates = vars(info.get_prices(at))
    flat = {key: rate for key, rate in rates.items() if isinstance(rate, Decimal)}
    if any(rate is not None and key not in flat for key, rate in rates.items()):
        return None
    return Price(
        flat.get("input_mtok", FREE),
        flat.get("output_mtok", FREE),
        flat.get("cache_read_mtok"),
        flat.get("cache_write_mtok"),
    )


def load_prices() -> None:
    """Load the tables ahead of the first look-up; that takes a fifth of a second."""
    from genai_prices.data_snapshot import get_snapshot

    get_snapshot()


_INPUT_RATES = ("input_mtok", "cache_write_mtok", "cache_read_mtok")


@lru_cache(maxsize=256)
def _find(model: str, base_url: str | None) -> tuple[Provider, ModelInfo] | None:
    from genai_prices.data_snapshot import get_snapshot

    provider, _, name = model.partition("/")
    if not name:
        return None
    tables = get_snapshot()
    if base_url is not None:
        with contextlib.suppress(LookupError):
            return tables.find_provider_model(name, None, None, base_url)
    if not provider:
        return None
    try:
        return tables.find_provider_model(name, None, provider, None)
    except LookupError:
        return None


def _tiers(rate: object) -> tuple[Decimal, ...]:
    from genai_prices.types import TieredPrices

    if isinstance(rate, TieredPrices):
        return (rate.base, *(tier.price for tier in rate.tiers))
    return (rate,) if isinstance(rate, Decimal) else ()
