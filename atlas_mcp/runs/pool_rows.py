"""The pool as people and clients read it: its solvers, their features and their prices."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import anyio.to_thread

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_spec import SolverSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.vendor import READY
from atlas_mcp.task_groups import open_task_group


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One solver that can be named.

    Attributes:
        name: The name to call it by.
        model: `vendor/name`.
        ready: Whether it can be used now, and if not, why.
        efforts: The efforts it takes.
        images: Whether it takes pictures.
        tools: Whether it calls tools.
        schema: How its replies get their shape: "strict", "json" or "prompt".
        price: Its dearest rates; `None` for unknown.
        default: Whether runs use it unless they name others.
    """

    name: str
    model: str
    ready: str
    efforts: tuple[str, ...]
    images: bool
    tools: bool
    schema: str
    price: Price | None
    default: bool


async def pool_rows(pool: Pool, *, ask: bool = False) -> tuple[PoolRow, ...]:
    """Return the configured entries first, then the embedded models.

    Args:
        pool: The pool.
        ask: Whether to ask the vendors and servers, all at once, if they are there and have the
            model. It costs nothing.
    """

    def rows() -> list[tuple[PoolRow, ModelSpec]]:
        named = [(_row(pool, e, default=True), e.spec) for e in pool.entries(pool.names())]
        embedded = pool.entries(pool.offered())
        names = {row.name for row, _ in named}
        return [
            *named,
            *((_row(pool, e, default=False), e.spec) for e in embedded if e.name not in names),
        ]

    found = await anyio.to_thread.run_sync(rows)
    states = [row.ready for row, _ in found]

    async def look(number: int, spec: ModelSpec) -> None:
        states[number] = await pool.check(spec)

    async with open_task_group() as tasks:
        for number, (row, spec) in enumerate(found):
            if ask and row.ready == READY:
                tasks.start_soon(look, number, spec, name=f"look for {row.name}")
    return tuple(replace(row, ready=state) for (row, _), state in zip(found, states, strict=True))


async def pool_json(pool: Pool) -> str:
    """Return the pool as JSON, one object a solver."""
    return json.dumps([as_dict(row) for row in await pool_rows(pool)], indent=2)


def as_dict(row: PoolRow) -> dict[str, object]:
    """Return a row as it is written in JSON."""
    price = row.price
    rates = None if price is None else {"input": float(price.input), "output": float(price.output)}
    return {
        "name": row.name,
        "model": row.model,
        "ready": row.ready,
        "efforts": list(row.efforts),
        "images": row.images,
        "tools": row.tools,
        "schema": row.schema,
        "price_usd_per_million_tokens": rates,
        "default": row.default,
    }


def _row(pool: Pool, entry: SolverSpec, *, default: bool) -> PoolRow:
    return PoolRow(
        name=entry.name,
        model=entry.spec.title,
        ready=pool.readiness(entry.spec),
        efforts=entry.spec.efforts,
        images=entry.spec.images,
        tools=entry.spec.tools,
        schema=entry.spec.schema_mode,
        price=entry.spec.price,
        default=default,
    )
