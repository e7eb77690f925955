from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as CountedUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.usage import Price, Usage
from atlas_mcp.models.prices import cost_of, flat_price, price_of

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)

# US dollars per million tokens: input, output, five-minute cache write, cache read.
# https://platform.claude.com/docs/en/about-claude/pricing, 2026-11-23.
RATES = {
    "claude-fable-5-2": ("8", "40", "10", "0.20"),
    "claude-opus-5-5": ("4", "20", "5", "0.20"),
    "claude-sonnet-5-5": ("2", "10", "2.5", "0.10"),
    "claude-sonnet-4-6": ("3", "15", "3.75", "0.30"),
    "claude-haiku-4-5": ("1", "5", "1.25", "0.10"),
}


@pytest.mark.parametrize("model", RATES)
def test_the_cost_of_a_call_is_right_for_every_kind_of_token(model: str) -> None:
    fresh, output, write, read = (Decimal(rate) for rate in RATES[model])
    usage = Usage(1, 700_000, 30_000, cache_read_tokens=400_000, cache_write_tokens=200_000)

    cost = cost_of(f"anthropic/{model}", usage, at=AT)

    expected = fresh * 100_000 + write * 200_000 + read * 400_000 + output * 30_000
    assert cost == expected / 1_000_000


@pytest.mark.parametrize(
    ("input_tokens", "expected"),
    [
        # 50,000 fresh at 0.10, 30,000 read at 0.01, 20,000 written at 0.125, 1,000 out at 0.50
        (100_000, "0.0083"),
        # one token more and the whole request is billed at five times that
        (100_001, "0.0415005"),
    ],
)
def test_haiku_5_5_bills_the_whole_request_by_the_size_of_its_prompt(
    input_tokens: int, expected: str
) -> None:
    usage = Usage(1, input_tokens, 1_000, cache_read_tokens=30_000, cache_write_tokens=20_000)

    assert cost_of("anthropic/claude-haiku-5-5", usage, at=AT) == Decimal(expected)


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("claude-fable-5-2", Price(input=Decimal(10), output=Decimal(40))),
        ("claude-opus-5-5", Price(input=Decimal(5), output=Decimal(20))),
        ("claude-sonnet-5-5", Price(input=Decimal("2.5"), output=Decimal(10))),
        ("claude-haiku-5-5", Price(input=Decimal("0.625"), output=Decimal("2.5"))),
        ("claude-sonnet-4-6", Price(input=Decimal("3.75"), output=Decimal(15))),
        ("claude-haiku-4-5-20251001", Price(input=Decimal("1.25"), output=Decimal(5))),
    ],
)
def test_holds_use_the_dearest_tier_and_the_rate_of_a_cache_write(model: str, price: Price) -> None:
    assert price_of(f"anthropic/{model}", at=AT) == price


def test_a_hold_uses_the_dearer_rate_that_starts_within_a_day() -> None:
    eve = datetime(2026, 11, 30, 20, tzinfo=UTC)

    assert price_of("google/gemini-4-argon", at=eve) == Price(input=Decimal(4), output=Decimal(20))


@pytest.mark.parametrize(
    "model", ["anthropic/claude-opus-99", "openai/qwen3-32b", "nobody/x", "local/qwen", "plain", ""]
)
def test_an_unknown_price_is_none_and_never_zero(model: str) -> None:
    assert price_of(model) is None
    assert cost_of(model, Usage(1, 10, 10)) is None


def test_an_explicit_price_wins_over_the_tables() -> None:
    mine = Price(input=Decimal(1), output=Decimal(2))
    usage = Usage(1, 1_000_000, 500_000, cache_read_tokens=900_000)

    assert price_of("anthropic/claude-opus-5-5", override=mine) == mine
    assert cost_of("anthropic/claude-opus-5-5", usage, override=mine) == Decimal(2)
    assert cost_of("nobody/x", usage, override=mine) == Decimal(2)


def test_a_call_that_used_nothing_costs_nothing() -> None:
    assert cost_of("anthropic/claude-opus-5-5", Usage(requests=1)) == 0


counts = st.integers(min_value=0, max_value=300_000)


@given(fresh=counts, read=counts, written=counts, output=counts)
@pytest.mark.requirement("MONEY-4")
def test_a_call_never_costs_more_than_its_hold(
    fresh: int, read: int, written: int, output: int
) -> None:
    for name in (*RATES, "claude-haiku-5-5"):
        model = f"anthropic/{name}"
        usage = Usage(1, fresh + read + written, output, read, written)
        price, cost = price_of(model, at=AT), cost_of(model, usage, at=AT)
        assert price is not None
        assert cost is not None
        assert cost <= price.of(input_tokens=usage.input_tokens, output_tokens=output)


def test_a_model_that_costs_a_fee_for_each_call_has_no_known_price() -> None:
    """A fee is in no rate per token, so a cap could not be held."""
    at = "https://api.perplexity.ai"

    assert cost_of("openai/sonar-pro", Usage(1, 1_000, 300), override=None, base_url=at) is None
    assert price_of("openai/sonar-pro", base_url=at) is None


def test_counts_at_odds_with_each_other_have_no_known_cost() -> None:
    usage = Usage(1, input_tokens=10, output_tokens=5, cache_read_tokens=20)

    assert cost_of("anthropic/claude-sonnet-5-5", usage) is None


TABLES = [(provider, model) for provider in get_snapshot().providers for model in provider.models]


@given(
    st.sampled_from(TABLES),
    st.tuples(*[st.integers(0, 2_000_000)] * 4),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_what_is_reckoned_here_is_what_the_tables_say(
    entry: tuple[Provider, ModelInfo], counts: tuple[int, int, int, int], at: datetime
) -> None:
    """Rates that do not depend on the prompt are multiplied here: the tables take long for it."""
    provider, model = entry
    fresh, output, read, written = counts
    usage = Usage(1, fresh + read + written, output, read, written)
    counted = CountedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )

    flat = flat_price(model, at)

    fee = model.get_prices(at).requests_kcount
    if flat is not None and fee is None:
        told = model.calc_price(counted, provider, genai_request_timestamp=at)
        assert flat.cost_of(usage) == told.total_price
