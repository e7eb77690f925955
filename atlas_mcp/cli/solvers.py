"""`solvers`: the pool, whether its models can be reached and, with `--probe`, their features."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from atlas_mcp.atlas.day_cap import committed_text
from atlas_mcp.atlas.usage import FREE, add_costs
from atlas_mcp.atlas.wording import cost_text, money_text
from atlas_mcp.cli import output
from atlas_mcp.cli.terminal import tell
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.findings import FEATURES, Finding
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.probing.calls import PROBE_CAP_USD
from atlas_mcp.runs.clock import today
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.runs.opening import open_journal
from atlas_mcp.runs.pool_rows import ProbeRow, pool_rows, probe_pool
from atlas_mcp.texts import counted, one_line

_NAMES = {"schema_mode": "schema"}
"""The names of features in the file, where they differ."""


async def show_pool(settings: Settings, *, probe: bool, as_json: bool) -> None:
    """Print the pool; with `probe`, first find out the features that no entry declares."""
    pool = Pool(settings)
    try:
        if probe:
            async with open_journal(settings) as journal:
                await _probe(
                    pool, Reservation(journal, "probe", settings.budget.max_cost_usd_per_day)
                )
        output.print_pool(await pool_rows(pool, ask=True), as_json=as_json)
    finally:
        await pool.aclose()
    cap = settings.budget.max_cost_usd_per_day
    if cap is not None:
        async with open_journal(settings, looks=True) as journal:
            text = committed_text(await journal.spending(today()), cap)
        tell(f"{text[:1].upper()}{text[1:]}.")


async def _probe(pool: Pool, day: Reservation) -> None:
    asked: list[str] = []
    rows: list[ProbeRow] = []

    def on_probed(row: ProbeRow) -> None:
        rows.append(row)
        if row.model in asked:
            asked.remove(row.model)
        tell(_line(row))

    if not pool.undeclared():
        tell("There is nothing to find out: no model behind Chat Completions.")
        return
    most = PROBE_CAP_USD * len(pool.undeclared())
    if await day.cover(most, spent=FREE) is not None:
        assert day.cap is not None, "without a cap everything is covered"
        text = committed_text(await day.journal.spending(today()), day.cap)
        raise ConfigError(
            f"{text}, and asking all models may cost {money_text(most)}: declare in atlas.toml "
            "what they take, raise the cap, or ask tomorrow"
        )
    tell(f"Asking with small paid calls, at most {money_text(PROBE_CAP_USD)} for each model:")
    try:
        await probe_pool(pool, on_asking=asked.append, on_probed=on_probed)
    finally:
        # Also where it is cut short: no run is ever resumed that would give back what it held.
        spent = PROBE_CAP_USD * len(asked) + sum((_paid(row) for row in rows), FREE)
        await day.settle(lambda: spent, spent=spent)
    cost = add_costs(*(row.probed.cost_usd for row in rows))
    calls = sum(row.probed.usage.requests for row in rows)
    tell(f"{counted(calls, 'call')}, {'free' if cost == FREE else cost_text(cost)}.\n")


def _paid(row: ProbeRow) -> Decimal:
    """Return the US dollars that one model cost; the most it can have cost where unknown."""
    cost = row.probed.cost_usd
    return PROBE_CAP_USD if cost is None else cost


def _line(row: ProbeRow) -> str:
    probed = row.probed
    found = ", ".join(filter(None, (_feature(probed.found, one) for one in FEATURES)))
    text = f"{row.model}: {found or 'nothing found out'}"
    return text if probed.problem is None else f"{text} ({one_line(probed.problem)})"


def _feature(found: Finding, feature: str) -> str:
    value: object = getattr(found, feature)
    name = _NAMES.get(feature, feature)
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"{name} {'yes' if value else 'no'}"
    if isinstance(value, tuple):
        return f"{name} {' '.join(cast('tuple[str, ...]', value)) or 'none'}"
    return f"{name} {value}"
