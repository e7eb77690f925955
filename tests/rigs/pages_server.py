"""A server of pages in a process of its own, with a home and models on the loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaving_home import wait_for

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from atlas_mcp.atlas.events import Record
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, serve
from tests.support.shown_runs import in_time, keep

PATIENCE = 30.0
"""Seconds in which a server listens, and a run changes, on a machine that is busy."""

CONFIGURATION = """
[orchestrator]
model = "anthropic/claude-sonnet-5-5"
[solvers.sonnet]
model = "anthropic/claude-sonnet-5-5"
[solvers.haiku]
model = "anthropic/claude-haiku-5-5"
"""

QUESTION_MARK = "needs_new_evidence"
"""Stands in the schema of the reply to a question about a run, and of no other."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass
class Play:
    """What the models say, each after so many seconds.

    Attributes:
        seconds: The time that a reply takes.
        turns: Turns of the orchestrator that ask for one explore more.
    """

    seconds: float = 0.2
    turns: int = 1
    _solved: int = field(default=0, init=False)

    def __call__(self, body: dict[str, Any]) -> ApiReply:
        said = self._said(body)
        return ApiReply(said.text, said.calls, said.thinking, latency=self.seconds)

    def _said(self, body: dict[str, Any]) -> ApiReply:
        if QUESTION_MARK in json.dumps(body):
            said = {"answer": "17 counts twice.", "cites": [1], QUESTION_MARK: None}
            return ApiReply(text=json.dumps(said))
        if body.get("tools"):
            turn = sum(message["role"] == "assistant" for message in body["messages"])
            if turn < self.turns:
                return explores({"instruction": f"This is turn {turn + 1}."})
            return ApiReply(text=synthesis_text("42"), thinking="Weighing.")
        self._solved += 1
        return ApiReply(text=candidate_text("42", approach=f"Method {self._solved % 3}."))


@dataclass
class PagesHome:
    """A home with its configuration, and the environment that leads to it and to the models."""

    folder: Path
    environ: dict[str, str]
    play: Play
    api: MessagesApi

    def command(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        """Run a command of the program on the home and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "atlas_mcp", *words],
            env=self.environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        said = f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode in codes, said
        return done.stdout

    def view(self, run_id: str) -> dict[str, Any]:
        """Return a run as the command line has it, whether it has an answer or not."""
        return json.loads(self.command("runs", "show", run_id, "--json", codes=(0, 1)))

    def keep(self, runs: Mapping[str, Sequence[Record]]) -> None:
        """Write runs into its journal, by id; their last records have just been written."""
        timed = {run_id: in_time(records, time.time()) for run_id, records in runs.items()}
        # Playwright has the event loop of this thread.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(keep, self.folder, timed).result()

    @contextmanager
    def serving(self, *words: str) -> Generator[Serving]:
        """Serve its pages for the length of a block.

        Args:
            words: The command; `serve --http` if not given.
        """
        words = words or ("serve", "--http", "--port", "0")
        serving = Serving(subprocess.Popen(
            [sys.executable, "-m", "atlas_mcp", *words],
            env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ))  # fmt: skip
        try:
            serving.await_port()
            yield serving
        finally:
            serving.end()


@dataclass
class Serving:
    """A process that serves pages.

    Attributes:
        port: Where it listens.
        log: What it wrote.
    """

    process: subprocess.Popen[str]
    port: int = 0
    log: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_port(self) -> None:
        """Wait until it says where it listens."""

        def listens() -> bool:
            found = _ADDRESS.search("".join(self.log))
            self.port = int(found[1]) if found else 0
            return found is not None or self.process.poll() is not None

        wait_for(listens, PATIENCE)
        assert self.port, "it does not listen:\n" + "".join(self.log)

    def end(self) -> float:
        """End it and return how many seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        assert "Traceback" not in "".join(self.log), "".join(self.log)
        return time.monotonic() - began

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)


@contextmanager
def open_home() -> Generator[PagesHome]:
    """Make a home, and models that it reaches, for the length of a block."""
    play = Play()
    api = MessagesApi(play)
    with serve(api) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name, "home")
        folder.mkdir(mode=0o700)
        configuration = Path(name, "atlas.toml")
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "ATLAS_HOME": str(folder),
            "ATLAS_CONFIG": str(configuration),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": API_KEY,
            # No browser is opened by a server of the rig.
            "BROWSER": "true",
        }
        yield PagesHome(folder, environ, play, api)
