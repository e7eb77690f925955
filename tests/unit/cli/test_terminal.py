"""What is shown to people: readable whatever was written, and never obeyed by a terminal."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from atlas_mcp.cli.terminal import (
    PLAIN_ERRORS,
    OutputLost,
    ReaderGone,
    Screen,
    guarded,
    prepare,
    styled,
    sure,
    tell,
    write_data,
)
from atlas_mcp.errors import InvalidInput
from atlas_mcp.texts import printable

HOSTILE = "\x1b[2J\x9b31m\x07\x7f\u202e\u2066\rover"

MARKUP = "[/foo] [bold]x[/bold] [link=http://evil]y[/link] :smile: \x1b]8;;http://evil\x07z"


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


class Failing(io.RawIOBase):
    """A file that cannot be written to any more."""

    def __init__(self, error: OSError) -> None:
        self.error = error
        self.tried = 0

    @override
    def write(self, data: object, /) -> int:
        self.tried += 1
        raise self.error

    @override
    def writable(self) -> bool:
        return True


def on(raw: io.RawIOBase) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")


def test_data_is_made_printable_for_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        monkeypatch.setattr(sys, "stdout", stream)
        write_data(HOSTILE)

    assert pipe.getvalue() == HOSTILE
    assert terminal.getvalue() == printable(HOSTILE)


def test_people_never_get_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    tell(HOSTILE)

    assert stream.getvalue() == f"{printable(HOSTILE)}\n"


# The screen


def everything(text: str) -> Group:
    """Return a text in every place that one can have on a screen."""
    table = Table(title=text, caption=text)
    table.add_column(text, footer=text)
    table.add_row(text)
    table.add_row(Text(text))
    return Group(text, Text(text), table, Panel(text), Spinner("dots", text=Text(text)))


@pytest.mark.parametrize("text", [MARKUP, HOSTILE])
def test_nothing_in_any_place_of_a_screen_is_obeyed(text: str) -> None:
    stream = Terminal()
    Screen(stream, columns=300).print(text, everything(text), styled(text, (text, "bold red")))

    seen = stream.getvalue()
    # Ours choose a colour or a weight.
    rest = re.sub(r"\x1b\[[0-9;]*m", "", seen)
    for steering in "\x1b\x07\x9b\x7f\u202e\u2066\r":
        assert steering not in rest


def test_markup_is_text() -> None:
    stream = io.StringIO()
    Screen(stream, columns=300).print(MARKUP)

    assert stream.getvalue() == f"{printable(MARKUP)}\n"


@given(text=st.text(), encoding=st.sampled_from(["latin-1", "ascii", "cp437", "cp1252", "utf-8"]))
def test_any_text_fits_any_terminal(text: str, encoding: str) -> None:
    prepare()
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors=PLAIN_ERRORS)
    bars = (ProgressBar(total=2, completed=1, width=9), Spinner("dots", text="…"), "✓ ✗ · …")
    Screen(stream, columns=80).print(everything(text), *bars)
    stream.flush()

    assert raw.getvalue().decode(encoding)


def test_marks_of_ours_are_plain_characters_where_a_terminal_has_no_others() -> None:
    prepare()
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors=PLAIN_ERRORS)
    Screen(stream).print("✓ ✗ a · b… 漢")
    stream.flush()

    assert raw.getvalue() == rb"+ x a - b~ \u6f22" + b"\n"


@pytest.mark.parametrize("columns", ["1", "0", "999999999", "99999999999999999999", "x", "²", ""])
def test_no_width_that_is_claimed_stops_a_table(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    # Only for as long: what reports on this test believes every width.
    with monkeypatch.context() as claimed:
        claimed.setenv("COLUMNS", columns)
        claimed.setenv("LINES", columns)
        Screen(stream).print(everything("a table"))

    assert "table" in stream.getvalue()


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_none_are_wanted(
    variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*variable)
    stream = Terminal()
    Screen(stream).print(styled(("red", "red")))

    assert stream.getvalue() == "red\n"


# Streams that fail


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), OutputLost),
        (BrokenPipeError(32, "Broken pipe"), ReaderGone),
    ],
)
def test_data_that_cannot_be_written_is_told_once_and_the_rest_goes_nowhere(
    error: OSError, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Failing(error)
    monkeypatch.setattr(sys, "stdout", guarded(on(raw), fails=True))

    with pytest.raises(raised):
        write_data("much")
    write_data("more")
    sys.stdout.close()

    assert raw.tried == 1


def test_what_people_cannot_be_told_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = Failing(OSError(28, "No space left on device"))
    monkeypatch.setattr(sys, "stderr", guarded(on(raw), fails=False))

    tell("one")
    tell("two")
    sys.stderr.close()

    assert raw.tried == 1


def test_a_stream_is_guarded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    stream = guarded(on(Failing(OSError(5, "gone"))), fails=False)

    assert guarded(stream, fails=False) is stream


def test_data_is_utf8_in_a_file_whatever_the_locale() -> None:
    read, write = os.pipe()
    with open(write, "w", encoding="latin-1") as stream:  # noqa: PTH123
        found = guarded(stream, fails=True)
        found.write("漢")
        found.flush()
        assert os.read(read, 10) == "漢".encode()
    os.close(read)


def test_streams_that_were_closed_from_the_start_are_streams(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    prepare()
    write_data("data")
    tell("news")
    found = (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno())
    monkeypatch.undo()

    assert found == (0, 1, 2)
    assert capfd.readouterr() == ("data", "news\n")


# Questions


@pytest.mark.parametrize(
    ("said", "means"), [("y\n", True), (" YES \n", True), ("n\n", False), ("\n", False)]
)
def test_only_a_yes_is_one_and_nothing_of_a_question_is_data(
    said: str, means: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)

    assert sure(f"Remove {HOSTILE}?") is means
    assert out.getvalue() == ""
    assert err.getvalue() == f"Remove {printable(HOSTILE)}? [y/N]: "


def test_where_nobody_can_be_asked_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(InvalidInput, match="--yes"):
        sure("Remove it?")


def test_the_error_handler_takes_no_other_errors() -> None:
    prepare()

    with pytest.raises(UnicodeDecodeError):
        codecs.decode(b"\xff", "utf-8", PLAIN_ERRORS)
