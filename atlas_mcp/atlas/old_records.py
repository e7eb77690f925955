"""Records of older versions, brought into the shape that today's events have.

Owns the differences between the versions of the records, and nothing else: each function takes the
JSON object of a record and returns another one. Versions 1 and 2 are read.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from atlas_mcp.atlas.old_specs import with_endpoints

Body: TypeAlias = dict[str, Any]
"""A record as a JSON object, without its place in the run."""


def in_todays_shape(body: Body) -> Body:
    """Return a record in the shape of `events.SCHEMA_VERSION`, whatever version wrote it."""
    return with_endpoints(_with_charge(body))


def _with_charge(body: Body) -> Body:
    """Put the three fields of a charge in versions 1 and 2 into one."""
    if "usage" not in body or "charge" in body:
        return body
    charge = {
        "usage": body["usage"],
        "cost": body.get("cost_usd"),
        "uncertain": body.get("uncertain_usd", "0"),
    }
    flat = {"usage", "cost_usd", "uncertain_usd"}
    return {**{key: value for key, value in body.items() if key not in flat}, "charge": charge}
