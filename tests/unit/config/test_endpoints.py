"""The sections that name models."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load


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
    "address", ["nonsense", "ftp://host/v1", "http://[::1", "http://user:secret@host:99999/v1"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(toml: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"solvers.x.base_url.*http://127") as caught:
        load(toml, f'[solvers.x]\nmodel = "openai/m"\nbase_url = "{address}"\n')

    assert address not in str(caught.value)


def test_a_key_written_where_its_variable_belongs_is_not_repeated(toml: Path) -> None:
    with pytest.raises(ConfigError, match="never the key itself") as caught:
        load(toml, '[solvers.x]\nmodel = "openai/m"\napi_key_env = "sk-secret-word"\n')

    assert "sk-secret-word" not in str(caught.value)


def test_efforts_are_kept_in_their_order_and_once(toml: Path) -> None:
    settings = load(toml, "[solvers.x]\nmodel = 'a/b'\nefforts = ['high', 'low', 'high']\n")

    assert settings.solvers["x"].efforts == ("low", "high")


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
    "guard": "true",
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
