"""Errors name the variable or the key, and the values that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from tests.support.config_files import load


@pytest.mark.parametrize(
    ("content", "environ", "words"),
    [
        ("[budget]\nmax_explores = 0\n", {}, ["atlas.toml", "budget.max_explores", "1"]),
        ("[budget]\nmax_cost_usd = -1\n", {}, ["budget.max_cost_usd", "greater than 0"]),
        ("[budget]\nmax_explore = 3\n", {}, ["budget.max_explore", "not known"]),
        ("[budgets]\n", {}, ["budgets", "not known"]),
        ("[budget", {}, ["atlas.toml", "not TOML"]),
        ("[orchestrator]\neffort = 'huge'\n", {}, ["orchestrator.effort", "'low'"]),
        ("[solvers.x]\nquota = 1\n", {}, ["solvers.x.model", "required"]),
        ("", {"ATLAS_BUDGET_MAX_EXPLORES": "many"}, ["ATLAS_BUDGET_MAX_EXPLORES", "'many'"]),
        ("", {"ATLAS_BUDGET_MAX_EXPLORE": "3"}, ["ATLAS_BUDGET_MAX_EXPLORE", "MAX_EXPLORES"]),
        ("", {"ATLAS_SOLVERS_NOBODY_QUOTA": "3"}, ["ATLAS_SOLVERS_NOBODY_QUOTA", "none"]),
    ],
)
@pytest.mark.requirement("CONF-4")
def test_what_is_wrong_is_named_with_what_is_accepted(
    toml: Path, content: str, environ: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, content, **environ)

    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("content", "variable"),
    [
        ("budget = 5", "ATLAS_BUDGET_PREFETCH"),
        ("solvers = 5", "ATLAS_SOLVERS_X_QUOTA"),
        ("[solvers]\nx = 5", "ATLAS_SOLVERS_X_QUOTA"),
    ],
)
def test_a_section_that_is_no_table_is_an_error_that_names_it(
    toml: Path, content: str, variable: str
) -> None:
    with pytest.raises(ConfigError, match=r"budget|solvers"):
        load(toml, content, **{variable: "1"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("TIME_LIMIT_S", value) for value in ("inf", "nan", "-1", "0", "1e99", "soon")],
        *[("MAX_COST_USD", value) for value in ("inf", "nan", "-1", "0", "much")],
        *[("MAX_PARALLEL", value) for value in ("inf", "1.5", "-1", "0", "101")],
    ],
)
def test_a_limit_no_run_could_be_opened_with_is_refused_by_its_variable(
    toml: Path, key: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=f"ATLAS_BUDGET_{key}"):
        load(toml, **{f"ATLAS_BUDGET_{key}": value})


@pytest.mark.parametrize(
    "content",
    [
        '[solvers.x]\napi_key = "sk-secret"\n',
        '[solvers.x]\nmodel = "maker/m"\napi_key = "sk-secret"\n',
        '[orchestrator]\napi_key = "sk-secret"\n',
        '[budget]\nmax_explores = 0\n[orchestrator]\napi_key = "sk-secret"\n',
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated_in_the_error(toml: Path, content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, content)

    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\n[budget]\n\nmax_explores = 0\n", ["line 4", "budget.max_explores"]),
        ("[budget]\nmax_explore = 3\n", ["line 2", "there are max_explores, max_parallel"]),
        ("budget = { max_explores = 0 }\n", ["line 1", "budget.max_explores"]),
        ("[solvers.x]\nmodel = 'a/b'\nprice = { input = nan, output = 1 }", ["finite", "line 3"]),
        ("[solvers.x]\nmodel = 'a/b'\nprice = { input = inf, output = 1 }", ["finite"]),
        ("[journal]\nkeep_days = 1e300\n", ["keep_days", "36500"]),
        ("[server]\nrespond_within_s = inf\n", ["respond_within_s", "finite"]),
        ('[solvers.""]\nmodel = "a/b"\n', ["'' is no name"]),
        ('[solvers." a"]\nmodel = "a/b"\n', ["' a' is no name"]),
        ('[solvers."a\\u001b[2J"]\nmodel = "a/b"\n', ["is no name", "printable"]),
        (f'[solvers.{"a" * 65}]\nmodel = "a/b"\n', ["64 characters"]),
        ("[server]\nallowed_hosts = ['http://x']\n", ["allowed_hosts", "names of hosts"]),
        *[
            (f"[server]\nallowed_hosts = ['{name}']\n", ["allowed_hosts", "names of hosts"])
            for name in ("*", "::1", "[atlas]", "a:b", "a:123456", "a b", "a/", "ü/x", "[::1")
        ],
        ("[budget]\nmax_cost_usd_per_day = 0\n", ["max_cost_usd_per_day", "greater than 0"]),
        ("[solvers.x]\nmodel = ' '\n", ["solvers.x.model", "name of a model"]),
        ("[solvers.x]\nmodel = 'a/b'\nmax_tokens = 1000000000\n", ["max_tokens", "1000000"]),
        ("x = " + "[" * 5_000, ["nested too deeply"]),
        (f"[budget]\nmax_explores = 0x{'f' * 4_000}\n", ["line 2", "max_explores", "digits"]),
        (f"[budget]\nmax_cost_usd = 0b{'1' * 20_000}\n", ["line 2", "max_cost_usd"]),
        (f"profile = 0o{'7' * 8_000}\n", ["line 1", "profile"]),
        (".".join(["a"] * 500) + " = 1", ["nested too deeply"]),
        ("[" + " . ".join(["'a'"] * 100_000) + "]", ["nested too deeply"]),
        ("x = " + "[" * 200 + "]" * 200, ["line 1", "`x` is not known"]),
        ("[" + " " * 100_000 + "a]", ["`a` is not known"]),
        (f"[budget]\n{'x' * 100_000} = 1", ["line 2", "x…` is not known"]),
        (f"[{'x' * 100_000}]\n[{'x' * 100_000}]", ["not TOML", "…"]),
        (f"[solvers.x]\nmodel = '{'x' * 100_000}'", ["solvers.x.model", "8192 characters", "..."]),
        ("#" * 1_000_001, ["longer than 1,000,000 bytes"]),
        ("[budget]\nmax_cost_usd = '1e400'\n", ["budget.max_cost_usd", "1000000000"]),
        ("[budget]\nmax_cost_usd_per_day = '1e400'\n", ["max_cost_usd_per_day", "1000000000"]),
        ("[journal]\nmax_size_mb = 1e300\n", ["journal.max_size_mb"]),
        (f"[server]\nmax_runs = 1{'0' * 400}\n", ["server.max_runs"]),
        ("x = " + "9" * 5_000, ["not TOML"]),
        ("[solvers.x]\nmodel = 'a/m'\napi_key_env = 'gsk_a1b2c3d4e5f6g7h8i9'", ["never the key"]),
    ],
)
def test_what_would_break_later_is_refused_when_it_is_read(
    toml: Path, content: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, content)

    for word in words:
        assert word in str(caught.value)
    assert "gsk_" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("given", ["true", "false"])
@pytest.mark.parametrize(
    "key",
    [
        "budget.max_explores",
        "budget.max_cost_usd",
        "budget.time_limit_s",
        "server.respond_within_s",
        "server.max_runs",
        "journal.keep_days",
        "solvers.x.quota",
        "solvers.x.max_tokens",
        "solvers.x.price.input",
        "orchestrator.parallel",
    ],
)
def test_true_and_false_are_no_numbers(toml: Path, key: str, given: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: `{key}`: does not take true or false"):
        load(toml, f"{key} = {given}\nsolvers.x.model = 'openai/m'\n")


def test_a_section_that_is_no_table_is_told_in_our_words(toml: Path) -> None:
    with pytest.raises(ConfigError, match=r"`budget`: takes a table of keys, as `\[budget\]`"):
        load(toml, 'budget = "x"\n')
