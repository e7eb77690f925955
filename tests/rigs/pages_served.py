"""The pages that a server has: live while runs go on, with buttons that change them.

What a button did is looked up on the command line. Runs are carried out by models on the loopback.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from browser import Browser, Tab
from leaving_home import wait_for
from pages_files import look, timed_opening
from pages_server import PATIENCE, PagesHome, Serving

from tests.support.hostile_texts import CANARY, RUNS
from tests.support.shown_runs import STATES, hostile, interrupted, large

PROBLEM = "How much is 6 times 7?"

SLOW = 30.0
"""Seconds of a model that a run is stopped beside."""

MOST_TABS = 60
"""Presses of Tab after which a button counts as out of reach."""


def check_empty(browser: Browser, serving: Serving, pictures: Path | None) -> Iterator[str]:
    """Yield what is wrong with the lists of a home without runs."""
    for name in ("runs", "stats"):
        with browser.tab(serving.address) as tab:
            tab.open(f"{serving.address}/{name}")
            tab.page.wait_for_timeout(500)
            yield from look(tab, f"empty {name}", pictures)


def check_lists(
    browser: Browser, home: PagesHome, serving: Serving, pictures: Path | None
) -> Iterator[str]:
    """Yield what is wrong with the list, the search, a comparison and the statistics."""
    home.keep({name: play() for name, play in STATES.items()})
    pages = {
        "runs": "/runs",
        "search": "/runs?query=handshakes",
        "search in vain": "/runs?query=nothing+has+this",
        "compare": "/compare/answered/dissent",
        "stats": "/stats",
    }
    for name, path in pages.items():
        with browser.tab(serving.address) as tab:
            tab.open(serving.address + path)
            tab.page.wait_for_timeout(800)
            yield from look(tab, name, pictures)
    with browser.tab(serving.address) as tab:
        tab.open(f"{serving.address}/runs")
        tab.page.get_by_role("searchbox").fill("colours")
        tab.page.wait_for_timeout(1_500)
        rows = tab.page.locator("a[href^='/runs/']").count()
        if rows != 1 or "query=colours" not in tab.page.url:
            yield f"search: {rows} runs are found, at {tab.page.url}"
        tab.page.locator("a[href^='/runs/']").first.click()
        tab.page.wait_for_url("**/runs/pictures")
        tab.page.wait_for_selector("h1")
        yield from (f"from the search: {fault}" for fault in tab.faults())


def check_served_hostile(
    browser: Browser, home: PagesHome, serving: Serving, texts: Mapping[str, str]
) -> Iterator[str]:
    """Yield what hostile texts do to the pages of a server: all of them stand in its list."""
    ids = {f"hostile-{number}": name for number, name in enumerate(texts)}
    home.keep({one: hostile(texts[name]) for one, name in ids.items()})
    first, second, *_ = ids
    pages = ["/runs", "/stats", "/runs?query=%3Cscript%3E", *(f"/runs/{one}" for one in ids)]
    pages += [f"/compare/{first}/{one}" for one in [second, *ids][:10]]
    for path in pages:
        with browser.tab(serving.address) as tab:
            tab.open(serving.address + path)
            tab.page.wait_for_timeout(300)
            yield from (f"{path}: {fault}" for fault in tab.faults())


def check_taken_along(
    browser: Browser, home: PagesHome, serving: Serving, folder: Path
) -> Iterator[str]:
    """Yield what is wrong with the transcript, and with the files that a run is saved into."""
    home.keep({"kept": hostile(RUNS["script"])})
    files = {"saved": folder / "saved.html", "written": folder / "written.html"}
    with browser.tab(serving.address, excused=("another page", "a download")) as tab:
        tab.open(f"{serving.address}/runs/kept", ready="h1")
        with tab.page.expect_popup() as other:
            tab.page.get_by_role("link", name="Open transcript").click()
        other.value.wait_for_load_state()
        kind, text, ran = other.value.evaluate(
            "[document.contentType, document.body.innerText, window.canaryRan]"
        )
        if kind != "text/markdown" or f"<script>{CANARY}" not in text or ran:
            yield f"transcript: {kind}, {text[:80]!r}, {ran}"
        with tab.page.expect_download() as saving:
            tab.page.get_by_role("link", name="Save as file").click()
        saving.value.save_as(files["saved"])
        yield from (f"saving: {fault}" for fault in tab.faults())
    home.command("runs", "show", "kept", "--html", str(files["written"]))
    for name, path in files.items():
        with browser.tab(path.as_uri()) as tab:
            tab.open(path.as_uri(), ready="h1")
            yield from (f"{name}: {fault}" for fault in tab.faults())


def check_served_large(
    browser: Browser, home: PagesHome, serving: Serving, *, timed: bool
) -> Iterator[str]:
    """Yield what is slow about the served page of a large run, and print the times."""
    home.keep({"large": large()})
    with browser.tab(serving.address) as tab:
        address = f"{serving.address}/runs/large"
        yield from timed_opening(browser, tab, address, timed=timed)
        yield from (f"served: {fault}" for fault in tab.faults())


# Live, and buttons


def check_live(browser: Browser, home: PagesHome, serving: Serving) -> Iterator[str]:
    """Yield what a page does not show of runs as they go on, and buttons that do nothing."""
    run_id = _left_behind(home)
    with browser.tab(serving.address) as tab:
        tab.open(f"{serving.address}/runs/{run_id}", ready="h1")
        tab.page.evaluate("() => { window.stayed = true; }")
        for what, step in _STEPS.items():
            began = time.monotonic()
            try:
                step(tab, home, run_id)
            except Exception as error:  # noqa: BLE001 - each step is tried
                yield f"{what}: {str(error).splitlines()[0][:300]}"
            print(f"  {what}: {time.monotonic() - began:.1f} s", flush=True)
            yield from (f"{what}: {fault}" for fault in tab.faults())
        if not tab.page.evaluate("window.stayed === true"):
            yield "live: the page was loaded anew"
    yield from _other_process(browser, home, serving)


def _resumed(tab: Tab, home: PagesHome, run_id: str) -> None:
    """Go on with a run that was interrupted; its candidates appear before it ends."""
    home.play.seconds = 1.0
    _press(tab, r"^Go on")
    _press(tab, r"^Go on$", inside="form")
    seen: list[str] = []

    def is_answered() -> bool:
        # Playwright hears of nothing while the thread only sleeps.
        tab.page.wait_for_timeout(50)
        status = tab.page.locator(".status").first.inner_text().split("\n")[0]
        found = f"{status}, {'a' if 'Method ' in tab.text() else 'no'} candidate"
        if found not in seen:
            seen.append(found)
        return status.startswith("Answered")

    assert wait_for(is_answered, PATIENCE), f"it never was answered: {seen}"
    assert any("Running" in one and "a candidate" in one for one in seen), f"not live: {seen}"
    assert home.view(run_id)["status"] == "answered"


def _extended(tab: Tab, home: PagesHome, run_id: str) -> None:
    """Give a run that has its answer a larger limit, and cancel it as it goes on."""
    home.play.seconds, home.play.turns = SLOW, 3
    before = home.view(run_id)["usage"]["requests"]
    _press(tab, r"^Go on")
    _press(tab, r"^Go on$", inside="form")
    _press(tab, r"^Cancel the run")
    assert home.view(run_id)["status"] == "running"
    _press(tab, r"^Cancel the run$", inside="form")
    tab.page.wait_for_selector(".status:has-text('Cancelled')", timeout=PATIENCE * 1_000)
    after = home.view(run_id)
    assert after["status"] == "cancelled", after["status"]
    assert after["usage"]["requests"] >= before


def _resumed_by_keys(tab: Tab, home: PagesHome, run_id: str) -> None:
    """Go on with a cancelled run, by the keyboard alone."""
    home.play.seconds, home.play.turns = 0.3, 1
    tab.page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    _reach(tab, "Go on")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("form")
    for _ in range(MOST_TABS):
        tab.page.keyboard.press("Tab")
        if tab.page.evaluate("document.activeElement?.closest('form') !== null"):
            break
    tab.page.keyboard.press("Escape")
    # The focus goes back once the panel is gone.
    tab.page.wait_for_timeout(500)
    assert _focused(tab).startswith("Go on"), f"Escape leaves the focus on {_focused(tab)!r}"
    tab.page.keyboard.press("Enter")
    _reach(tab, "Go on", again=True)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".status:has-text('Answered')", timeout=PATIENCE * 1_000)
    assert home.view(run_id)["status"] == "answered"


def _asked(tab: Tab, home: PagesHome, run_id: str) -> None:
    """Ask about a run, by the keyboard alone."""
    field = tab.page.get_by_role("textbox", name=re.compile("uestion|sk")).last
    field.focus()
    tab.page.keyboard.type("Why not 17?")
    _reach(tab, "Ask", at_most=6)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("text=17 counts twice.", timeout=PATIENCE * 1_000)
    view = home.view(run_id)
    assert [one["question"] for one in view.get("questions", [])] == ["Why not 17?"], view


_STEPS: dict[str, Callable[[Tab, PagesHome, str], None]] = {
    "Go on, live": _resumed,
    "a larger limit, and Cancel": _extended,
    "Go on, by keys": _resumed_by_keys,
    "Ask, by keys": _asked,
}


def _other_process(browser: Browser, home: PagesHome, serving: Serving) -> Iterator[str]:
    """Yield what is not shown of a run that another process drives, or not cancelled there."""
    home.play.seconds = SLOW
    known = _ids(home)
    with _solving(home) as process:
        assert wait_for(lambda: _ids(home) != known, PATIENCE), "no run begins"
        [run_id] = _ids(home) - known
        with browser.tab(serving.address) as tab:
            tab.open(f"{serving.address}/runs/{run_id}", ready="h1")
            _press(tab, r"^Cancel the run")
            _press(tab, r"^Cancel the run$", inside="form")
            try:
                tab.page.wait_for_selector(".status:has-text('Cancelled')", timeout=20_000)
            except Exception:  # noqa: BLE001 - Playwright's errors have no type here
                yield "another process: its run is not shown as cancelled"
            yield from (f"another process: {fault}" for fault in tab.faults())
        if not wait_for(lambda: process.poll() is not None, PATIENCE):
            yield "another process: it goes on with a cancelled run"


def check_server_gone(browser: Browser, home: PagesHome) -> Iterator[str]:
    """Yield what a page does wrong when its server ends, and another one begins in its place."""
    home.keep({"left": interrupted()})
    excused = ("complains: Failed to load resource",)
    with home.serving() as serving, browser.tab(serving.address, excused=excused) as tab:
        tab.open(f"{serving.address}/runs/left", ready="h1")
        before = tab.text()
        port = serving.port
        seconds = serving.end()
        print(f"  the server ends after {seconds:.1f} s, with a page open")
        _press(tab, r"^Go on")
        _press(tab, r"^Go on$", inside="form")
        tab.page.wait_for_selector("text=/does not answer/", timeout=PATIENCE * 1_000)
        with home.serving("serve", "--http", "--port", str(port)):
            _press(tab, r"^Go on$", inside="form")
            tab.page.wait_for_selector("text=/reload the page/", timeout=PATIENCE * 1_000)
            if home.view("left")["status"] != "interrupted":
                yield "gone: a page of the server before changes a run"
            if before.split("\n")[0] not in tab.text():
                yield "gone: the page is empty"
            yield from (f"gone: {fault}" for fault in tab.faults())


def check_explored(browser: Browser, home: PagesHome, serving: Serving) -> Iterator[str]:
    """Yield what is wrong with the button that explores more."""
    home.play.seconds = 0.3
    view = json.loads(home.command("explore", PROBLEM, "--json"))
    run_id = view["run_id"]
    with browser.tab(serving.address) as tab:
        tab.open(f"{serving.address}/runs/{run_id}", ready="h1")
        _press(tab, r"^Explore more")
        tab.page.get_by_label("How many").fill("2")
        tab.page.get_by_label(re.compile("^Instruction to the solver")).fill("Use pairs.")
        _press(tab, r"^Explore 2 times", inside="form")
        wanted = len(view["candidates"]) + 2

        def is_there() -> bool:
            tab.page.wait_for_timeout(200)
            return len(home.view(run_id)["candidates"]) == wanted

        if not wait_for(is_there, PATIENCE):
            yield "explore: the run has no further candidates"
        elif "Use pairs." not in str(home.view(run_id)):
            yield "explore: the instruction is lost"
        yield from (f"explore: {fault}" for fault in tab.faults())


# Helpers


def _press(tab: Tab, name: str, inside: str = "body") -> None:
    """Press the button of a name, once it is there."""
    tab.page.locator(inside).get_by_role("button", name=re.compile(name)).first.click(
        timeout=PATIENCE * 1_000
    )


def _focused(tab: Tab) -> str:
    """Return the text of the element that has the focus."""
    return tab.page.evaluate("document.activeElement?.textContent?.trim() ?? ''")


def _reach(tab: Tab, name: str, *, again: bool = False, at_most: int = MOST_TABS) -> None:
    """Press Tab until a button has the focus whose text begins with a name.

    Args:
        tab: The page.
        name: The beginning of the text.
        again: Whether the button that has the focus now does not count.
        at_most: Presses.
    """
    for _ in range(at_most):
        if again or not _focused(tab).startswith(name):
            tab.page.keyboard.press("Tab")
            again = False
            continue
        return
    raise AssertionError(f"no Tab leads to {name!r}; the focus is on {_focused(tab)!r}")


def _ids(home: PagesHome) -> set[str]:
    lines = home.command("runs", "list", "--json").splitlines()
    return {one["run_id"] for one in map(json.loads, lines) if "run_id" in one}


@contextmanager
def _solving(home: PagesHome) -> Generator[subprocess.Popen[bytes]]:
    """Solve the problem in a process for the length of a block; it is killed at its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "atlas_mcp", "solve", PROBLEM],
        env=home.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _left_behind(home: PagesHome) -> str:
    """Return a run whose process was killed while its solvers were at work."""
    home.play.seconds = SLOW
    known, asked = _ids(home), home.api.requests
    with _solving(home):
        assert wait_for(lambda: home.api.requests >= asked + 2, PATIENCE), "no call is made"
        time.sleep(0.5)
    [run_id] = _ids(home) - known
    return run_id


def runs_to_change(home: PagesHome) -> list[str]:
    """Return runs of which an action would change each: one to cancel, to resume, to explore."""
    run_id = _left_behind(home)
    home.play.seconds = 0.1
    explored = json.loads(home.command("explore", PROBLEM, "--json"))["run_id"]
    answered = json.loads(home.command("solve", PROBLEM, "--json"))["run_id"]
    return [run_id, explored, answered]
