"""Values of a configuration in their usual form."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_word_none_lifts_the_cap(toml: Path, source: str) -> None:
    toml.write_text('[budget]\nmax_cost_usd = "none"\n' if source == "file" else "")
    environ = {"ATLAS_BUDGET_MAX_COST_USD": "none"} if source == "environment" else {}

    settings = load_settings({"ATLAS_CONFIG": str(toml), **environ})

    assert settings.budget.max_cost_usd is None


def test_folders_of_pictures_come_as_a_list_a_string_or_a_variable(toml: Path) -> None:
    both = (Path("/a/b"), Path.home() / "Pictures")

    assert load(toml, "[images]\nfolders = ['/a/b', '~/Pictures']").images.folders == both
    assert load(toml, "[images]\nfolders = '/a/b'").images.folders == both[:1]
    given = os.pathsep.join(["/a/b", "~/Pictures"])
    assert load(toml, ATLAS_IMAGES_FOLDERS=given).images.folders == both
    assert load(toml).images.folders == ()


@pytest.mark.parametrize("given", ["pictures", "/a:", ":/a", ".", "/a:b", "../a"])
def test_a_folder_that_depends_on_where_the_server_starts_is_refused(
    toml: Path, given: str
) -> None:
    """An empty name in a list of paths means the present folder, everywhere else."""
    with pytest.raises(ConfigError, match=r"ATLAS_IMAGES_FOLDERS: .*absolute paths"):
        load(toml, ATLAS_IMAGES_FOLDERS=given)
    with pytest.raises(ConfigError, match=r"images\.folders"):
        load(toml, f"[images]\nfolders = {given.split(':')!r}")


def test_hosts_that_are_allowed_come_as_a_list_or_a_variable(toml: Path) -> None:
    names = "'Atlas.Example.org.', 'atlas:8000', '[0::1]:9', 'a:*', 'Bücher.example:443'"
    content = f"[server]\nallowed_hosts = [{names}]\n"

    assert load(toml).server.allowed_hosts == ()
    hosts = ("atlas.example.org", "atlas:8000", "[::1]:9", "a:*", "xn--bcher-kva.example")
    assert load(toml, content).server.allowed_hosts == hosts
    given = {"ATLAS_SERVER_ALLOWED_HOSTS": "atlas, b.example:80"}
    assert load(toml, **given).server.allowed_hosts == ("atlas", "b.example")


def test_a_cap_for_the_day_is_off_unless_it_is_set(toml: Path) -> None:
    assert load(toml).budget.max_cost_usd_per_day is None
    for given, read in (("20.5", Decimal("20.5")), ("'none'", None)):
        settings = load(toml, f"[budget]\nmax_cost_usd_per_day = {given}\n")
        assert settings.budget.max_cost_usd_per_day == read
