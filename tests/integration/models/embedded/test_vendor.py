"""Embedded models in the pool: a stand-in for llama.cpp loads no weights, all else is real."""

from __future__ import annotations

import logging
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp_types import TextContent

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.embedded.model import EmbeddedModel
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.server.app import make_server
from atlas_mcp.server.host import Host
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.embedded_runtimes import QUESTION, Runtime, settings_for, until
from tests.support.live_runs import driven
from tests.support.waiting import pause


def asking(*, max_tokens: int = 100) -> ModelRequest:
    return ModelRequest("", (UserTurn((Text("What is 6 * 7?"),)),), max_tokens=max_tokens)


async def test_two_runs_at_once_share_one_process(runtime: Runtime, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", mine=f"local/{runtime.file()}")
    held = runtime.hold("replies")
    async with open_service(settings) as service:
        run_ids = [await service.solve(QUESTION, RunRequest(max_explores=2)) for _ in range(2)]
        # Each run starts two explores: with four calls under way, both are at work.
        with anyio.fail_after(15):
            while not (runtime.folder / "most").exists() or runtime.most[1] < 4:
                await pause()
        held.unlink()
        views = [view_of(await service.wait(run_id, 15)) for run_id in run_ids]

    assert [(view.status, view.answer) for view in views] == [("answered", 50)] * 2
    assert len(runtime.loads) == 1


async def test_entries_with_the_same_file_share_a_process_that_has_room_for_both(
    runtime: Runtime, tmp_path: Path
) -> None:
    file = runtime.file()
    (tmp_path / "link.gguf").symlink_to(file)
    settings = settings_for(
        tmp_path / "home",
        one={"model": f"local/{file}", "context_tokens": 8_192, "parallel": 6},
        two={"model": f"local/{tmp_path / 'link.gguf'}", "context_tokens": 20_000, "parallel": 2},
    )
    pool = Pool(settings)
    specs = [entry.spec for entry in pool.solvers(["one", "two"])]

    models = [await pool.model(spec) for spec in specs]
    await models[0].generate(asking())
    await models[1].generate(asking())
    await pool.aclose()

    assert models[0] is models[1]
    [load] = runtime.loads
    assert (load["context_tokens"], load["parallel"]) == (20_000, 6)


async def test_what_an_entry_says_is_what_the_process_gets(
    runtime: Runtime, tmp_path: Path
) -> None:
    entry = {"model": f"local/{runtime.file()}", "context_tokens": 4_096, "parallel": 2}
    pool = Pool(settings_for(tmp_path / "home", mine=entry))
    [solver] = pool.solvers(None)

    await (await pool.model(solver.spec)).generate(asking())
    await pool.aclose()

    [load] = runtime.loads
    assert load == {
        "path": str(runtime.folder / "x.gguf"),
        "context_tokens": 4_096,
        "parallel": 2,
    }


async def test_calls_that_do_not_fit_the_context_together_wait_for_each_other(
    runtime: Runtime,
) -> None:
    local = EmbeddedModel("local/x", runtime.file(), context_tokens=1_000, parallel=9)
    held = runtime.hold("replies")
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(lambda: local.generate(asking(max_tokens=400)))
        await until(runtime.folder / "most")
        held.unlink()
    await local.aclose()

    tokens, calls = runtime.most
    assert tokens <= 1_000
    assert calls <= 2


async def test_a_reply_may_only_be_as_long_as_the_prompt_leaves_room_for(runtime: Runtime) -> None:
    local = EmbeddedModel("local/x", runtime.file(), context_tokens=500)

    reply = await local.generate(asking(max_tokens=9_000))
    await local.aclose()

    assert reply.end == "end"
    assert runtime.most[0] < 500


async def test_a_prompt_that_leaves_no_room_for_a_reply_is_refused_with_both_lengths(
    runtime: Runtime,
) -> None:
    local = EmbeddedModel("local/x", runtime.file(), context_tokens=20)

    with pytest.raises(
        ModelRejected, match=r"prompt has \d+ tokens, and the model's context holds 20"
    ):
        await local.generate(asking())
    await local.aclose()


async def test_a_call_that_waits_while_its_model_is_closed_breaks_off(runtime: Runtime) -> None:
    local = EmbeddedModel("local/x", runtime.file(), context_tokens=1_000, parallel=1)
    runtime.hold("replies")
    failures: list[str] = []

    async def call() -> None:
        try:
            await local.generate(asking())
        except ModelUnavailable as error:
            failures.append(str(error))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await until(runtime.folder / "most")
        group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        await local.aclose()

    assert len(failures) == 2
    assert all("it was closed during the call" in failure for failure in failures)


async def test_a_run_says_that_a_model_is_being_loaded(runtime: Runtime, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", mine=f"local/{runtime.file()}")
    held = runtime.hold("load")
    async with open_service(settings) as service:
        live = driven(service, await service.solve(QUESTION, RunRequest(max_explores=2)))
        with anyio.fail_after(15):
            while live.notice is None or "loading" not in live.notice.text:
                await live.changed(live.changes)
        said = live.notice.text
        held.unlink()
        view = view_of(await service.wait(live.run_id, 15))

    assert said == "loading local/x.gguf (0 MB)"
    assert view.status == "answered"
    assert live.notice is None


@pytest.mark.parametrize("name", ["local//etc/passwd", "local/maker/repo/x.gguf"])
async def test_a_client_names_no_file_that_its_operator_has_not_named(
    tmp_path: Path, name: str
) -> None:
    arguments = {"problem": QUESTION.text, "solvers": [name]}
    async with Client(make_server(settings_for(tmp_path / "home", demo="scripted/demo"))) as client:
        result = await client.call_tool("solve_with_atlas", arguments)

    assert result.is_error
    [said] = result.content
    assert isinstance(said, TextContent)
    assert "used only where the configuration names them" in said.text
    assert not (tmp_path / "home" / "models").exists()


async def test_a_server_that_is_told_to_loads_its_models_before_anybody_asks(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(
        tmp_path / "home",
        warm_up=True,
        mine=f"local/{runtime.file()}",
        away="local/smollm2-135m",
        demo="scripted/demo",
    )
    held = runtime.hold("load")
    with caplog.at_level(logging.INFO, "atlas_mcp"):
        async with Client(make_server(settings)) as client:
            # The handshake is over, and tools answer, while the model is still being loaded.
            await until(runtime.folder / "loads")
            assert len((await client.list_tools()).tools) == 6
            held.unlink()
            result = await client.call_tool(
                "solve_with_atlas",
                {
                    "problem": QUESTION.text,
                    "answer_schema": {"type": "integer"},
                    "solvers": ["mine"],
                    "max_explores": 2,
                },
            )

    view = RunView.model_validate(result.structured_content)
    assert (view.status, view.answer) == ("answered", 50)
    assert len(runtime.loads) == 1
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert "loading local/x.gguf ahead of its first call" in said
    assert "solver 'mine' is loaded" in said
    assert "solver 'away' is pulled at first use (98 MB)" in said


async def test_without_being_told_to_a_server_loads_nothing(
    runtime: Runtime, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path / "home", mine=f"local/{runtime.file()}")
    host = Host(settings)
    async with Client(make_server(settings, host=host)):
        await host.service()
        await anyio.wait_all_tasks_blocked()

    assert runtime.loads == []


async def test_a_model_that_cannot_be_loaded_ahead_is_left_to_its_first_call(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = f"local/{runtime.file('broken.gguf', more=b'broken')}"
    pool = Pool(settings_for(tmp_path / "home", broken=broken, sound=f"local/{runtime.file()}"))
    with caplog.at_level(logging.INFO, "atlas_mcp"):
        await pool.warm_up()
    await pool.aclose()

    assert len(runtime.loads) == 2
    [said] = [one for one in caplog.messages if "cannot be loaded ahead" in one]
    assert "solver 'broken'" in said
    assert "these weights are broken" in said
