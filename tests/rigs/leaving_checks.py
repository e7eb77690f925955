"""A trial of the leaving rig, and what must hold of a home once its server was left.

The checks raise `AssertionError` where it does not. They do nothing to any process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from crash_play import ANSWER, problem_text
from leaving_home import SIGKILL, Home, Run, wait_for
from leaving_play import CALLS, LeavingApi, again
from leaving_server import PATIENCE, Server

from atlas_mcp.testing.home_processes import HomeProcess
from atlas_mcp.testing.messages_api import API_KEY

CONFIGURATION = """\
[orchestrator]
model = "anthropic/claude-sonnet-5-5"
max_tokens = 2048
[solvers.sonnet]
model = "anthropic/claude-sonnet-5-5"
max_tokens = 2048
"""
"""Small ceilings, so that what a kill loses for certain (all that was held) leaves money."""

GRACE = 3.0
"""Seconds that calls in flight get; all replies take less."""

AT_ONCE = 0.5
"""Seconds within which what happens at once has happened, on a machine that is busy."""

SETTLED = 10.0
"""Seconds after which no process is left, once runs and grace are over."""


@dataclass
class Trial:
    """One performance of a scene.

    Attributes:
        api: The models.
        url: Where they are.
        folder: An empty folder.
        random: Decides instants and ways.
        problem: The number of its first problem; the next hundred are its own too.
        figures: The worst seconds that it saw, by what they are of.
    """

    api: LeavingApi
    url: str
    folder: Path
    random: Random
    problem: int
    figures: dict[str, float] = field(default_factory=dict[str, float])

    def note(self, name: str, value: float) -> None:
        self.figures[name] = max(value, self.figures.get(name, 0.0))

    @contextmanager
    def home(self) -> Generator[Home]:
        """Yield a home; whatever process still uses it at the end is killed."""
        config = self.folder / "atlas.toml"
        config.write_text(CONFIGURATION)
        home = Home(
            self.folder / "atlas",
            {
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "ATLAS_HOME": str(self.folder / "atlas"),
                "ATLAS_CONFIG": str(config),
                "ATLAS_SERVER_GRACE_S": str(GRACE),
                "ANTHROPIC_API_KEY": API_KEY,
                "ANTHROPIC_BASE_URL": self.url,
            },
        )
        try:
            yield home
            log = home.log()
            assert "Traceback" not in log, f"a driver complained:\n{log}"
        except AssertionError as error:
            error.add_note(f"driver.log:\n{home.log()[-3_000:]}")
            raise
        finally:
            for process in home.processes():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, SIGKILL)

    @contextmanager
    def server(self, home: Home, **environ: str) -> Generator[Server]:
        server = Server(home, **environ)
        try:
            yield server
        except AssertionError as error:
            error.add_note(f"the server: {server.process.poll()}, {''.join(server.log)[-3_000:]}")
            raise
        finally:
            server.bury()
        assert "Traceback" not in "".join(server.log), f"the server complained: {server.log}"

    def pause(self, longest: float) -> None:
        """Wait for a random time."""
        time.sleep(self.random.uniform(0.0, longest))


def driver_of(home: Home, server: Server) -> HomeProcess:
    """Return the driver of the only server of a home, once it is there."""
    found: list[HomeProcess] = []

    def look() -> bool:
        found[:] = home.drivers(server.pid)
        return bool(found)

    assert wait_for(look, PATIENCE), "no driver came"
    assert len(found) == 1, f"several drivers: {found}"
    return found[0]


def check_left(trial: Trial, home: Home, server: Server) -> None:
    """Check what follows once a server has been made to end: it ends, and its pipes with it."""
    assert server.ended(GRACE + SETTLED), "the server goes on"
    died_at = time.monotonic()
    alive = bool(home.processes())
    assert wait_for(lambda: server.silent_at is not None, SETTLED), "its pipes have not ended"
    assert server.silent_at is not None
    if alive:
        trial.note("pipes ended", max(server.silent_at - died_at, 0.0))
    assert server.silent_at - died_at < 2 * AT_ONCE, "its pipes ended late"


def check_none_left(trial: Trial, home: Home, *, within: float = PATIENCE) -> None:
    """Check that all processes of a home end."""
    began = time.monotonic()
    assert wait_for(lambda: not home.processes(), within), f"left: {home.processes()}"
    trial.note("no process", time.monotonic() - began)


def check_answered(trial: Trial, home: Home, problem: int) -> None:
    """Check that the run of a problem has its answer, and no call was made again."""
    run = run_of(home, problem)
    assert run is not None, "its run is not on record"
    end = run.state.finished
    assert end is not None, f"its run has not ended; stopped by {run.state.stop_cause}"
    assert (end.status, end.answer) == ("answered", ANSWER), f"its run ended as {end}"
    calls = trial.api.calls_of(problem)
    assert not again(calls), f"calls made again: {again(calls)}"
    assert len(calls) == CALLS, f"{len(calls)} calls"


def check_stopped(trial: Trial, home: Home, problem: int, cut_at: float) -> None:
    """Check that a run stopped when it was cut, and kept what was in flight.

    Args:
        trial: The trial.
        home: Its home, whose processes have ended.
        problem: The problem of the run.
        cut_at: When it was cut, Unix seconds.
    """
    calls = trial.api.calls_of(problem)
    run = run_of(home, problem)
    begun = () if run is None else run.begun
    assert len(begun) >= len(calls), f"{len(calls)} calls, and {len(begun)} on record"
    latest = max((at - cut_at for at in begun), default=0.0)
    trial.note("last call begun", latest)
    assert latest < AT_ONCE, f"a call was begun {latest:.2f} s after the cut"
    assert not again(calls), f"calls made again: {again(calls)}"
    assert all(one.replied_at for one in calls), "a call in flight got no grace"
    if run is not None:
        end = run.state.finished
        # Between its opening and its first call, its server may die with it.
        assert end is not None or not calls, "its run has not ended"
        assert end is None or end.status in ("cancelled", "answered"), f"it is {end}"
        assert run.replies == len(calls), f"{run.replies} of {len(calls)} replies kept"


def run_of(home: Home, problem: int) -> Run | None:
    """Return the run of a problem; `None` if there is none."""
    runs = [one for one in home.runs() if one.state.problem.text == problem_text(problem)]
    assert len(runs) <= 1, f"several runs of one problem: {[one.run_id for one in runs]}"
    return runs[0] if runs else None
