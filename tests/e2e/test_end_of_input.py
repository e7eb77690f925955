"""What was asked before the end of the input is answered; what would cost money is not begun."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from atlas_mcp.views.run_view import RunView
from tests.e2e.server.stdio.test_serving import HELLO, at_work, end_input, started
from tests.support.held_apis import HeldApi
from tests.support.processes import (
    COMMAND,
    PATIENCE,
    reachable,
    until_recorded,
)

pytestmark = pytest.mark.every_day(0)


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"method": "tools/call", "params": asking(tool, **arguments)}


def asking(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"name": tool, "arguments": arguments}


def piped(environ: Mapping[str, str], *requests: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers to requests that are written at once, as a shell's `printf` does.

    Their ids are their places, from 1.
    """
    messages: list[dict[str, Any]] = [
        {"id": 0, "method": "initialize", "params": HELLO},
        {"method": "notifications/initialized"},
        *({"id": number, **request} for number, request in enumerate(requests, start=1)),
    ]
    given = b"".join(json.dumps({"jsonrpc": "2.0", **one}).encode() + b"\n" for one in messages)
    done = subprocess.run(
        COMMAND, env=environ, input=given, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    answers = {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert sorted(answers) == list(range(len(requests) + 1))
    return [answers[number] for number in range(1, len(requests) + 1)]


@pytest.mark.every_day(1)
def test_what_only_looks_is_answered_though_the_input_has_ended(environ: dict[str, str]) -> None:
    listed, read, shown = piped(
        environ,
        {"method": "tools/list"},
        {"method": "resources/read", "params": {"uri": "atlas://runs"}},
        call("get_run", run_id="nowhere"),
    )

    assert len(listed["result"]["tools"]) == 6
    assert json.loads(read["result"]["contents"][0]["text"]) == []
    assert "'nowhere'" in shown["result"]["content"][0]["text"]


def test_what_a_client_has_cancelled_is_not_waited_for(environ: dict[str, str]) -> None:
    with started(environ) as server:
        server.greet()
        server.send("tools/call", asking("get_run", run_id="nowhere", wait_s=3_600), 7)
        server.send("notifications/cancelled", {"requestId": "7"})
        end_input(server)
        code, _, err = server.rest()

    assert (code, err) == (0, b"")


def test_no_run_is_begun_once_the_input_has_ended(environ: dict[str, str]) -> None:
    api = HeldApi()
    with reachable(api, environ):
        answers = piped(
            environ,
            call("solve_with_atlas", problem="6 * 7?"),
            call("explore", problem="6 * 7?"),
        )

    results = [answer["result"] for answer in answers]
    assert [result["isError"] for result in results] == [True, True]
    assert all("the input of the server has ended" in str(one["content"]) for one in results)
    assert api.requests == 0


async def test_the_request_of_a_run_in_flight_is_answered_with_its_evidence(
    environ: dict[str, str],
) -> None:
    api = HeldApi(held={1})
    with api.reachable(environ), started(environ) as server:
        run_id = at_work(server, api)
        end_input(server)
        await until_recorded(environ, run_id, lambda state: state.stop_cause == "client")
        api.gate.set()
        answer = server.until(lambda message: message.get("id") == 2)
        code, _, err = server.rest()

    view = RunView.model_validate(answer["result"]["structuredContent"])
    assert (view.status, [one.answer for one in view.candidates]) == ("cancelled", ["42", "42"])
    assert (code, err, api.requests) == (0, b"", 2)


@pytest.mark.parametrize("when", ["finish", "stop"])
async def test_a_run_whose_caller_was_told_that_it_goes_on_does_so_if_the_operator_lets_it(
    environ: dict[str, str], when: str
) -> None:
    environ["ATLAS_SERVER_WHEN_CLIENT_LEAVES"] = when
    api = HeldApi(held={0, 1})
    with api.reachable(environ), started(environ) as server:
        server.greet()
        opened = server.ask("tools/call", asking("solve_with_atlas", problem="Q?", wait_s=0))
        told = opened["result"]["structuredContent"]
        assert api.all_arrived(2)
        server.send("tools/call", asking("get_run", run_id=told["run_id"], wait_s=60), 2)
        end_input(server)
        answer = server.until(lambda message: message.get("id") == 2)
        code, _, err = server.rest()
        if when == "stop":
            await until_recorded(
                environ, told["run_id"], lambda state: state.stop_cause is not None
            )
        api.gate.set()
        state = await until_recorded(
            environ, told["run_id"], lambda state: state.finished is not None
        )

    view = RunView.model_validate(answer["result"]["structuredContent"])
    assert view.status == "running"
    assert ("also when this server has ended" in told["next"]) == (when == "finish")
    assert state.finished is not None
    expected = ("answered", 3) if when == "finish" else ("cancelled", 2)
    assert (state.finished.status, api.requests) == expected
    assert (code, err) == (0, b"")
