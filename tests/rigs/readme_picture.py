"""Draws the README's picture of a page: the demonstration, solved anew.

    python tests/rigs/readme_picture.py

Solves the demonstration in an empty home, opens its page in headless Chromium and writes its upper
part to `docs/pictures/run.png`, in few colours, so that it is small. Run it when the page has
changed, and look at the picture.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import open_browser
from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/pictures/run.png"
PROGRAM = Path(sys.executable).with_name("atlas-mcp")
QUESTION = "How many handshakes do seven people exchange?"
FIRST_LEFT_OUT = "#decisions"
WIDTH, COLOURS, MOST_BYTES = 900, 64, 120_000


def page(folder: Path) -> Path:
    """Solve the demonstration and return the file of its page."""
    environ = {**os.environ, "ATLAS_HOME": str(folder / "home")}
    solve = [PROGRAM, "solve", "--solver", "scripted/demo", "--json", QUESTION]
    solved = subprocess.run(solve, env=environ, capture_output=True, check=True)
    run_id = json.loads(solved.stdout)["run_id"]
    target = folder / "run.html"
    subprocess.run([PROGRAM, "runs", "show", run_id, "--html", target], env=environ, check=True)
    return target


def drawn(file: Path) -> bytes:
    """Return a picture of the page down to the part that is left out first."""
    with open_browser() as browser, browser.tab("file:", width=WIDTH) as tab:
        tab.open(file.as_uri())
        until = tab.page.locator(FIRST_LEFT_OUT).bounding_box()["y"]
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": until - 8}
        whole = tab.page.screenshot(full_page=True, clip=clip)
    small = io.BytesIO()
    with Image.open(io.BytesIO(whole)) as image:
        image.convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        picture = drawn(page(Path(name)))
    print(f"{PICTURE.relative_to(ROOT)}: {len(picture):,} bytes of at most {MOST_BYTES:,}")
    if len(picture) > MOST_BYTES:
        sys.exit("the picture is too large")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)


if __name__ == "__main__":
    main()
