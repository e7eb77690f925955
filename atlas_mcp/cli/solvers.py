"""`solvers`: the pool, whether its models can be reached and, with `--probe`, their features."""

from __future__ import annotations

from typing import cast

from atlas_mcp.atlas.usage import FREE, add_costs
from atlas_mcp.atlas.wording import cost_text, money_text
from atlas_mcp.cli import output
from atlas_mcp.cli.terminal import tell
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.findings import FEATURES, Finding
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.probing.calls import PROBE_CAP_USD
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.runs.opening import open_day_spending
from atlas_mcp.runs.pool_rows import pool_rows
from atlas_mcp.runs.probing import ProbeRow, probe_pool
from atlas_mcp.texts import counted, one_line

_NAMES = {"schema_mode": "schema"}
"""The names of features in the file, where they differ."""


async def show_pool(settings: Settings, *, probe: bool, as_json: bool) -> None:
    """Print the pool; with `probe`, first find out the features that no entry declares."""
    pool = Pool(settings)
    try:
        if probe:
            async with open_day_spending(settings) as day:
                await _probe(pool, day)
        output.print_pool(await pool_rows(pool, ask=True), as_json=as_json)
    finally:
        await pool.aclose()
    if settings.budget.max_cost_usd_per_day is not None:
        async with open_day_spending(settings, looks=True) as day:
            text = await day.text() or ""
        tell(f"{text[:1].upper()}{text[1:]}.")


async def _probe(pool: Pool, day: DaySpending) -> None:
    if not pool.undeclared():
        tell("There is nothing to find out: no model behind Chat Completions.")
        return

    def on_begin() -> None:
        tell(f"Asking with small paid calls, at most {money_text(PROBE_CAP_USD)} for each model:")

    rows = await probe_pool(pool, day, on_begin=on_begin, on_probed=lambda row: tell(_line(row)))
    cost = add_costs(*(row.probed.cost_usd for row in rows))
    calls = sum(row.probed.usage.requests for row in rows)
    tell(f"{counted(calls, 'call')}, {'free' if cost == FREE else cost_text(cost)}.\n")


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
