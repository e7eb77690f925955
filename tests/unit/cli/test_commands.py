"""The commands: exit codes, and the servers that `serve` starts."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from atlas_mcp.cli.commands import Servers, exit_code_of, run
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput, JournalError, JournalNewer


def refuses(settings: Settings, *, host: str, port: int) -> NoReturn:
    raise ConfigError(f"no server at {host}:{port} for {settings.home.name}")


SERVERS = Servers(stdio=lambda: 5, http=refuses)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 2),
        (InvalidInput, 2),
        (JournalNewer, 2),
        (JournalError, 1),
        (Interrupted, 130),
        (AtlasError, 1),
    ],
)
def test_an_error_has_the_exit_code_of_its_nearest_class(kind: type[AtlasError], code: int) -> None:
    assert exit_code_of(kind) == code


@pytest.mark.parametrize("arguments", [["serve"], []])
def test_a_server_over_stdin_and_stdout_is_started(arguments: list[str]) -> None:
    assert run(arguments, SERVERS) == 5


def test_a_server_over_http_gets_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").write_text("")

    assert run(["serve", "--http", "--port", "8123"], SERVERS) == 2
    assert "no server at 127.0.0.1:8123 for home" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sovle"], SERVERS) == 2
    assert "No such command 'sovle'" in capsys.readouterr().err


@pytest.mark.parametrize("group", [[], ["runs"], ["models"]])
def test_help_tells_each_command_in_a_whole_sentence(
    group: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*group, "--help"], SERVERS) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= 3
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
