"""Probing the pool: small paid calls that find the features of models, under the cap of the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import anyio
import anyio.to_thread

from atlas_mcp.atlas.usage import FREE, NO_USAGE
from atlas_mcp.atlas.wording import bound_text
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configured import Undeclared
from atlas_mcp.models.findings import NOTHING, keep
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.probing.calls import PROBE_CAP_USD
from atlas_mcp.models.probing.probe import Probed, probe
from atlas_mcp.models.vendor import READY
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.task_groups import open_task_group


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """The findings about one model of the pool."""

    model: str
    probed: Probed

    @property
    def paid(self) -> Decimal:
        """US dollars that the model cost; the most that it can have cost, where that is unknown."""
        cost = self.probed.cost_usd
        return PROBE_CAP_USD if cost is None else cost


async def probe_pool(
    pool: Pool,
    day: DaySpending,
    *,
    on_begin: Callable[[], None],
    on_probed: Callable[[ProbeRow], None],
) -> tuple[ProbeRow, ...]:
    """Probe the models for the features that no entry declares, and keep the findings.

    Makes a few small paid calls to each, all models at once.

    Args:
        pool: The models.
        day: The money of the home on this day, which must bear the most that the calls may cost.
        on_begin: Called once before the first call. Never blocks.
        on_probed: Called when a model has been asked everything. Never blocks.

    Returns:
        The findings, in the order in which the models were probed.

    Raises:
        ConfigError: The day's cap leaves too little, or the findings cannot be kept.
    """
    reservation = await _reserve(pool, day)
    # Endpoints may have models of one name.
    asked: list[str] = []
    rows: list[ProbeRow] = []

    def note(row: ProbeRow) -> None:
        if row.model in asked:
            asked.remove(row.model)
        rows.append(row)
        on_probed(row)

    on_begin()
    try:
        await _ask_all(pool, asked.append, note)
    finally:
        # Also where it is cut short: no run is ever resumed that would give back the rest.
        spent = PROBE_CAP_USD * len(asked) + sum((row.paid for row in rows), FREE)
        await reservation.settle(lambda: spent, spent=spent)
    return tuple(rows)


async def _reserve(pool: Pool, day: DaySpending) -> Reservation:
    """Reserve the most that a probe may cost."""
    reservation = Reservation(day.journal, "probe", day.cap)
    most = PROBE_CAP_USD * len(pool.undeclared())
    if await reservation.cover(most, spent=FREE) is not None:
        raise ConfigError(
            f"{await day.text()}, and asking all models may cost {bound_text(most)}: declare in "
            "atlas.toml what they take, raise the cap, or ask tomorrow"
        )
    return reservation


async def _ask_all(
    pool: Pool, on_asking: Callable[[str], None], on_probed: Callable[[ProbeRow], None]
) -> None:
    # Keeps the invariant that a finding is added to the file as the one before it left it.
    one_at_a_time = anyio.Lock()

    async def ask(unknown: Undeclared) -> None:
        spec = unknown.spec
        state = await pool.check(spec)
        if state != READY:
            on_probed(ProbeRow(spec.model, Probed(NOTHING, NO_USAGE, FREE, state)))
            return
        on_asking(spec.model)
        vendor = pool.vendors.of(spec.model)
        # Past the gate: these calls wait for no others, and their failures close it to none.
        model_with = await anyio.to_thread.run_sync(vendor.probing, spec)
        modes = vendor.schema_modes
        probed = await probe(spec, model_with, unknown.features, schema_modes=modes)
        # Before it is kept, which may fail: it was paid for.
        on_probed(ProbeRow(spec.model, probed))
        if probed.found.checked is not None:
            async with one_at_a_time:
                await anyio.to_thread.run_sync(
                    keep, pool.settings.home, unknown.address, spec.model, probed.found
                )

    async with open_task_group() as tasks:
        for unknown in await anyio.to_thread.run_sync(pool.undeclared):
            tasks.start_soon(ask, unknown, name=f"probe {unknown.spec.model}")
