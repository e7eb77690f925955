"""What was found out of endpoints, kept between a declaration and a preset."""

from __future__ import annotations

import errno
import json
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.settings import OrchestratorSettings, Settings, SolverSettings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models import findings
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.file_locks import try_alone
from atlas_mcp.models.findings import (
    FEATURES,
    FILE_NAME,
    LOCK_NAME,
    NOTHING,
    Finding,
    finding,
    keep,
)
from atlas_mcp.models.pool import Pool
from tests.support.systems import held

HERE = "http://127.0.0.1:8000/v1"
DAY = date(2026, 11, 25)
FOUND = Finding(
    checked=DAY,
    schema_mode="json",
    tools=True,
    images=True,
    efforts=("low", "high"),
    max_tokens_field="max_completion_tokens",
)


def spec_of(home: Path, **entry: Any) -> ModelSpec:
    solvers = {"x": SolverSettings.model_validate({"model": "openai/m", "base_url": HERE, **entry})}
    [solver] = Pool(Settings(home=home, solvers=solvers)).solvers(None)
    return solver.spec


def test_what_is_kept_is_found_again_and_of_no_other_model_or_address(tmp_path: Path) -> None:
    keep(tmp_path, HERE, "openai/m", FOUND)

    assert finding(tmp_path, HERE, "openai/m") == FOUND
    assert finding(tmp_path, HERE + "/", "openai/m") == FOUND
    assert finding(tmp_path, HERE, "openai/n") == NOTHING
    assert finding(tmp_path, "http://127.0.0.1:8001/v1", "openai/m") == NOTHING
    assert finding(tmp_path / "elsewhere", HERE, "openai/m") == NOTHING


def test_the_file_is_what_people_read_and_nobody_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keep(home, HERE, "openai/m", FOUND)
    keep(home, None, "openai/n", Finding(checked=DAY, tools=False))

    path = home / FILE_NAME
    assert json.loads(path.read_text()) == {
        "endpoints": {
            HERE: {
                "openai/m": {
                    "checked": "2026-11-25",
                    "schema": "json",
                    "tools": True,
                    "images": True,
                    "efforts": ["low", "high"],
                    "max_tokens_field": "max_completion_tokens",
                }
            },
            "openai": {"openai/n": {"checked": "2026-11-25", "tools": False}},
        }
    }
    assert path.stat().st_mode & 0o077 == 0
    assert sorted(one.name for one in home.iterdir()) == [FILE_NAME, LOCK_NAME]


def test_a_name_and_a_password_in_an_address_are_not_written_down(tmp_path: Path) -> None:
    address = "https://ada:secret@gpu.example.org:8443/v1?token=other-secret"

    keep(tmp_path, address, "openai/m", FOUND)

    assert "secret" not in (tmp_path / FILE_NAME).read_text()
    assert finding(tmp_path, address, "openai/m") == FOUND


def test_what_is_found_later_wins_and_what_is_not_stays(tmp_path: Path) -> None:
    later = date(2026, 12, 1)
    keep(tmp_path, HERE, "openai/m", FOUND)

    keep(tmp_path, HERE, "openai/m", Finding(checked=later, images=False, efforts=()))

    found = finding(tmp_path, HERE, "openai/m")
    assert (found.images, found.efforts, found.checked) == (False, (), later)
    assert (found.tools, found.schema_mode) == (True, "json")


@pytest.mark.parametrize("content", ["{", "[]", '{"endpoints": {"x": {"m": {"schema": "loose"}}}}'])
def test_a_file_that_cannot_be_read_is_passed_over_and_told(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_text(content)

    assert finding(tmp_path, HERE, "openai/m") == NOTHING
    assert FILE_NAME in caplog.text

    keep(tmp_path, HERE, "openai/m", FOUND)
    assert finding(tmp_path, HERE, "openai/m") == FOUND


def test_a_home_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=f"{FILE_NAME} cannot be written"):
        keep(tmp_path / "file" / "home", HERE, "openai/m", FOUND)


@pytest.mark.parametrize("failing", ["replace", "write"])
def test_a_disk_that_is_full_is_named_and_nothing_is_left_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    keep(tmp_path, HERE, "openai/m", FOUND)

    def full(*given: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "replace":
        monkeypatch.setattr(findings, "replace", full)
    else:
        monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        keep(tmp_path, HERE, "openai/n", FOUND)

    assert sorted(one.name for one in tmp_path.iterdir()) == [FILE_NAME, LOCK_NAME]
    assert finding(tmp_path, HERE, "openai/m") == FOUND


def test_what_another_process_finds_out_meanwhile_is_kept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "other", HERE, "openai/other", FOUND)
    refused = threading.Event()

    def trying(descriptor: int) -> bool:
        taken = try_alone(descriptor)
        if not taken:
            refused.set()
        return taken

    monkeypatch.setattr(findings, "try_alone", trying)
    keeping = threading.Thread(target=keep, args=(tmp_path, HERE, "openai/m", FOUND))
    with held(tmp_path / LOCK_NAME):
        keeping.start()
        assert refused.wait(30)
        (tmp_path / "other" / FILE_NAME).replace(tmp_path / FILE_NAME)
    keeping.join()

    assert finding(tmp_path, HERE, "openai/other") == FOUND
    assert finding(tmp_path, HERE, "openai/m") == FOUND


def test_a_process_that_never_lets_go_costs_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "LOCK_TRIES", 1)
    with held(tmp_path / LOCK_NAME):
        keep(tmp_path, HERE, "openai/m", FOUND)

    assert finding(tmp_path, HERE, "openai/m") == FOUND


# Between a declaration and a preset


def test_what_was_found_out_holds_where_nothing_is_declared(tmp_path: Path) -> None:
    keep(tmp_path, HERE, "openai/m", FOUND)

    spec = spec_of(tmp_path)

    assert (spec.schema_mode, spec.tools, spec.images) == ("json", True, True)
    assert (spec.efforts, endpoint_of(spec).max_tokens_field) == (
        ("low", "high"),
        "max_completion_tokens",
    )


def test_what_is_declared_wins_over_what_was_found_out(tmp_path: Path) -> None:
    keep(tmp_path, HERE, "openai/m", FOUND)

    spec = spec_of(
        tmp_path,
        schema="prompt",
        tools=False,
        images=False,
        efforts=[],
        max_tokens_field="max_tokens",
    )

    assert (spec.schema_mode, spec.tools, spec.images) == ("prompt", False, False)
    assert (spec.efforts, endpoint_of(spec).max_tokens_field) == ((), "max_tokens")


def test_what_was_not_found_out_is_as_the_preset_says(tmp_path: Path) -> None:
    keep(tmp_path, "https://api.mistral.ai/v1", "mistral/m", Finding(checked=DAY, tools=False))
    settings = Settings(
        home=tmp_path,
        solvers={"x": SolverSettings(model="mistral/m")},
        keys={"MISTRAL_API_KEY": "k"},
    )

    [solver] = Pool(settings).solvers(None)

    assert (solver.spec.tools, solver.spec.schema_mode) == (False, "strict")


def test_a_finding_is_used_by_a_process_that_was_there_before_it(tmp_path: Path) -> None:
    solvers = {"x": SolverSettings.model_validate({"model": "openai/m", "base_url": HERE})}
    pool = Pool(Settings(home=tmp_path, solvers=solvers))
    [before] = pool.solvers(None)

    keep(tmp_path, HERE, "openai/m", FOUND)

    [after] = pool.solvers(None)
    assert (before.spec.tools, after.spec.tools) == (False, True)


# What there is to find out


def test_what_no_entry_declares_is_to_be_found_out_once_for_each_model_of_an_address(
    tmp_path: Path,
) -> None:
    here = {"model": "openai/m", "base_url": HERE}
    entries: dict[str, dict[str, Any]] = {
        "a": {**here, "schema": "strict", "tools": True},
        "b": {**here, "schema": "strict", "images": False},
        "other": {"model": "openai/n", "base_url": HERE},
        "claude": {"model": "anthropic/claude-sonnet-5-5"},
        "embedded": {"model": "local/smollm2-135m"},
        "keyless": {"model": "mistral/m"},
    }
    orchestrator: dict[str, Any] = {"model": "ollama/boss", "efforts": []}
    settings = Settings(
        home=tmp_path,
        solvers={name: SolverSettings.model_validate(one) for name, one in entries.items()},
        orchestrator=OrchestratorSettings.model_validate(orchestrator),
    )

    unknown = {one.spec.model: one.features for one in Pool(settings).undeclared()}

    assert unknown == {
        "openai/m": set(FEATURES) - {"schema_mode"},
        "openai/n": set(FEATURES),
        "ollama/boss": set(FEATURES) - {"efforts"},
    }


def test_an_orchestrator_that_is_a_solver_is_no_further_model(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        solvers={"x": SolverSettings(model="ollama/m")},
        orchestrator=OrchestratorSettings(model="x"),
    )

    assert [one.spec.model for one in Pool(settings).undeclared()] == ["ollama/m"]
