from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec, title_of
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.endpoints import OrchestratorSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, InvalidInput, ModelFileError, ModelRejected
from atlas_mcp.models.base import Notice
from atlas_mcp.models.embedded.names import SMALL_BYTES
from atlas_mcp.models.embedded.vendor import (
    CONTEXT_TOKENS,
    MAX_TOKENS,
    PARALLEL,
    SMALL_MAX_TOKENS,
    SMALL_STRING_CHARS,
    TEMPERATURE,
    context_tokens_of,
)
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.vendor import Trust
from atlas_mcp.testing.gguf import model_file
from atlas_mcp.testing.model_hub import ModelHub, serve_hub

HUB_NAME = "local/maker/repo/x.gguf"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def write_model(path: Path, *, context_tokens: int = 32_768, size: int = SMALL_BYTES) -> Path:
    with path.open("wb") as file:
        file.write(model_file(context_tokens=context_tokens))
        file.truncate(size)
    return path


def pool_of(home: Path, *, trust: Trust = "client", hub: str = NOWHERE, **entries: Any) -> Pool:
    solvers = {name: SolverSettings.model_validate(entry) for name, entry in entries.items()}
    return Pool(
        Settings(home=home, solvers=solvers, base_urls={"local": hub} if hub else {}),
        trust=trust,
    )


def spec_of(home: Path, path: Path, **entry: Any) -> ModelSpec:
    [solver] = pool_of(home, mine={"model": f"local/{path}", **entry}).solvers(None)
    return solver.spec


# How an embedded model is used


def test_a_file_is_used_as_far_as_its_own_words_allow(home: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf")

    assert spec_of(home, path) == ModelSpec(
        f"local/{path}",
        price=Price(FREE, FREE),
        tools=False,
        max_tokens=MAX_TOKENS,
        temperature=TEMPERATURE,
        parallel=PARALLEL,
        guard=True,
        endpoint={"context_tokens": CONTEXT_TOKENS},
    )


def test_a_small_file_has_short_replies_and_short_strings(home: Path, tmp_path: Path) -> None:
    spec = spec_of(home, write_model(tmp_path / "x.gguf", size=1_000))

    assert (spec.max_tokens, spec.max_string_chars) == (SMALL_MAX_TOKENS, SMALL_STRING_CHARS)
    assert spec.is_small


def test_a_file_made_for_less_is_used_for_less(home: Path, tmp_path: Path) -> None:
    spec = spec_of(home, write_model(tmp_path / "x.gguf", context_tokens=4_096))

    assert (context_tokens_of(spec), spec.max_tokens) == (4_096, 2_048)


def test_what_an_entry_says_holds(home: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf")

    spec = spec_of(
        home,
        path,
        context_tokens=32_768,
        max_tokens=8_000,
        parallel=2,
        images=False,
        tools=False,
        efforts=[],
        schema="strict",
    )

    assert (context_tokens_of(spec), spec.max_tokens, spec.parallel) == (32_768, 8_000, 2)


def test_an_entry_changes_how_a_model_of_the_catalogue_is_used(home: Path) -> None:
    entry = {"model": "local/smollm2-135m", "context_tokens": 4_096, "parallel": 1}

    [solver] = pool_of(home, mine=entry).solvers(None)

    assert (context_tokens_of(solver.spec), solver.spec.parallel) == (4_096, 1)
    assert solver.spec.is_small


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"context_tokens": 65_536}, r"context_tokens: is 65,536, .* made for 32,768 at most"),
        ({"max_tokens": 16_000}, r"max_tokens: is 16,000, .* share a context of 16,384"),
        ({"images": True}, r"images: embedded models see no pictures"),
        ({"tools": True}, r"tools: embedded models"),
        ({"efforts": ["low"]}, r"efforts: embedded models"),
        ({"schema": "prompt"}, r"schema: embedded models"),
    ],
)
def test_what_an_entry_cannot_say_is_named(
    home: Path, tmp_path: Path, entry: dict[str, Any], said: str
) -> None:
    path = write_model(tmp_path / "x.gguf")

    with pytest.raises(ConfigError, match=rf"\[solvers\.mine\] {said}"):
        spec_of(home, path, **entry)


def test_an_entry_whose_file_is_missing_is_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[solvers\.mine\] model: there is no file .*none"):
        spec_of(home, tmp_path / "none.gguf")


def test_an_embedded_orchestrator_needs_no_effort(home: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf")
    settings = Settings(home=home, orchestrator=OrchestratorSettings(model=f"local/{path}"))
    pool = Pool(settings, trust="user")

    assert pool.orchestrator(pool.solvers(["local"])).model == f"local/{path}"


# Who may name what


def test_the_command_line_may_name_any_file(home: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf")

    [solver] = pool_of(home, trust="user").solvers([f"local/{path}"])

    assert (solver.name, solver.spec.model) == ("local/x.gguf", f"local/{path}")


@pytest.mark.parametrize("name", ["local//etc/passwd", "local/~/x.gguf", HUB_NAME])
def test_a_client_may_not_and_is_told_nothing_of_the_file(home: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="used only where the configuration names them"):
        pool_of(home).solvers([name])


def test_what_is_wrong_with_a_name_is_the_callers_affair(home: Path, tmp_path: Path) -> None:
    pool = pool_of(home, trust="user")

    for name, said in (
        (f"local/{tmp_path}/none.gguf", "there is no file"),
        ("local/maker/x.gguf", "OWNER/REPO/FILE"),
        ("local/nobody", "there is no embedded model"),
    ):
        with pytest.raises(InvalidInput, match=said) as error:
            pool.solvers([name])
        assert error.value.argument == "solvers"


def test_two_files_of_one_name_want_names_of_their_own(home: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.gguf", tmp_path / "b" / "x.gguf"]
    for path in paths:
        path.parent.mkdir()
        write_model(path)

    with pytest.raises(InvalidInput, match="two of one name"):
        pool_of(home, trust="user").solvers([f"local/{path}" for path in paths])


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ("local//home/ada/models/x.gguf", "local/x.gguf"),
        ("local/C:/models/x.gguf", "local/x.gguf"),
        (HUB_NAME, HUB_NAME),
        ("local/smollm2-135m", "local/smollm2-135m"),
        ("anthropic/claude", "anthropic/claude"),
        ("openrouter/qwen/qwen3", "openrouter/qwen/qwen3"),
    ],
)
def test_where_a_file_is_kept_is_told_to_nobody(model: str, title: str) -> None:
    assert title_of(model) == title


# Files of the hub


async def test_the_hub_is_asked_before_a_run_begins_and_only_once(home: Path) -> None:
    content = model_file()
    with serve_hub(ModelHub(files={"maker/repo/x.gguf": content})) as hub:
        pool = pool_of(home, hub=hub.address, mine={"model": HUB_NAME})
        await pool.look_up(None, orchestrator=True)
        await pool.look_up(["mine"], orchestrator=True)

    [solver] = pool.solvers(None)
    assert len(hub.asked) == 1
    assert solver.spec.is_small
    assert context_tokens_of(solver.spec) is None
    assert pool.readiness(solver.spec) == "pulled at first use (0 MB)"


async def test_a_file_that_the_hub_does_not_have_is_known_before_a_run_begins(home: Path) -> None:
    with serve_hub(ModelHub()) as hub:
        pool = pool_of(home, hub=hub.address, trust="user")

        with pytest.raises(ConfigError, match="has no maker/repo with"):
            await pool.look_up([HUB_NAME], orchestrator=False)


async def test_an_orchestrator_of_the_hub_is_asked_about_where_there_is_one(home: Path) -> None:
    pool = Pool(
        Settings(
            home=home,
            orchestrator=OrchestratorSettings(model=HUB_NAME),
            base_urls={"local": NOWHERE},
        )
    )

    await pool.look_up(["local"], orchestrator=False)
    with pytest.raises(ModelFileError, match="cannot be reached"):
        await pool.look_up(["local"], orchestrator=True)


async def test_nothing_is_asked_for_a_client_or_about_names_without_meaning(home: Path) -> None:
    with serve_hub(ModelHub()) as hub:
        await pool_of(home, hub=hub.address).look_up([HUB_NAME], orchestrator=True)
        pool = pool_of(home, hub=hub.address, trust="user")
        await pool.look_up(["local/a/b/../c.gguf", "local", "x"], orchestrator=True)

    assert hub.asked == []


async def test_a_file_of_the_hub_is_fetched_at_first_use_and_then_anybodys(home: Path) -> None:
    content = model_file(context_tokens=4_096)
    with serve_hub(ModelHub(files={"maker/repo/x.gguf": content})) as hub:
        pool = pool_of(home, hub=hub.address, mine={"model": HUB_NAME})
        await pool.look_up(None, orchestrator=False)
        [before] = pool.solvers(None)
        said: list[str] = []

        def on_notice(notice: Notice | None) -> None:
            said.append(notice.text if notice is not None else "")

        await pool.prepare([before.spec], on_notice=on_notice)

    [after] = pool_of(home).solvers([HUB_NAME])
    assert HUB_NAME in pool_of(home).offered()
    assert (context_tokens_of(before.spec), context_tokens_of(after.spec)) == (None, 4_096)
    assert pool.readiness(after.spec) == "ready"
    assert any(f"{HUB_NAME}: downloading" in one for one in said)


async def test_a_context_that_turns_out_too_long_is_said_once_the_file_is_here(home: Path) -> None:
    content = model_file(context_tokens=4_096)
    with serve_hub(ModelHub(files={"maker/repo/x.gguf": content})) as hub:
        pool = pool_of(home, hub=hub.address, mine={"model": HUB_NAME, "context_tokens": 8_192})
        [solver] = pool.solvers(None)

        with pytest.raises(ConfigError, match="made for 4,096 at most"):
            await pool.prepare([solver.spec], on_notice=lambda _: None)


async def test_a_file_that_has_gone_since_fails_its_calls(home: Path, tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf")
    pool = pool_of(home, mine={"model": f"local/{path}"})
    [solver] = pool.solvers(None)
    path.unlink()

    with pytest.raises(ModelRejected, match=r"`local/x\.gguf`: there is no file"):
        await pool.model(solver.spec)
