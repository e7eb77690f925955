"""One cause is told once, and one refused key is one request, by a process that starts cold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atlas_mcp.testing.chat_api import OPENAI, ChatApi
from atlas_mcp.testing.loopback import LoopbackApi, serve
from atlas_mcp.testing.messages_api import MessagesApi, status
from tests.support.held_apis import HeldApi
from tests.support.processes import COMMAND, PATIENCE, bare_environ, run_cli

pytestmark = pytest.mark.every_day(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets limits of another process")
@pytest.mark.parametrize("command", [("solve", "6 * 7?"), ("explore", "6 * 7?", "--count", "2")])
@pytest.mark.requirement("PAID-8")
def test_a_disk_that_fills_up_is_told_once_with_what_to_do(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    if sys.platform != "linux":
        return
    import resource

    environ = bare_environ(tmp_path)
    api = HeldApi(held={0, 1})
    with (
        api.reachable(environ),
        subprocess.Popen(
            [*COMMAND, *command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert api.all_arrived(1)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
        api.gate.set()
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert err.count("disk I/O error") == 1
    assert err.count("free some space") == 1
    assert "atlas-mcp runs resume" in err
    assert not [line for line in err.splitlines() if line.startswith("atlas_mcp.")]


CONFIG = """\
[solvers.refused]
model = "{model}"
base_url = "{url}/v1"
api_key_env = "SOME_KEY"
price = {{ input = 1.0, output = 2.0 }}
"""


@pytest.mark.parametrize("model", ["openai/m", "anthropic/claude-sonnet-5-5"])
def test_a_refused_key_is_one_request_of_four_solvers_that_start_together(
    model: str, tmp_path: Path
) -> None:
    refused = status(401, message="no")
    api: LoopbackApi = (
        ChatApi(OPENAI, lambda body: refused)
        if model.startswith("openai/")
        else MessagesApi(lambda body: refused)
    )
    with serve(api) as url:
        config = tmp_path / "atlas.toml"
        config.write_text(CONFIG.format(model=model, url=url))
        environ = bare_environ(tmp_path) | {"ATLAS_CONFIG": str(config), "SOME_KEY": "sk-refused-1"}

        done = run_cli(environ, "explore", "6 * 7?", "--solver", "refused", "--count", "4")

    assert done.returncode == 1
    assert b"4 failed" in done.stderr
    assert b"the API key is refused; check" in done.stderr
    assert api.requests == 1
