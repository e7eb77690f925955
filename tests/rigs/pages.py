"""The page of a run in headless Chromium: as a file, served, and inside a host of MCP Apps.

    python tests/rigs/pages.py [--quick] [--timed] [--only states,hostile,…] [--pictures DIR]

states    runs in every state, at three widths and in both themes; axe looks at each
hostile   texts that would run, reach out or mislead, in every place that a model or client writes
shaped    texts of an absurd size or shape
large     20 explores of 30,000 characters: how fast the page opens and scrolls
empty     the lists of a home without runs, served
lists     the list of runs, its search, a comparison and the statistics, served
served    hostile texts and a large run, served; the transcript, and files that are saved
live      a run shown as it goes on, every button by mouse and by keys, and a server that ends
app       the page inside a host of MCP Apps, against a server that runs
origins   pages of other origins, and rebound names: nothing is read, nothing changes

Prints the figures that it takes and what is wrong; ends with 1 if anything is. Chromium is
installed where Debian's packages can be; Playwright and axe are put beside the project.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pages_app
import pages_files
import pages_origins
import pages_served
from browser import Browser, open_browser
from pages_server import open_home

from tests.support.hostile_texts import ILL_SHAPED, RUNS


@dataclass(frozen=True)
class Work:
    """What the checks work with.

    Attributes:
        browser: The browser.
        folder: An empty folder.
        pictures: The folder for pictures; `None` for none.
        quick: Whether only a part is tried.
        timed: Whether to judge times by the clock.
    """

    browser: Browser
    folder: Path
    pictures: Path | None
    quick: bool
    timed: bool


def states(work: Work) -> Iterator[str]:
    return pages_files.check_states(work.browser, work.folder, work.pictures)


def hostile(work: Work) -> Iterator[str]:
    texts = pages_files.quick_texts() if work.quick else RUNS
    return pages_files.check_hostile(work.browser, work.folder, texts)


def shaped(work: Work) -> Iterator[str]:
    names = pages_files.QUICK_SHAPES if work.quick else ILL_SHAPED
    return pages_files.check_shaped(work.browser, work.folder, names)


def large(work: Work) -> Iterator[str]:
    return pages_files.check_large(work.browser, work.folder, timed=work.timed)


def empty(work: Work) -> Iterator[str]:
    with open_home() as home, home.serving() as serving:
        yield from pages_served.check_empty(work.browser, serving, work.pictures)


def lists(work: Work) -> Iterator[str]:
    with open_home() as home, home.serving() as serving:
        yield from pages_served.check_lists(work.browser, home, serving, work.pictures)


def served(work: Work) -> Iterator[str]:
    texts = pages_files.quick_texts() if work.quick else RUNS
    with open_home() as home, home.serving() as serving:
        yield from pages_served.check_served_hostile(work.browser, home, serving, texts)
        yield from pages_served.check_taken_along(work.browser, home, serving, work.folder)
        yield from pages_served.check_served_large(work.browser, home, serving, timed=work.timed)


def live(work: Work) -> Iterator[str]:
    with open_home() as home, home.serving() as serving:
        yield from pages_served.check_live(work.browser, home, serving)
        yield from pages_served.check_explored(work.browser, home, serving)
    with open_home() as home:
        yield from pages_served.check_server_gone(work.browser, home)


def origins(work: Work) -> Iterator[str]:
    with open_home() as home, home.serving() as serving:
        ids = pages_served.runs_to_change(home)
        yield from pages_origins.check(work.browser, home, serving, ids)


def app(work: Work) -> Iterator[str]:
    texts = pages_files.quick_texts()
    return pages_app.check_app(work.browser, work.folder, work.pictures, texts)


CHECKS: dict[str, Callable[[Work], Iterator[str]]] = {
    one.__name__: one
    for one in (states, hostile, shaped, large, empty, lists, served, live, origins, app)
}


def gathered(faults: Iterable[str]) -> dict[str, list[str]]:
    """Return the places of each fault, which stand before the first colon of it."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        place, _, what = fault.partition(": ")
        found.setdefault(what, []).append(place)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a part of the texts")
    parser.add_argument("--timed", action="store_true", help="the machine does nothing else")
    parser.add_argument("--only", help="the checks to make, with commas between them")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of every state")
    given = parser.parse_args()
    names: list[str] = given.only.split(",") if given.only else list(CHECKS)
    faults = 0
    with ExitStack() as stack:
        browser = stack.enter_context(open_browser(pages_origins.RULES))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work = Work(browser, folder, given.pictures, given.quick, given.timed)
        for name in names:
            began = time.monotonic()
            print(f"{name}:", flush=True)
            found = gathered(CHECKS[name](work))
            for what, places in found.items():
                more = f" and {len(places) - 3} more" if len(places) > 3 else ""
                print(f"  WRONG {what} [{'; '.join(places[:3])}{more}]")
            print(f"  {len(found)} faults, {time.monotonic() - began:.1f} s", flush=True)
            faults += len(found)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
