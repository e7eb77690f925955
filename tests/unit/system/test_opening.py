"""Files are opened where they were looked at, and names are no more than names."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from atlas_mcp.cli.arguments import read_schema
from atlas_mcp.errors import InvalidInput
from atlas_mcp.system import opening
from atlas_mcp.system.opening import (
    fault_in_name,
    fault_in_windows_name,
    open_beneath,
    path_of_url,
    read_file_or_pipe,
)
from tests.support.systems import posix

SPECIAL = {
    "another stream": ("a.png:x", "another stream"),
    "the stream by its full name": ("sub/a.png::$DATA", "another stream"),
    "a stream of a folder": ("sub:x/a.png", "another stream"),
    "a drive's own folder": ("C:a.png", "drive"),
    "a bare drive": ("C:", "drive"),
    "a stream on a drive": ("C:\\pictures\\a.png:x", "another stream"),
    "a share": ("\\\\server\\share\\a.png", "share"),
    "a share in slashes": ("//server/share/a.png", "share"),
    "a share in both": ("\\/server/share/a.png", "share"),
    "a name that is not looked at": ("\\\\?\\C:\\a.png", "share"),
    "a device by its path": ("\\\\.\\COM1", "share"),
    "a device": ("NUL", "device"),
    "a device in lower case": ("con", "device"),
    "a device in a folder": ("sub\\AUX", "device"),
    "a device with an ending": ("sub/nul.png", "device"),
    "a device with two endings": ("com1.tar.png", "device"),
    "a device with a space": ("prn .png", "device"),
    "a device of another digit": ("LPT².png", "device"),
    "a port that is none": ("com0", "device"),
    "the console": ("CONIN$", "device"),
    "a device on a drive": ("C:/pictures/nul.png", "device"),
    "a dot at the end": ("a.png.", "a dot or a space"),
    "a space at the end": ("a.png ", "a dot or a space"),
    "a space at a folder's end": ("sub /a.png", "a dot or a space"),
    "three dots": (".../a.png", "a dot or a space"),
    "a wild card": ("*.png", "a character"),
    "a question mark": ("a?.png", "a character"),
    "a control character": ("a\n.png", "a character"),
}

PLAIN = [
    "a.png",
    "sub/a.png",
    "sub\\..\\a.png",
    "./a.png",
    "../a.png",
    "C:\\pictures\\a.png",
    "c:/pictures/a.png",
    "/pictures/a.png",
    "a b#%é漢.png",
    "null.png",
    "console.png",
    "com.png",
    "com10.png",
    "a.con.png",
    ".hidden",
    "",
]


@pytest.mark.parametrize("case", SPECIAL)
def test_a_name_that_means_more_than_a_file_on_windows_is_told_from_others(case: str) -> None:
    name, says = SPECIAL[case]

    assert says in (fault_in_windows_name(name) or "")


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_name_is_one_on_windows_too(name: str) -> None:
    assert fault_in_windows_name(name) is None


@posix
def test_every_name_is_plain_on_posix() -> None:
    assert [fault_in_name(name) for name, _ in SPECIAL.values()] == [None] * len(SPECIAL)


def test_the_path_of_a_url_is_unquoted() -> None:
    assert path_of_url("/a%20b/%C3%A9.png") == "/a b/é.png"


@pytest.fixture(params=["step by step", "in one step"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "in one step":
        monkeypatch.setattr(os, "supports_dir_fd", set[object]())
    folder = tmp_path / "root"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(b"inside")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"outside")
    return folder


def test_a_file_beneath_a_folder_is_opened(root: Path) -> None:
    with os.fdopen(open_beneath(os.path.realpath(root), ["deep", "a"]), "rb") as file:
        assert file.read() == b"inside"


@pytest.mark.parametrize("part", ["deep", "deep/a"])
def test_a_link_that_took_the_place_of_a_part_is_not_followed(root: Path, part: str) -> None:
    (root / part).rename(root / "moved")
    (root / part).symlink_to(root.parent / "out" / Path(part).relative_to("deep"))

    with pytest.raises(OSError, match=r".") as caught:
        open_beneath(os.path.realpath(root), ["deep", "a"])
    assert b"outside" not in str(caught.value).encode()


def test_a_link_that_is_there_only_while_the_file_is_opened_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set[object]())
    real_open = os.open

    def open_meanwhile(path: str, flags: int, mode: int = 0o777) -> int:
        (root / "deep").rename(root / "moved")
        (root / "deep").symlink_to(root.parent / "out")
        try:
            return real_open(path, flags, mode)
        finally:
            (root / "deep").unlink()
            (root / "moved").rename(root / "deep")

    monkeypatch.setattr(os, "open", open_meanwhile)

    with pytest.raises(OSError, match="changed while it was read"):
        open_beneath(os.path.realpath(root), ["deep", "a"])


def test_a_folder_is_no_file(root: Path) -> None:
    with pytest.raises(OSError, match="it is a folder"):
        open_beneath(os.path.realpath(root), ["deep"])


def test_of_a_file_so_many_bytes_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)

    assert read_file_or_pipe(str(tmp_path / "file"), 10) == b"abcabcabca"
    assert len(read_file_or_pipe(str(tmp_path / "file"), 1_000_000)) == 300_000


@posix
def test_a_pipe_that_nothing_writes_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sys.platform != "win32"
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(opening, "WRITER_SECONDS", 0.0)

    with pytest.raises(OSError, match="nothing writes to"):
        read_file_or_pipe(str(tmp_path / "pipe"), 10)
    with pytest.raises(InvalidInput, match=r"`--answer-schema`: .*nothing writes to"):
        read_schema(str(tmp_path / "pipe"))


@posix
def test_what_comes_from_a_pipe_is_read_to_its_end_however_late_its_writer_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sys.platform != "win32"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    said = bytes(range(256)) * 1_000
    looks: list[float] = []

    def write() -> None:
        with pipe.open("wb") as file:
            file.write(said)

    writer = threading.Thread(target=write)

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            writer.start()

    monkeypatch.setattr(opening, "WRITER_SECONDS", 60.0)
    monkeypatch.setattr(opening.time, "sleep", pause)
    found = read_file_or_pipe(str(pipe), 10**6)
    writer.join()

    assert found == said
    assert len(looks) >= 3


@posix
def test_a_writer_that_says_nothing_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sys.platform != "win32"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(pipe, os.O_WRONLY)
    found: list[bytes] = []
    waits = threading.Event()
    set_blocking = os.set_blocking

    def wait(descriptor: int, blocking: bool) -> None:
        set_blocking(descriptor, blocking)
        waits.set()

    monkeypatch.setattr(opening.os, "set_blocking", wait)
    monkeypatch.setattr(opening, "WRITER_SECONDS", 0.0)
    reader = threading.Thread(target=lambda: found.append(read_file_or_pipe(str(pipe), 10)))
    reader.start()
    assert waits.wait(30)
    os.write(writing, b"{}")
    os.close(writing)
    reader.join(30)
    os.close(reading)

    assert found == [b"{}"]


@posix
@pytest.mark.parametrize("said", [b"", b'{"type": "string"}'])
def test_a_pipe_that_is_open_already_ends_with_its_writer(said: bytes) -> None:
    """So shells pass what a command writes, under the name of a descriptor."""
    reading, writing = os.pipe()
    os.write(writing, said)
    os.close(writing)
    try:
        assert read_file_or_pipe(f"/dev/fd/{reading}", 100) == said
    finally:
        os.close(reading)


@posix
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_not_read(device: str) -> None:
    with pytest.raises(OSError, match="no regular file"):
        read_file_or_pipe(device, 10)
