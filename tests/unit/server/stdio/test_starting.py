"""The start of a server on stdin and stdout, up to the server itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from typing import Any

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models import configuration
from atlas_mcp.server.configuration import Configuration
from atlas_mcp.server.stdio import serving
from atlas_mcp.server.stdio.starting import serve_this_process


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Generator[list[Configuration]]:
    """Return the configurations that servers are started with; none of them serves."""
    seen: list[Configuration] = []

    def serve(read: Configuration, *, parent: int) -> int:
        seen.append(read)
        return 7

    monkeypatch.setattr(serving, "serve_stdio", serve)
    yield seen
    gc.unfreeze()


@pytest.mark.parametrize("error", [ConfigError("no such model"), KeyError("ours")])
def test_a_configuration_that_cannot_be_used_is_told_by_the_server(
    monkeypatch: pytest.MonkeyPatch,
    served: list[Configuration],
    error: Exception,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(environ: Any) -> None:
        raise error

    monkeypatch.setattr(configuration, "load_settings", fails)

    assert serve_this_process() == 7
    (read,) = served
    assert capsys.readouterr().err == "", "the handshake comes first"
    assert isinstance(read.failure, ConfigError)
    if isinstance(error, ConfigError):
        assert capsys.readouterr().err == "atlas-mcp: no such model\n"


def test_a_person_at_a_terminal_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
    served: list[Configuration],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(environ: Any) -> None:
        raise ConfigError("no such model")

    monkeypatch.setattr(configuration, "load_settings", fails)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)

    assert serve_this_process() == 7
    assert len(served) == 1
    assert capsys.readouterr().err == "atlas-mcp: no such model\n"


def test_the_server_gets_the_settings_and_the_collector_runs_again(
    monkeypatch: pytest.MonkeyPatch, served: list[Configuration]
) -> None:
    monkeypatch.setattr(configuration, "load_settings", lambda environ: "settings")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any value does

    assert serve_this_process() == 7
    (read,) = served
    assert read.settings == "settings"
    assert gc.isenabled()
