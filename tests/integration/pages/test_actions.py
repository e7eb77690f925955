"""Each action is one call of the service, with fields of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.errors import InvalidInput
from atlas_mcp.pages.actions import ACTIONS, ActionRequest
from atlas_mcp.pages.promises import Promises
from tests.support.page_services import Paged, paged


async def act(there: Paged, action: str, run_id: str, **fields: Any) -> dict[str, Any]:
    asked = ActionRequest(there.service, Promises(), run_id, fields)
    return dict(await ACTIONS[action].carry_out(asked))


async def test_a_run_is_cancelled_and_goes_on(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id = await there.held()
        cancelled = await act(there, "cancel", run_id)
        there.model.held = set()
        goes_on = await act(there, "resume", run_id)
        run = await there.service.wait(run_id, 10)
        again = await act(there, "resume", run_id)

    assert (cancelled, goes_on, again) == (
        {"status": "cancelled"}, {"goes_on": True}, {"goes_on": False}
    )  # fmt: skip
    assert run.status == "answered"


async def test_a_run_with_an_orchestrator_takes_no_explores(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id = await there.answered()
        with pytest.raises(InvalidInput, match="run_id"):
            await act(there, "explore", run_id, count=2)
