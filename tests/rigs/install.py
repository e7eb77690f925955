"""Installs the checkout in every way that the README names, and uses what comes of it.

    python tests/rigs/install.py

With pip (from the folder and from a wheel), `uv tool install` and `pipx install`, each into an
empty folder: both scripts answer, the demonstration is solved in an empty home and its page is
written, with the page's file that the wheel holds, no distribution of another project came along,
and the command that a message gives for a missing extra adds that extra. Needs a package index for
the libraries, and nothing of ours from it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 600
NAMES = ("atlas-mcp", "atlas-solve-mcp")
PAGE_FILES = tuple(f"atlas_mcp/views/page/{name}" for name in ("page.html", "page.licenses.md"))
QUESTION = "How many handshakes do seven people exchange?"


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command that must work, and return what it printed."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ATLAS_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ways(folder: Path, tools: Path) -> Iterator[tuple[str, Path]]:
    """Yield each way of installing, and the folder of scripts that it made."""
    yield "pip, the folder", fresh(folder / "pip", ROOT)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    [wheel] = folder.glob("*.whl")
    assert wheel.name.startswith("atlas_solve_mcp-"), wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.startswith("tests/")]
        for name in PAGE_FILES:
            assert archive.read(name) == (ROOT / name).read_bytes(), name
    yield "pip, a wheel", fresh(folder / "wheel", wheel)
    uv = {"UV_TOOL_DIR": f"{folder}/uv", "UV_TOOL_BIN_DIR": f"{folder}/uv-bin"}
    run(tools / "uv", "tool", "install", "-q", ".", cwd=ROOT, **uv)
    yield "uv tool install", folder / "uv-bin"
    pipx = {"PIPX_HOME": f"{folder}/pipx", "PIPX_BIN_DIR": f"{folder}/pipx-bin"}
    run(tools / "pipx", "install", ".", cwd=ROOT, **pipx)
    yield "pipx install", folder / "pipx-bin"


def fresh(venv: Path, source: Path) -> Path:
    """Install a source into a new environment and return its scripts."""
    run(sys.executable, "-m", "venv", venv, cwd=ROOT)
    run(venv / "bin/pip", "install", "-q", source, cwd=ROOT)
    return venv / "bin"


def check(scripts: Path, home: Path, path: str, environ: dict[str, str]) -> str:
    """Use an installation as its user would; return the command that adds an extra to it."""
    homes = {"HOME": str(home), "ATLAS_HOME": str(home / "atlas"), **environ}
    for name in NAMES:
        assert run(scripts / name, "--version", cwd=home, **homes).startswith("atlas-mcp")
    view = json.loads(
        run(scripts / NAMES[0], "solve", "--solver", "scripted/demo", "--json", QUESTION,
            cwd=home, **homes)
    )  # fmt: skip
    assert view["status"] == "answered", view
    check_page(scripts, home, view["run_id"], homes)
    (home / "atlas.toml").write_text(
        '[solvers.one]\nmodel = "ollama/x"\n[solvers.two]\nmodel = "local"\n', encoding="utf-8"
    )
    homes["ATLAS_CONFIG"] = str(home / "atlas.toml")
    rows = json.loads(run(scripts / NAMES[0], "solvers", "--json", cwd=home, **homes))
    [missing] = [row["ready"] for row in rows if row["name"] == "one"]
    command = re.search(r"run (.*openai.*)$", missing)
    assert command, missing
    run("sh", "-c", command[1], cwd=home, PATH=path, **environ)
    rows = json.loads(run(scripts / NAMES[0], "solvers", "--json", cwd=home, **homes))
    [ready] = [row["ready"] for row in rows if row["name"] == "one"]
    assert "not installed" not in ready, ready
    return command[1]


def check_page(scripts: Path, home: Path, run_id: str, homes: dict[str, str]) -> None:
    """Write the page of a run: the page's own file, with the run in it."""
    run(scripts / NAMES[0], "runs", "show", run_id, "--html", "run.html", cwd=home, **homes)
    written = (home / "run.html").read_text(encoding="utf-8")
    found = re.search(r'<script id="atlas-document"[^>]*>(.*?)</script>', written, re.DOTALL)
    assert found, "the page holds no document"
    document = json.loads(found[1])
    assert (document["run_id"], document["status"]) == (run_id, "answered"), document
    assert len(written) > (ROOT / PAGE_FILES[0]).stat().st_size // 2, "the page lacks its parts"


def check_extras(folder: Path) -> None:
    """Resolve every extra against the index: distributions of our name are this checkout."""
    for extra in ("local", "openai", "dev"):
        report = folder / f"{extra}.json"
        run(sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed",
            "--report", report, f"{ROOT}[{extra}]", cwd=folder)  # fmt: skip
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
        ours = [one for one in found if "atlas" in one["metadata"]["name"]]
        assert [one["metadata"]["name"] for one in ours] == [NAMES[1]], ours
        assert ours[0]["download_info"]["url"].startswith("file:"), ours
        print(f"extra {extra}: {len(found)} distributions, ours from the checkout", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_extras(folder)
        run(sys.executable, "-m", "venv", folder / "tools", cwd=folder)
        run(folder / "tools/bin/pip", "install", "-q", "uv", "pipx", cwd=folder)
        path = f"{folder}/tools/bin:{os.environ['PATH']}"
        environ = {"PIPX_HOME": f"{folder}/pipx", "PIPX_BIN_DIR": f"{folder}/pipx-bin"}
        for number, (way, scripts) in enumerate(ways(folder, folder / "tools/bin")):
            home = folder / f"home-{number}"
            home.mkdir()
            command = check(scripts, home, path, environ)
            shown = command.replace(str(folder), "…")
            print(f"{way}: both scripts, the demonstration, its page, and {shown}", flush=True)


if __name__ == "__main__":
    main()
