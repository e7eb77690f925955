"""A partly downloaded file.

Owns the bytes on disk while a source delivers them. The sources are `models.embedded.hub` and
`models.embedded.wheels`; `models.embedded.weights` compares the finished file with its checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from atlas_mcp.models.private_files import private

CHUNK_BYTES = 2**20
"""Bytes copied, or reported, at a time."""


class SourceFailed(Exception):
    """A source did not give the file; the text says why."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The bytes of a file that are here so far.

    Attributes:
        path: The file that holds them.
        size_bytes: Length of the whole file.
        report: Called with the number of bytes that are here. Never blocks.
    """

    path: Path
    size_bytes: int
    report: Callable[[int], None]

    async def length(self) -> int:
        """Return the number of bytes that are here."""
        return await length(self.path)

    async def cut_to(self, size: int) -> None:
        """Keep the first `size` bytes."""

        def cut() -> None:
            with private(self.path).open("rb+") as opened:
                opened.truncate(size)

        await anyio.to_thread.run_sync(cut)


def size_of(file: Path) -> int:
    """Return the file's length, 0 if there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


async def length(file: Path) -> int:
    """Return the file's length, 0 if there is none."""
    return await anyio.to_thread.run_sync(size_of, file)
