"""From configured names to models: what is declared, what a preset says, and who gets which key."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.settings import OrchestratorSettings, Settings, SolverSettings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.gate import Gated
from atlas_mcp.models.http_vendor import HttpVendor
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.presets import PRESETS, preset_of

HERE = "http://127.0.0.1:8000/v1"
THERE = "https://gpu.example.org/v1"
RATES = {"input": "0.2", "output": "0.6"}
GRATIS = Price(FREE, FREE)
KEYS = {preset.key_env: f"key of {preset.vendor}" for preset in PRESETS if preset.key_env}


def pool(
    home: Path,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    orchestrator: Mapping[str, Any] | None = None,
    keys: Mapping[str, str] = KEYS,
    anthropic: bool = True,
) -> Pool:
    return Pool(
        Settings(
            home=home,
            solvers={k: SolverSettings.model_validate(v) for k, v in (entries or {}).items()},
            orchestrator=(
                None if orchestrator is None else OrchestratorSettings.model_validate(orchestrator)
            ),
            keys=dict(keys),
            has_anthropic_credentials=anthropic,
        )
    )


def spec_of(home: Path, **entry: Any) -> ModelSpec:
    [solver] = pool(home, {"x": entry}).solvers(None)
    return solver.spec


# What is declared, and what a preset says


def test_what_an_entry_declares_wins_over_its_preset(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        model="mistral/m",
        schema="json",
        tools=False,
        images=True,
        efforts=["low", "high"],
        effort="high",
        max_tokens=2_048,
        max_tokens_field="max_completion_tokens",
        max_image_px=512,
        parallel=3,
        price=RATES,
    )

    assert (spec.schema_mode, spec.tools, spec.images) == ("json", False, True)
    assert (spec.efforts, spec.effort) == (("low", "high"), "high")
    assert (spec.max_tokens, endpoint_of(spec).max_tokens_field) == (2_048, "max_completion_tokens")
    assert (spec.image_px, spec.parallel) == (512, 3)
    assert spec.price == Price(Decimal("0.2"), Decimal("0.6"))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.vendor)
def test_what_is_not_declared_is_as_the_preset_says(tmp_path: Path, preset: Any) -> None:
    spec = spec_of(tmp_path, model=f"{preset.vendor}/some-model")

    assert (spec.schema_mode, spec.tools) == (preset.schema, preset.tools)
    assert (endpoint_of(spec).base_url, endpoint_of(spec).api_key_env) == (
        preset.base_url,
        preset.key_env,
    )
    assert (spec.max_tokens, endpoint_of(spec).max_tokens_field) == (
        preset.max_tokens,
        preset.max_tokens_field,
    )
    assert spec.parallel == preset.parallel


@pytest.mark.parametrize("name", ["gpt-6-sol", "some-vision-reasoner-tool-json"])
def test_nothing_is_read_out_of_a_models_name(tmp_path: Path, name: str) -> None:
    spec = spec_of(tmp_path, model=f"openai/{name}")

    assert (spec.efforts, spec.images) == ((), False)


def test_a_model_that_no_entry_names_can_be_asked_for_all_the_same(tmp_path: Path) -> None:
    [solver] = pool(tmp_path).solvers(["openrouter/meta/llama"])

    assert (solver.name, solver.spec.model) == ("openrouter/meta/llama", "openrouter/meta/llama")


@pytest.mark.parametrize("name", ["nobody/m", "openai/", "openai", "/m", "m"])
def test_a_name_of_no_known_vendor_is_refused_with_the_known_ones(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInput, match=r"solvers") as caught:
        pool(tmp_path).solvers([name])

    assert repr(name) in str(caught.value)


def test_an_entry_of_no_known_vendor_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[solvers.x\] model: 'nobody/m'.*'ollama/…'"):
        pool(tmp_path, {"x": {"model": "nobody/m"}}).solvers(None)


# Addresses and keys


@pytest.mark.parametrize("vendor", [preset.vendor for preset in PRESETS if preset.key_env])
async def test_a_vendors_key_goes_to_no_other_address(tmp_path: Path, vendor: str) -> None:
    entries = {"own": {"model": f"{vendor}/m"}, "else": {"model": f"{vendor}/m", "base_url": THERE}}
    own, elsewhere = pool(tmp_path, entries).solvers(None)

    preset = preset_of(vendor)
    assert preset is not None
    assert endpoint_of(own.spec).api_key_env == preset.key_env
    assert (endpoint_of(elsewhere.spec).api_key_env, endpoint_of(elsewhere.spec).base_url) == (
        None,
        THERE,
    )


def test_a_vendors_own_address_written_out_is_its_own(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, model="mistral/m", base_url="https://api.mistral.ai/v1/")

    assert endpoint_of(spec).api_key_env == "MISTRAL_API_KEY"


def test_another_address_gets_the_key_its_entry_names(tmp_path: Path) -> None:
    entry = {"model": "openai/m", "base_url": THERE, "api_key_env": "MY_KEY"}

    [solver] = pool(tmp_path, {"x": entry}, keys={"MY_KEY": "k"}).solvers(None)

    assert endpoint_of(solver.spec).api_key_env == "MY_KEY"


def test_a_gateway_gets_the_key_of_anthropic_unless_its_entry_names_one(tmp_path: Path) -> None:
    entries = {
        "named": {"model": "anthropic/m", "base_url": THERE, "api_key_env": "MY_KEY"},
        "not": {"model": "anthropic/m", "base_url": THERE},
    }
    made = pool(tmp_path, entries, keys={"MY_KEY": "k"})
    named, unnamed = made.entries(["named", "not"])

    assert made.readiness(named.spec) == "ready"
    assert made.readiness(unnamed.spec).startswith("no key: set ANTHROPIC_API_KEY, or name")
    made = pool(tmp_path, entries, keys={"MY_KEY": "k", "ANTHROPIC_API_KEY": "a"})
    assert [entry.name for entry in made.solvers(None)] == ["named", "not"]


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
def test_an_entry_whose_key_is_not_set_stops_only_itself(tmp_path: Path, vendor: str) -> None:
    entries = {
        "x": {"model": f"{vendor}/m", "api_key_env": "NOT_SET"},
        "y": {"model": "ollama/m"},
    }
    made = pool(tmp_path, entries, keys={})

    assert [entry.name for entry in made.solvers(["y"])] == ["y"]
    assert [made.readiness(entry.spec) for entry in made.entries(made.names())] == [
        "no key: set NOT_SET",
        "ready",
    ]
    with pytest.raises(ConfigError, match=r"solver 'x' cannot be used: no key: set NOT_SET"):
        made.solvers(None)


@pytest.mark.parametrize(
    ("entry", "variable"),
    [
        ({"model": "anthropic/m"}, "ANTHROPIC_BASE_URL"),
        ({"model": "anthropic/m", "api_key_env": "MY_KEY"}, "ANTHROPIC_BASE_URL"),
        ({"model": "openai/m"}, "OPENAI_BASE_URL"),
        ({"model": "anthropic/m"}, "ANTHROPIC_CUSTOM_HEADERS"),
        ({"model": "anthropic/m", "api_key_env": "MY_KEY"}, "ANTHROPIC_CUSTOM_HEADERS"),
        ({"model": "openai/m"}, "OPENAI_CUSTOM_HEADERS"),
        ({"model": "openai/m", "api_key_env": "MY_KEY", "base_url": THERE}, "MY_KEY"),
        ({"model": "anthropic/m"}, "ANTHROPIC_AUTH_TOKEN"),
    ],
)
def test_a_variable_that_cannot_be_used_stops_what_needs_it(
    tmp_path: Path, entry: dict[str, str], variable: str
) -> None:
    other = {"model": "openai/m", "base_url": THERE}
    made = pool(tmp_path, {"x": entry, "y": other}, keys={"MY_KEY": "k", "OPENAI_API_KEY": "k"})
    made = Pool(made.settings.model_copy(update={"faults": {variable: f"{variable} is wrong"}}))

    with pytest.raises(ConfigError, match=f"solver 'x' cannot be used: {variable} is wrong"):
        made.solvers(["x"])

    assert made.solvers(["y"])


def test_headers_of_the_environment_concern_no_address_that_an_entry_names(tmp_path: Path) -> None:
    entries = {
        "gateway": {"model": "anthropic/m", "base_url": THERE, "api_key_env": "MY_KEY"},
        "other": {"model": "openai/m", "base_url": THERE},
        "vendor": {"model": "mistral/m"},
    }
    made = pool(tmp_path, entries, keys={"MY_KEY": "k", "MISTRAL_API_KEY": "k"})
    faults = dict.fromkeys(("ANTHROPIC_CUSTOM_HEADERS", "OPENAI_CUSTOM_HEADERS"), "wrong")
    made = Pool(made.settings.model_copy(update={"faults": faults}))

    assert [entry.name for entry in made.solvers(list(entries))] == list(entries)


def test_an_embedded_model_that_cannot_start_is_refused_before_a_run_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_mcp.models.embedded.llama_server.runtime_installed", lambda: False)

    with pytest.raises(ConfigError, match=r"solver 'local' cannot be used: llama\.cpp is not"):
        pool(tmp_path).solvers(["local"])


def test_an_address_nobody_has_described_is_trusted_with_nothing(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, model="openai/gpt-6-sol", base_url=THERE)

    assert (spec.tools, spec.schema_mode, spec.schema_with_tools) == (False, "prompt", False)
    assert (spec.images, spec.efforts, endpoint_of(spec).api_key_env) == (False, (), None)
    assert endpoint_of(spec).max_tokens_field == "max_tokens"
    assert spec.price is None, "a model of that name need not cost there what it costs at OpenAI"


# Prices


@pytest.mark.parametrize(
    ("entry", "price"),
    [
        ({"model": "ollama/m"}, GRATIS),
        ({"model": "ollama/m", "base_url": "http://localhost:1/v1"}, GRATIS),
        ({"model": "vllm/m", "base_url": "http://[::1]:1/v1"}, GRATIS),
        ({"model": "vllm/m", "base_url": THERE}, None),
        ({"model": "vllm/m", "base_url": "http://127.0.0.1.example.org/v1"}, None),
        ({"model": "openai/m", "base_url": HERE}, None),
        ({"model": "openai/no-such-model"}, None),
        (
            {"model": "ollama/m", "price": RATES},
            Price(Decimal("0.2"), Decimal("0.6")),
        ),
    ],
)
def test_a_server_of_ones_own_is_free_on_this_machine_and_nowhere_else(
    tmp_path: Path, entry: dict[str, Any], price: Price | None
) -> None:
    assert spec_of(tmp_path, **entry).price == price


def test_a_model_the_tables_know_has_its_price(tmp_path: Path) -> None:
    price = spec_of(tmp_path, model="openai/gpt-6-sol").price

    assert price is not None
    assert price.output > price.input > 0


# The orchestrator


def test_an_orchestrator_may_be_a_solver_by_name(tmp_path: Path) -> None:
    entries = {"qwen": {"model": "ollama/qwen", "tools": True, "efforts": ["low"], "effort": "low"}}
    made = pool(tmp_path, entries, orchestrator={"model": "qwen"})
    solvers = made.solvers(None)

    assert made.orchestrator(solvers) == solvers[0].spec


def test_an_orchestrator_by_name_may_try_harder_and_write_more(tmp_path: Path) -> None:
    entries = {"qwen": {"model": "ollama/qwen", "effort": "low"}}
    orchestrator = {"model": "qwen", "effort": "max", "max_tokens": 4_096}
    made = pool(tmp_path, entries, orchestrator=orchestrator)
    [solver] = made.solvers(None)

    spec = made.orchestrator([solver])

    assert (spec.effort, spec.max_tokens) == ("max", 4_096)
    assert (solver.spec.effort, solver.spec.max_tokens) == ("low", 8_192)


def test_what_belongs_to_the_solver_is_refused_of_an_orchestrator_by_name(tmp_path: Path) -> None:
    made = pool(
        tmp_path,
        {"qwen": {"model": "ollama/qwen"}},
        orchestrator={"model": "qwen", "schema": "json"},
    )

    with pytest.raises(ConfigError, match=r"belongs to \[solvers.qwen\]"):
        made.orchestrator(made.solvers(None))


def test_an_orchestrator_of_its_own_is_used_as_it_declares(tmp_path: Path) -> None:
    made = pool(
        tmp_path,
        {"x": {"model": "ollama/m"}},
        orchestrator={"model": "openai/m", "base_url": HERE, "tools": True},
    )

    spec = made.orchestrator(made.solvers(None))

    assert (spec.model, endpoint_of(spec).base_url, spec.tools) == ("openai/m", HERE, True)
    assert spec.effort == "high"


def test_without_a_key_for_the_default_the_first_solver_orchestrates(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, anthropic=False)
    solvers = made.solvers(None)

    assert made.orchestrator(solvers) == solvers[0].spec


# What is missing, told before any money is spent


def test_a_missing_key_is_named_before_a_run_opens(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, keys={})

    with pytest.raises(ConfigError, match=r"solver 'x'.*set MISTRAL_API_KEY"):
        made.solvers(None)

    spec = spec_of(tmp_path, model="mistral/m")
    assert made.readiness(spec) == "no key: set MISTRAL_API_KEY"


def test_a_missing_key_of_the_orchestrator_is_named_before_a_run_opens(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "ollama/m"}}, orchestrator={"model": "xai/m"}, keys={})

    with pytest.raises(ConfigError, match=r"orchestrator.*set XAI_API_KEY"):
        made.orchestrator(made.solvers(None))


def test_a_missing_client_library_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)

    with pytest.raises(ConfigError, match=r'-m pip install "openai'):
        pool(tmp_path, {"x": {"model": "ollama/m"}}).solvers(None)


def test_a_pool_of_claude_alone_needs_no_such_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)

    [solver] = pool(tmp_path).solvers(None)

    assert solver.spec.model.startswith("anthropic/")


def test_a_model_that_stands_in_for_another_needs_neither_key_nor_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, keys={})
    made.models = {"mistral/m": Scripted(lambda request: Says())}

    assert [solver.name for solver in made.solvers(None)] == ["x"]


# Models


async def test_entries_that_say_different_things_of_one_endpoint_are_different_models(
    tmp_path: Path,
) -> None:
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(tmp_path, {"a": entry, "b": {**entry, "schema": "strict"}, "c": entry})
    a, b, c = [await made.model(solver.spec) for solver in made.solvers(None)]

    assert isinstance(a, Gated)
    assert isinstance(b, Gated)
    assert isinstance(a.model, OpenAICompatible)
    assert a is c
    assert a.model is not b.model
    # A rate limit is the endpoint's, whatever is said of it.
    assert a.gate is b.gate

    await made.aclose()


def price_override(made: Pool, spec: ModelSpec) -> Price | None:
    """Return the operator's own price of a model, as its vendor counts calls by it."""
    vendor = made.vendors.of(spec.model)
    assert isinstance(vendor, HttpVendor)
    return vendor.price_override(spec)


async def test_a_price_holds_for_the_endpoint_it_was_given_for(tmp_path: Path) -> None:
    entries = {
        "own": {"model": "mistral/m", "price": RATES},
        "else": {"model": "mistral/m", "base_url": HERE},
        "dear": {"model": "mistral/m", "base_url": THERE, "price": {"input": 5, "output": 9}},
    }
    made = pool(tmp_path, entries)

    prices = [solver.spec.price for solver in made.solvers(None)]
    overrides = [price_override(made, solver.spec) for solver in made.solvers(None)]

    assert (
        prices
        == overrides
        == [
            Price(Decimal("0.2"), Decimal("0.6")),
            None,
            Price(Decimal(5), Decimal(9)),
        ]
    )


# What was opened stays


def test_a_run_keeps_the_price_it_was_opened_with(tmp_path: Path) -> None:
    """Two entries of one model at one address may have accounts, and prices, of their own."""
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(
        tmp_path,
        {
            "a": {**entry, "api_key_env": "ONE", "price": {"input": "1", "output": "1"}},
            "b": {**entry, "api_key_env": "TWO", "price": {"input": "10", "output": "10"}},
        },
        keys={"ONE": "x", "TWO": "y"},
    )
    a, b = (solver.spec for solver in made.solvers(None))
    later = pool(tmp_path)

    assert [price_override(made, spec) for spec in (a, b)] == [a.price, b.price]
    assert [price_override(later, spec) for spec in (a, b)] == [a.price, b.price]


def test_a_claude_model_without_a_key_is_named_before_anything_is_spent(tmp_path: Path) -> None:
    other = {"model": "openai/m", "base_url": HERE, "price": RATES}
    claude = {"model": "anthropic/claude-haiku-5-5"}
    with pytest.raises(ConfigError, match=r"solver 'c' cannot be used: no key: set ANTHROPIC"):
        pool(tmp_path, {"o": other, "c": claude}, anthropic=False).solvers(None)
    made = pool(tmp_path, {"o": other}, orchestrator=claude, anthropic=False)

    with pytest.raises(ConfigError, match="orchestrator cannot be used: no key"):
        made.orchestrator(made.solvers(None))


def test_an_effort_that_an_entry_asks_for_is_one_that_it_takes(tmp_path: Path) -> None:
    assert spec_of(tmp_path, model="openai/m", base_url=HERE, effort="high").efforts == ("high",)
    assert spec_of(tmp_path, model="openai/m", base_url=HERE).efforts == ()


async def test_the_gate_of_an_endpoint_is_as_narrow_as_its_narrowest_entry(tmp_path: Path) -> None:
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(tmp_path, {"a": {**entry, "parallel": 9}, "b": {**entry, "parallel": 1}})
    a, b = [await made.model(solver.spec) for solver in made.solvers(None)]
    entered: list[str] = []

    async def ask(model: Gated) -> None:
        async with model.gate.passing(model.name):
            entered.append(model.name)
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, a)
        tasks.start_soon(ask, b)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await made.aclose()

    assert len(entered) == 1
