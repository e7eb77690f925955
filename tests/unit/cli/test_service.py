"""The service under a command."""

from __future__ import annotations

import signal
from pathlib import Path

import anyio
import pytest

from atlas_mcp.cli.service import configured, interruptible, with_service
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.runs.service import RunService


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "atlas.toml"))
    (tmp_path / "atlas.toml").write_text("")
    return tmp_path / "home"


def test_the_settings_are_those_of_the_environment(home: Path) -> None:
    assert configured().home == home


def test_work_gets_an_open_service_and_its_result_is_returned() -> None:
    async def work(service: RunService) -> int:
        return len(await service.list_runs(limit=1))

    assert with_service(work) == 0


def test_work_without_a_service_returns_its_result() -> None:
    async def work() -> str:
        return "done"

    assert interruptible(work) == "done"


@pytest.mark.posix
def test_a_signal_interrupts_work() -> None:
    async def work() -> None:
        await anyio.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

    with pytest.raises(Interrupted, match="interrupted"):
        interruptible(work)
