"""The program as a process of its own, and in this process, where a start costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from atlas_mcp.program import main
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from tests.support.processes import COMMAND, PATIENCE, measured


@dataclass
class Shell:
    """Runs the program, in an environment that holds nothing but what a test adds."""

    environ: dict[str, str]
    folder: Path

    def __call__(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environ,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    @contextmanager
    def reaching(self, api: MessagesApi) -> Generator[None]:
        with serve(api) as url:
            self.environ |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": API_KEY}
            yield


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        **measured(),
        "ATLAS_HOME": str(home / "atlas"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "ANTHROPIC_CONFIG_DIR": str(home / "anthropic"),
        "PYTHONWARNINGS": "error",
        "COLUMNS": "200",
    }


@dataclass
class Here:
    """Runs the program in this process, with a key and an API if it is given one."""

    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def __call__(
        self, *arguments: str, api: MessagesApi | None = None, stdin: TextIO | None = None
    ) -> subprocess.CompletedProcess[str]:
        if stdin is not None:
            self.monkeypatch.setattr(sys, "stdin", stdin)
        self.monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        with serve(api or MessagesApi()) as url:
            self.monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
            code = main(arguments)
        out, err = self.capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)
