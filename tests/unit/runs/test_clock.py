"""Seconds that pass, whatever is done to the clock on the wall."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.runs.clock import RunClock, today
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

HOUR = 3_600.0


class Wall:
    """The clock on the wall, which somebody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set_by = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.set_by)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -1e9])
async def test_a_clock_of_a_run_is_set_by_nobody(jump: float, wall: Wall) -> None:
    clock = RunClock()
    began, calendar = clock.now(), time.time()
    wall.set_by = jump

    times = [clock.now() for _ in range(100)]

    assert abs(began - calendar) < 60
    assert times == sorted(times)
    assert began <= times[0] <= times[-1] < began + 60


async def test_a_run_that_is_taken_up_goes_on_from_where_it_was(wall: Wall) -> None:
    """Also where the clock was set back meanwhile, or another process tells a later time."""
    last = time.time()
    wall.set_by = -HOUR
    clock = RunClock(last)

    assert clock.now() >= last
    clock.set(last + 7)
    assert last + 7 <= clock.now() < last + 67


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_run_and_its_candidates_took_the_seconds_that_passed(
    jump: float, wall: Wall, tmp_path: Path
) -> None:
    """Whoever looks, while it runs and after it has ended, and when it was resumed."""

    def script(request: ModelRequest) -> Says:
        # The call is on record by now, and its reply is not.
        wall.set_by = jump
        return Says(synthesis_text("42") if request.tools else candidate_text("42"))

    model = Scripted(script)
    settings = Settings(home=tmp_path, solvers={"s": SolverSettings(model=model.name)})
    seen: list[RunView] = []
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
        seen.append(view_of(await service.look(run_id)))
        with anyio.fail_after(10):
            seen.append(view_of(await service.wait(run_id, 60)))
        await service.resume(run_id, max_explores=9)
        with anyio.fail_after(10):
            seen.append(view_of(await service.wait(run_id, 60)))

    assert wall.set_by == jump
    assert seen[-1].status == "answered"
    for view in seen:
        assert 0 <= view.elapsed_s < 60
        assert all(0 <= (one.elapsed_s or 0.0) < 60 for one in view.candidates)


def test_the_day_is_a_date_of_the_calendar() -> None:
    year, month, day = today().split("-")
    assert (len(year), len(month), len(day)) == (4, 2, 2)
