"""The server with a process that drives its runs has loaded no vendor's library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atlas_mcp.runs.detached.starting import LOG_NAME
from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import MessagesApi
from tests.support.bare_clients import HELLO, ask, call
from tests.support.pictures import data_url, drawn
from tests.support.processes import PATIENCE, reachable

SERVER = """
import sys
from pathlib import Path

def note(event, arguments):
    if event == "import" and arguments[0] not in seen:
        seen.add(arguments[0])
        print(arguments[0], file=log)

seen, log = set(), Path(sys.argv.pop()).open("w", buffering=1)
sys.addaudithook(note)
from atlas_mcp.program import main
sys.exit(main())
"""


@pytest.mark.every_day(0)
@pytest.mark.requirement("GONE-12")
def test_runs_are_asked_for_and_shown_without_a_vendors_library(
    environ: dict[str, str], tmp_path: Path
) -> None:
    api, imported = MessagesApi(AtlasPlay()), tmp_path / "imported"
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SERVER, str(imported)]
    with reachable(api, environ):
        server = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ)
        try:
            ask(server, "initialize", HELLO)
            solved = call(server, "solve_with_atlas", problem="What is 6 * 7?")
            url = data_url(drawn())
            shown = call(server, "solve_with_atlas", problem="What is shown?", images=[url])
            explored = call(server, "explore", problem="What is 7 * 6?")
            call(server, "get_run", run_id=solved["run_id"])
        finally:
            server.communicate(timeout=PATIENCE)

    assert (solved["status"], shown["status"]) == ("answered", "answered")
    assert explored["candidates"]
    assert (Path(environ["ATLAS_HOME"]) / LOG_NAME).exists(), "a driver was started"
    packages = {name.partition(".")[0] for name in imported.read_text().splitlines()}
    assert "mcp" in packages
    assert packages & {"anthropic", "openai", "xllamacpp"} == set()
