"""The start of a server on stdin and stdout, up to the server itself."""

from __future__ import annotations

import gc
from collections.abc import Generator
from typing import Any

import pytest

from atlas_mcp.errors import AtlasError, ConfigError
from atlas_mcp.models import configuration
from atlas_mcp.server.stdio import serving
from atlas_mcp.server.stdio.starting import serve_this_process


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Generator[list[tuple[object, AtlasError | None]]]:
    """Return the settings and failures that servers are started with; none of them serves."""
    seen: list[tuple[object, AtlasError | None]] = []

    def serve(settings: object, *, failure: AtlasError | None, parent: int) -> int:
        seen.append((settings, failure))
        return 7

    monkeypatch.setattr(serving, "serve_stdio", serve)
    yield seen
    gc.unfreeze()


@pytest.mark.parametrize("error", [ConfigError("no such model"), KeyError("ours")])
def test_a_configuration_that_cannot_be_used_is_told_by_the_server(
    monkeypatch: pytest.MonkeyPatch,
    served: list[tuple[object, AtlasError | None]],
    error: Exception,
) -> None:
    def fails(environ: Any) -> None:
        raise error

    monkeypatch.setattr(configuration, "load_settings", fails)

    assert serve_this_process() == 7
    ((settings, failure),) = served
    assert settings is None
    assert isinstance(failure, ConfigError)


def test_the_server_gets_the_settings_and_the_collector_runs_again(
    monkeypatch: pytest.MonkeyPatch, served: list[tuple[object, AtlasError | None]]
) -> None:
    monkeypatch.setattr(configuration, "load_settings", lambda environ: "settings")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - any value does

    assert serve_this_process() == 7
    assert served == [("settings", None)]
    assert gc.isenabled()
