"""The configuration of a server is read once, when it is first needed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.server.configuration import Configuration

SETTINGS = Settings(home=Path("unused"))


def test_it_is_read_once_however_many_ask() -> None:
    reads: list[int] = []

    def read() -> Settings:
        reads.append(1)
        return SETTINGS

    configuration = Configuration(read)
    assert configuration.known is None
    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(lambda: configuration.settings) for _ in range(20)]
        assert all(one.result() is SETTINGS for one in found)
    assert configuration.known is SETTINGS
    assert configuration.failure is None
    assert len(reads) == 1


def test_settings_that_have_been_read_are_known() -> None:
    assert Configuration.of(SETTINGS).known is SETTINGS


def test_the_reason_against_it_is_kept() -> None:
    reads: list[int] = []

    def read() -> Settings:
        reads.append(1)
        raise ConfigError("atlas.toml is not TOML")

    configuration = Configuration(read)
    for _ in range(2):
        with pytest.raises(ConfigError, match="not TOML"):
            _ = configuration.settings
    assert isinstance(configuration.failure, ConfigError)
    assert configuration.known is None
    assert len(reads) == 1
