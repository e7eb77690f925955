"""A client that speaks to a server process in bare lines, one request after the other."""

from __future__ import annotations

import json
import subprocess
from typing import Any, cast

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def ask(server: subprocess.Popen[bytes], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Send a request, and return its result."""
    assert server.stdin is not None
    assert server.stdout is not None
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    for line in server.stdout:
        answer = cast("dict[str, Any]", json.loads(line))
        if answer.get("id") == 1:
            return answer["result"]
    raise AssertionError("the output has ended")


def call(server: subprocess.Popen[bytes], tool: str, **arguments: Any) -> dict[str, Any]:
    result = ask(server, "tools/call", {"name": tool, "arguments": arguments})
    return result["structuredContent"]
