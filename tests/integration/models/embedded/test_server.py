"""The process of an embedded model: started once, and ended for good."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.base import Notice
from atlas_mcp.models.embedded.inventory import remove
from atlas_mcp.models.embedded.model import EmbeddedModel
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.views.rendering import view_of
from tests.support.embedded_runtimes import QUESTION, Runtime, settings_for, until


async def test_all_who_wait_for_a_model_are_told_and_it_is_loaded_once(runtime: Runtime) -> None:
    local = EmbeddedModel("local/x", runtime.file(), context_tokens=1_000)
    held = runtime.hold("load")
    told: list[list[Notice | None]] = [[], []]
    async with anyio.create_task_group() as group:
        for notices in told:
            group.start_soon(local.load, notices.append)
        await until(runtime.folder / "loads")
        held.unlink()
    await local.load(lambda _: pytest.fail("it is loaded"))
    await local.aclose()

    for notices in told:
        assert notices[0] is not None
        assert notices[0].text.startswith("loading local/x")
        assert notices[-1] is None
    assert len(runtime.loads) == 1


async def test_weights_that_cannot_be_loaded_fail_their_calls_and_not_the_run(
    runtime: Runtime, tmp_path: Path
) -> None:
    settings = settings_for(
        tmp_path / "home",
        broken=f"local/{runtime.file('broken.gguf', more=b'broken')}",
        sound=f"local/{runtime.file()}",
    ).model_copy(update={"orchestrator": None})
    async with open_service(settings) as service:
        run_id = await service.solve(
            QUESTION, RunRequest(solvers=["sound", "broken"], max_explores=2)
        )
        view = view_of(await service.wait(run_id, 15))

    outcomes = {candidate.solver: candidate for candidate in view.candidates}
    assert outcomes["sound"].status == "ok"
    if "broken" in outcomes:
        assert "these weights are broken" in (outcomes["broken"].error or "")


@pytest.mark.may_block("the test removes a file where it stands")
async def test_weights_in_use_are_not_removed_by_another_process(
    runtime: Runtime, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    weights = folder / "hub/maker/repo/x.gguf"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(runtime.file().read_bytes())
    local = EmbeddedModel(
        "local/x", weights, context_tokens=1_000, use=weights.with_name("x.gguf.use")
    )
    await local.load()

    with pytest.raises(ModelFileError, match="loaded by another process"):
        remove("local/maker/repo/x.gguf", folder)
    assert weights.exists()
    await local.aclose()

    remove("local/maker/repo/x.gguf", folder)
    assert not weights.exists()
