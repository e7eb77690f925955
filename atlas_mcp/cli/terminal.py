"""The one way out to stdout and stderr: data on the first, everything for people on the second.

Nothing else in the package prints, or makes a console: a test reads the source for that. So
every text, of any author, is shown and not obeyed: markup is off, characters that steer a terminal
are written out, and characters that a stream cannot encode are replaced. Once a stream takes no
more, a command ends in one line (stdout) or goes on without it (stderr).
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, TextIO

import click
from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text
from typing_extensions import override

from atlas_mcp.errors import AtlasError, InvalidInput
from atlas_mcp.log_lines import PrintableFormatter
from atlas_mcp.system.streams import wait_readable, wait_writable
from atlas_mcp.system.this_process import place_streams
from atlas_mcp.texts import printable

PLAIN_ERRORS = "atlas-plain"
"""The error handler of our streams: characters that they cannot encode are written in ASCII."""

PLAIN: Mapping[int, str] = {
    ord("✓"): "+",
    ord("✗"): "x",
    ord("·"): "-",
    ord("…"): "~",
    **dict.fromkeys((0x2010, 0x2011, 0x2013, 0x2014, 0x2212), "-"),
    **dict.fromkeys((0x2018, 0x2019), "'"),
    **dict.fromkeys((0x201C, 0x201D), '"'),
    **dict.fromkeys((0x00A0, 0x202F), " "),
    **dict.fromkeys(range(0x2500, 0x2580), "-"),
    **dict.fromkeys(range(0x2800, 0x2900), "*"),
}
"""The replacements in a plain terminal for marks, dashes, quotation marks, frames and bars."""

PIPE_COLUMNS = 200
"""Columns of a table that goes to no terminal: a file is not cut to the width of none."""

COLUMNS = (20, 2_000)
"""Columns of a terminal at least, below which no table can be read, and at most."""


class OutputLost(AtlasError):
    """Stdout took no more: its disk is full, say."""


class ReaderGone(AtlasError):
    """The program that read stdout has ended."""


class Screen(Console):
    """A console that obeys no text: each string is printable and plain, however it gets in."""

    def __init__(self, stream: TextIO, *, columns: int | None = None) -> None:
        """Draw on a stream.

        Args:
            stream: Where to.
            columns: Columns of what goes to no terminal; `None` for what rich takes.
        """
        piped = not stream.isatty()
        super().__init__(
            file=stream,
            width=columns if piped else None,
            markup=False,
            emoji=False,
            highlight=False,
            _environ={name: value for name, value in os.environ.items() if _usable(name, value)},
        )

    @property
    @override
    def size(self) -> ConsoleDimensions:
        """The columns and lines there are; of columns, no fewer and no more than make sense."""
        found = super().size
        return ConsoleDimensions(min(max(found.width, COLUMNS[0]), COLUMNS[1]), found.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    @override
    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as plain text, whatever markup it holds."""
        options |= {"markup": False, "emoji": False, "highlight": False, "highlighter": None}
        return super().render_str(self.plain(text), **options)

    @override
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable; those of text are printable."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(self.plain(segment.text), segment.style)

    def plain(self, text: str) -> str:
        """Return text as it is shown here: printable, and in what the stream can encode."""
        text = printable(text)
        if self.encoding.startswith("utf") or text.isascii():
            return text
        try:
            return text.encode(self.encoding, PLAIN_ERRORS).decode(self.encoding)
        except LookupError:
            return text.encode("ascii", PLAIN_ERRORS).decode("ascii")


def people() -> Screen:
    """Return the screen that people read: stderr."""
    return Screen(sys.stderr)


def data() -> Screen:
    """Return the screen for tables that are data: stdout."""
    return Screen(sys.stdout, columns=PIPE_COLUMNS)


def styled(*pieces: str | tuple[str, str]) -> Text:
    """Return pieces of text in a line; a pair is a text and the style of it."""
    text = Text()
    for piece in pieces:
        text_of_piece, style = (piece, "") if isinstance(piece, str) else piece
        text.append(printable(text_of_piece), style=style)
    return text


def write_data(text: str) -> None:
    """Write data to stdout: as it is, or printable where stdout is a terminal.

    Raises:
        OutputLost: It could not be written.
        ReaderGone: The program that read it has ended.
    """
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def draw_data(renderable: RenderableType) -> None:
    """Write a table to stdout.

    Raises:
        OutputLost: It could not be written.
        ReaderGone: The program that read it has ended.
    """
    data().print(renderable)
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(f"{printable(text)}\n")


def sure(question: str) -> bool:
    """Return whether the person at the terminal says yes.

    Raises:
        InvalidInput: There is no terminal to ask at.
        Abort: They would rather leave.
    """
    sys.stderr.write(f"{printable(question)} [y/N]: ")
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except OSError:
        line = ""
    if not line:
        sys.stderr.write("\n")
        if sys.stdin.isatty():
            raise click.Abort
        raise InvalidInput("--yes", "there is no terminal to ask at; nothing was removed")
    return line.strip().lower() in ("y", "yes")


def prepare() -> None:
    """Make the streams of this process fit for what is read from them and written to them.

    Pipes and files get UTF-8 whatever the locale: programs that read JSON expect nothing else.
    """
    place_streams()
    sys.stdin = patient(sys.stdin)
    sys.stdout = guarded(sys.stdout, fails=True)
    sys.stderr = guarded(sys.stderr, fails=False)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PrintableFormatter())
    sys.excepthook = _show_bug


def guarded(stream: TextIO, *, fails: bool) -> TextIO:
    """Return a stream that writes where `stream` does, and never raises what it raises.

    Args:
        stream: A stream on a file.
        fails: Whether what cannot be written raises `OutputLost` or `ReaderGone`; else it is
            dropped. Either way nothing more is tried.
    """
    buffer: object = getattr(stream, "buffer", None)
    # Under PYTHONUNBUFFERED there is nothing between the text and the file.
    under: object = getattr(buffer, "raw", buffer)
    on_file = isinstance(buffer, io.BufferedWriter | io.FileIO)
    if not on_file or not isinstance(under, io.RawIOBase) or isinstance(under, _Guard):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors=PLAIN_ERRORS)
        return stream
    stream.flush()
    terminal = stream.isatty()
    inner: Any = io.BufferedWriter(_Guard(under, stream, fails=fails))
    text: TextIO = io.TextIOWrapper(
        inner,
        encoding=stream.encoding if terminal else "utf-8",
        errors=PLAIN_ERRORS,
        line_buffering=terminal or not fails,
    )
    return text


def patient(stream: TextIO) -> TextIO:
    """Return a stream that reads what `stream` does, and waits for it also where that does not."""
    buffer: object = getattr(stream, "buffer", None)
    raw: object = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.RawIOBase) or isinstance(raw, _Patient):
        return stream
    inner: Any = io.BufferedReader(_Patient(raw, stream))
    text: TextIO = io.TextIOWrapper(inner, encoding=stream.encoding, errors="replace")
    return text


class _Over(io.RawIOBase):
    """Bytes over those of a stream: the same place, used in another way."""

    def __init__(self, raw: io.RawIOBase, stream: TextIO) -> None:
        self._raw = raw
        # It would close what is under it, if nothing else knew of it.
        self._stream = stream

    @override
    def isatty(self) -> bool:
        return self._raw.isatty()

    @override
    def fileno(self) -> int:
        return self._raw.fileno()


class _Patient(_Over):
    """The bytes under a patient stream."""

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        while True:
            size: int | None = self._raw.readinto(buffer)
            if size is not None:
                return size
            wait_readable(self.fileno())

    @override
    def readable(self) -> bool:
        return True


class _Guard(_Over):
    """The bytes under a guarded stream."""

    def __init__(self, raw: io.RawIOBase, stream: TextIO, *, fails: bool) -> None:
        super().__init__(raw, stream)
        self._fails = fails
        self._lost = False

    @override
    def write(self, data: Any, /) -> int | None:
        size = memoryview(data).nbytes
        if self._lost:
            return size
        try:
            # Nothing is written to a pipe that is full and does not wait.
            while (written := self._raw.write(data)) is None:
                wait_writable(self.fileno())
            return written
        except OSError as error:
            # Also what is flushed as the interpreter ends goes nowhere now.
            self._lost = True
            if not self._fails:
                return size
            if isinstance(error, BrokenPipeError):
                raise ReaderGone("the program that read stdout has ended") from error
            raise OutputLost(f"stdout cannot be written to: {error.strerror}") from error

    @override
    def writable(self) -> bool:
        return True


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the escapes for characters that a stream cannot encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    given = error.object[error.start : error.end].translate(PLAIN)
    return given.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(PLAIN_ERRORS, _in_ascii)


def _usable(name: str, value: str) -> bool:
    """Return whether a variable can be read: rich takes any digit of Unicode for a number."""
    return name not in ("COLUMNS", "LINES") or re.fullmatch("[0-9]{1,9}", value) is not None


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback: it may hold a text of others too."""
    sys.stderr.write(printable("".join(traceback.format_exception(kind, error, trace))))
