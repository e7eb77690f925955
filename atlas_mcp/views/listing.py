"""The list of runs as programs read it: one object a run."""

from __future__ import annotations

from atlas_mcp.atlas.outcomes import status_of
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.system.dates import moment


def as_dict(run: ListedRun) -> dict[str, object]:
    """Return a run as it is written in JSON."""
    return {
        "run_id": run.run_id,
        "status": status_of(run.status, driven=run.driven),
        "workflow": run.workflow,
        "opened_at": moment(run.opened_at).isoformat(),
        "updated_at": moment(run.updated_at).isoformat(),
        "problem": run.title,
        "size_bytes": run.size_bytes,
    }


def with_server(listed: dict[str, object], gone_since: float | None) -> dict[str, object]:
    """Return a listed run with the time since which the server that asked for it is gone.

    Args:
        listed: The run.
        gone_since: Unix seconds; `None` while there is a server, and where no process goes on with
            the run for one.
    """
    gone = None if gone_since is None else moment(gone_since).isoformat()
    return {**listed, "server_gone_since": gone}
