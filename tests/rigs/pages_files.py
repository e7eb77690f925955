"""The page as a file: each state of a run, hostile texts, and a large run, opened by file://.

It must look right at every width and in both themes, for people who use no mouse or no eyes too,
and take each text as text.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from browser import Browser, Tab, Task, picture

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from atlas_mcp.atlas.events import Record
from atlas_mcp.texts import printable
from atlas_mcp.views.page.html import page_html
from tests.support.hostile_texts import ADDRESS, CANARY, ILL_SHAPED, RUNS
from tests.support.page_documents import document_of
from tests.support.shown_runs import STATES, hostile, in_time, interrupted, large

WIDTHS = (400, 900, 1_600)
THEMES = ("light", "dark")

MOST_LONG_MS = 100.0
"""Milliseconds of a task after which a page counts as stuck."""

MOST_OPENING_MS = 1_000.0
"""Milliseconds in which the page of a large run must be there."""

MOST_SHAPED_MS = 4_000.0
"""Milliseconds of a task that an absurd text may take on a busy machine: the page must not hang."""

OPEN_ALL = """
async () => {
  for (let round = 0; round < 3; round++) {
    for (const one of document.querySelectorAll('details:not([open])')) one.open = true;
    const closed = [...document.querySelectorAll('[aria-expanded="false"]')]
      .filter((one) => one.getAttribute('role') !== 'combobox' && !one.disabled);
    for (const one of closed) one.click();
    await new Promise((done) => setTimeout(done, 50));
  }
  return document.documentElement.scrollHeight;
}
"""
"""Opens what is closed."""

SCROLL = """
async () => {
  const pause = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  let steps = 0;
  for (let y = 0; y < document.documentElement.scrollHeight && steps < 3000; y += 400, steps++) {
    window.scrollTo(0, y);
    await pause();
  }
  window.scrollTo(0, 0);
  await pause();
  return document.documentElement.scrollHeight;
}
"""

TICK_TWO = """
async () => {
  const boxes = [...document.querySelectorAll('main input[type=checkbox]')].slice(0, 2);
  if (boxes.length < 2) return null;
  for (const box of boxes) {
    box.click();
    await new Promise((done) => setTimeout(done, 200));
  }
  return document.querySelector('.side-by-side') !== null;
}
"""

ACTIVE = f"""
() => [...document.body.querySelectorAll('*')].filter((one) =>
  /^(IFRAME|OBJECT|EMBED|BASE|AUDIO|VIDEO|PORTAL|FRAME|ANIMATE)$/i.test(one.tagName)
  || /^(javascript|data|vbscript)\\s*:/i.test(one.getAttribute('href') ?? '')
  || (one.getAttribute('href') ?? '').includes('{ADDRESS}')
  || (one.getAttribute('src') ?? '').includes('{ADDRESS}')
  || (one.getAttribute('style') ?? '').includes('{ADDRESS}')
  || [...one.attributes].some((each) => /^on/i.test(each.name))
).map((one) => one.outerHTML.slice(0, 200))
"""
"""Elements that no text may make: they load, lead elsewhere or run something."""


def shown_as_file(folder: Path, name: str, records: Sequence[Record], **facts: Any) -> Path:
    """Write the page of a run into a file."""
    path = folder / f"{name.replace(' ', '-')}.html"
    document = document_of(in_time(records, time.time()), **facts).model_dump(mode="json")
    path.write_text(page_html({"mode": "file"}, document), encoding="utf-8")
    return path


def look(tab: Tab, name: str, pictures: Path | None) -> Iterator[str]:
    """Look at an open page at every width, in both themes, as it is and with all of it open."""
    for opened in ("", "-open"):
        if opened:
            tab.page.evaluate(OPEN_ALL)
            tab.page.evaluate(SCROLL)
        for theme in THEMES:
            tab.page.emulate_media(color_scheme=theme)
            for width in WIDTHS:
                tab.page.set_viewport_size({"width": width, "height": 900})
                tab.page.wait_for_timeout(30)
                where = f"{name}{opened}, {theme}, {width} px"
                wide = tab.page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    yield f"{where}: {wide} px wide"
                picture(tab, pictures, f"{name}{opened}-{theme}-{width}")
            # What is open holds what was closed.
            for fault in tab.axe() if opened or pictures else ():
                yield f"{name}{opened}, {theme}: {fault}"
    for fault in tab.faults():
        yield f"{name}: {fault}"


def check_states(browser: Browser, folder: Path, pictures: Path | None) -> Iterator[str]:
    """Yield what is wrong with the pages of runs in every state."""
    runs: dict[str, tuple[Sequence[Record], bool]] = {
        name: (play(), False) for name, play in STATES.items()
    }
    runs["running"] = (interrupted(), True)
    for name, (records, driven) in runs.items():
        path = shown_as_file(folder, name, records, driven=driven)
        with browser.tab(path.as_uri()) as tab:
            tab.open(path.as_uri())
            yield from look(tab, name, pictures)
            if name in ("answered", "resumed"):
                put_side_by_side(tab)
                yield from look(tab, f"{name} side by side", pictures)


def put_side_by_side(tab: Tab) -> None:
    """Have the first two candidates shown side by side, where there are two."""
    # Playwright's own ways to find an element take longer than the page, if that is a large one.
    there = tab.page.evaluate(TICK_TWO)
    assert there is not False, "the candidates do not stand side by side"


def check_hostile(browser: Browser, folder: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield what hostile texts do to the page that shows them in every place."""
    for name, text in texts.items():
        for shaped in (False, True):
            path = shown_as_file(folder, name, hostile(text, shaped=shaped))
            where = f"{name}{', in a shape' if shaped else ''}"
            with browser.tab(path.as_uri()) as tab:
                tab.open(path.as_uri())
                yield from (f"{where}: {fault}" for fault in _obeyed(tab, text))


def _obeyed(tab: Tab, text: str) -> Iterator[str]:
    tab.page.evaluate(OPEN_ALL)
    # Texts are drawn as they come into view.
    tab.page.evaluate(SCROLL)
    put_side_by_side(tab)
    yield from tab.faults()
    for element in tab.page.evaluate(ACTIVE):
        yield f"an element: {element}"
    seen = tab.text()
    if printable(seen) != seen:
        steering = {ascii(one) for one in seen if printable(one) != one}
        yield f"characters that steer: {', '.join(sorted(steering)[:8])}"
    if f"{CANARY}(" in text and CANARY not in seen:
        yield "the text is not shown"
    if tab.page.evaluate("({}).polluted !== undefined"):
        yield "every object was changed"


def check_shaped(browser: Browser, folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield where texts of an absurd size or shape hold the page up, and print how long."""
    for name in names:
        text = ILL_SHAPED[name]
        path = shown_as_file(folder, name, hostile(text))
        with browser.tab(path.as_uri()) as tab:
            with browser.timing(tab) as opening:
                tab.open(path.as_uri())
            with browser.timing(tab) as scrolling:
                tab.page.evaluate(OPEN_ALL)
                tab.page.evaluate(SCROLL)
            longest = [longest_of(opening).worked, longest_of(scrolling).worked]
            print(f"  {name}: longest task {longest[0]:.0f} ms, all open {longest[1]:.0f} ms")
            yield from (f"{name}: {fault}" for fault in _obeyed(tab, text))
            if max(longest) > MOST_SHAPED_MS:
                yield f"{name}: a task works for {max(longest):.0f} ms"


def check_large(browser: Browser, folder: Path, *, timed: bool) -> Iterator[str]:
    """Yield what is slow about the page of a large run, and print the times."""
    path = shown_as_file(folder, "large", large())
    with browser.tab(path.as_uri()) as tab:
        yield from timed_opening(browser, tab, path.as_uri(), timed=timed)
        for what in ("closed", "opening", "open"):
            with browser.timing(tab) as tasks:
                height = tab.page.evaluate(OPEN_ALL if what == "opening" else SCROLL)
            one = longest_of(tasks)
            print(f"  {what}, {height} px: longest task {one.took:.0f} ms, works {one.worked:.0f}")
            if (one.took if timed else one.worked) > MOST_LONG_MS:
                yield f"large, {what}: a task of {one.took:.0f} ms, works for {one.worked:.0f} ms"
        with browser.timing(tab) as tasks:
            put_side_by_side(tab)
        one = longest_of(tasks)
        print(f"  side by side: longest task {one.took:.0f} ms, works {one.worked:.0f}")
        if (one.took if timed else one.worked) > MOST_LONG_MS:
            yield f"large, side by side: a task works for {one.worked:.0f} ms"
        yield from (f"large: {fault}" for fault in tab.faults())


def timed_opening(browser: Browser, tab: Tab, address: str, *, timed: bool) -> Iterator[str]:
    """Open a page with an answer and yield what is slow about it; the times are printed.

    Args:
        browser: The browser.
        tab: Shows it.
        address: The page.
        timed: Whether to judge by the clock: the machine does nothing else. Otherwise what
            processors worked counts.
    """
    with browser.timing(tab) as tasks:
        tab.open(address, ready="h1")
        tab.page.wait_for_timeout(500)
    first, there, elements = tab.page.evaluate("""() => [
      performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9,
      performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
      document.querySelectorAll('*').length,
    ]""")
    worked, ready = sum(one.worked for one in tasks), max(first, there)
    print(
        f"  {tab.own[0][:4]}: first contentful paint {first:.0f} ms, its scripts have run after "
        f"{there:.0f} ms; work in all {worked:.0f} ms, longest task {longest_of(tasks).worked:.0f} "
        f"ms, {elements} elements"
    )
    if (ready if timed else worked) > MOST_OPENING_MS:
        yield f"{tab.own[0][:4]}: it opens after {ready:.0f} ms, {worked:.0f} ms of work"


def longest_of(tasks: Sequence[Task]) -> Task:
    """Return the task with the most work."""
    return max(tasks, key=lambda one: one.worked, default=Task(0, 0))


QUICK_TEXTS: tuple[str, ...] = (
    "script",
    "end of a script",
    "picture that fails",
    "mutation",
    "Markdown link",
    "Markdown picture",
    "KaTeX link",
    "KaTeX HTML",
    "directions",
    "control characters",
)
"""The texts that are tried where there is no time for all of them."""


QUICK_SHAPES = ("macros without end", "nested formula", "nested brackets")
"""The same of texts of an absurd shape."""


def quick_texts() -> dict[str, str]:
    """Return some of the hostile texts."""
    return {name: RUNS[name] for name in QUICK_TEXTS}
