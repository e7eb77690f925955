"""What is shown to people: readable whatever was written, and never obeyed by a terminal."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from atlas_mcp.cli.terminal import OutputLost, prepare, printable, tell, write_data

HOSTILE = "\x1b[2J\x9b31m\x07\x7f\u202e\u2066\rover"


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A file on a disk without room, of which there is a number to be closed."""

    @override
    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    @override
    def fileno(self) -> int:
        return self.descriptor

    descriptor = -1


def test_control_characters_are_written_as_json_writes_them() -> None:
    assert printable(HOSTILE) == (r"\u001b[2J\u009b31m\u0007\u007f\u202e\u2066\u000dover")


@pytest.mark.parametrize("text", ["tab\tand\nline", "漢字 é 😀 \u200f", "[red]", r"\u001b", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_line_ends_of_other_systems_are_line_ends() -> None:
    assert printable("one\r\ntwo\r") == "one\ntwo\\u000d"


@given(text=st.text())
def test_json_means_the_same_once_it_is_printable(text: str) -> None:
    written = json.dumps({"answer": text}, ensure_ascii=False)

    assert json.loads(printable(written)) == {"answer": text}


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


def test_a_full_disk_is_told_and_what_is_left_goes_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    full = Full()
    full.descriptor = write
    monkeypatch.setattr(sys, "stdout", full)

    with pytest.raises(OutputLost, match="No space left"):
        write_data("much")

    os.write(write, b"the rest")
    os.close(write)
    assert os.read(read, 100) == b""
    os.close(read)


def test_streams_that_were_closed_from_the_start_lead_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    prepare()
    write_data("data")
    tell("news")

    for stream in (sys.stdout, sys.stderr):
        assert stream.name == os.devnull
        stream.close()
