"""Real agents with our server, while models on the loopback stand in for theirs and for ATLAS's.

    python tests/rigs/agents.py [--quick] [--only codex,fastmcp] [--scenes solve,polled] [--brief]

Each program starts the server over stdio, with a home of its own. Its model calls our tools, does
as the results say, and tells the answer. Printed is how it ended, how much our tools take of the
model's context, and what the model received for each call, as it was. Ends with 1 if a program
ended without the answer, if a call came to nothing that should not have, or if the server or the
program complained. Programs and libraries are installed on first use, which needs npm.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent_programs import PROGRAMS, QUICK, Place, Program
from host_models import (
    ANSWER,
    REASON,
    RUNNING,
    HostModel,
    Play,
    Result,
    explore,
    solve,
    solve_on,
    solve_typed,
    tell_why,
)
from leaving_home import Home, wait_for

from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, serve, status

PROMPT = "Solve the problem with atlas, and tell me the answer."

PATIENCE = 120
"""Seconds in which a program must have ended, beside those that ATLAS's models take."""

SETTLED = 10
"""Seconds after the end of a program in which all processes of ours end."""

STARTING = 5
"""Seconds that a server and its driver may take to start, on a machine that is busy."""

LOOK_EVERY = 0.2
"""Seconds between two looks at the processes."""

LONG = 60
"""Seconds from which on a scene is played by all programs at once."""

MOST_GIVEN_UP = 3
"""Calls that a program may give up by itself: by then the server knows its patience."""

CHARS_PER_TOKEN = 4

INHERITED = ("LANG", "SSL_CERT_FILE")

COMPLAINT = re.compile(
    r"\b(warn(ing)?|error)\b.*(mcp|atlas)|(mcp|atlas).*\b(warn(ing)?|error)\b", re.I
)
"""A line of a program's log that speaks of something wrong, and may mean this server."""

JUSTIFICATION = " ".join(
    f"Step {number}: the cubes up to {number}³ are added in pairs, and no sum comes up twice."
    for number in range(1, 12)
)
"""About 250 tokens."""


@dataclass(frozen=True)
class Scene:
    """One scene that is tried.

    Attributes:
        name: For `--scenes`.
        play: The acts of the agent's model.
        latency: Seconds that each of ATLAS's models takes.
        turns: Turns in which ATLAS's orchestrator asks for another explore.
        respond_within: Seconds in which the server answers a call; `None` for its own.
        timeout: Seconds after which the client gives a call up; `None` for its own.
        answer: The answer of ATLAS's models; `None` where they refuse all calls.
        failures: Most calls that may come to nothing, of which the program may complain.
    """

    name: str
    play: Play
    latency: float = 0.0
    turns: int = 0
    respond_within: float | None = None
    timeout: float | None = None
    answer: object = ANSWER
    failures: int = 0

    @property
    def seconds(self) -> float:
        """How long ATLAS's models take, one after the other."""
        return self.latency * (2 + 2 * self.turns)

    @property
    def wanted(self) -> str:
        """The words that the program must tell its user."""
        return REASON if self.answer is None else ANSWER


SCENES = (
    Scene("solve", solve),
    Scene("typed", solve_typed, answer=int(ANSWER)),
    Scene("polled", solve, latency=1.5, respond_within=2.0),
    Scene("explores", explore, latency=0.5),
    Scene("refused", tell_why, answer=None, failures=1),
    Scene("given_up", solve, latency=5.5, timeout=7.0, failures=2),
    Scene("seven", solve_on, latency=3.5),
    Scene("minutes", solve_on, latency=20.0, turns=5),
)


@dataclass
class Watch:
    """What is seen of the processes of a home, look by look.

    Attributes:
        ids: All of them.
        most: The most at once.
        memory: The most memory that they had together, in MB.
        left: Those that have not ended in time.
    """

    ids: set[int] = field(default_factory=set[int])
    most: int = 0
    memory: float = 0.0
    left: int = 0

    @contextmanager
    def over(self, home: Home) -> Generator[None]:
        """Watch a home over a block, and wait for the end of its processes."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_EVERY):
                processes = home.processes()
                self.ids |= {one.pid for one in processes}
                self.most = max(self.most, len(processes))
                self.memory = max(self.memory, sum(one.memory() for one in processes))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
            wait_for(lambda: not home.processes(), SETTLED)
            self.left = len(home.processes())
        finally:
            ended.set()
            thread.join()


@dataclass(frozen=True)
class Outcome:
    """How a run of a program ended.

    Attributes:
        said: Its standard output.
        logged: Its standard error, and its log.
        code: Its exit code, `None` if it did not end.
        seconds: How long it took.
        host: Its model.
        models: Those of ATLAS.
        server_log: The logs of the server, and of the processes that drive its runs.
        watch: What was seen of these.
    """

    said: str
    logged: str
    code: int | None
    seconds: float
    host: HostModel
    models: MessagesApi
    server_log: str
    watch: Watch

    @property
    def results(self) -> list[Result]:
        return self.host.last.results

    @property
    def complaints(self) -> list[str]:
        lines = [f"server: {line}" for line in self.server_log.splitlines()]
        return lines + [one for one in self.logged.splitlines() if COMPLAINT.search(one)]

    @property
    def repeated(self) -> int:
        """How many calls of ATLAS's models were made again; solvers differ by their strategy."""
        return sum(count - 1 for count in Counter(self.models.raw_bodies).values())

    def faults(self, program: Program, scene: Scene) -> Iterator[str]:
        """Yield what is wrong with it."""
        yield from self.host.wrong[:1]
        if self.code != 0 or scene.wanted not in self.said:
            yield "no answer"
        patient = program.patience is None or program.patience > scene.seconds + STARTING
        failures = scene.failures if patient else MOST_GIVEN_UP
        if sum(result.failed for result in self.results) > failures:
            yield "calls came to nothing"
        if scene.respond_within and not any(RUNNING.search(one.text) for one in self.results):
            yield "nothing was polled"
        if scene.timeout and not any(one.failed for one in self.results):
            yield "nothing was given up"
        if self.complaints if failures == 0 else self.server_log:
            yield "complaints"
        if self.repeated:
            yield "model calls made again"
        if self.watch.left:
            yield f"{self.watch.left} processes left"


def models_of_atlas(scene: Scene) -> MessagesApi:
    """Return what solvers and orchestrator are asked."""
    if scene.answer is None:
        return MessagesApi(lambda body: status(403, message=REASON))
    said = json.loads(candidate_text(scene.answer)) | {"justification": JUSTIFICATION}
    turns = [explores({"instruction": f"Attempt {number}."}) for number in range(scene.turns)]
    turns.append(ApiReply(text=synthesis_text(scene.answer)))
    return MessagesApi(
        AtlasPlay(
            solver=lambda n: ApiReply(text=json.dumps(said), latency=scene.latency),
            orchestrator=[replace(one, latency=scene.latency) for one in turns],
        )
    )


def server_of(folder: Path, url: str, scene: Scene) -> dict[str, Any]:
    """Return how a program starts our server, which logs into the folder."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ATLAS_HOME": str(folder / "atlas"),
        "ANTHROPIC_API_KEY": API_KEY,
        "ANTHROPIC_BASE_URL": url,
    }
    if scene.respond_within is not None:
        environ["ATLAS_SERVER_RESPOND_WITHIN_S"] = str(scene.respond_within)
    # In the shell's own process, so that signals reach it as they would without one.
    logged = f'exec "$0" 2>>"{folder}/server.log"'
    program = str(Path(sys.executable).with_name("atlas-mcp"))
    return {"command": "/bin/sh", "args": ["-c", logged, program], "env": environ}


def run(program: Program, scene: Scene, programs: Path, folder: Path) -> Outcome:
    """Let a program play a scene in an empty folder."""
    host = HostModel(program.wire(), scene.play)
    models = models_of_atlas(scene)
    watch = Watch()
    home = Home(folder / "atlas", {})
    with serve(models) as models_url, serve(host) as url, watch.over(home):
        server = server_of(folder, models_url, scene)
        start = program.start(Place(folder, url, server, PROMPT, scene.timeout), programs)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environ = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)} | inherited
        began = time.monotonic()
        patience = PATIENCE + scene.seconds
        said, logged, code = ended(start.argv, {**environ, **start.environ}, folder, patience)
        seconds = time.monotonic() - began
    logged += read(folder / "client.log")
    server_log = read(folder / "server.log") + home.log()
    return Outcome(said, logged, code, seconds, host, models, server_log, watch)


def ended(
    argv: list[str], environ: dict[str, str], folder: Path, patience: float
) -> tuple[str, str, int | None]:
    """Run a program to its end; return what it wrote and its exit code."""
    with subprocess.Popen(
        argv,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said, logged = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            said, logged = process.communicate()
            return said, logged, None
    return said, logged, process.returncode


def read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


# What is told

TELLING = threading.Lock()
"""Keeps the lines of one program together."""


def size(text: str) -> str:
    return f"{len(text):,} characters, about {len(text) // CHARS_PER_TOKEN:,} tokens"


def tell(program: Program, scene: Scene, outcome: Outcome, *, brief: bool) -> bool:
    """Print how a program ended, and what its model received; return whether all was well."""
    with TELLING:
        return _tell(program, scene, outcome, brief=brief)


def _tell(program: Program, scene: Scene, outcome: Outcome, *, brief: bool) -> bool:
    faults = list(outcome.faults(program, scene))
    tools = outcome.host.last.tools
    written = json.dumps(tools, ensure_ascii=False, separators=(",", ":"))
    print(
        f"{'FAIL' if faults else 'ok  '} {program.name} ({program.packages[0]}), {scene.name}: "
        f"{', '.join(faults) or 'ended well'} after {outcome.seconds:.1f} s, "
        f"{len(outcome.results)} tool calls, {outcome.models.requests} calls of ATLAS's models, "
        f"{outcome.repeated} of them again; {len(outcome.watch.ids)} processes of ours, "
        f"{outcome.watch.most} at once, of {outcome.watch.memory:.0f} MB; "
        f"{len(tools)} tools of {size(written)}"
    )
    for number, result in enumerate(outcome.results, 1):
        print(f"     {number}. {form(result)}, {size(result.text)}")
        if not brief:
            print(textwrap.indent(result.text, "        | ", lambda line: True))
    for line in outcome.complaints:
        print(f"     ! {line}")
    if faults:
        print(f"     exit code {outcome.code}; it wrote:")
        print(textwrap.indent(f"{outcome.said}\n{outcome.logged}", "        : "))
    sys.stdout.flush()
    return not faults


def form(result: Result) -> str:
    """Return which half of a tool result a model received."""
    if result.failed:
        return "a failure"
    return "the structure" if '"run_id":' in result.text else "the text"


def chosen(names: str | None, known: Sequence[str]) -> list[str]:
    wanted = names.split(",") if names else list(known)
    if strange := set(wanted) - set(known):
        sys.exit(f"there is no {', '.join(sorted(strange))}; there are {', '.join(known)}")
    return wanted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Those that are soon installed.")
    parser.add_argument("--only", help="Programs, by name.")
    parser.add_argument("--scenes", help="What is tried, by name.")
    parser.add_argument("--brief", action="store_true", help="Print no results.")
    options = parser.parse_args()
    names = QUICK if options.quick else chosen(options.only, [one.name for one in PROGRAMS])
    short = [one.name for one in SCENES if not options.quick or one.seconds < LONG]
    scenes = chosen(options.scenes, short)
    jobs = [
        (program, scene)
        for program in PROGRAMS
        for scene in SCENES
        if program.name in names and scene.name in scenes
    ]
    # One after the other: they may share a folder.
    installed = {program.name: program.installed() for program, _ in jobs}

    def play(job: tuple[Program, Scene]) -> bool | None:
        program, scene = job
        if scene.name in program.omitted:
            print(f"     {program.name}, {scene.name}: not played; {program.omitted[scene.name]}")
            return None
        with tempfile.TemporaryDirectory() as folder:
            outcome = run(program, scene, installed[program.name], Path(folder))
        return tell(program, scene, outcome, brief=options.brief)

    ended = [play(job) for job in jobs if job[1].seconds < LONG]
    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        ended += pool.map(play, [job for job in jobs if job[1].seconds >= LONG])
    good = [one for one in ended if one is not None]
    print(f"{sum(good)} of {len(good)} ended as they should")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
