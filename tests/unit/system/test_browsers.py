"""An address is opened by another process, which is not waited for long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.system import browsers
from atlas_mcp.system.browsers import open_in_browser
from atlas_mcp.system.processes import Tree
from tests.support.systems import posix

ADDRESS = "http://127.0.0.1:1/runs?a=b&c=$(d)"


def choose_browser(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> None:
    """Have a program of Python in the place of the browser; it is given the address."""
    script = folder / "browser.py"
    script.write_text(program)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")


@posix
def test_an_address_reaches_the_browser_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = (
        "import pathlib, sys\npathlib.Path(__file__).with_name('seen').write_text(sys.argv[1])"
    )
    choose_browser(monkeypatch, tmp_path, program)

    assert open_in_browser(ADDRESS)
    assert (tmp_path / "seen").read_text() == ADDRESS


@posix
def test_a_browser_that_fails_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    choose_browser(monkeypatch, tmp_path, "raise SystemExit(1)")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert not open_in_browser(ADDRESS)


@posix
def test_without_a_screen_there_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)

    assert not open_in_browser(ADDRESS)


@posix
def test_a_browser_that_stays_open_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(browsers, "OPEN_SECONDS", 0.0)
    choose_browser(monkeypatch, tmp_path, "import time; time.sleep(60)")

    try:
        assert open_in_browser(ADDRESS)
        (child,) = browsers.OPENING
        assert child.poll() is None
    finally:
        for child in browsers.OPENING:
            Tree(child).kill()
            child.wait()
        browsers.OPENING.clear()


def test_a_program_that_is_no_python_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")

    assert not open_in_browser(ADDRESS)
