"""Model specs of record versions 1 and 2, rewritten in today's shape.

Owns one change: those versions wrote where a model is beside what it can do; today all of it is
under `endpoint`. Called by `atlas.old_records`, and never for a record of today's shape.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]

MOVED = (
    "base_url",
    "api_key_env",
    "max_tokens_field",
    "stream_options",
    "system_role",
    "echo_reasoning",
    "context_tokens",
)
"""Fields of an old spec that belong to its endpoint today."""


def with_endpoints(body: Body) -> Body:
    """Return a record of a run's opening with the endpoint of every model in one place.

    A record of anything else is returned as it is.
    """
    if body.get("type") != "run_opened":
        return body
    run: Body = body["spec"]
    orchestrator = run["orchestrator"]
    solvers = [{**one, "spec": _with_endpoint(one["spec"])} for one in run["solvers"]]
    orchestrator = None if orchestrator is None else _with_endpoint(orchestrator)
    return {**body, "spec": {**run, "orchestrator": orchestrator, "solvers": solvers}}


def _with_endpoint(spec: Body) -> Body:
    if "endpoint" in spec:
        return spec
    endpoint = {name: spec[name] for name in MOVED if spec.get(name) is not None}
    kept = {name: value for name, value in spec.items() if name not in MOVED}
    return {**kept, "endpoint": endpoint}
