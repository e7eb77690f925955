"""Calls that a client repeats in another server, after it has ended the one that it had asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.server.stdio.test_serving import Raw, started
from tests.support.held_apis import EVERY_CALL, HeldApi
from tests.support.processes import until_recorded

pytestmark = pytest.mark.every_day(0)

CALL: dict[str, Any] = {"name": "solve_with_atlas", "arguments": {"problem": "6 * 7?"}}


def answer_of(server: Raw) -> dict[str, Any]:
    """Return the structure of the answer to the call that the server was sent."""
    answer = server.until(lambda message: message.get("id") == 2)
    return answer["result"]["structuredContent"]


@pytest.mark.parametrize("way", ["kill", "terminate", "end of input"])
async def test_a_call_repeated_in_another_server_goes_on_with_the_calls_in_flight(
    environ: dict[str, str], way: str
) -> None:
    """Some clients start one process for a call, and end it however they like."""
    api = HeldApi(held={0, 1})
    with api.reachable(environ), started(environ) as first, started(environ) as second:
        first.greet()
        second.greet()
        run_id = first.solve()
        assert api.all_arrived(2)
        if way == "end of input":
            assert first.process.stdin is not None
            first.process.stdin.close()
            first.process.stdin = None
        else:
            getattr(first.process, way)()
        await until_recorded(environ, run_id, lambda state: state.stop_cause == "client")
        second.send("tools/call", CALL, 2)
        await until_recorded(environ, run_id, lambda state: state.stop_cause is None)
        if way == "end of input":
            # It has nobody to wait for any more.
            first.process.wait(timeout=30)
        api.gate.set()
        view = answer_of(second)

    assert (view["run_id"], view["status"], view["answer"]) == (run_id, "answered", "42")
    assert view["next"].startswith(f"This call goes on with run {run_id}, ")
    assert api.requests == 3
    assert len({json.dumps(body, sort_keys=True) for body in api.bodies}) == 3


async def test_servers_that_ask_the_same_at_once_share_one_run(environ: dict[str, str]) -> None:
    api = HeldApi(held=EVERY_CALL)
    with api.reachable(environ), started(environ) as one, started(environ) as other:
        for server in (one, other):
            server.greet()
        for server in (one, other):
            server.send("tools/call", CALL, 2)
        assert api.all_arrived(2)
        api.gate.set()
        views = [answer_of(server) for server in (one, other)]

    assert views[0]["run_id"] == views[1]["run_id"]
    assert [view["answer"] for view in views] == ["42", "42"]
    assert sorted("next" in view for view in views) == [False, True]
    assert api.requests == 3
