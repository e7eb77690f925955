"""`view` refuses what cannot be shown before anything is served."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from atlas_mcp.program import main


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Keep the addresses that a browser would open."""
    opened: list[str] = []

    def note(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr("atlas_mcp.cli.view.open_in_browser", note)
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    return opened


@pytest.mark.parametrize("run_id", ["unknown", "../..", "a\x1b[31m"])
def test_a_run_that_is_not_there_is_told_of_before_anything_is_served(
    run_id: str, no_browser: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", run_id]) == 2

    out, err = capfd.readouterr()
    assert (out, no_browser) == ("", [])
    assert "run" in err
    assert "http://" not in err
    assert "\x1b" not in err


def test_a_port_that_is_taken_is_named(
    no_browser: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["view", "--port", str(port)]) == 2

    assert f"--port: {port} of 127.0.0.1 cannot be served" in capfd.readouterr().err
    assert no_browser == []
