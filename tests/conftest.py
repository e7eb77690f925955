"""Fixtures of all tests: both event loops, and an environment that reaches nothing by accident."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.runs.driving import recorder
from atlas_mcp.system.processes import processors
from tests.support.blocking import blocking_refused
from tests.support.drawing import draws
from tests.support.everyday import EVERY_CASE, EVERY_DAY, are_files, mark_slow
from tests.support.shared_work import (
    collect_no_garbage,
    keep_compiled_modules,
    keep_folders_in_memory,
    leave_out_what_is_loaded,
)
from tests.support.systems import POSIX

# No test judges times.
settings.register_profile("untimed", deadline=None, max_examples=draws(100))
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    keep_compiled_modules()
    keep_folders_in_memory()
    # A shell's `&` has its children ignore SIGINT, and `nohup` SIGHUP, and theirs do so too.
    usual = {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}
    if config.getoption("markexpr") == EVERY_DAY and are_files(config.args):
        config.option.markexpr = EVERY_CASE
    for name, handler in usual.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread folders over two workers more than there are cores, and run single files here.

    Two more, since some tests wait. Here is where a debugger, `-s` and the writing of inline
    snapshots work, and where real weights have every core for themselves.
    """
    writes = config.getoption("inline_snapshot", None)
    if are_files(config.args) or writes or config.getoption("markexpr") == "weights":
        return 0
    return processors() + 2


def pytest_sessionstart() -> None:
    collect_no_garbage()


def pytest_collection_finish() -> None:
    leave_out_what_is_loaded()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.drawn)
    mark_slow(items)
    if not POSIX:
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="only POSIX has it"))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def no_blocking() -> Generator[None]:
    """Fail a test in which the package holds up the event loop: see tests/support/blocking.py."""
    with blocking_refused():
        yield


@pytest.fixture(autouse=True)
def no_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away keys and the user's own configuration; runs and models go to a temporary folder.

    The folder comes first, so that it is removed last, with the functions of the system in place.
    """
    anthropic = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")
    others = [preset.key_env for preset in PRESETS if preset.key_env]
    for name in (*anthropic, *others, "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path / "no-anthropic"))
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "atlas"))
    monkeypatch.delenv("ATLAS_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def brief_salvage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a journal that takes nothing asked again for a moment, and not for seconds."""
    monkeypatch.setattr(recorder, "SALVAGE_SECONDS", 0.2)
