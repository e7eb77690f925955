"""The service is closed in order, whatever its parts do."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalError
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs import opening
from atlas_mcp.runs.opening import open_service
from atlas_mcp.testing.atlas_api import candidate_text
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.scripted import Recording


class Closing(Recording):
    """A model that can be kept from being closed."""

    how = ""
    closed = False

    @override
    async def aclose(self) -> None:
        if self.how == "it fails":
            raise OSError("a connection could not be closed")
        if self.how == "it takes too long":
            await anyio.sleep_forever()
        self.closed = True


@pytest.mark.parametrize("how", ["it fails", "it takes too long"])
async def test_a_model_that_does_not_close_keeps_neither_others_nor_the_journal_open(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(opening, "SHUTDOWN_SECONDS", 0.2)
    models = [
        Closing(lambda request: Says(candidate_text("42")), label=label) for label in ("a", "b")
    ]
    models[0].how = how
    settings = Settings(
        home=tmp_path, solvers={one.name[-1]: SolverSettings(model=one.name) for one in models}
    )
    pool = Pool(settings, {one.name: one for one in models})
    with anyio.fail_after(10):
        with pytest.raises(OSError, match="closed") if how == "it fails" else nullcontext():
            async with open_service(settings, pool=pool) as service:
                for entry in pool.entries(["a", "b"]):
                    await pool.model(entry.spec)
                records = service.records

        with pytest.raises(JournalError, match="is closed"):
            await records.open_run("r", first_record())
    assert models[1].closed
    assert not list((tmp_path / "processes").iterdir())
    told = (
        [] if how == "it fails" else ["closing the models took longer than 0.2 s and was given up"]
    )
    assert caplog.messages == told
