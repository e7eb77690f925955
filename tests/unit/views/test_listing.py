"""The list of runs as programs read it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.views.listing import as_dict, with_server

RUN = ListedRun(
    run_id="r",
    title="6 * 7?",
    workflow="atlas",
    status="running",
    opened_at=0.0,
    updated_at=60.0,
    size_bytes=10,
    driven=True,
)


@pytest.mark.parametrize(
    ("status", "driven", "shown"),
    [
        ("running", True, "running"),
        ("running", False, "interrupted"),
        ("answered", False, "answered"),
        ("cancelled", True, "cancelled"),
    ],
)
def test_a_run_without_an_end_that_no_process_drives_is_interrupted(
    status: Status, shown: Status, *, driven: bool
) -> None:
    run = replace(RUN, status=status, driven=driven)

    assert as_dict(run)["status"] == shown


def test_a_listed_run_is_json_with_times_in_utc() -> None:
    assert json.loads(json.dumps(as_dict(RUN))) == {
        "run_id": "r",
        "status": "running",
        "workflow": "atlas",
        "opened_at": "1970-01-01T00:00:00+00:00",
        "updated_at": "1970-01-01T00:01:00+00:00",
        "problem": "6 * 7?",
        "size_bytes": 10,
    }


def test_a_run_whose_server_is_gone_tells_since_when() -> None:
    listed = as_dict(RUN)

    assert with_server(listed, None) == {**listed, "server_gone_since": None}
    gone = with_server(listed, 60.0)
    assert gone["server_gone_since"] == "1970-01-01T00:01:00+00:00"
