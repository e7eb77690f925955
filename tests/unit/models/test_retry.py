import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.holds import input_tokens_at_most
from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    ModelRequest,
    Reply,
    Text,
    UserTurn,
)
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Price, Usage
from atlas_mcp.errors import ConfigError, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import OnNotice, OnTokens, OnUsage
from atlas_mcp.models.retry import (
    Retry,
    RetryPolicy,
    generate_with_retries,
    most_uncounted,
)

NAME = "test/model"
REQUEST = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)
PRICE = Price(input=Decimal(1), output=Decimal(10))
AT_ONCE = RetryPolicy(attempts=4, first_delay=0, longest_delay=0)
REPLY = Reply(
    turn=AssistantTurn("yes"), stop="end", charge=Charge(Usage(1, 10, 20), Decimal("0.5"))
)


@dataclass
class Script:
    """A model that does what it is told, once per call."""

    outcomes: list[Reply | BaseException]
    name: str = NAME
    calls: int = 0
    heard: list[OnTokens | None] = field(default_factory=list[OnTokens | None])

    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.calls += 1
        self.heard.append(on_tokens)
        await anyio.lowlevel.checkpoint()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def load(self, on_notice: OnNotice) -> None:
        pass

    async def aclose(self) -> None:
        pass


def busy(
    *, retry_after: float | None = None, usage: Usage | None = None, cost: str | None = "0"
) -> ModelUnavailable:
    return ModelUnavailable(
        NAME,
        "busy",
        retry_after=retry_after,
        charge=Charge(usage or Usage(requests=1), None if cost is None else Decimal(cost)),
    )


def broken_off(*, usage: Usage | None = None, cost: str = "0") -> ModelUnavailable:
    error = busy(usage=usage, cost=cost)
    error.complete = False
    return error


async def test_a_time_to_wait_that_no_clock_has_is_told_in_few_digits() -> None:
    model = Script([busy(retry_after=1e305), REPLY])

    with pytest.raises(ModelUnavailable, match=r"asks to wait 1000000000 s, more than"):
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)


async def test_a_reply_at_the_first_attempt_comes_back_as_it_is() -> None:
    assert await generate_with_retries(Script([REPLY]), REQUEST, policy=AT_ONCE) is REPLY


async def test_an_unavailable_model_is_asked_again_and_all_attempts_are_counted() -> None:
    failed = busy(usage=Usage(1, 3, 4, 1, 1), cost="0.25")
    model = Script([failed, busy(), REPLY])

    reply = await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert reply == replace(REPLY, charge=Charge(Usage(3, 13, 24, 1, 1), Decimal("0.75")))


async def test_what_would_fail_again_is_not_tried_again() -> None:
    model = Script([busy(usage=Usage(1, 5)), ModelRejected(NAME, "no", charge=Charge(Usage(1)))])

    with pytest.raises(ModelRejected, match="no") as caught:
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert model.calls == 2
    assert (caught.value.charge or NO_CHARGE).usage == Usage(2, 5)


async def test_a_bug_is_neither_retried_nor_dressed_up() -> None:
    model = Script([KeyError("bug")])

    with pytest.raises(KeyError):
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert model.calls == 1


async def test_attempts_are_bounded_and_the_last_error_carries_them_all() -> None:
    errors = [
        busy(usage=Usage(1, 10, 1), cost="0.1"),
        broken_off(usage=Usage(1, 20, 2), cost="0.2"),
    ]
    model = Script([*errors, busy(), busy()])

    with pytest.raises(ModelUnavailable, match="busy; gave up after 4 attempts") as caught:
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert (caught.value.charge or NO_CHARGE).usage == Usage(4, 30, 3)
    assert (caught.value.charge or NO_CHARGE).cost == Decimal("0.3")
    assert not caught.value.complete
    assert (errors[0].charge or NO_CHARGE).usage == Usage(1, 10, 1), (
        "the errors themselves are left alone"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_one_attempt_means_one() -> None:
    model = Script([busy()])

    with pytest.raises(ModelUnavailable) as caught:
        await generate_with_retries(model, REQUEST, policy=RetryPolicy(attempts=1))

    assert model.calls == 1
    assert caught.value.message == "busy"


async def test_an_unknown_cost_of_an_attempt_makes_the_whole_unknown() -> None:
    model = Script([busy(usage=Usage(1, 3), cost=None), REPLY])

    assert (await generate_with_retries(model, REQUEST, policy=AT_ONCE)).charge.cost is None


async def test_an_attempt_that_counted_nothing_leaves_the_cost_known() -> None:
    model = Script([busy(cost=None), REPLY])

    assert (await generate_with_retries(model, REQUEST, policy=AT_ONCE)).charge.cost == Decimal(
        "0.5"
    )


async def test_an_attempt_that_broke_off_leaves_the_rest_of_max_tokens_uncertain() -> None:
    # At most 2,000 in and 1,000 out = $0.012, of which $0.003 is counted.
    model = Script([broken_off(usage=Usage(1, 2_000, 100), cost="0.003"), REPLY])

    reply = await generate_with_retries(model, REQUEST, policy=AT_ONCE, price=PRICE)

    assert reply.charge.uncertain == Decimal("0.009")
    assert reply.charge.cost == Decimal("0.503")


async def test_an_attempt_that_broke_off_at_an_unknown_price_makes_the_cost_unknown() -> None:
    model = Script([broken_off(), REPLY])

    reply = await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert reply.charge.cost is None


async def test_the_price_is_looked_up_by_name_when_none_is_given() -> None:
    model = Script([broken_off(), REPLY], name="anthropic/claude-opus-5-5")

    reply = await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    most_input = input_tokens_at_most(REQUEST)
    assert reply.charge.uncertain == Price(Decimal(5), Decimal(20)).of(
        input_tokens=most_input, output_tokens=REQUEST.max_tokens
    )


async def test_a_wait_past_the_deadline_is_not_begun() -> None:
    model = Script([busy(retry_after=60), REPLY])

    with (
        anyio.fail_after(30),
        pytest.raises(ModelUnavailable, match="after the deadline") as caught,
    ):
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)

    assert model.calls == 1
    assert caught.value.retry_after == 60


async def test_a_vendor_that_asks_for_too_long_a_wait_is_given_up_without_a_deadline() -> None:
    model = Script([busy(retry_after=4e6), REPLY])

    with pytest.raises(ModelUnavailable, match="asks to wait 4000000 s"):
        await generate_with_retries(model, REQUEST, policy=AT_ONCE)


async def test_each_retry_is_told_with_its_wait_and_its_error() -> None:
    told: list[Retry] = []
    first, second = busy(), busy(retry_after=0.001)
    model = Script([first, second, REPLY])

    await generate_with_retries(model, REQUEST, policy=AT_ONCE, on_retry=told.append)

    assert told == [Retry(1, 0.0, first), Retry(2, 0.001, second)]


async def test_every_attempt_reports_its_tokens() -> None:
    def hear(tokens: int) -> None: ...

    model = Script([busy(), REPLY])
    await generate_with_retries(model, REQUEST, policy=AT_ONCE, on_tokens=hear)

    assert model.heard == [hear, hear]


async def test_a_cancelled_wait_ends_at_once() -> None:
    model = Script([busy(retry_after=200), REPLY])

    with anyio.CancelScope() as scope:

        def leave(retry: Retry) -> None:
            scope.cancel()

        await generate_with_retries(model, REQUEST, policy=AT_ONCE, on_retry=leave)

    assert scope.cancelled_caught
    assert model.calls == 1


def fixed(number: float) -> Callable[[], float]:
    return lambda: number


def test_delays_double_up_to_a_ceiling() -> None:
    policy = RetryPolicy(first_delay=1, longest_delay=5, jitter=0)

    assert [policy.delay(failed, None) for failed in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(("number", "delay"), [(0.0, 8.0), (0.5, 7.0), (1.0, 6.0)])
def test_jitter_takes_from_a_delay(number: float, delay: float) -> None:
    policy = RetryPolicy(first_delay=8, longest_delay=8, jitter=0.25, random=fixed(number))

    assert policy.delay(1, None) == delay


@given(
    failed=st.integers(min_value=1, max_value=10_000),
    retry_after=st.none() | st.floats(min_value=0, max_value=1e6),
    number=st.floats(min_value=0, max_value=1),
)
def test_a_delay_is_finite_and_never_below_what_the_vendor_asks(
    failed: int, retry_after: float | None, number: float
) -> None:
    delay = RetryPolicy(random=fixed(number)).delay(failed, retry_after)

    assert math.isfinite(delay)
    assert delay >= (retry_after or 0)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: RetryPolicy(attempts=0),
        lambda: RetryPolicy(jitter=1.5),
        lambda: RetryPolicy(first_delay=-1),
        lambda: RetryPolicy(longest_delay=math.inf),
        lambda: RetryPolicy(longest_retry_after=math.nan),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(bad: Callable[[], RetryPolicy]) -> None:
    with pytest.raises(ConfigError, match="retry `"):
        bad()


def test_a_complete_count_leaves_nothing_uncertain() -> None:
    assert most_uncounted(ModelError(NAME, "x"), REQUEST, PRICE) == 0


async def test_another_attempt_asks_for_the_money_the_failed_one_may_have_cost() -> None:
    asked: list[Decimal] = []

    async def may_spend(lost: Decimal) -> bool:
        asked.append(lost)
        return False

    cut = ModelUnavailable(
        NAME, "cut", charge=Charge(Usage(1, 100), Decimal("0.0001")), complete=False
    )
    model = Script([cut, REPLY])

    with pytest.raises(ModelUnavailable, match="no money for another attempt"):
        await generate_with_retries(
            model, REQUEST, policy=AT_ONCE, price=PRICE, may_spend=may_spend
        )

    assert model.calls == 1
    assert asked == [PRICE.of(input_tokens=100, output_tokens=1_000)]


async def test_a_lost_attempt_counts_its_pictures_as_the_model_does() -> None:
    asked: list[Decimal] = []

    async def may_spend(lost: Decimal) -> bool:
        asked.append(lost)
        return True

    picture = Image(url="https://example.org/x.png")
    seen = replace(REQUEST, turns=(UserTurn((picture, picture, Text("q"))),))
    model = Script([broken_off(), REPLY])

    reply = await generate_with_retries(
        model, seen, policy=AT_ONCE, price=PRICE, image_tokens=12_000, may_spend=may_spend
    )

    most = PRICE.of(
        input_tokens=input_tokens_at_most(REQUEST) + 2 * 12_000, output_tokens=seen.max_tokens
    )
    assert asked == [most]
    assert reply.charge.uncertain == most


async def test_an_attempt_that_cost_nothing_asks_for_no_money() -> None:
    async def may_spend(lost: Decimal) -> bool:
        raise AssertionError(f"asked for {lost}")

    model = Script([ModelUnavailable(NAME, "busy"), REPLY])

    reply = await generate_with_retries(
        model, REQUEST, policy=AT_ONCE, price=PRICE, may_spend=may_spend
    )

    assert reply.turn == REPLY.turn
