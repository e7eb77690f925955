"""The protocol's official conformance runner against the server, over HTTP, in both eras.

    python tests/rigs/conformance.py

Runs every tasks scenario, and every scenario that asks for no fixture of its own beyond those of
`mcp_app.py`. Prints a line a scenario and era; ends with 1 if a check fails or none was made. Needs
npm: the runner and its Node are installed on first use.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from node import node, node_folder

RUNNER = "@modelcontextprotocol/conformance@0.2.0-alpha.12"

PATIENCE = 120
"""Seconds one scenario may take."""

TASKS = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
)
"""All of them but `tasks-status-notifications`, which the runner itself skips."""

HANDSHAKE = (
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "completion-complete",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-error",
    "server-sse-multiple-streams",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
)

STATELESS = (
    "server-stateless",
    "completion-complete",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-error",
    "server-sse-multiple-streams",
    "resources-list",
    "sep-2164-resource-not-found",
    "prompts-list",
    "dns-rebinding-protection",
    "caching",
    "http-header-validation",
    "input-required-result-missing-input-response",
    "input-required-result-result-type",
    "input-required-result-unsupported-methods",
    "input-required-result-ignore-extra-params",
    "input-required-result-validate-input",
)

COUNTS = re.compile(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings")


@contextmanager
def served() -> Generator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = Path(__file__).with_name("mcp_app.py")
    process = subprocess.Popen([sys.executable, str(app), "--port", str(port)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(30)


def run(folder: Path, url: str, scenario: str, version: str | None) -> bool:
    program = (
        folder / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    )
    command = [node(folder), str(program), "server", "--url", url, "--scenario", scenario]
    if version is not None:
        command += ["--spec-version", version]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    counted = COUNTS.search(done.stdout)
    passed, total, failed, warned = map(int, counted.groups()) if counted else (0, 0, 0, 0)
    good = done.returncode == 0 and total > 0 and passed == total and not failed and not warned
    mark = "ok  " if good else "FAIL"
    print(f"{mark} {version or 'extension':10}  {scenario:45} {passed}/{total}", flush=True)
    if not good:
        print(done.stdout, done.stderr)
    return good


def main() -> int:
    folder = node_folder(RUNNER)
    wanted = [
        *((scenario, None) for scenario in TASKS),
        *((scenario, "2025-11-25") for scenario in HANDSHAKE),
        *((scenario, "2026-07-28") for scenario in STATELESS),
    ]
    with served() as url:
        good = [run(folder, url, scenario, version) for scenario, version in wanted]
    print(f"{sum(good)} of {len(good)} scenarios passed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
