"""The protocol's official conformance runner against the server, over HTTP, in both eras.

    python tests/rigs/conformance.py

Runs every scenario that the runner lists for servers, at the versions below, but those in
`OMITTED`, where each has its reason: most ask for things by names of their own, which would test
the SDK. Scenarios that a newer runner adds are run until they are listed. Prints a line a scenario
and version; ends with 1 if a check fails or none was made. Needs npm: the runner and its Node are
installed on first use.
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

VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28", "extension")
"""The versions that the runner is asked to speak: two with a handshake, the one without, and the
extensions, which it lists under no version."""

ITS_OWN_NAMES = (
    "asks for a tool, resource or prompt under a name of its own: that tests what the SDK writes "
    "for it, and nothing of this server"
)
NOT_OFFERED = "this server does not offer it"

OMITTED = {
    "tools-call-image": ITS_OWN_NAMES,
    "tools-call-audio": ITS_OWN_NAMES,
    "tools-call-embedded-resource": ITS_OWN_NAMES,
    "tools-call-mixed-content": ITS_OWN_NAMES,
    "json-schema-2020-12": ITS_OWN_NAMES,
    "resources-read-text": ITS_OWN_NAMES,
    "resources-read-binary": ITS_OWN_NAMES,
    "resources-templates-read": ITS_OWN_NAMES,
    "prompts-get-simple": ITS_OWN_NAMES,
    "prompts-get-with-args": ITS_OWN_NAMES,
    "prompts-get-embedded-resource": ITS_OWN_NAMES,
    "prompts-get-with-image": ITS_OWN_NAMES,
    "logging-set-level": NOT_OFFERED,
    "tools-call-with-logging": NOT_OFFERED,
    "tools-call-sampling": NOT_OFFERED,
    "tools-call-elicitation": NOT_OFFERED,
    "elicitation-sep1034-defaults": NOT_OFFERED,
    "elicitation-sep1330-enums": NOT_OFFERED,
    "resources-subscribe": ITS_OWN_NAMES,
    "resources-unsubscribe": ITS_OWN_NAMES,
    "server-sse-polling": "needs a store of events; here get_run finds what a stream lost",
    "http-custom-header-server-validation": NOT_OFFERED,
    "input-required-result-basic-sampling": NOT_OFFERED,
    "input-required-result-basic-list-roots": NOT_OFFERED,
    "input-required-result-request-state": NOT_OFFERED,
    "input-required-result-multiple-input-requests": NOT_OFFERED,
    "input-required-result-multi-round": NOT_OFFERED,
    "input-required-result-non-tool-request": NOT_OFFERED,
    "input-required-result-tampered-state": NOT_OFFERED,
    "input-required-result-capability-check": NOT_OFFERED,
    "sep-2640-skills-directory": NOT_OFFERED,
    "sep-2640-skills-enumeration": NOT_OFFERED,
    "sep-2640-skills-manifest": NOT_OFFERED,
    "tasks-status-notifications": "the runner makes no check of it, pending a rewrite of its own",
}
"""Scenarios that are not run, and why."""

LISTED = re.compile(r"^  - (\S+) \[(.+)\]$", re.MULTILINE)
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


def conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = (
        folder / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    )
    return subprocess.run(
        [node(folder), str(program), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def scenarios(folder: Path) -> list[tuple[str, str]]:
    """Return what to run: version and scenario, as the runner lists them."""
    listed = LISTED.findall(conformance(folder, "list", "--server").stdout)
    unknown = OMITTED.keys() - {name for name, _ in listed}
    if unknown or not listed:
        sys.exit(f"the runner lists no such scenarios: {', '.join(sorted(unknown)) or 'none'}")
    return [
        (version, name)
        for version in VERSIONS
        for name, versions in listed
        if version in versions.split(",") and name not in OMITTED
    ]


def run(folder: Path, url: str, version: str, scenario: str) -> bool:
    chosen = () if version == "extension" else ("--spec-version", version)
    done = conformance(folder, "server", "--url", url, "--scenario", scenario, *chosen)
    counted = COUNTS.search(done.stdout)
    passed, total, failed, warned = map(int, counted.groups()) if counted else (0, 0, 0, 0)
    good = done.returncode == 0 and total > 0 and passed == total and not failed and not warned
    print(f"{'ok  ' if good else 'FAIL'} {version:10}  {scenario:45} {passed}/{total}", flush=True)
    if not good:
        print(done.stdout, done.stderr)
    return good


def main() -> int:
    folder = node_folder(RUNNER)
    wanted = scenarios(folder)
    with served() as url:
        good = [run(folder, url, version, scenario) for version, scenario in wanted]
    print(f"{sum(good)} of {len(good)} scenarios passed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
