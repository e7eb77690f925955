"""A browser for the rigs: headless Chromium, and what is wrong with a page that it shows.

Chromium is the system's own; Playwright drives it, from an environment of its own, and axe comes
from npm. A `Tab` counts as wrong whatever a page of ours never does: it asks for an address that is
not its own, runs what stands in a text, breaks its content policy, complains, opens a dialog or
another page, or goes elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from node import node_folder
from venvs import venv_folder

PLAYWRIGHT = "playwright==1.65.2"
AXE = "axe-core@4.14.1"

WATCH = """
window.canaryRan = [];
window.canary = (...words) => { window.canaryRan.push(words.join(' ')); };
window.brokenPolicy = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.brokenPolicy.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""
"""Runs before a page's own scripts, in every frame. Texts of `hostile_texts` call `canary`."""

RUN_AXE = """
async () => {
  const found = await axe.run(document, { resultTypes: ['violations'] });
  return found.violations
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => `${one.impact} ${one.id}: ${one.nodes.length} times, as in ` +
      one.nodes[0].target.join(' ') + ': ' +
      (one.nodes[0].failureSummary ?? '').replace(/\\s+/g, ' ').slice(0, 300));
}
"""


def is_root() -> bool:
    """Return whether this user may do everything, where a system has such a user."""
    if sys.platform == "win32":
        return False
    return os.geteuid() == 0


def find_chromium() -> str:
    """Return the program, installed from Debian's packages where that is possible."""
    for _ in range(2):
        for name in ("chromium", "chromium-browser", "google-chrome"):
            if found := shutil.which(name):
                return found
        if shutil.which("apt-get") is None or not is_root():
            break
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(install, stdout=sys.stderr, check=False)
    sys.exit("chromium is not installed; on Debian: apt-get install chromium")


def sync_api() -> Any:
    """Return Playwright's module, imported from its own environment."""
    [packages] = venv_folder(PLAYWRIGHT).glob("lib/python*/site-packages")
    if str(packages) not in sys.path:
        sys.path.append(str(packages))
    return import_module("playwright.sync_api")


@dataclass
class Tab:
    """A page in the browser, and what was wrong with it so far.

    Attributes:
        page: Playwright's page.
        own: The beginnings of the addresses that it may ask for.
        wrong: What was wrong, in words.
        excused: Beginnings of complaints that are no fault in this case.
    """

    page: Any
    own: tuple[str, ...]
    wrong: list[str] = field(default_factory=list[str])
    excused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tellers: dict[str, Callable[[Any], str | None]] = {
            "request": lambda request: self._asked(request.url),
            "websocket": lambda socket: self._asked(socket.url),
            "pageerror": lambda error: f"an error: {error}",
            "console": _heard,
            "popup": lambda other: f"another page opens: {other.url}",
            "download": lambda download: f"a download: {download.suggested_filename}",
            "dialog": _closed,
        }
        for event, tell in tellers.items():
            self.page.on(event, partial(self._note, tell))

    def open(self, address: str, *, ready: str = "main", patience: float = 20) -> None:
        """Open a page, and wait until an element is there."""
        self.page.goto(address)
        self.page.wait_for_selector(ready, timeout=patience * 1_000)

    def faults(self) -> list[str]:
        """Return what was wrong, each kind once, and begin anew."""
        for frame in self.page.frames:
            found: list[list[str]] = frame.evaluate(
                "[window.canaryRan ?? [], window.brokenPolicy ?? []]"
            )
            self.wrong += [f"a text ran: {one}" for one in found[0]]
            self.wrong += [f"against the policy: {one}" for one in found[1]]
            frame.evaluate("() => { window.canaryRan = []; window.brokenPolicy = []; }")
        if not self.page.url.startswith(self.own):
            self.wrong.append(f"went to {self.page.url}")
        wrong, self.wrong = list(dict.fromkeys(self.wrong)), []
        return wrong

    def axe(self, frame: Any = None) -> list[str]:
        """Return the serious and critical faults that axe finds, in a frame or in the page."""
        frame = frame or self.page
        source = node_folder(AXE) / "node_modules" / "axe-core" / "axe.min.js"
        frame.evaluate(source.read_text(encoding="utf-8") + ";0")
        return frame.evaluate(RUN_AXE)

    def text(self) -> str:
        """Return the text that can be seen."""
        return self.page.evaluate("document.body.innerText")

    def _asked(self, url: str) -> str | None:
        own = (*self.own, "data:image/", "data:font/", "blob:", "about:")
        return None if url.startswith(own) else f"asks for {url[:200]}"

    def _note(self, tell: Callable[[Any], str | None], happened: Any) -> None:
        fault = tell(happened)
        if fault is not None and not fault.startswith(self.excused or "\0"):
            self.wrong.append(fault)


def _heard(message: Any) -> str | None:
    grave = message.type in ("error", "warning")
    return f"complains: {message.text[:300]}" if grave else None


def _closed(dialog: Any) -> str:
    said = f"a dialog: {dialog.message[:100]}"
    dialog.dismiss()
    return said


@dataclass(frozen=True)
class Browser:
    """The browser. `inner` is Playwright's."""

    inner: Any

    @contextmanager
    def timing(self, tab: Tab) -> Generator[list[Task]]:
        """Take the times of a page over a block; they are there at its end."""
        found: list[Task] = []
        self.inner.start_tracing(page=tab.page, categories=["toplevel"])
        try:
            yield found
        finally:
            found += tasks_in(self.inner.stop_tracing())

    @contextmanager
    def tab(
        self,
        *own: str,
        width: int = 900,
        theme: str = "light",
        excused: Sequence[str] = (),
        prepare: Callable[[Any], object] = lambda context: None,
    ) -> Generator[Tab]:
        """Open a tab that shares nothing with others.

        Args:
            own: The beginnings of the addresses that its page may ask for.
            width: CSS pixels.
            theme: Light or dark.
            excused: Beginnings of complaints that are no fault in this case.
            prepare: Called with its context before there is a page.
        """
        context = self.inner.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        try:
            context.add_init_script(WATCH)
            prepare(context)
            yield Tab(context.new_page(), own, excused=tuple(excused))
        finally:
            context.close()


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a page's main thread, in milliseconds.

    Attributes:
        took: From its beginning to its end.
        worked: The part of it in which a processor worked on it: what other programs take from the
            machine does not count.
    """

    took: float
    worked: float


def tasks_in(trace: bytes) -> list[Task]:
    """Return the tasks of the main threads of pages in a trace."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    main = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    return [
        Task(one["dur"] / 1_000, one.get("tdur", 0) / 1_000)
        for one in events
        if one["name"] == "ThreadControllerImpl::RunTask"
        and one.get("ph") == "X"
        and (one["pid"], one["tid"]) in main
    ]


@contextmanager
def open_browser(*arguments: str) -> Generator[Browser]:
    """Start the browser for the length of a block, with further arguments of its own."""
    program = find_chromium()
    given = list(arguments)
    if is_root():
        given.append("--no-sandbox")
    with sync_api().sync_playwright() as playwright:
        inner = playwright.chromium.launch(executable_path=program, args=given)
        try:
            yield Browser(inner)
        finally:
            inner.close()


def picture(tab: Tab, folder: Path | None, name: str) -> None:
    """Take a picture of the whole page, where pictures are wanted."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        tab.page.screenshot(path=str(folder / f"{name}.png"), full_page=True)
