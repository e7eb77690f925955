"""The scenes of the leaving rig: what is done to the processes of a home, and what must follow.

A scene ends by itself where all is well, and raises `AssertionError` where it is not.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack

from crash_play import problem_text
from leaving_checks import (
    AT_ONCE,
    GRACE,
    SETTLED,
    Trial,
    check_answered,
    check_left,
    check_none_left,
    check_stopped,
    driver_of,
    run_of,
)
from leaving_home import SIGKILL, Home, wait_for
from leaving_play import MARGIN, OTHER_KEY, again
from leaving_server import PATIENCE, WAYS, Server, Way

from atlas_mcp.testing.messages_api import API_KEY
from atlas_mcp.views.run_view import RunView

LONGEST = 2.5
"""Seconds after which a server is left at the latest; its run takes about as long."""

LONGEST_START = 2.0
"""Seconds that a server and its driver take to start."""

ABREAST = 4
"""Servers that one home has at once."""


def take_promise(trial: Trial, server: Server, problem: int) -> None:
    """Hand a problem over, and be told in one of three ways that its run goes on."""
    text = problem_text(problem)
    kind = trial.random.choice(["at once", "after a wait", "as a task"])
    if kind == "as a task":
        server.begin_task(problem=text)
        return
    server.greet()
    wait = 0.0 if kind == "at once" else round(trial.random.uniform(0.1, 1.0), 1)
    view = server.view(server.call("solve_with_atlas", problem=text, wait_s=wait))
    assert view.status == "running", f"it is {view.status}"


def promised(trial: Trial, way: Way) -> None:
    """A server is left whose caller was told `running`: the run is finished."""
    with trial.home() as home, trial.server(home) as server:
        take_promise(trial, server, trial.problem)
        trial.pause(LONGEST)
        way(server)
        check_left(trial, home, server)
        check_none_left(trial, home)
        check_answered(trial, home, trial.problem)


def cut(trial: Trial, way: Way) -> None:
    """A server is left while a request waits, or just after it was cancelled: the run stops."""
    problem = trial.problem
    with trial.home() as home, trial.server(home) as server:
        server.greet()
        number = server.call("solve_with_atlas", problem=problem_text(problem))
        if trial.random.random() < 0.7:
            assert wait_for(lambda: bool(trial.api.calls_of(problem)), PATIENCE), "no call"
        trial.pause(LONGEST)
        cut_at = time.time()
        if trial.random.random() < 0.5:
            server.cancel(number)
            trial.pause(0.5)
        way(server)
        check_left(trial, home, server)
        check_none_left(trial, home, within=GRACE + SETTLED)
        check_stopped(trial, home, problem, cut_at)


def cut_early(trial: Trial) -> None:
    """A server is killed at some instant of its start, with a request on its way."""
    with trial.home() as home, trial.server(home) as server:
        server.greet(waits=False)
        server.call("solve_with_atlas", problem=problem_text(trial.problem))
        trial.pause(LONGEST_START)
        cut_at = time.time()
        server.process.kill()
        check_left(trial, home, server)
        check_none_left(trial, home, within=GRACE + SETTLED)
        check_stopped(trial, home, trial.problem, cut_at)


def promised_to_stop(trial: Trial) -> None:
    """A server is killed that was told to finish nothing: also a run that was promised stops."""
    with trial.home() as home, trial.server(home, ATLAS_SERVER_WHEN_CLIENT_LEAVES="stop") as server:
        take_promise(trial, server, trial.problem)
        trial.pause(LONGEST)
        cut_at = time.time()
        server.process.kill()
        check_left(trial, home, server)
        check_none_left(trial, home, within=GRACE + SETTLED)
        check_stopped(trial, home, trial.problem, cut_at)


def asked_again(trial: Trial) -> None:
    """A server is left in some way while its request waits; another is asked the same.

    The second comes in the grace of the first one's calls, or after it.
    """
    text = problem_text(trial.problem)
    with trial.home() as home:
        with trial.server(home) as server:
            server.greet()
            server.call("solve_with_atlas", problem=text)
            came = wait_for(lambda: bool(trial.api.calls_of(trial.problem)), PATIENCE)
            assert came, "no call"
            trial.pause(LONGEST)
            trial.random.choice(list(WAYS.values()))(server)
            trial.pause(LONGEST)
        with trial.server(home) as server:
            server.greet()
            view = server.view(server.call("solve_with_atlas", problem=text, wait_s=PATIENCE))
            assert view.status == "answered", f"asked again, it is {view.status}: {view.next}"
            server.close_input()
            check_left(trial, home, server)
        check_none_left(trial, home, within=GRACE + SETTLED)
        check_answered(trial, home, trial.problem)


def driver_killed(trial: Trial) -> None:
    """SIGKILL of the driver: waiting callers are told, and the run is resumed by another."""
    _interrupt(trial, SIGKILL, server_too=False)


def driver_ended(trial: Trial) -> None:
    """SIGTERM to the driver: it keeps what arrived, and ends within two seconds."""
    _interrupt(trial, signal.SIGTERM, server_too=False)


def both_killed(trial: Trial) -> None:
    """SIGKILL of a server and its driver: the run is resumed by those that come next."""
    _interrupt(trial, SIGKILL, server_too=True)


def _interrupt(trial: Trial, number: signal.Signals, *, server_too: bool) -> None:
    problem = trial.problem
    with trial.home() as home, trial.server(home) as server:
        server.greet()
        driver = driver_of(home, server)
        asked = server.call("solve_with_atlas", problem=problem_text(problem))
        assert wait_for(lambda: bool(trial.api.calls_of(problem)), PATIENCE), "no call"
        trial.pause(LONGEST)
        at = time.monotonic()
        if server_too and trial.random.random() < 0.5:
            server.process.kill()
        os.kill(driver.pid, number)
        if server_too:
            server.process.kill()
        gone = wait_for(lambda: driver not in home.processes(), PATIENCE)
        assert gone, "the driver goes on"
        took = time.monotonic() - at
        trial.note("driver ended", took)
        assert took < 2.0 + AT_ONCE, f"the driver took {took:.2f} s to end"
        calls = trial.api.calls_of(problem)
        run = run_of(home, problem)
        assert run is not None, "no run on record"
        end = run.state.finished
        assert end is None or end.status == "answered", f"not interrupted but {end}"
        complete = sum(one.replied_at is not None and one.replied_at < at - MARGIN for one in calls)
        assert run.replies >= complete, f"{run.replies} of {complete} replies kept"
        if not server_too:
            view = server.view(asked, SETTLED)
            trial.note("caller told", time.monotonic() - at)
            assert view.status in ("interrupted", "answered"), f"the caller was told {view.status}"
            _resume(trial, home, server, at)
    if server_too:
        with trial.home() as home, trial.server(home) as server:
            server.greet()
            _resume(trial, home, server, at)


def _resume(trial: Trial, home: Home, server: Server, at: float) -> None:
    """Resume the run that was interrupted, and check that nothing complete is made again."""
    run = run_of(home, trial.problem)
    assert run is not None, "no run on record"
    view = server.view(server.call("resume_run", run_id=run.run_id, wait_s=PATIENCE))
    assert view.status == "answered", f"resumed, it is {view.status}: {view.next}"
    repeated = again(trial.api.calls_of(trial.problem), before=at)
    assert not repeated, f"finished calls made again: {repeated}"
    server.close_input()
    check_left(trial, home, server)
    check_none_left(trial, home, within=GRACE + SETTLED)


def two_keys(trial: Trial) -> None:
    """Two clients with keys of their own in one home: each is used for its own runs alone."""
    first, second, third = range(trial.problem, trial.problem + 3)
    with (
        trial.home() as home,
        trial.server(home) as one,
        trial.server(home, ANTHROPIC_API_KEY=OTHER_KEY) as other,
    ):
        one.greet()
        other.greet()
        views: dict[int, RunView] = {}
        views[first] = one.view(one.call("solve_with_atlas", problem=problem_text(first), wait_s=0))
        # The other's client joins that run, cancels one, and looks at one.
        joining = other.call("solve_with_atlas", problem=problem_text(first), wait_s=PATIENCE)
        for problem, server in ((second, other), (third, one)):
            number = server.call("solve_with_atlas", problem=problem_text(problem), wait_s=0)
            views[problem] = server.view(number)
        arguments = [argument for each in home.processes() for argument in each.argv]
        other.view(other.call("cancel_run", run_id=views[third].run_id))
        shown = other.view(other.call("get_run", run_id=views[first].run_id))
        assert shown.run_id == views[first].run_id
        joined = other.view(joining)
        assert joined.run_id == views[first].run_id, "the other's identical call did not join"
        trial.random.choice([one, other]).process.kill()
        for each in (one, other):
            each.close_input()
            check_left(trial, home, each)
        check_none_left(trial, home)
        for problem, key in ((first, API_KEY), (second, OTHER_KEY), (third, API_KEY)):
            used = trial.api.keys_used[problem]
            assert used <= {key}, f"a key was used for another's run: {used}"
        check_answered(trial, home, first)
        check_answered(trial, home, second)
        for key in (API_KEY, OTHER_KEY):
            assert not home.files_with(key), f"the key is in {home.files_with(key)}"
            assert not any(key in one for one in arguments), "the key is an argument"
            assert key not in "".join(one.log + other.log), "the key is in a log"


def nothing_left(trial: Trial, servers: int) -> None:
    """Servers of one home are killed once their drivers are there, half with a promised run."""
    promised_runs: list[int] = []
    with trial.home() as home:
        for first in range(0, servers, ABREAST):
            abreast = min(ABREAST, servers - first)
            promised_runs += _abreast(trial, home, trial.problem + first, abreast)
        assert wait_for(
            lambda: all(one.state.finished is not None for one in home.runs()), PATIENCE
        ), "runs have not ended"
        check_none_left(trial, home, within=SETTLED)
        for problem in promised_runs:
            check_answered(trial, home, problem)
        assert len(home.runs()) == len(promised_runs), "more runs than were asked for"


def _abreast(trial: Trial, home: Home, first: int, servers: int) -> range:
    """Start some servers, see their drivers, have half of them promise a run, and kill all.

    Returns:
        The problems whose runs were promised, from `first` on.
    """
    problems = range(first, first + (servers + 1) // 2)
    with ExitStack() as stack:
        before = {one.pid for one in home.drivers()}
        started = [stack.enter_context(trial.server(home)) for _ in range(servers)]
        own = [one.pid for one in started]
        for each in started:
            each.greet()

        def drivers() -> int:
            return sum(one.pid not in before for one in home.drivers(*own))

        assert wait_for(lambda: drivers() >= servers, PATIENCE), f"{drivers()} drivers came"
        trial.note("processes at once", len(home.processes()))
        trial.note("MB of all at once", sum(one.memory() for one in home.processes()))
        for problem, server in zip(problems, started, strict=False):
            text = problem_text(problem)
            view = server.view(server.call("solve_with_atlas", problem=text, wait_s=0))
            assert view.status == "running", f"it is {view.status}"
        for server in started:
            trial.pause(0.2)
            server.process.kill()
            check_left(trial, home, server)
    return problems
