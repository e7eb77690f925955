"""Streams that take any text: a console of any code page, a pipe, a file, or nothing at all."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Let stdout and stderr take every text, and have pipes and files speak UTF-8.

    A console keeps its encoding, and is shown what that lacks as an escape. Windows gives pipes an
    old code page, which no program at their other end expects. Streams that were closed before the
    program began are `None`; they lead nowhere instead.
    """
    sys.stdout = _any_text(sys.stdout)
    sys.stderr = _any_text(sys.stderr)
    stdin, reconfigure = sys.stdin, getattr(sys.stdin, "reconfigure", None)
    if reconfigure is not None and not stdin.isatty() and not _is_utf8(stdin):
        reconfigure(encoding="utf-8")


def _any_text(stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        encoding = None if stream.isatty() else "utf-8"
        reconfigure(encoding=encoding, errors="backslashreplace")
    return stream


def _is_utf8(stream: TextIO) -> bool:
    return stream.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
