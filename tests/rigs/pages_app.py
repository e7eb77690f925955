"""The page inside a host of MCP Apps, against a server that runs: live, with buttons that act.

The host is `app_host`. The page stands in a frame without an origin, as under the strictest hosts,
and in one that has more leave. What it did is seen in the host, and on the command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app_host import build_host, host_serving
from browser import Browser, Tab, picture
from leaving_home import wait_for
from pages_files import OPEN_ALL
from pages_server import PATIENCE, PagesHome, open_home

from tests.support.hostile_texts import CANARY
from tests.support.shown_runs import hostile

SANDBOXES = ("allow-scripts", "allow-scripts allow-same-origin allow-forms")

QUIET_SECONDS = 3.0
"""Seconds for which a page that is to ask for nothing is watched."""

EXCUSED = (
    # The kit's own frame for the sandbox; the policy of strict hosts lets no fonts in.
    "complains: An iframe which has both allow-scripts and allow-same-origin",
    "complains: Loading the font 'data:",
    "against the policy: font-src data",
)

GROUND = "rgb(1, 2, 3)"
"""A colour that a host hands on."""

THEME = "document.documentElement.dataset.theme"

ANSWERED = "() => document.body.innerText.includes('Copy answer')"


@dataclass
class View:
    """A page in a host, as a tab shows it.

    Attributes:
        tab: The tab with the host.
        asked: The addresses that the page itself has asked for.
    """

    tab: Tab
    asked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.tab.page.on("request", self._note)

    def comes(self, condition: Callable[[], bool]) -> bool:
        """Return whether a condition comes true in time; the browser's events go on meanwhile."""

        def look() -> bool:
            self.tab.page.wait_for_timeout(100)
            return condition()

        return wait_for(look, PATIENCE)

    @property
    def frame(self) -> Any:
        """The frame of the page: the innermost."""
        return self.tab.page.frames[-1]

    def call(self, tool: str, context: Mapping[str, object], sandbox: str, **given: object) -> None:
        """Have the host call a tool, and wait until its page draws a run."""
        self.tab.page.wait_for_function("window.host !== undefined")
        self.tab.page.evaluate(
            "([tool, given, context, sandbox]) => {"
            "  host.call(tool, given, context, sandbox)"
            "    .catch((error) => console.error(String(error)));"
            "}",
            [tool, given, dict(context), sandbox],
        )
        assert self.comes(lambda: len(self.tab.page.frames) == 3), self.tab.wrong
        self.frame.wait_for_selector("main", timeout=PATIENCE * 1_000)

    def host(self, what: str) -> Any:
        """Return a value of the host."""
        return self.tab.page.evaluate(f"host.{what}")

    def passed(self, tool: str = "run_page") -> int:
        """Return how many calls of a tool the host has passed on."""
        return self.host(f"passed.filter((one) => one.tool === '{tool}').length")

    def run_id(self) -> str:
        """Return the run that is shown."""
        given: str = self.host(
            "passed.findLast((one) => one.tool === 'run_page' && one.given.run_id).given.run_id"
        )
        return given

    def shows(self, words: str) -> bool:
        """Return whether the page comes to show some words."""
        return self.comes(lambda: words in self.frame.evaluate("document.body.innerText"))

    def act(self, action: str, **fields: str) -> None:
        """Press the button of an action, fill its form in and send it."""
        self.frame.click(f'[data-action="{action}"]')
        for name, value in fields.items():
            self.frame.fill(f'form.panel [name="{name}"]', value)
        self.frame.click('form.panel [type="submit"]')

    def faults(self) -> Iterator[str]:
        """Return what was wrong so far."""
        yield from (one for one in self.tab.faults() if not one.startswith(EXCUSED))
        yield from (f"the page asks for {one}" for one in self.asked)
        yield from self.tab.axe(self.frame)
        if self.host("mostOpen") > 1:
            yield f"{self.host('mostOpen')} calls for news at once"

    def stays_quiet(self) -> bool:
        """Return whether the page asks for no news for a while."""
        before = self.passed()
        self.tab.page.wait_for_timeout(QUIET_SECONDS * 1_000)
        return self.passed() == before

    def _note(self, request: Any) -> None:
        asked: str = request.url
        # The host's own frame is empty until the sandbox is there.
        if request.frame.url.startswith("about:") and "/sandbox.html" not in asked:
            self.asked += [] if asked.startswith("data:") else [asked]


@dataclass(frozen=True)
class Stage:
    """What the scenes are played on."""

    browser: Browser
    home: PagesHome
    port: int
    pictures: Path | None

    @contextmanager
    def view(self, **tab: Any) -> Generator[View]:
        """Open the host in a tab."""
        own = tuple(f"http://{name}:{self.port}/" for name in ("127.0.0.1", "localhost"))
        with self.browser.tab(*own, excused=EXCUSED, **tab) as opened:
            opened.page.goto(own[0])
            yield View(opened)


def check_app(
    browser: Browser, folder: Path, pictures: Path | None, texts: Mapping[str, str]
) -> Iterator[str]:
    """Return what is wrong with the page in a host, each beginning with its place."""
    built = folder / "host"
    build_host(built)
    with ExitStack() as stack:
        home = stack.enter_context(open_home())
        server = stack.enter_context(home.serving())
        port = stack.enter_context(host_serving(built, f"{server.address}/mcp"))
        stage = Stage(browser, home, port, pictures)
        for theme, sandbox in zip(("light", "dark"), SANDBOXES, strict=True):
            for width in (400, 900):
                place = f"app, {theme}, {width}"
                yield from _placed(place, _live(stage, theme, sandbox, width))
            yield from _placed(f"app, {sandbox}, stopping", _stops(stage, sandbox))
            yield from _placed(f"app, {sandbox}, exploring", _explores(stage, sandbox))
        yield from _placed("app, teardown", _ends(stage))
        for number, (name, text) in enumerate(texts.items()):
            yield from _placed(f"app, {name}", _obeys(stage, f"hostile-app-{number}", text))


def _placed(place: str, faults: Iterator[str]) -> Iterator[str]:
    for fault in faults:
        yield f"{place}: {fault}"


def _live(stage: Stage, theme: str, sandbox: str, width: int) -> Iterator[str]:
    """A call is drawn before it is answered, and to its end; the page looks as its host does."""
    stage.home.play.seconds, stage.home.play.turns = 0.7, 2
    styles = {"variables": {"--color-background-primary": GROUND}} if theme == "dark" else {}
    context = {"theme": theme, "displayMode": "inline", "styles": styles}
    with stage.view(width=width) as view:
        problem = f"What is 6 * 7, in {theme}, on {width}?"
        view.call("solve_with_atlas", context, sandbox, problem=problem)
        if view.host("answered"):
            yield "nothing is drawn before the call is answered"
        seen: set[str] = set()

        def ended() -> bool:
            seen.add(view.frame.evaluate("document.querySelector('main').innerText"))
            return view.frame.evaluate(ANSWERED)

        if not view.comes(ended):
            yield "the end of the run is not shown"
        if len(seen) < 4:
            yield f"{len(seen)} states of a run with 4 explores are shown"
        if not view.stays_quiet():
            yield "news are asked for after the run has ended"
        ground = "getComputedStyle(document.body).backgroundColor"
        shown = view.frame.evaluate(f"[{THEME}, {ground}]")
        if shown[0] != theme or (styles and shown[1] != GROUND):
            yield f"the host's looks are not taken: {shown}"
        if view.host("tools").count("run_page"):
            yield "a model of the host is shown the tool of the page"
        if not view.host("sizes.length"):
            yield "the host is not told the size of the page"
        yield from view.faults()
        picture(view.tab, stage.pictures, f"app-{theme}-{width}")
        other = {"light": "dark", "dark": "light"}[theme]
        view.tab.page.evaluate("(context) => host.change(context)", {**context, "theme": other})
        if not view.comes(lambda: view.frame.evaluate(THEME) == other):
            yield "a change of the host's theme is not taken"


def _stops(stage: Stage, sandbox: str) -> Iterator[str]:
    """The buttons that cancel, that go on, and that open the transcript."""
    stage.home.play.seconds, stage.home.play.turns = 6.0, 1
    context = {"theme": "light", "displayMode": "inline"}
    with stage.view() as view:
        problem = f"What is 7 * 6, under {sandbox}?"
        view.call("solve_with_atlas", context, sandbox, problem=problem)
        assert view.shows("explores at work")
        view.act("cancel")
        if not view.shows("Cancelled"):
            yield "a run that was cancelled is not shown so"
        run_id = view.run_id()
        if stage.home.view(run_id)["status"] != "cancelled":
            yield "the button does not cancel the run"
        stage.home.play.seconds = 0.4
        view.act("resume")
        if not view.comes(lambda: view.frame.evaluate(ANSWERED)):
            yield "a run that goes on is not shown to its end"
        if stage.home.view(run_id)["status"] != "answered":
            yield "the button does not let the run go on"
        view.frame.click("text=Open transcript")
        view.comes(lambda: view.host("asked.length") > 0)
        if "text/markdown" not in json.dumps(view.host("asked")):
            yield "the transcript is not handed on"
        yield from _asks(stage, view, run_id)
        yield from view.faults()


def _asks(stage: Stage, view: View, run_id: str) -> Iterator[str]:
    """The form that asks about the run."""
    if view.frame.query_selector("form.ask") is None:
        yield "the page has no form that asks"
        return
    view.frame.fill("form.ask textarea", "Why not 17?")
    view.frame.click('form.ask [type="submit"]')
    if not view.shows("17 counts twice."):
        yield "the answer to a question is not shown"
    if "Why not 17?" not in json.dumps(stage.home.command("runs", "show", run_id, "--transcript")):
        yield "the question is not on record"


def _explores(stage: Stage, sandbox: str) -> Iterator[str]:
    """The button that explores more."""
    stage.home.play.seconds = 0.4
    context = {"theme": "dark", "displayMode": "inline"}
    with stage.view() as view:
        problem = f"What is 3 * 14, under {sandbox}?"
        view.call("explore", context, sandbox, problem=problem, count=2)
        assert view.shows("#2")
        view.frame.wait_for_selector('[data-action="explore"]', timeout=PATIENCE * 1_000)
        view.act("explore", count="2")
        if not view.shows("#4"):
            yield "the further explores are not shown"
        if len(stage.home.view(view.run_id())["candidates"]) != 4:
            yield "the button does not explore"
        yield from view.faults()


def _ends(stage: Stage) -> Iterator[str]:
    """A page that is taken away asks for nothing more, and its run goes on."""
    stage.home.play.seconds, stage.home.play.turns = 1.0, 3
    with stage.view() as view:
        view.call("solve_with_atlas", {"theme": "dark"}, SANDBOXES[0], problem="What is 2 * 21?")
        assert view.comes(lambda: view.passed() > 1)
        run_id = view.run_id()
        view.tab.page.evaluate("host.teardown()")
        if not view.stays_quiet():
            yield "a page that was taken away asks for news"
        if view.host("passed.filter((one) => one.open).length"):
            yield "a page that was taken away leaves a call open"

        def answered() -> bool:
            return bool(view.host("answered"))

        if not view.comes(answered) or stage.home.view(run_id)["status"] != "answered":
            yield "the run of a page that was taken away does not go on"
        yield from (one for one in view.tab.faults() if not one.startswith(EXCUSED))


def _obeys(stage: Stage, run_id: str, text: str) -> Iterator[str]:
    """A hostile text in every place of a run is shown, and does nothing in a host either."""
    stage.home.keep({run_id: hostile(text)})
    with stage.view() as view:
        view.call("get_run", {"theme": "light"}, SANDBOXES[-1], run_id=run_id)
        view.frame.evaluate(OPEN_ALL)
        view.tab.page.wait_for_timeout(200)
        yield from (one for one in view.tab.faults() if not one.startswith(EXCUSED))
        yield from (f"the page asks for {one}" for one in view.asked)
        if f"{CANARY}(" in text and CANARY not in view.frame.evaluate("document.body.innerText"):
            yield "the text is not shown"
