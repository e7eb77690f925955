"""Variables over the file: which key each sets, and names that are a slip of one of ours."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.config.variables import is_service_link
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load


def test_a_solvers_scalar_is_set_by_its_name(toml: Path) -> None:
    toml.write_text('[solvers.my-haiku]\nmodel = "anthropic/claude-haiku-5-5"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_SOLVERS_MY_HAIKU_QUOTA": "4"})

    assert settings.solvers["my-haiku"].quota == 4


@pytest.mark.parametrize(
    ("variable", "value", "section", "key", "read"),
    [
        ("ATLAS_ORCHESTRATOR_MODEL", "maker/m", "orchestrator", "model", "maker/m"),
        ("ATLAS_ORCHESTRATOR_EFFORT", "low", "orchestrator", "effort", "low"),
        ("ATLAS_BUDGET_MAX_EXPLORES", "3", "budget", "max_explores", 3),
        ("ATLAS_BUDGET_MAX_PARALLEL", "1", "budget", "max_parallel", 1),
        ("ATLAS_BUDGET_PREFETCH", "0", "budget", "prefetch", 0),
        ("ATLAS_BUDGET_MAX_COST_USD", "0.10", "budget", "max_cost_usd", Decimal("0.10")),
        ("ATLAS_BUDGET_TIME_LIMIT_S", "60", "budget", "time_limit_s", 60),
        ("ATLAS_SERVER_RESPOND_WITHIN_S", "9.5", "server", "respond_within_s", 9.5),
    ],
)
@pytest.mark.requirement("CONF-3")
def test_every_scalar_has_its_variable_and_it_beats_the_file(
    toml: Path, variable: str, value: str, section: str, key: str, read: object
) -> None:
    toml.write_text(
        "[orchestrator]\nmodel = 'maker/of-the-file'\neffort = 'max'\n"
        "[budget]\nmax_explores = 9\nmax_parallel = 9\nprefetch = 9\nmax_cost_usd = 9\n"
        "time_limit_s = 9\n[server]\nrespond_within_s = 9\n"
    )

    settings = load_settings({"ATLAS_CONFIG": str(toml), variable: value})

    assert getattr(getattr(settings, section), key) == read


@pytest.mark.parametrize("variable", ["ATLAS_CONFIG", "ATLAS_HOME", "ATLAS_BUDGET_MAX_EXPLORES"])
def test_an_empty_variable_is_an_unset_one(variable: str) -> None:
    assert load_settings({variable: ""}).budget.max_explores == 8


@pytest.mark.parametrize(
    ("key", "value", "attribute", "read"),
    [
        ("SCHEMA", "prompt", "schema_mode", "prompt"),
        ("BASE_URL", "http://127.0.0.1:9/v1", "base_url", "http://127.0.0.1:9/v1"),
        ("TOOLS", "true", "tools", True),
        ("IMAGES", "false", "images", False),
        ("MAX_IMAGE_PX", "512", "max_image_px", 512),
        ("MAX_TOKENS", "4096", "max_tokens", 4_096),
        ("MAX_TOKENS_FIELD", "max_tokens", "max_tokens_field", "max_tokens"),
        ("PARALLEL", "3", "parallel", 3),
        ("EFFORT", "low", "effort", "low"),
    ],
)
def test_a_scalar_of_an_entry_has_its_variable_too(
    toml: Path, key: str, value: str, attribute: str, read: object
) -> None:
    toml.write_text('[solvers.x]\nmodel = "openai/m"\n[orchestrator]\nmodel = "openai/m"\n')

    settings = load_settings(
        {
            "ATLAS_CONFIG": str(toml),
            f"ATLAS_SOLVERS_X_{key}": value,
            f"ATLAS_ORCHESTRATOR_{key}": value,
        }
    )

    assert getattr(settings.solvers["x"], attribute) == read
    assert getattr(settings.orchestrator, attribute) == read


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("SCHEMA", "loose", ["ATLAS_SOLVERS_X_SCHEMA", "'strict'", "'loose'"]),
        ("EFFORT", "huge", ["ATLAS_SOLVERS_X_EFFORT", "'huge'"]),
        ("MAX_TOKENS", "5", ["ATLAS_SOLVERS_X_MAX_TOKENS", "1024"]),
        ("PARALLEL", "0", ["ATLAS_SOLVERS_X_PARALLEL", "1"]),
        ("MAX_IMAGE_PX", "10", ["ATLAS_SOLVERS_X_MAX_IMAGE_PX", "64"]),
        ("BASE_URL", "127.0.0.1:8000", ["ATLAS_SOLVERS_X_BASE_URL", "http://"]),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    toml: Path, key: str, value: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, '[solvers.x]\nmodel = "openai/m"\n', **{f"ATLAS_SOLVERS_X_{key}": value})

    for word in words:
        assert word in str(caught.value)


def test_variables_of_services_are_passed_over_and_mistyped_settings_are_not(toml: Path) -> None:
    for section in ("SERVER", "JOURNAL", "IMAGES", "BUDGET", "SOLVERS", "ORCHESTRATOR"):
        load(
            toml,
            **{
                f"ATLAS_{section}_SERVICE_HOST": "10.0.0.1",
                f"ATLAS_{section}_SERVICE_PORT": "8000",
                f"ATLAS_{section}_PORT": "tcp://10.0.0.1:8000",
                f"ATLAS_{section}_PORT_8000_TCP_ADDR": "10.0.0.1",
            },
        )
        with pytest.raises(ConfigError, match=f"ATLAS_{section}_PORTS"):
            load(toml, **{f"ATLAS_{section}_PORTS": "8000"})


def test_a_variable_that_may_mean_two_solvers_is_refused(toml: Path) -> None:
    content = "[solvers.a-b]\nmodel = 'a/b'\n[solvers.a_b]\nmodel = 'a/b'\n"

    with pytest.raises(ConfigError, match="ATLAS_SOLVERS_A_B_QUOTA may mean 'a-b' and 'a_b'"):
        load(toml, content, ATLAS_SOLVERS_A_B_QUOTA="2")


def test_a_solver_with_a_dot_in_its_name_has_variables_too(toml: Path) -> None:
    settings = load(toml, "[solvers.'a.b']\nmodel = 'a/b'\n", ATLAS_SOLVERS_A_B_QUOTA="2")

    assert settings.solvers["a.b"].quota == 2


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("ATLAS_BUGDET_MAX_COST_USD", "ATLAS_BUDGET_MAX_COST_USD"),
        ("ATLAS_BUDGETS_MAX_COST_USD_PER_DAY", "ATLAS_BUDGET_MAX_COST_USD_PER_DAY"),
        ("ATLAS_MAX_COST_USD", "ATLAS_BUDGET_MAX_COST_USD"),
        ("ATLAS_SERVERS_GRACE_S", "ATLAS_SERVER_GRACE_S"),
        ("ATLAS_SOLVER_FAST_MODEL", "ATLAS_SOLVERS_FAST_MODEL"),
        ("ATLAS_PROFIL", "ATLAS_PROFILE"),
        ("ATLAS_CONFG", "ATLAS_CONFIG"),
    ],
)
@pytest.mark.requirement("CONF-11")
def test_a_slip_in_a_variable_is_told_with_what_was_meant(variable: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"^{variable} is not known; did you mean {meant}\\?$"):
        load_settings({"ATLAS_HOME": "/nowhere", variable: "1"})


@pytest.mark.parametrize(
    "variable",
    ["ATLAS_TOKEN", "ATLAS_PUBLIC_KEY", "ATLAS_URI", "ATLAS_SEARCH_INDEX", "ATLAS_MODEL"],
)
def test_a_variable_of_somebody_elses_atlas_is_left_alone(variable: str) -> None:
    load_settings({"ATLAS_HOME": "/nowhere", variable: "1"})


@pytest.mark.parametrize("name", ["", "SERVER_", "JOURNAL_", "BUDGET_", "SOLVERS_QWEN_", "X_Y_"])
def test_the_variables_of_a_service_are_told_from_settings(name: str) -> None:
    for rest, value in {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_53_UDP_ADDR": "10.0.0.1",
        "ENV_PATH": "/bin",
        "NAME": "/web/atlas",
    }.items():
        assert is_service_link(f"ATLAS_{name}{rest}", value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ATLAS_SERVER_GRACE", "5"),
        ("ATLAS_SERVER_PORT", "8000"),
        ("ATLAS_SERVER_GRACE_S", "tcp://10.0.0.1:8000"),
        ("ATLAS_BUDGET_MAX_EXPLORES", "3"),
        ("ATLAS_SOLVERS_X_MODEL", "openai/m"),
        ("ATLAS_SERVER_NAME", "atlas"),
    ],
)
def test_a_setting_is_no_variable_of_a_service(variable: str, value: str) -> None:
    assert not is_service_link(variable, value)
