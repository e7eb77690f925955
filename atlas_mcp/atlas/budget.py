"""The limits of a run, and the ledger of dollars held and spent against its cap.

The highest price of a call is held before the call and settled after it, so that no interleaving of
calls can spend past the cap. Pure values: every operation returns a new ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, TypeAlias

from atlas_mcp.atlas.usage import FREE, Charge
from atlas_mcp.errors import InvalidInput

DEFAULT_MAX_EXPLORES = 8
"""Explores of one run. Source: the ATLAS paper's ceiling T = 8."""

DEFAULT_MAX_PARALLEL = 4
"""Solvers in flight at once."""

DEFAULT_PREFETCH = 2
"""Explores that start before the first orchestrator turn. Two, since one is never enough."""

DEFAULT_MAX_COST_USD = Decimal("5.00")
"""US dollars of one run. Source: three times the paper's dearest mean run (1.59)."""

DEFAULT_TIME_LIMIT = 1_800.0
"""Seconds of one run."""

DEFAULT_SOLVER_TIME_LIMIT = 1_200.0
"""Seconds of one explore. Source: the ATLAS paper's solver limit."""

MAX_COST_CEILING_USD = Decimal(1_000_000_000)
"""US dollars of a cap that a run may be asked for with, as the configuration has it."""

MAX_EXPLORES_CEILING = 100
"""More explores than this are a mistake: the paper's largest quota is 20."""

ExploreEffort: TypeAlias = Literal["low", "medium", "high"]
"""How much agreement is asked for before the orchestrator may stop. Source: the ATLAS paper."""


def check_cap(cap: Decimal) -> None:
    """Refuse a cap that makes no sense, before a run is opened or resumed with it.

    Not a rule of `Budget`, which must still hold the caps of runs that older versions opened.

    Raises:
        InvalidInput: It is not above 0, or above `MAX_COST_CEILING_USD`.
    """
    if not (cap.is_finite() and 0 < cap <= MAX_COST_CEILING_USD):
        raise InvalidInput(
            "max_cost_usd",
            f"is {cap}; it takes US dollars above 0, up to {MAX_COST_CEILING_USD:,}",
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a run. Checked at construction.

    Attributes:
        max_explores: Ceiling of explores, failed ones included.
        max_parallel: Most solvers in flight at once.
        prefetch: Explores that start before the first orchestrator turn.
        max_cost_usd: Cap in US dollars; `None` for no cap.
        time_limit_s: Seconds from the first call, since the run was opened or resumed, to its end:
            see `atlas.deadlines`.
        solver_time_limit_s: Seconds one explore may take.

    Raises:
        InvalidInput: A limit is out of range; the message names it.
    """

    max_explores: int = DEFAULT_MAX_EXPLORES
    max_parallel: int = DEFAULT_MAX_PARALLEL
    prefetch: int = DEFAULT_PREFETCH
    max_cost_usd: Decimal | None = DEFAULT_MAX_COST_USD
    time_limit_s: float = DEFAULT_TIME_LIMIT
    solver_time_limit_s: float = DEFAULT_SOLVER_TIME_LIMIT

    def __post_init__(self) -> None:
        if not 1 <= self.max_explores <= MAX_EXPLORES_CEILING:
            raise InvalidInput(
                "max_explores", f"is {self.max_explores}; it takes 1 to {MAX_EXPLORES_CEILING}"
            )
        if not 1 <= self.max_parallel <= MAX_EXPLORES_CEILING:
            raise InvalidInput(
                "max_parallel", f"is {self.max_parallel}; it takes 1 to {MAX_EXPLORES_CEILING}"
            )
        if self.prefetch < 0:
            raise InvalidInput("prefetch", f"is {self.prefetch}; it takes 0 or more")
        if self.max_cost_usd is not None and not (
            self.max_cost_usd.is_finite() and self.max_cost_usd > 0
        ):
            raise InvalidInput(
                "max_cost_usd", f"is {self.max_cost_usd}; it takes US dollars above 0"
            )
        for name in ("time_limit_s", "solver_time_limit_s"):
            seconds = getattr(self, name)
            if not 0 < seconds < 10_000_000:
                raise InvalidInput(name, f"is {seconds}; it takes seconds above 0")


class OverBudget(Exception):
    """A hold is larger than the money left: a bug, since callers look at `available` first."""


def _nothing() -> Mapping[str, Decimal]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ledger:
    """The dollars of a cap that are held for open calls, spent, or uncertain.

    Attributes:
        limit: US dollars; `None` for no cap, when holds are counted but never refused.
        held: Open holds, US dollars by call.
        spent: US dollars of settled calls.
        uncertain: US dollars that calls without a final count may have cost beyond `spent`.
            They are treated as gone.
    """

    limit: Decimal | None
    held: Mapping[str, Decimal] = field(default_factory=_nothing)
    spent: Decimal = FREE
    uncertain: Decimal = FREE

    @property
    def gone(self) -> Decimal:
        """US dollars that are gone, or count as gone."""
        return self.spent + self.uncertain

    @property
    def committed(self) -> Decimal:
        """US dollars that are gone or may go: spent, uncertain and held."""
        return self.gone + sum(self.held.values(), FREE)

    @property
    def available(self) -> Decimal | None:
        """US dollars a new hold may take; `None` where there is no cap."""
        return None if self.limit is None else max(FREE, self.limit - self.committed)

    def hold(self, call: str, amount: Decimal) -> Ledger:
        """Return the ledger with `amount` set aside for `call`.

        Raises:
            OverBudget: More than `available`, or `call` holds already.
        """
        if call in self.held or amount < 0:
            raise OverBudget(f"{call!r} cannot hold {amount}")
        if self.available is not None and amount > self.available:
            raise OverBudget(f"{call!r} asks for {amount}, {self.available} is available")
        return replace(self, held=MappingProxyType({**self.held, call: amount}))

    def raise_hold(self, call: str, by: Decimal) -> Ledger:
        """Return the ledger with `by` more set aside for `call`, which holds already.

        Raises:
            OverBudget: More than `available`, or `call` holds nothing.
        """
        before = self.held.get(call)
        if before is None:
            raise OverBudget(f"{call!r} holds nothing that could be raised")
        rest = {key: amount for key, amount in self.held.items() if key != call}
        return replace(self, held=MappingProxyType(rest)).hold(call, before + by)

    def settle(self, call: str, charge: Charge) -> Ledger:
        """Return the ledger with `call` paid.

        Args:
            call: A call that holds.
            charge: The charge of the call. An unknown cost counts as the whole hold; an uncertain
                amount counts as gone, up to the rest of the hold.
        """
        held = dict(self.held)
        amount = held.pop(call)
        paid = amount if charge.cost is None else charge.cost
        return replace(
            self,
            held=MappingProxyType(held),
            spent=self.spent + paid,
            uncertain=self.uncertain + max(FREE, min(charge.uncertain, amount - paid)),
        )
