"""The pool as people and clients read it: what there is, and what it takes and costs."""

from __future__ import annotations

import json
from dataclasses import dataclass

import anyio.to_thread

from atlas_mcp.atlas.pool import SolverSpec
from atlas_mcp.models.catalogue import CATALOGUE
from atlas_mcp.models.pool import Pool


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One solver that can be named.

    Attributes:
        name: What to call it by.
        model: `vendor/name`.
        ready: Whether it can be used now, and if not, why.
        efforts: The efforts it takes.
        images: Whether it takes pictures.
        price: US dollars per million tokens, in and out; `None` for unknown.
        default: Whether runs use it without being told.
    """

    name: str
    model: str
    ready: str
    efforts: tuple[str, ...]
    images: bool
    price: tuple[float, float] | None
    default: bool


async def pool_rows(pool: Pool) -> tuple[PoolRow, ...]:
    """Return the configured entries first, then the embedded models."""

    def rows() -> tuple[PoolRow, ...]:
        named = [_row(pool, entry, default=True) for entry in pool.solvers(pool.names())]
        embedded = pool.solvers([model.name for model in CATALOGUE])
        names = {row.name for row in named}
        return (
            *named,
            *(_row(pool, entry, default=False) for entry in embedded if entry.name not in names),
        )

    return await anyio.to_thread.run_sync(rows)


async def pool_json(pool: Pool) -> str:
    """Return the pool as JSON, one object a solver."""
    return json.dumps([as_dict(row) for row in await pool_rows(pool)], indent=2)


def as_dict(row: PoolRow) -> dict[str, object]:
    """Return a row as it is written in JSON."""
    price = None if row.price is None else {"input": row.price[0], "output": row.price[1]}
    return {
        "name": row.name,
        "model": row.model,
        "ready": row.ready,
        "efforts": list(row.efforts),
        "images": row.images,
        "price_usd_per_million_tokens": price,
        "default": row.default,
    }


def _row(pool: Pool, entry: SolverSpec, *, default: bool) -> PoolRow:
    price = entry.spec.price
    return PoolRow(
        name=entry.name,
        model=entry.spec.model,
        ready=pool.readiness(entry.spec),
        efforts=entry.spec.efforts,
        images=entry.spec.images,
        price=None if price is None else (float(price.input), float(price.output)),
        default=default,
    )
