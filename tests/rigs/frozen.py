"""One of two processes on a home is frozen past its lease, its run is taken over, and it is woken.

    python tests/rigs/frozen.py

The programs themselves, a server with the process that drives its runs, frozen with SIGSTOP and
woken with SIGCONT: while solvers are at work or while the orchestrator is, woken while the other is
at work or once it has finished, as a command or as a server with a client. Ends with 1 unless every
run has one result, no event of the one that slept after it was taken over, no call beyond those of
the two, and both clients the same answer. Takes as long as a lease lasts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import anyio
import anyio.to_thread
from leaving_home import SIGKILL
from typing_extensions import override

from atlas_mcp.atlas.events import CallsLost, Record, RunFinished
from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.base import ListedRun
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.home_processes import processes_of
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, serve
from atlas_mcp.views.run_view import RunView

COMMAND = [sys.executable, "-m", "atlas_mcp"]
PATIENCE = 60.0
"""Seconds for what must happen: a lease, and all else on a machine that is busy."""

LOSER, WINNER = "the loser's", "the winner's"


@dataclass(frozen=True)
class Case:
    client: Literal["a command", "a server"]
    at_work: Literal["solvers", "orchestrator"]
    woken: Literal["meanwhile", "afterwards"]

    @property
    def losers(self) -> range:
        """The calls that the loser makes, in the order in which they come."""
        return range(2) if self.at_work == "solvers" else range(3)

    @property
    def winners(self) -> range:
        """The calls that the winner makes after them: those it has to make again, and the rest."""
        first = len(self.losers)
        return range(first, first + (3 if self.at_work == "solvers" else 1))


CASES = (
    Case("a command", "solvers", "meanwhile"),
    Case("a command", "solvers", "afterwards"),
    Case("a command", "orchestrator", "meanwhile"),
    Case("a command", "orchestrator", "afterwards"),
    Case("a server", "solvers", "meanwhile"),
    Case("a server", "orchestrator", "afterwards"),
)


class Held(MessagesApi):
    """The API, which says in each answer whose call it was, and holds those that are held."""

    def __init__(self, case: Case) -> None:
        super().__init__(self._say)
        self.case = case
        self.number = -1
        self._came = 0
        gates = case.losers if case.at_work == "solvers" else case.losers[-1:]
        self.losers = {number: threading.Event() for number in gates}
        self.winners = threading.Event()

    @override
    async def answer(self, exchange: Any, raw: bytes) -> None:
        self._came += 1
        number = self._came - 1
        gate = self.losers.get(number)
        if number >= len(self.case.losers):
            gate = self.winners
        if gate is not None:
            await anyio.to_thread.run_sync(gate.wait, abandon_on_cancel=True)
        self.number = number
        await super().answer(exchange, raw)

    def _say(self, body: dict[str, Any]) -> ApiReply:
        whose = LOSER if self.number in self.case.losers else WINNER
        text = synthesis_text(whose) if "tools" in body else candidate_text(whose)
        return ApiReply(text=text)

    def let_go(self) -> None:
        for gate in (*self.losers.values(), self.winners):
            gate.set()


@dataclass
class Program:
    """A process of ours, and what it says."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list[str])

    def until(self, found: Callable[[str], bool]) -> str:
        """Return the first line on stderr that is looked for."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if found(line):
                return line
        raise AssertionError(f"it ended after {self.said}")


@dataclass
class Home:
    """A home, and the environment that leads programs to it and to the API."""

    folder: Path
    environ: dict[str, str]

    def start(self, *arguments: str) -> Program:
        pipe = subprocess.PIPE
        command = [*COMMAND, *arguments]
        return Program(
            subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, env=self.environ, text=True
            )
        )

    def look(self) -> tuple[ListedRun, tuple[Record, ...]]:
        """Return the one run there is, and its records."""

        async def read() -> tuple[ListedRun, tuple[Record, ...]]:
            journal = SqliteJournal(self.folder)
            try:
                (run,) = await journal.list_runs()
                return run, await journal.read(run.run_id)
            finally:
                await journal.aclose()

        return anyio.run(read)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not {what} within {PATIENCE:.0f} s")
        time.sleep(0.5)


def send(program: Program, message: dict[str, Any]) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    program.process.stdin.flush()


def begin(home: Home, case: Case) -> Program:
    """Start the one that will sleep, with a client that waits for the answer."""
    problem = "What is 6 times 7?"
    if case.client == "a command":
        return home.start("solve", "--json", problem)
    program = home.start()
    client = {"name": "rig", "version": "1"}
    greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    send(program, {"id": 1, "method": "initialize", "params": greeting})
    send(program, {"method": "notifications/initialized", "params": {}})
    call = {"name": "solve_with_atlas", "arguments": {"problem": problem, "wait_s": 3_600}}
    send(program, {"id": 2, "method": "tools/call", "params": call})
    return program


def only(whole: Any, part: Any) -> Any:
    """Return of a value the fields that a part of it has, at every depth."""
    if isinstance(part, dict):
        fields = cast("dict[str, Any]", part)
        return {name: only(whole[name], value) for name, value in fields.items()}
    if isinstance(part, list):
        items = cast("list[Any]", part)
        return [only(one, value) for one, value in zip(whole, items, strict=True)]
    return whole


def answer_of(program: Program, case: Case) -> RunView:
    """Return what the client of the one that slept gets."""
    process = program.process
    if case.client == "a command":
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, (process.returncode, err)
        return RunView.model_validate_json(out)
    assert process.stdout is not None
    for line in process.stdout:
        message = json.loads(line)
        if message.get("id") == 2:
            return RunView.model_validate(message["result"]["structuredContent"])
    raise AssertionError("the server ended without an answer")


def play(case: Case, home: Home, api: Held, programs: list[Program]) -> str:
    """Play a case to its end and return what is worth telling of it."""
    assert sys.platform != "win32", "needs SIGSTOP and SIGCONT"
    loser = begin(home, case)
    programs.append(loser)
    wait_for(lambda: api.requests == len(case.losers), "all calls of the loser made")
    run, _ = home.look()
    # A server, and the process that drives its runs.
    asleep = [one.pid for one in processes_of(home.folder)]
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    frozen = time.monotonic()
    wait_for(lambda: not home.look()[0].driven, "the lease run out")
    lease = time.monotonic() - frozen
    _, before = home.look()

    winner = home.start("runs", "resume", run.run_id, "--json")
    programs.append(winner)
    wait_for(lambda: api.requests > len(case.losers), "the run taken over")
    if case.woken == "afterwards":
        api.winners.set()
        winner.process.wait(PATIENCE)
    _, taken = home.look()
    # What the loser was waiting for is there when it wakes.
    for gate in api.losers.values():
        gate.set()
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    loser.until(lambda line: "taken over" in line)
    _, woken = home.look()
    api.winners.set()
    view = RunView.model_validate_json(winner.process.communicate(timeout=PATIENCE)[0])
    shown = answer_of(loser, case)
    _, after = home.look()

    assert (view.status, view.answer) == ("answered", WINNER), view
    # A tool's result leaves out what stands in the run's resource.
    told = shown.model_dump(exclude_unset=True)
    assert told == only(view.model_dump(), told), (shown, view)
    assert taken[: len(before)] == before, "what was there is no longer"
    assert isinstance(taken[len(before)].event, CallsLost), taken[len(before)]
    assert woken == taken, woken[len(taken) :]
    assert after[: len(taken)] == taken, "what was there is no longer"
    ends = [record for record in after if isinstance(record.event, RunFinished)]
    assert ends == [after[-1]], ends
    whose = LOSER if case.at_work == "orchestrator" else WINNER
    assert [one.answer for one in view.candidates] == [whose] * 2, view.candidates
    assert api.requests == len(case.losers) + len(case.winners), api.requests
    assert RunState.fold(after).ledger.held == {}
    return f"{len(after)} records, {api.requests} calls, lease out after {lease:.0f} s"


def try_out(case: Case) -> bool:
    api = Held(case)
    programs: list[Program] = []

    def end_all() -> None:
        for program in programs:
            program.process.kill()

    # Reading from a process has no time limit of its own.
    late = threading.Timer(2 * PATIENCE, end_all)
    late.start()
    with serve(api) as url, tempfile.TemporaryDirectory() as folder:
        home = Home(
            Path(folder) / "atlas",
            {
                "PATH": os.environ["PATH"],
                "HOME": folder,
                "ATLAS_HOME": f"{folder}/atlas",
                "XDG_CONFIG_HOME": f"{folder}/config",
                "ANTHROPIC_API_KEY": API_KEY,
                "ANTHROPIC_BASE_URL": url,
            },
        )
        try:
            told = play(case, home, api, programs)
            good = True
        except (AssertionError, subprocess.TimeoutExpired) as error:
            told, good = f"{type(error).__name__}: {error}", False
        finally:
            late.cancel()
            api.let_go()
            end_all()
            for program in programs:
                program.process.wait()
            for left in processes_of(home.folder):
                with suppress(ProcessLookupError):
                    os.kill(left.pid, SIGKILL)
    mark = "ok  " if good else "FAIL"
    print(f"{mark} {case.client:9} asleep at its {case.at_work:12} woken {case.woken:10}  {told}")
    sys.stdout.flush()
    return good


def main(cases: Sequence[Case] = CASES) -> int:
    with ThreadPoolExecutor(len(cases)) as pool:
        good = list(pool.map(try_out, cases))
    print(f"{sum(good)} of {len(good)} cases: one result, and the same answer for both clients")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
