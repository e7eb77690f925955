"""Clients over stdio that do not wait: some have a time-out, others are told of updates."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Literal

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import Implementation

from atlas_mcp.views.run_view import RunView
from tests.support.held_apis import EVERY_CALL, HeldApi
from tests.support.processes import COMMAND, PATIENCE
from tests.support.updates import Updates

Mode = Literal["auto", "legacy"]

TIME_OUT = 5.0
"""Seconds: the default of an agents' library."""


def server_of(environ: dict[str, str]) -> StdioServerParameters:
    return StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environ)


async def until_answered(client: Client, tool: str, arguments: dict[str, Any]) -> RunView:
    """Call a tool again and again, until it answers within the client's time-out.

    On a machine that is busy two equal time-outs may look different to the server, and an answer
    may be late.
    """
    while True:
        try:
            result = await client.call_tool(tool, arguments, read_timeout_seconds=TIME_OUT)
        except MCPError as error:
            if "timed out" not in str(error).lower():
                raise
        else:
            return RunView.model_validate(result.structured_content)


@pytest.mark.every_day(0)
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_with_a_short_time_out_is_answered_within_it_once_it_was_seen_twice(
    environ: dict[str, str], mode: Mode
) -> None:
    """A server that had not learned would answer none of the calls: it waits longer."""
    info = Implementation(name="hasty", version="1")
    with HeldApi(held=EVERY_CALL).reachable(environ), anyio.fail_after(2 * PATIENCE):
        async with Client(server_of(environ), mode=mode, client_info=info) as client:
            for number in range(2):
                problem = {"problem": f"6 * {number}?"}
                with pytest.raises(MCPError, match=r"(?i)timed out"):
                    await client.call_tool(
                        "solve_with_atlas", problem, read_timeout_seconds=TIME_OUT
                    )
            views = [
                await until_answered(client, "solve_with_atlas", {"problem": "6 * 7?"}),
                await until_answered(client, "explore", {"problem": "6 * 7?"}),
                await until_answered(client, "get_run", {"wait_s": 600}),
            ]

    assert {view.status for view in views} == {"running"}


@pytest.mark.every_day(1)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_reads_at_each_update_sees_the_end_of_a_run(
    environ: dict[str, str], mode: Mode
) -> None:
    sessions: list[Updates] = []

    async def handle(message: object) -> None:
        sessions[0].handle(message)

    api = HeldApi(held=range(1, 100))
    with api.reachable(environ), anyio.fail_after(PATIENCE):
        async with Client(server_of(environ), mode=mode, message_handler=handle) as client:
            sessions.append(session := Updates(client))
            call = {"problem": "6 * 7?", "wait_s": 0}
            opened = await client.call_tool("solve_with_atlas", call)
            run_id = RunView.model_validate(opened.structured_content).run_id
            uri = f"atlas://runs/{run_id}"
            async with session.subscribed(uri):
                api.gate.set()
                await session.until_told(uri, "answered")

    assert set(session.heard) == {uri}


@pytest.mark.every_day(1)
def test_a_stream_of_updates_does_not_hold_up_the_end_of_a_server(environ: dict[str, str]) -> None:
    """It has its result at the end of the input, long before a request that is not answered."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"_meta": meta, "notifications": {"toolsListChanged": True}}
    listen = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params}
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=environ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(listen).encode() + b"\n")
        server.stdin.flush()
        first = json.loads(server.stdout.readline())
        out, err = server.communicate(timeout=PATIENCE)

    assert first["method"] == "notifications/subscriptions/acknowledged"
    last = json.loads(out.splitlines()[-1])
    assert (last["id"], last["result"]["resultType"]) == (7, "complete")
    assert (server.returncode, err) == (0, b"")
