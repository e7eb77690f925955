"""The page as a file: each state of a run, hostile texts, and a large run, opened by file://.

It must look right at every width and in both themes, for people who use no mouse or no eyes too,
and take each text as text.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from browser import Browser, Tab, picture

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
  return [steps, document.documentElement.scrollHeight];
}
"""

ACTIVE = f"""
() => [...document.querySelectorAll('*')].filter((one) =>
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
            for fault in tab.axe():
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
    tab.page.wait_for_timeout(50)
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


def check_shaped(browser: Browser, folder: Path) -> Iterator[str]:
    """Yield where texts of an absurd size or shape hold the page up, and print how long."""
    for name, text in ILL_SHAPED.items():
        path = shown_as_file(folder, name, hostile(text))
        with browser.tab(path.as_uri()) as tab:
            tab.open(path.as_uri())
            opening = max(tab.long_tasks(), default=0.0)
            tab.page.evaluate(OPEN_ALL)
            tab.page.evaluate(SCROLL)
            opened = max(tab.long_tasks(), default=0.0)
            print(f"  {name}: longest task {opening:.0f} ms, with all open {opened:.0f} ms")
            yield from (f"{name}: {fault}" for fault in _obeyed(tab, text))
            if max(opening, opened) > MOST_SHAPED_MS:
                yield f"{name}: a task of {max(opening, opened):.0f} ms"


def check_large(browser: Browser, folder: Path) -> Iterator[str]:
    """Yield what is slow about the page of a large run, and print the times."""
    path = shown_as_file(folder, "large", large())
    with browser.tab(path.as_uri()) as tab:
        tab.open(path.as_uri())
        yield from timed_opening(tab, "large")
    yield from (f"large: {fault}" for fault in check_scrolling(browser, path))


def timed_opening(tab: Tab, name: str) -> Iterator[str]:
    """Yield what is slow about a page that has just been opened, and print the times."""
    tab.page.wait_for_timeout(500)
    first, there, total = tab.page.evaluate("""() => [
      performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9,
      performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
      document.querySelectorAll('*').length,
    ]""")
    tasks = tab.page.evaluate("window.longTasks.map((one) => [one[0], one[1]])")
    ready = max([first, there, *(start + lasted for start, lasted in tasks)])
    longest = max((lasted for _, lasted in tasks), default=0.0)
    print(
        f"  {name}: first contentful paint {first:.0f} ms, interactive {ready:.0f} ms, "
        f"longest task {longest:.0f} ms, {total} elements"
    )
    if ready > MOST_OPENING_MS:
        yield f"{name}: it opens after {ready:.0f} ms"
    tab.long_tasks()


def check_scrolling(browser: Browser, path: Path) -> Iterator[str]:
    """Yield long tasks while a page is scrolled, closed and with all of it open."""
    with browser.tab(path.as_uri()) as tab:
        tab.open(path.as_uri())
        tab.page.wait_for_timeout(500)
        tab.long_tasks()
        for what in ("closed", "open"):
            if what == "open":
                tab.page.evaluate(OPEN_ALL)
                opening = tab.long_tasks()
                print(f"  opening all: longest task {max(opening, default=0):.0f} ms")
                if max(opening, default=0) > MOST_LONG_MS:
                    yield f"opening all takes a task of {max(opening):.0f} ms"
            steps, height = tab.page.evaluate(SCROLL)
            tasks = tab.long_tasks()
            longest = max(tasks, default=0.0)
            print(f"  {what}: {height} px in {steps} steps, longest task {longest:.0f} ms")
            if longest > MOST_LONG_MS:
                yield f"{what}: a task of {longest:.0f} ms while it is scrolled"
        yield from tab.faults()


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


def quick_texts() -> dict[str, str]:
    """Return some of the hostile texts."""
    return {name: RUNS[name] for name in QUICK_TEXTS}
