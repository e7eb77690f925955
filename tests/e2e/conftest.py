"""Fixtures of the tests of the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, bare_environ
from tests.support.shells import Here, Shell, environment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give processes time on a busy machine, and every day one case of each test to run in."""
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if not str(item.path).startswith(here):
            continue
        if not item.get_closest_marker("every_day"):
            item.add_marker(pytest.mark.every_day(1))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(2 * PATIENCE))


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The process is the same whatever loop the test has."""
    return request.param


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process: nothing of ours but what a test adds."""
    return bare_environ(tmp_path)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(environment(tmp_path), tmp_path)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capfd)
