"""Once all is loaded, runs load nothing: what was installed may be replaced, or go, under them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import atlas_mcp
from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.driver import preloading
from atlas_mcp.driver.preloading import preload, preload_for
from atlas_mcp.system.processes import kill
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, explores, synthesis_text
from atlas_mcp.testing.chat_api import API_KEY as CHAT_KEY
from atlas_mcp.testing.chat_api import OPENAI, ChatApi
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Fault,
    MessagesApi,
    refusal,
    serve,
    status,
)
from tests.support.pictures import KINDS, Kind, moving, picture, saved
from tests.support.processes import measured
from tests.support.systems import posix

BUDGET = Budget(max_explores=4, max_cost_usd=None)
PACKAGE = Path(*atlas_mcp.__path__)
CHILD = Path(__file__).parents[2] / "support" / "preloaded_runs.py"

POOL = """
[orchestrator]
model = "anthropic/claude-opus-4-6"
[solvers.claude]
model = "anthropic/claude-sonnet-4-6"
[solvers.chat]
model = "openai/m"
base_url = "{chat}/v1"
api_key_env = "CHAT_KEY"
images = true
schema = "strict"
max_tokens_field = "max_completion_tokens"
price = {{ input = 1, output = 2 }}
"""

SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "integer"},
        "name": {"type": "string", "pattern": "^[a-z]+$", "format": "date"},
    },
    "required": ["total"],
    "additionalProperties": False,
}

FAULTS = [
    *(status(code, retry_after=0) for code in (400, 401, 403, 404, 413, 429, 500, 529)),
    *(Fault(kind) for kind in ("cut", "error", "garbage", "ends", "not_a_stream")),
    Fault("not_a_stream", error="json"),
    refusal(),
]


@dataclass
class Process:
    """The process, and the two endpoints that its runs ask."""

    child: subprocess.Popen[str]
    claude: AtlasPlay
    chat: AtlasPlay
    asked: int = field(default=0)

    def ask(self, problem: str = "What is 6 * 7?", **asked: Any) -> dict[str, Any]:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps({"problem": problem, **asked}) + "\n")
        self.child.stdin.flush()
        return self.line()

    def line(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        return json.loads(self.child.stdout.readline())

    def go_on(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write("go on\n")
        self.child.stdin.flush()

    def end(self) -> None:
        """End the process, which has loaded nothing late, and nothing that no run needs."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        found = self.line()
        assert found["late"] == [], "\n".join(found["late"])
        assert found["needless"] == []


@contextmanager
def started(
    command: list[str], folder: Path, environ: Mapping[str, str], *watched: str
) -> Generator[Process]:
    """Start the process and wait until it has loaded all; it waits to go on."""
    claude, chat = AtlasPlay(), AtlasPlay()
    with serve(MessagesApi(claude)) as url, serve(ChatApi(OPENAI, chat)) as chat_url:
        (folder / "atlas.toml").write_text(POOL.format(chat=chat_url))
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ATLAS_HOME": str(folder / "home"),
            "ATLAS_CONFIG": str(folder / "atlas.toml"),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": API_KEY,
            "CHAT_KEY": CHAT_KEY,
            **environ,
        }
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, str(CHILD), *watched], stdin=pipe, stdout=pipe, text=True, env=given
        ) as child:
            process = Process(child, claude, chat)
            try:
                assert process.line() == {"ready": True}
                yield process
            finally:
                kill(child)


def image(content: bytes, kind: Kind) -> dict[str, str]:
    return {"media_type": KINDS[kind], "data": base64.b64encode(content).decode()}


def pictures() -> list[dict[str, str]]:
    """Return pictures of every kind, small and too large, and one as a camera writes it."""
    found = [
        image(saved(picture(size), kind), kind) for kind in KINDS for size in ((12, 8), (3_000, 20))
    ]
    lying = PIL.Image.Exif()
    lying[0x0112] = 6
    found.append(image(saved(picture((20, 3_000)), "JPEG", exif=lying), "JPEG"))
    clear = picture((3_000, 20), "RGBA", left=(0, 0, 0, 0), right=(9, 9, 9, 9))
    return [*found, image(saved(clear), "PNG"), image(moving("WEBP"), "WEBP")]


def answer_despite(process: Process, play: AtlasPlay, fault: Fault | ApiReply) -> Any:
    """Return the answer of a run of which one endpoint fails the first call of each solver."""
    good = ApiReply(text=candidate_text("42"))
    play.solvers_asked = 0
    play.solver = lambda n: good if n else fault
    found = process.ask(f"What is 6 * 7? {fault!r}")
    play.solver = lambda n: good
    return found["answer"]


@pytest.mark.every_day(0)
@pytest.mark.timeout(180)
@pytest.mark.requirement("GONE-11")
def test_after_it_nothing_is_imported_and_no_file_of_the_installation_opened(
    tmp_path: Path,
) -> None:
    places = {str(PACKAGE), *site.getsitepackages(), sysconfig.get_path("purelib")}
    with started([sys.executable, "-P"], tmp_path, here(), *places) as process:
        process.go_on()
        first = process.ask()["candidates"]
        assert {(solver, status) for solver, status in first} == {("claude", "ok"), ("chat", "ok")}
        for fault in FAULTS:
            assert answer_despite(process, process.claude, fault) == "42"
            assert answer_despite(process, process.chat, fault) == "42"
        process.claude.turns_asked = 0
        process.claude.orchestrator = (
            explores({"strategy": "decompose"}),
            ApiReply(text=synthesis_text("42")),
        )
        assert len(process.ask()["candidates"]) > 2
        for one in pictures():
            assert process.ask("What is shown?", images=[one])["answer"] == "42"
        for workflow in ("majority:3", "self-refine:2"):
            process.ask(request={"workflow": workflow})
        good = ApiReply(text=candidate_text({"total": 42, "name": "a"}))
        process.claude.solver = process.chat.solver = lambda n: good
        process.claude.orchestrator = (ApiReply(text=synthesis_text({"total": 42})),)
        assert process.ask(schema=SCHEMA)["answer"] == {"total": 42}

        process.end()


@pytest.mark.every_day(0)
@pytest.mark.timeout(180)
@posix
def test_runs_are_carried_out_although_all_that_was_installed_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copytree(PACKAGE, place / "atlas_mcp", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "libraries").symlink_to(sysconfig.get_path("purelib"))
    path = os.pathsep.join([str(place), str(place / "libraries")])
    # Without `-S` it would find the installation that the tests run from.
    command = [getattr(sys, "_base_executable", sys.executable), "-P", "-S"]
    with started(command, tmp_path, {"PYTHONPATH": path}, str(place)) as process:
        place.rename(tmp_path / "gone")
        process.go_on()
        found = process.ask()
        seen = process.ask("What is shown?", images=[image(saved(picture(), "WEBP"), "WEBP")])
        assert answer_despite(process, process.claude, status(529, retry_after=0)) == "42"
        process.end()

    assert (found["status"], found["answer"]) == ("answered", "42")
    assert (seen["status"], seen["answer"]) == ("answered", "42")


def test_a_library_that_cannot_be_loaded_is_told_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a_broken_library.py").write_text("raise ValueError('a broken file')")
    (tmp_path / "one_with_parts").mkdir()
    (tmp_path / "one_with_parts" / "__init__.py").touch()
    (tmp_path / "one_with_parts" / "first.py").write_text("raise ValueError('a broken part')")
    (tmp_path / "one_with_parts" / "second.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(preloading, "PARTS", {"a_broken_library": ("one_with_parts", "no_module")})

    preload(["a_broken_library", "no_such_library"])

    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "the module a_broken_library cannot be imported: ValueError('a broken file')",
        "the module one_with_parts.first cannot be imported: ValueError('a broken part')",
    ]
    assert "one_with_parts.second" in sys.modules


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_library_of_a_vendor_that_only_a_caller_names_is_loaded_with_its_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(preloading, "_load", loaded.append)
    monkeypatch.delitem(sys.modules, "openai", raising=False)
    monkeypatch.setitem(sys.modules, "anthropic", json)
    known, further = (ModelSpec(f"{vendor}/m") for vendor in ("anthropic", "xai"))

    await preload_for(RunSpec("majority", None, (SolverSpec("a", known),), BUDGET))
    assert loaded == []
    await preload_for(RunSpec("atlas", further, (SolverSpec("a", known),), BUDGET))
    assert loaded == ["openai", *preloading.PARTS["openai"]]


def here() -> dict[str, str]:
    """Return the variables by which the process takes the package, and what tests measure."""
    return {**measured(), "PYTHONPATH": str(PACKAGE.parent)}
