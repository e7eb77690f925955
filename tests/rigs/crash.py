"""Processes that drive runs are killed with SIGKILL at random instants, and nothing is lost.

    python tests/rigs/crash.py [--kills 1000] [--seed N]

Each process drives several runs at once against an API on the loopback; the next one resumes what
the one before left, opens new runs, and is killed in its turn, until all are resumed to their end.
Most processes are forked from one that has imported everything, and run the service of the program
over its whole life; every tenth is the program itself, as a command, or as a server together with
the process that drives its runs.

A call whose response was complete 50 ms or more before the kill must be in the journal and never be
made again; the 50 ms grow by the time by which the machine itself was late. Beside it are checked:
that every call was on record before it was made; that the orchestrator is asked again in the same
words, after the very turns it was told and gave before (the API refuses anything else); that no
call is made without a request; caps, and what was billed against what was counted; and that every
run gets its answer, and the question about it another one. Ends with 1 if any of it fails. Where it
may, it takes real-time priority: the 50 ms are the program's, not those of other programs.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain, count
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import anyio
from crash_play import QUESTION, SOLVERS, WIDE_CAP, Play, cap_of, problem_text
from crash_witness import Death, Tally, Witness, is_done
from machine_beat import MachineBeat
from typing_extensions import override

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.atlas.events import CallsLost
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.prices import load_prices
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.home_processes import processes_of
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from atlas_mcp.views.rendering import view_of

assert sys.platform != "win32", "needs fork and SIGKILL"

AT_ONCE = 8
"""Runs that one process drives at once."""

LONGEST_LIVES = (1.5, 1.5, 1.5, 0.2)
"""Seconds after which a forked process is killed at the latest: some turns of its runs, or hardly
more than the opening of the service and the resuming of what is left."""

LONGEST_PROGRAM = 5.0
"""The same for the program itself, which takes most of two seconds to start."""

PROGRAM_EVERY = 10
"""Every kill of this number is one of the program itself."""

KILLS_A_ROUND = 25
"""Kills after which all runs are resumed to their end, and a new journal is begun."""

PATIENCE = 120
"""Seconds in which all runs must end after the last kill."""

CONFIGURATION = "".join(
    [
        '[orchestrator]\nmodel = "anthropic/claude-sonnet-5-5"\nmax_tokens = 2048\n',
        *(
            f'[solvers.{name}]\nmodel = "anthropic/{model}"\nmax_tokens = 2048\n'
            for name, model in SOLVERS.items()
        ),
    ]
)
"""Small ceilings, so that what a kill loses for certain (all that was held) leaves money."""

QUICK = RetryPolicy(first_delay=0.02, longest_delay=0.1)


@dataclass(frozen=True)
class Life:
    """The work of a forked process.

    Attributes:
        environ: Its environment.
        first: Number of the first problem it opens.
        seconds: When it is killed; `None` for one that ends when all runs have, and opens none.
    """

    environ: dict[str, str]
    first: int
    seconds: float | None


# Processes that are forked


class Telling(logging.Handler):
    """Tells the rig what the package complains of."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(logging.WARNING)
        self._pipe = pipe

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.send(self.format(record))


def breed(pipe: Connection, other_end: Connection) -> None:
    """Fork a process for each life that comes through `pipe`, kill it, and tell of its end."""
    other_end.close()
    for client in ("anthropic", "httpx2"):
        import_module(client)
    load_prices()
    encode_event(CallsLost())
    # A fork copies what a collection touches: a tenth of a second, at some moment of every life.
    gc.freeze()
    while True:
        try:
            life: Life = pipe.recv()
        except EOFError:
            # The rig has ended.
            return
        process = os.fork()
        if process == 0:
            live(life, pipe)
        killed_at = math.inf
        if life.seconds is not None:
            time.sleep(life.seconds)
            killed_at = time.monotonic()
            os.kill(process, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code != (0 if life.seconds is None else -signal.SIGKILL):
            pipe.send(f"a process ended by itself, with {code}")
        pipe.send(Death(killed_at))


def live(life: Life, pipe: Connection) -> None:
    """Be a process of its own; does not return."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(life.environ)
        logging.basicConfig(handlers=[Telling(pipe)])
        anyio.run(drive, life, pipe)
        code = 0
    except BaseException:
        pipe.send(traceback.format_exc())
        raise
    finally:
        os._exit(code)


async def drive(life: Life, pipe: Connection) -> None:
    async with open_service(load_settings(os.environ), retries=QUICK) as service:
        listed = await service.list_runs(limit=None)
        left = [run for run in listed if not is_done(await service.state(run.run_id))]
        for run in left:
            view = view_of(await service.look(run.run_id))
            if view.status not in ("interrupted", "failed", "answered"):
                pipe.send(f"run {run.run_id} is {view.status}, and no process drives it")
        pipe.send(time.monotonic())
        new = () if life.seconds is None else count(life.first)
        jobs = chain((run.run_id for run in left), new)
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(AT_ONCE):
                    tasks.start_soon(work, service, jobs)


async def work(service: RunService, jobs: Iterator[str | int]) -> None:
    """Bring runs to their answer, and to that to a question: those of before, then new ones."""
    for job in jobs:
        if isinstance(job, int):
            wish = RunRequest(max_cost_usd=cap_of(job))
            run_id = await service.solve(make_problem(problem_text(job)), wish)
        else:
            run_id = job
        while view_of(await service.wait(run_id, math.inf)).status != "answered":
            await resume(service, run_id)
        while not is_done(await service.state(run_id)):
            await ask(service, run_id)


async def resume(service: RunService, run_id: str) -> None:
    """Let a run go on; one that ended without an answer ran out of money."""
    state = await service.state(run_id)
    cap = state.budget.max_cost_usd
    assert cap is not None
    if state.finished is not None and cap > WIDE_CAP:
        raise AssertionError(f"run {run_id} ended as {state.finished}")
    await service.resume(run_id, max_cost_usd=None if state.finished is None else cap + WIDE_CAP)


async def ask(service: RunService, run_id: str) -> None:
    """Ask the question about a run, and wait for its end."""
    try:
        await service.ask(run_id, QUESTION)
    except InvalidInput as error:
        # What a kill has cost counts against the cap: the error names one that would do.
        found = re.search(r"max_cost_usd=([0-9.]+)", error.rule)
        if found is None:
            raise
        await service.ask(run_id, QUESTION, max_cost_usd=float(found[1]))
    await service.wait(run_id, math.inf)


def life_of(pipe: Connection, life: Life) -> Death:
    """Let a forked process live and die."""
    pipe.send(life)
    asked_at, faults = math.inf, list[str]()
    while pipe.poll(2 * PATIENCE):
        told = pipe.recv()
        if isinstance(told, Death):
            name = f"a forked process of {life.seconds} s"
            return Death(told.at, asked_at, tuple(faults), name)
        if isinstance(told, float):
            asked_at = told
        else:
            faults.append(told)
    raise TimeoutError("a process neither ended nor was killed")


# The program itself


class Killed:
    """A process of the program that is killed after some seconds, with all that it started."""

    def __init__(self, arguments: list[str], environ: dict[str, str], seconds: float) -> None:
        self.asked_at = math.inf
        self.faults: list[str] = []
        self._at = math.inf
        self._name = f"`{' '.join(['atlas-mcp', *arguments])}` of {seconds:.3f} s"
        self._log = Path(environ["HOME"], "stderr")
        self._home = Path(environ["ATLAS_HOME"])
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "atlas_mcp", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environ,
            )
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.start()

    def _kill(self) -> None:
        self._at = time.monotonic()
        while left := processes_of(self._home):
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        self.process.kill()

    def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            message["id"] = number
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def lines(self) -> Iterator[bytes]:
        """Yield what it says until it is dead."""
        assert self.process.stdout is not None
        yield from self.process.stdout

    def death(self) -> Death:
        """Wait for its end."""
        self.process.communicate()
        self._timer.cancel()
        code, log = self.process.returncode, self._log.read_text()
        if code != -signal.SIGKILL:
            self._at = math.inf
        # 1 alone is a run without an answer: kill after kill, what was in flight has cost its cap.
        if code > 1 or "Traceback" in log or "atlas-mcp:" in log:
            self.faults.append(f"the program ended with {code}: {log}")
        return Death(self._at, self.asked_at, tuple(self.faults), self._name)


def killed_command(
    environ: dict[str, str], left: list[str], *, first: int, seconds: float
) -> Death:
    """Run a command: `runs resume` where there is anything to resume, else `solve`."""
    arguments = ["runs", "resume", left[0]] if left else ["solve", problem_text(first)]
    program = Killed([*arguments, "--json"], environ, seconds)
    program.asked_at = 0.0
    return program.death()


def killed_server(environ: dict[str, str], left: list[str], *, first: int, seconds: float) -> Death:
    """Run a server on stdin and stdout, and have it drive what is left and as many new runs."""
    program = Killed([], environ, seconds)
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "rig", "version": "1"},
    }
    wanted = [("resume_run", {"run_id": run_id}) for run_id in left] + [
        ("solve_with_atlas", {"problem": problem_text(number), "max_cost_usd": cap_of(number)})
        for number in range(first, first + AT_ONCE - len(left))
    ]
    try:
        program.send("initialize", hello, 0)
        for line in program.lines():
            if not line.endswith(b"\n"):
                # Killed while it spoke.
                break
            message = json.loads(line)
            result = message.get("result", {})
            if "error" in message or result.get("isError"):
                program.faults.append(line.decode())
            if message.get("id") != 0:
                continue
            program.send("notifications/initialized", {})
            program.asked_at = time.monotonic()
            for number, (name, arguments) in enumerate(wanted, start=1):
                call = {"name": name, "arguments": {**arguments, "wait_s": 0}}
                program.send("tools/call", call, number)
    except BrokenPipeError:
        # Killed while it was spoken to.
        pass
    return program.death()


# The rig


def play_round(
    pipe: Connection, kills: int, random: Random, tally: Tally, machine: MachineBeat
) -> None:
    """Kill processes of one home, then resume everything to its end."""
    api = MessagesApi(Play(Random(random.random())))
    with tempfile.TemporaryDirectory() as folder, serve(api) as url:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ATLAS_HOME": f"{folder}/atlas",
            "ATLAS_CONFIG": f"{folder}/atlas.toml",
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": url,
        }
        Path(folder, "atlas.toml").write_text(CONFIGURATION)
        witness = Witness(api, url, Path(folder, "atlas"), tally)
        until = tally.kills + kills
        for life in count(1):
            first = 1_000 * life
            if tally.kills == until:
                break
            if (tally.kills + 1) % PROGRAM_EVERY:
                seconds = random.uniform(0.0, random.choice(LONGEST_LIVES))
                death = life_of(pipe, Life(environ, first, seconds))
            else:
                program = random.choice([killed_command, killed_server, killed_server])
                seconds = random.uniform(0.0, LONGEST_PROGRAM)
                death = program(environ, witness.open_runs, first=first, seconds=seconds)
                tally.program_kills += death.at < math.inf
            tally.kills += death.at < math.inf
            witness.look(replace(death, late=machine.late(death.at)))
        witness.look(life_of(pipe, Life(environ, 0, None)))
        witness.look_at_the_end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="Default: another every time.")
    options = parser.parse_args()
    seed = Random().randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}; the machine's own timing is not repeated by it", flush=True)
    random, tally = Random(seed), Tally()
    if sys.platform == "linux":
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    pipe, end = multiprocessing.Pipe()
    # Forked before there is a thread.
    breeder = multiprocessing.get_context("fork").Process(
        target=breed, args=(end, pipe), daemon=True
    )
    breeder.start()
    end.close()
    while tally.kills < options.kills:
        known = len(tally.faults)
        kills = min(KILLS_A_ROUND, options.kills - tally.kills)
        with MachineBeat() as machine:
            play_round(pipe, kills, random, tally, machine)
        print(
            f"{tally.kills} kills, {tally.program_kills} of them of the program itself; "
            f"{tally.runs} runs, {tally.calls} calls, {tally.cut} of them cut",
            flush=True,
        )
        for fault in tally.faults[known:]:
            print(f"     {fault}", flush=True)
    pipe.close()
    breeder.join()
    good = not tally.faults and tally.finished > 0
    print(
        f"{'ok  ' if good else 'FAIL'} kills: {tally.kills}; finished candidates lost: "
        f"{tally.lost}; finished calls repeated: {tally.repeated}; runs left without an answer: "
        f"{tally.unanswered}; faults in all: {len(tally.faults)}. Calls that had been finished for "
        f"50 ms: {tally.finished}, {tally.narrow} of them for less than 100 ms; for less than "
        f"50 ms and made again: {tally.excused}. The oldest reply that a kill took had been "
        f"complete for {tally.oldest_lost * 1_000:.1f} ms. Before a kill the machine was late by "
        f"{tally.latest * 1_000:.0f} ms at most."
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
