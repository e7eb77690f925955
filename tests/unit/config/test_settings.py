"""Where settings come from, and how a wrong one is told."""

from __future__ import annotations

import os
import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.config.settings import Settings, SolverSettings, load_settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded.weights import sources_of
from tests.support.systems import posix


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "atlas.toml"


def load(toml: Path, content: str = "", **environ: str) -> Settings:
    toml.write_text(content, encoding="utf-8")
    return load_settings({"ATLAS_CONFIG": str(toml), **environ})


@pytest.mark.requirement("CONF-1")
def test_with_nothing_configured_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})

    assert settings.budget.max_cost_usd == Decimal(5)
    assert (settings.budget.max_explores, settings.budget.prefetch) == (8, 2)
    assert settings.server.respond_within_s == 45
    assert settings.solvers == {}
    assert not settings.has_anthropic_credentials


@pytest.mark.requirement("CONF-2")
def test_the_file_beats_the_default_and_the_environment_beats_the_file(toml: Path) -> None:
    toml.write_text("[budget]\nmax_explores = 3\nmax_parallel = 2\n")

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_BUDGET_MAX_EXPLORES": "5"})

    assert (settings.budget.max_explores, settings.budget.max_parallel) == (5, 2)


def test_a_solvers_scalar_is_set_by_its_name(toml: Path) -> None:
    toml.write_text('[solvers.my-haiku]\nmodel = "anthropic/claude-haiku-5-5"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_SOLVERS_MY_HAIKU_QUOTA": "4"})

    assert settings.solvers["my-haiku"].quota == 4


def test_the_model_hub_is_told_by_the_variables_of_its_own_tools(toml: Path) -> None:
    toml.write_text("[server]\nwarm_up = true\n")
    environ = {"ATLAS_CONFIG": str(toml), "HF_ENDPOINT": "http://hub/", "HF_TOKEN": "hf_secret"}

    settings = load_settings(environ)

    assert settings.hub_url == "http://hub"
    assert settings.hub_token is not None
    assert settings.hub_token.get_secret_value() == "hf_secret"
    assert "hf_secret" not in repr(settings)
    assert settings.server.warm_up
    nothing = load_settings({"XDG_CONFIG_HOME": str(toml.parent / "none")})
    assert (nothing.hub_url, nothing.hub_token, nothing.server.warm_up) == (None, None, False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HF_ENDPOINT", "hub.example"),
        ("HF_ENDPOINT", "ftp://hub.example"),
        ("HF_ENDPOINT", "https://user:hunter2secret@hub.example"),
        ("HF_ENDPOINT", "https://hub.example/?api-version=hunter2secret"),
        ("HF_ENDPOINT", "https://hub .example"),
        ("HF_TOKEN", "hf_hunter2secret\nx"),
        ("HF_TOKEN", "hf_hunter2secret and more"),
    ],
)
def test_a_variable_of_the_model_hub_that_cannot_be_used_is_named_before_it_is_asked(
    toml: Path, variable: str, value: str
) -> None:
    settings = load(toml, **{variable: value})

    assert (settings.hub_url, settings.hub_token) == (None, None)
    with pytest.raises(ConfigError) as raised:
        sources_of(settings)
    assert str(raised.value).startswith(f"{variable} ")
    assert "hunter2secret" not in str(raised.value)


@pytest.mark.parametrize("given", [" https://Hub.example:443/ ", "https://hub.example"])
def test_the_address_of_the_model_hub_is_taken_in_the_form_in_which_it_is_used(
    toml: Path, given: str
) -> None:
    assert load(toml, HF_ENDPOINT=given).hub_url == "https://hub.example"


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_word_none_lifts_the_cap(toml: Path, source: str) -> None:
    toml.write_text('[budget]\nmax_cost_usd = "none"\n' if source == "file" else "")
    environ = {"ATLAS_BUDGET_MAX_COST_USD": "none"} if source == "environment" else {}

    settings = load_settings({"ATLAS_CONFIG": str(toml), **environ})

    assert settings.budget.max_cost_usd is None


@pytest.mark.requirement("CONF-6")
def test_a_key_is_read_where_the_entry_says_and_shown_nowhere(toml: Path) -> None:
    toml.write_text('[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "MY_KEY"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "MY_KEY": "secret-word"})

    assert settings.keys == {"MY_KEY": "secret-word"}
    assert "secret-word" not in repr(settings)


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


def test_a_file_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ATLAS_CONFIG"):
        load_settings({"ATLAS_CONFIG": str(tmp_path / "nowhere.toml")})


def test_a_file_that_is_no_text_is_an_error(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({"ATLAS_CONFIG": str(toml)})


# The contract's own words. Source: design.md 3


@pytest.mark.requirement("CONF-9")
def test_the_example_of_the_contract_is_taken(toml: Path) -> None:
    example = """
        [orchestrator]
        model = "anthropic/claude-sonnet-5-5"
        effort = "high"
        [solvers.sonnet]
        model = "anthropic/claude-sonnet-5-5"
        [solvers.qwen]
        model = "openai/qwen3-32b"
        base_url = "http://127.0.0.1:8000/v1"
        api_key_env = "QWEN_API_KEY"
        efforts = []
        schema = "strict"
        images = false
        quota = 8
        price = { input = 0.2, output = 0.6 }
        [budget]
        max_explores = 8
        max_parallel = 4
        prefetch = 2
        max_cost_usd = 5.0
        time_limit_s = 1800
        [server]
        respond_within_s = 45
    """
    toml.write_text(example)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "QWEN_API_KEY": "k"})

    assert list(settings.solvers) == ["sonnet", "qwen"]
    assert settings.solvers["qwen"].quota == 8
    assert settings.solvers["qwen"].price is not None
    assert settings.solvers["qwen"].price.output == Decimal("0.6")


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


def test_home_is_where_the_variable_says(tmp_path: Path) -> None:
    nowhere = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert load_settings({**nowhere, "ATLAS_HOME": str(tmp_path)}).home == tmp_path
    assert load_settings({**nowhere, "ATLAS_HOME": ""}).home.is_absolute()
    assert load_settings({**nowhere, "ATLAS_HOME": "~/x"}).home == Path.home() / "x"


@pytest.mark.parametrize("variable", ["ATLAS_CONFIG", "ATLAS_HOME", "ATLAS_BUDGET_MAX_EXPLORES"])
def test_an_empty_variable_is_an_unset_one(variable: str) -> None:
    assert load_settings({variable: ""}).budget.max_explores == 8


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


# Folders of pictures


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


# Endpoints of any vendor, and what is told of them


def test_an_entry_declares_what_its_endpoint_takes(toml: Path) -> None:
    toml.write_text("""
        [solvers.qwen]
        model = "openai/qwen"
        base_url = "http://127.0.0.1:8000/v1"
        effort = "low"
        efforts = ["low", "high"]
        schema = "json"
        tools = true
        images = true
        max_image_px = 1024
        max_tokens = 4096
        max_tokens_field = "max_completion_tokens"
        parallel = 2
        price = { input = 1, output = 2, cache_read = 0.1, cache_write = 1.25 }
    """)

    entry = load_settings({"ATLAS_CONFIG": str(toml)}).solvers["qwen"]

    assert (entry.effort, entry.efforts) == ("low", ("low", "high"))
    assert (entry.schema_mode, entry.tools, entry.images) == ("json", True, True)
    assert (entry.max_image_px, entry.max_tokens, entry.parallel) == (1_024, 4_096, 2)
    assert entry.max_tokens_field == "max_completion_tokens"
    assert entry.price is not None
    assert (entry.price.cache_read, entry.price.cache_write) == (Decimal("0.1"), Decimal("1.25"))


def test_what_an_entry_does_not_declare_is_left_open(toml: Path) -> None:
    toml.write_text('[solvers.x]\nmodel = "openai/m"\n')

    entry = load_settings({"ATLAS_CONFIG": str(toml)}).solvers["x"]

    assert entry.model_dump(exclude={"model"}) == dict.fromkeys(
        key for key in type(entry).model_fields if key != "model"
    )


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


@pytest.mark.parametrize(
    "address", ["nonsense", "ftp://host/v1", "http://[::1", "http://user:secret@host:99999/v1"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(toml: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"solvers.x.base_url.*http://127") as caught:
        load(toml, f'[solvers.x]\nmodel = "openai/m"\nbase_url = "{address}"\n')

    assert address not in str(caught.value)


def test_the_keys_of_presets_are_read_without_being_named(toml: Path) -> None:
    toml.write_text("")

    settings = load_settings(
        {"ATLAS_CONFIG": str(toml), "MISTRAL_API_KEY": "secret-word", "SOME_API_KEY": "other"}
    )

    assert settings.keys == {"MISTRAL_API_KEY": "secret-word"}
    assert "secret-word" not in repr(settings)


def test_a_key_written_where_its_variable_belongs_is_not_repeated(toml: Path) -> None:
    with pytest.raises(ConfigError, match="never the key itself") as caught:
        load(toml, '[solvers.x]\nmodel = "openai/m"\napi_key_env = "sk-secret-word"\n')

    assert "sk-secret-word" not in str(caught.value)


# Profiles


@pytest.mark.parametrize("source", ["file", "environment"])
@pytest.mark.requirement("CONF-10")
def test_the_profile_of_the_paper_is_one_explore_a_turn_of_eight_with_its_model(
    toml: Path, source: str
) -> None:
    """Source: arXiv 2606.01667, the main results."""
    toml.write_text('profile = "paper"\n' if source == "file" else "")
    environ = {"ATLAS_PROFILE": "paper"} if source == "environment" else {}

    settings = load_settings({"ATLAS_CONFIG": str(toml), **environ})

    budget = settings.budget
    assert (budget.max_explores, budget.max_parallel, budget.prefetch) == (8, 1, 0)
    assert settings.orchestrator is not None
    assert settings.orchestrator.model == "anthropic/claude-sonnet-4-6"
    assert [entry.model for entry in settings.solvers.values()] == ["anthropic/claude-sonnet-4-6"]
    assert budget.max_cost_usd == Decimal(5), "what a profile leaves alone stays as it is"


def test_what_is_set_wins_over_the_profile(toml: Path) -> None:
    toml.write_text("""
        profile = "paper"
        [budget]
        max_explores = 4
        [orchestrator]
        effort = "low"
        [solvers.mine]
        model = "openai/m"
        base_url = "http://127.0.0.1:8000/v1"
    """)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_BUDGET_PREFETCH": "1"})

    budget = settings.budget
    assert (budget.max_explores, budget.max_parallel, budget.prefetch) == (4, 1, 1)
    assert settings.orchestrator is not None
    assert settings.orchestrator.model == "anthropic/claude-sonnet-4-6"
    assert settings.orchestrator.effort == "low"
    assert list(settings.solvers) == ["mine"], "a pool of one's own is not added to"


@pytest.mark.parametrize("source", ["file", "environment"])
def test_an_unknown_profile_is_named_with_the_known_ones(toml: Path, source: str) -> None:
    environ = {"ATLAS_PROFILE": "papers"} if source == "environment" else {}

    with pytest.raises(ConfigError, match="'paper'") as caught:
        load(toml, 'profile = "papers"\n' if source == "file" else "", **environ)

    assert ("ATLAS_PROFILE" if environ else "profile") in str(caught.value)


@pytest.mark.parametrize("section", ["budget", "orchestrator"])
def test_a_section_under_a_profile_that_is_no_table_is_an_error_that_names_it(
    toml: Path, section: str
) -> None:
    with pytest.raises(ConfigError, match=section):
        load(toml, f'profile = "paper"\n{section} = 5\n')


# Input that comes as it comes


def test_an_entry_whose_key_is_not_set_stops_nothing_else(toml: Path) -> None:
    content = (
        '[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "NOT_SET"\n'
        '[solvers.y]\nmodel = "openai/m"\napi_key_env = "IS_SET"\n'
    )

    settings = load(toml, content, IS_SET=" 'secret-word'\n")

    assert settings.keys == {"IS_SET": "secret-word"}


def test_a_key_that_can_be_none_is_a_fault_of_what_needs_it(toml: Path) -> None:
    entry = '[solvers.x]\nmodel = "openai/m"\napi_key_env = "MY_KEY"\n'

    addresses = {"ANTHROPIC_BASE_URL": "http://u:secret@h", "OPENAI_BASE_URL": ""}
    settings = load(toml, entry, MY_KEY="secret word", **addresses)

    assert set(settings.faults) == {"MY_KEY", "ANTHROPIC_BASE_URL"}
    assert "secret" not in str(settings.faults)
    assert settings.base_urls == {}


def test_headers_that_would_break_requests_are_a_fault_of_what_would_send_them(toml: Path) -> None:
    taken, broken = "x-company: secret", "x-company: secret\nContent-Length: 3"

    settings = load(toml, ANTHROPIC_CUSTOM_HEADERS=broken, OPENAI_CUSTOM_HEADERS=taken)

    (fault,) = settings.faults.values()
    assert fault.startswith("ANTHROPIC_CUSTOM_HEADERS names `Content-Length`, ")
    assert "secret" not in fault


def test_the_addresses_of_the_environment_are_read_as_those_of_entries(toml: Path) -> None:
    settings = load(
        toml, ANTHROPIC_BASE_URL=" http://h/v1/messages\n", OPENAI_BASE_URL="http://o/v1/"
    )

    assert settings.base_urls == {"anthropic": "http://h", "openai": "http://o/v1"}


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_of_windows_saved_is_read(toml: Path, encoding: str) -> None:
    toml.write_text("[budget]\r\nmax_explores = 3\r\n", encoding=encoding, newline="")

    assert load_settings({"ATLAS_CONFIG": str(toml)}).budget.max_explores == 3


def test_a_path_of_the_file_may_begin_with_a_variable(toml: Path) -> None:
    toml.write_text("[budget]\nmax_explores = 3\n")
    environ = {"ATLAS_CONFIG": "${HERE}/atlas.toml", "ATLAS_HOME": "$HERE/h"}

    settings = load_settings({**environ, "HERE": str(toml.parent)})

    assert settings.budget.max_explores == 3
    assert settings.home == toml.parent / "h"


def test_a_folder_in_the_place_of_the_file_is_told_with_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ATLAS_CONFIG: .* is a folder; name the file"):
        load_settings({"ATLAS_CONFIG": str(tmp_path)})


@posix
@pytest.mark.requirement("HANG-9")
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes to would keep a server from its start."""
    assert sys.platform != "win32"
    os.mkfifo(tmp_path / "pipe")

    for environ in (
        {"ATLAS_CONFIG": str(tmp_path / "pipe")},
        {"ATLAS_CONFIG": "/dev/zero"},
        {"ATLAS_CONFIG": "/dev/tty"},
    ):
        with pytest.raises(ConfigError, match=f"ATLAS_CONFIG: {environ['ATLAS_CONFIG']} .*file"):
            load_settings(environ)


@posix
def test_the_file_of_the_platform_is_not_waited_for_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sys.platform != "win32"
    os.mkfifo(tmp_path / "atlas.toml")

    def here(name: str) -> Path:
        return tmp_path

    monkeypatch.setattr("platformdirs.user_config_path", here)

    with pytest.raises(ConfigError, match=r"atlas\.toml cannot be read: it is no regular file"):
        load_settings({"ATLAS_HOME": str(tmp_path)})


@posix
def test_the_null_device_is_a_file_in_which_nothing_stands() -> None:
    assert load_settings({"ATLAS_CONFIG": os.devnull}).solvers == {}


@pytest.mark.parametrize(
    ("header", "key", "line"),
    [
        ('[solvers."a.b"]', "quota", 4),
        ("[ solvers . 'a.b' ] # the first", "'quota'", 4),
        ('[solvers."a.b"]', '"quo\\u0074a"', 4),
        ("[solvers]", '"a.b".quota', 4),
        ('[solvers]\n"x=[#]".model = "scripted/demo"', '"a.b" . quota', 5),
        ('[solvers."x]"]\nmodel = "scripted/demo"\n[solvers."a.b"]', "quota", 6),
    ],
)
def test_the_line_of_a_key_is_told_whatever_stands_in_its_name(
    toml: Path, header: str, key: str, line: int
) -> None:
    model = '"a.b".model' if header.startswith("[solvers]") else "model"
    content = f'# what for\n{header}\n{model} = "scripted/demo"\n{key} = 0\n'

    with pytest.raises(ConfigError, match=rf"atlas\.toml.*line {line}\b"):
        load(toml, content)


def test_a_user_without_a_home_folder_is_told_which_variable_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    def unresolved(name: str) -> Path:
        return Path("~/.local") / name

    for found in (nowhere, unresolved):
        monkeypatch.setattr("platformdirs.user_config_path", found)
        monkeypatch.setattr("platformdirs.user_data_path", found)

        assert load_settings({"ATLAS_HOME": str(tmp_path)}).home == tmp_path
        with pytest.raises(ConfigError, match="ATLAS_HOME is not set"):
            load_settings({})


def test_the_folder_of_another_user_holds_no_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "stat", forbidden)

    assert load_settings({"ATLAS_HOME": str(tmp_path)}).solvers == {}


# Taken when it is read, and right when it is used


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
    with pytest.raises(ConfigError, match=f"line 1: `{key}`: takes no true or false"):
        load(toml, f"{key} = {given}\nsolvers.x.model = 'openai/m'\n")


def test_a_relative_path_starts_at_the_working_directory_and_is_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.toml").write_text("[budget]\nmax_explores = 3\n")

    settings = load_settings({"ATLAS_CONFIG": "here.toml", "ATLAS_HOME": "data"})

    assert settings.budget.max_explores == 3
    assert settings.home == tmp_path / "data"
    missing = re.escape(f"ATLAS_CONFIG: there is no file {tmp_path / 'other.toml'}")
    with pytest.raises(ConfigError, match=missing):
        load_settings({"ATLAS_CONFIG": "other.toml"})


@pytest.mark.parametrize("variable", ["ATLAS_CONFIG", "ATLAS_HOME"])
def test_a_relative_path_that_starts_nowhere_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    nowhere = {"XDG_CONFIG_HOME": str(tmp_path), "ATLAS_HOME": str(tmp_path)}
    monkeypatch.setattr("os.getcwd", gone)

    with pytest.raises(ConfigError, match=f"{variable} is a relative path"):
        load_settings({**nowhere, variable: "here"})
    assert load_settings(nowhere).home == tmp_path


def test_efforts_are_kept_in_their_order_and_once(toml: Path) -> None:
    settings = load(toml, "[solvers.x]\nmodel = 'a/b'\nefforts = ['high', 'low', 'high']\n")

    assert settings.solvers["x"].efforts == ("low", "high")


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


def test_a_variable_that_may_mean_two_solvers_is_refused(toml: Path) -> None:
    content = "[solvers.a-b]\nmodel = 'a/b'\n[solvers.a_b]\nmodel = 'a/b'\n"

    with pytest.raises(ConfigError, match="ATLAS_SOLVERS_A_B_QUOTA may mean 'a-b' and 'a_b'"):
        load(toml, content, ATLAS_SOLVERS_A_B_QUOTA="2")


def test_a_solver_with_a_dot_in_its_name_has_variables_too(toml: Path) -> None:
    settings = load(toml, "[solvers.'a.b']\nmodel = 'a/b'\n", ATLAS_SOLVERS_A_B_QUOTA="2")

    assert settings.solvers["a.b"].quota == 2


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf\xef\xbb\xbf[budget]\nmax_explores = 3\n",
        b"[budget]\nmax_explores = 3\n\x1a",
        b"[budget]\rmax_explores = 3\r",
    ],
    ids=["two marks", "an end of file", "lines ended by CR"],
)
def test_a_file_saved_by_an_odd_program_is_read(toml: Path, data: bytes) -> None:
    toml.write_bytes(data)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_HOME": str(toml.parent)})

    assert settings.budget.max_explores == 3


def test_a_section_that_is_no_table_is_told_in_our_words(toml: Path) -> None:
    with pytest.raises(ConfigError, match=r"`budget`: takes a table of keys, as `\[budget\]`"):
        load(toml, 'budget = "x"\n')


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('model = "anthropic/claude-x"\nschema = "json"\n', ["solvers.x", "'strict'", "'prompt'"]),
        (
            'model = "openai/m"\nimages = false\nmax_image_px = 800\n',
            ["solvers.x", "max_image_px", "images = false"],
        ),
        (
            'model = "openai/m"\nefforts = ["low"]\neffort = "high"\n',
            ["solvers.x", "effort is 'high'", "efforts (low)"],
        ),
        ('model = "openai/m"\nefforts = []\neffort = "high"\n', ["solvers.x", "efforts (none)"]),
        (
            'model = "openai/m"\ncontext_tokens = 8192\n',
            ["solvers.x", "context_tokens is for embedded models"],
        ),
    ],
)
def test_what_a_vendors_models_do_not_have_is_refused_by_name(
    toml: Path, content: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, f"[solvers.x]\n{content}")

    assert all(word in str(caught.value) for word in words)


EVERY_KEY: dict[str, str] = {
    "effort": '"high"',
    "base_url": '"http://127.0.0.1:8080/v1"',
    "api_key_env": '"KEY"',
    "efforts": '["low"]',
    "schema": '"strict"',
    "tools": "true",
    "images": "true",
    "max_image_px": "800",
    "price": "{ input = 1, output = 1 }",
    "max_tokens": "2048",
    "max_tokens_field": '"max_tokens"',
    "stream_options": "false",
    "system_role": "false",
    "echo_reasoning": '"never"',
    "parallel": "2",
    "context_tokens": "8192",
    "quota": "2",
}


def test_every_key_of_an_entry_is_gone_through() -> None:
    named = {field.alias or name for name, field in SolverSettings.model_fields.items()}

    assert named - {"model"} == EVERY_KEY.keys()


@pytest.mark.parametrize("key", sorted(EVERY_KEY))
@pytest.mark.parametrize(
    ("model", "foreign"),
    [
        ("openai/m", "context_tokens"),
        ("deepseek/m", "context_tokens"),
        ("anthropic/claude-x", "context_tokens max_tokens_field stream_options"),
        (
            "scripted/demo",
            "effort base_url api_key_env efforts schema max_image_px max_tokens max_tokens_field "
            "stream_options system_role echo_reasoning context_tokens",
        ),
        # What else is fixed for these is told with the file: `models.embedded.vendor`.
        (
            "local",
            "effort base_url api_key_env max_image_px max_tokens_field price stream_options "
            "system_role echo_reasoning",
        ),
    ],
)
def test_a_key_that_means_nothing_for_a_model_is_refused_by_name(
    toml: Path, model: str, foreign: str, key: str
) -> None:
    content = f'[solvers.x]\nmodel = "{model}"\n{key} = {EVERY_KEY[key]}\n'
    if key not in foreign.split():
        assert load(toml, content).solvers["x"].model == model
        return

    with pytest.raises(ConfigError, match=rf"`solvers\.x`: {key} "):
        load(toml, content)
