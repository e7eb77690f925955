"""The page of a run in a file: written where it is asked for, or opened in the browser."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from atlas_mcp.cli.terminal import tell, write_data
from atlas_mcp.errors import InvalidInput
from atlas_mcp.system.browsers import open_in_browser
from atlas_mcp.system.disk import replace
from atlas_mcp.views.page.html import page_html
from atlas_mcp.views.page.shapes import PageDocument
from atlas_mcp.views.transcript import transcript

FOLDER = "pages"
"""The folder of opened pages, in the home of the program."""

KEPT_SECONDS = 86_400.0
"""Seconds for which an opened page is kept. A browser has read it by then."""

STDOUT = "-"
"""The name of stdout, where a file can be named."""


def page_of(document: PageDocument) -> str:
    """Return the page of a run as one HTML file."""
    return page_html({"mode": "file"}, document.model_dump(mode="json"))


def print_transcript(document: PageDocument) -> None:
    """Print a run as a story in Markdown."""
    write_data(transcript(document))


def write_page(document: PageDocument, path: str) -> None:
    """Write the page of a run to a file, or to stdout where it is called `-`.

    Raises:
        InvalidInput: The file cannot be written.
    """
    page = page_of(document)
    if path == STDOUT:
        write_data(page)
        return
    write_file(page, path, "--html")
    tell(f"the page of {document.run_id} written to {path}")


def open_page(document: PageDocument, home: Path) -> None:
    """Write the page of a run to a file that only this user may read, and open it in the browser.

    The name of the file is printed: there may be no browser, or one that may not read it. Pages
    that were opened a day ago or longer are removed.

    Raises:
        InvalidInput: The file cannot be written.
    """
    folder = home / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_old(folder, time.time())
        path = folder / f"{document.run_id}.html"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(page_of(document).encode())
    except OSError as error:
        raise InvalidInput(
            "--open", f"{folder} cannot be written: {error.strerror}; --html FILE writes elsewhere"
        ) from error
    write_data(f"{path}\n")
    if open_in_browser(path.as_uri()):
        tell("The page is open in your browser, from the file above.")
    else:
        tell("There is no browser to open it in: open the file above in one.")


def forget_pages(run_ids: Iterable[str], home: Path) -> None:
    """Remove the opened pages of runs that are removed for good."""
    for run_id in run_ids:
        _remove(home / FOLDER / f"{run_id}.html")


def write_file(text: str, path: str, option: str) -> None:
    """Write a text to a file, as UTF-8.

    Args:
        text: The text.
        path: The file; one that is there is overwritten, once all of the text is written.
        option: The option that named it, for the error.

    Raises:
        InvalidInput: It cannot be written.
    """
    try:
        target = Path(path)
        if target.is_file() or not target.exists():
            _write_beside(target.resolve(), text)
        else:
            target.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        # A name may hold what no file has in its name.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(option, f"{path} cannot be written: {reason}") from error


def _write_beside(target: Path, text: str) -> None:
    """Write a file such that one of before is whole until the new one is."""
    part = target.with_name(f".atlas-mcp-{os.getpid()}.part")
    try:
        part.touch()
    except PermissionError:
        # The folder takes no new file; the file itself may be written all the same.
        target.write_text(text, encoding="utf-8", newline="\n")
        return
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        replace(part, target)
    except (OSError, ValueError):
        part.unlink(missing_ok=True)
        raise


def _remove_old(folder: Path, now: float) -> None:
    for page in folder.glob("*.html"):
        try:
            if page.stat().st_mtime < now - KEPT_SECONDS:
                page.unlink()
        except OSError:
            # Another command has removed it, or it is open where that cannot be done.
            continue


def _remove(page: Path) -> None:
    try:
        page.unlink(missing_ok=True)
    except OSError:
        tell(f"{page} cannot be removed: remove it yourself")
