"""A reader that does not read delays no writer, and hears how many lines it missed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator

import pytest

from atlas_mcp.system.streams import KEPT_BYTES, PatientWriter, let_writes_not_wait
from tests.support.systems import posix


class Pipe:
    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.writer = PatientWriter(self.writing)

    def read(self, size: int) -> bytes:
        """Return so many bytes, waiting for them."""
        data = b""
        while len(data) < size:
            data += os.read(self.reading, size - len(data))
        return data

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            data += os.read(self.reading, 65_536)
        return data


@pytest.fixture
def pipe() -> Generator[Pipe]:
    made = Pipe()
    yield made
    # A thread that still writes hears that there is no reader.
    os.close(made.reading)
    made.writer.drain(5)
    os.close(made.writing)


@posix
def test_what_is_written_is_out_before_the_writer_goes_on(pipe: Pipe) -> None:
    pipe.writer.write(b"one\n")

    assert sys.platform != "win32"
    os.set_blocking(pipe.reading, False)
    assert os.read(pipe.reading, 100) == b"one\n"


def test_a_writer_goes_on_though_nobody_reads_and_nothing_is_lost_once_somebody_does(
    pipe: Pipe,
) -> None:
    lines = [b"%06d %s\n" % (number, b"x" * 900) for number in range(500)]
    for line in lines:
        pipe.writer.write(line)

    assert pipe.read(len(b"".join(lines))) == b"".join(lines)


def test_what_is_beyond_the_bounds_is_dropped_and_counted(pipe: Pipe) -> None:
    line = b"x" * 9_999 + b"\n"
    for _ in range(2 * KEPT_BYTES // len(line)):
        pipe.writer.write(line)
    read = threading.Thread(target=lambda: seen.append(pipe.read_until(b"last\n")))
    seen: list[bytes] = []
    read.start()
    pipe.writer.drain(5)
    pipe.writer.write(b"last\n")
    read.join()

    (text,) = (b.decode() for b in seen)
    said = [each for each in text.splitlines() if "dropped" in each]
    kept = text.count("x" * 9_999)
    assert said == [f"atlas-mcp: {200 - kept} lines were dropped, since nobody read them"]
    assert kept * len(line) <= KEPT_BYTES + 100_000


def test_a_reader_that_has_gone_is_no_error() -> None:
    pipe = Pipe()
    os.close(pipe.reading)
    pipe.writer.write(b"one\n")
    pipe.writer.write(b"two\n")
    pipe.writer.drain(5)
    os.close(pipe.writing)


def test_what_is_written_while_no_thread_can_be_had_is_out_and_a_thread_is_asked_for_again(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as out_of_threads:
        out_of_threads.setattr(threading.Thread, "start", no_thread)
        pipe.writer.write(b"one\n")
        pipe.writer.write(b"x" * 9_999 + b"\n")
        assert pipe.read(10_004) == b"one\n" + b"x" * 9_999 + b"\n"
    pipe.writer.write(b"two\n")

    assert pipe.read(4) == b"two\n"
    assert any(thread.name == "stderr" for thread in threading.enumerate())


@posix
def test_without_a_thread_nobody_waits_for_a_reader_and_what_is_lost_is_counted(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as out_of_threads:
        out_of_threads.setattr(threading.Thread, "start", no_thread)
        pipe.writer.write(b"x" * KEPT_BYTES)
        pipe.writer.write(b"y\n")
    read = threading.Thread(target=lambda: seen.append(pipe.read_until(b"last\n")))
    seen: list[bytes] = []
    read.start()
    pipe.writer.write(b"last\n")
    read.join()

    said = seen[0].decode().strip("x")
    assert said == "atlas-mcp: 2 lines were dropped, since nobody read them\nlast\n"


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@posix
def test_a_writer_of_a_pipe_need_not_wait() -> None:
    incoming, outgoing = os.pipe()
    try:
        let_writes_not_wait(outgoing)
        # More than a pipe of any system holds.
        assert os.write(outgoing, b"x" * 10_000_000) < 10_000_000
    finally:
        os.close(incoming)
        os.close(outgoing)
