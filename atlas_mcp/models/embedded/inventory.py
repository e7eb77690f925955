"""The embedded models of this machine: their state, and their removal.

Removes only models that were pulled, and only while no process pulls or uses them. A file that is
named by its path belongs to its user and is never removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from atlas_mcp.errors import AtlasError, ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import CATALOGUE
from atlas_mcp.models.embedded.facts import VENDOR
from atlas_mcp.models.embedded.files import ModelFiles
from atlas_mcp.models.embedded.names import Embedded, Kind, files_of, kind_of, locate, pulled
from atlas_mcp.models.embedded.partial import size_of
from atlas_mcp.models.file_locks import open_lock, try_alone
from atlas_mcp.system.dates import moment


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One embedded model.

    Attributes:
        name: The model as `local/…`.
        kind: Its origin.
        path: The place of its weights, also before they are fetched.
        size_bytes: Length of the weights; `None` if it is not known yet.
        state: A text on whether the weights are in place.
        ready: Whether they are in place and, where there is a checksum, verified.
        licence: As the catalogue or the file has it; `None` if neither says.
        description: Its quality, in one line, or its title; may be empty.
        context_tokens: The longest prompt and reply that fit it; `None` if it is not known yet.
        sha256: The checksum of the weights; `None` where there is none to check.
        verified: The day on which the checksum was verified; `None` if it was not.
    """

    name: str
    kind: Kind
    path: Path
    size_bytes: int | None
    state: str
    ready: bool
    licence: str | None
    description: str
    context_tokens: int | None
    sha256: str | None
    verified: date | None


def installed_models(folder: Path, referenced: Sequence[str]) -> tuple[InstalledModel, ...]:
    """Return the models of the catalogue, then those of the hub, then others that are referenced.

    Args:
        folder: The models folder.
        referenced: Names of models that the configuration mentions.
    """
    names = [entry.name for entry in CATALOGUE]
    names += pulled(folder)
    rows: dict[Path, InstalledModel] = {}
    for name in (*names, *referenced):
        row = _row(name, folder)
        rows.setdefault(row.path, row)
    return tuple(rows.values())


def remove(name: str, folder: Path) -> int:
    """Remove the pulled files of a model, and return the number of freed bytes.

    Raises:
        ConfigError: The name means no model that we fetch, or none of its files are here.
        ModelFileError: Another process pulls or uses the model, or it cannot be removed.
    """
    files = removable(name, folder)
    held: list[int] = []
    try:
        held.append(_take(files.lock, f"`{name}` is being pulled by another process; wait for it"))
        held.append(
            _take(files.use, f"`{name}` is loaded by another process; end that first, or wait")
        )
        freed, open_ones = _remove(files)
    except OSError as error:
        raise ModelFileError(f"{error.filename} cannot be removed: {error.strerror}") from error
    finally:
        for descriptor in held:
            os.close(descriptor)
    _tidy(files, folder, open_ones)
    return freed


def removable(name: str, folder: Path) -> ModelFiles:
    """Return the files of a model that was pulled, wholly or in part.

    Raises:
        ConfigError: The name means no model that we fetch, or none of its files are here.
    """
    if kind_of(name) == "file":
        raise ConfigError(f"{name!r} is a file of yours: only what was pulled is removed")
    files = files_of(name, folder)
    if not any(file.exists() for file in (files.weights, files.partial, files.origin)):
        raise ConfigError(f"there is nothing of {name!r} in {folder}")
    return files


def size_on_disk(files: ModelFiles) -> int:
    """Return the bytes that a model takes on disk, its folder of wheels left out."""
    return sum(size_of(file) for file in files.removable)


def _take(lock: Path, refusal: str) -> int:
    descriptor = open_lock(lock)
    if not try_alone(descriptor):
        os.close(descriptor)
        raise ModelFileError(refusal)
    return descriptor


def _remove(files: ModelFiles) -> tuple[int, list[Path]]:
    """Remove the files of a model, both of whose locks are held.

    Returns:
        The number of freed bytes, and the locks that could not be removed because they are open, as
        on Windows.
    """
    freed = size_on_disk(files)
    open_ones: list[Path] = []
    shutil.rmtree(files.wheels, ignore_errors=True)
    for file in files.removable:
        try:
            file.unlink(missing_ok=True)
        except PermissionError:
            if file not in {files.use, files.lock}:
                raise
            open_ones.append(file)
    return freed, open_ones


def _tidy(files: ModelFiles, folder: Path, locks: Sequence[Path]) -> None:
    """Remove locks that have been released, and empty folders.

    A lock that another process has taken since is open again, and stays.
    """
    for lock in locks:
        with suppress(OSError):
            lock.unlink()
    for parent in files.weights.parents:
        if parent == folder:
            break
        with suppress(OSError):
            parent.rmdir()


def _row(name: str, folder: Path) -> InstalledModel:
    try:
        return _located(locate(name, folder))
    except AtlasError as error:
        path = Path(name.removeprefix(f"{VENDOR}/"))
        with suppress(ConfigError):
            path = files_of(name, folder).weights
        return InstalledModel(
            name, kind_of(name), path, None, str(error), False, None, "", None, None, None
        )


def _located(model: Embedded) -> InstalledModel:
    entry, header, pinned = model.entry, model.header, model.pinned
    licence = entry.licence if entry else header.licence if header else None
    if entry is not None:
        context, description = entry.context_tokens, entry.description
    else:
        context = header.context_tokens if header else None
        description = (header.title if header else None) or ""
    return InstalledModel(
        name=model.name,
        kind=model.kind,
        path=model.files.weights,
        size_bytes=model.size_bytes,
        state=_state(model),
        ready=header is not None,
        licence=licence,
        description=description,
        context_tokens=context,
        sha256=pinned.sha256 if pinned else None,
        verified=_verified(model),
    )


def _state(model: Embedded) -> str:
    if model.kind == "file":
        return "a file of yours"
    if model.header is not None:
        return "in place"
    if model.files.weights.exists():
        return "there, not checked yet"
    here = size_of(model.files.partial)
    if here and model.size_bytes:
        return f"{here / model.size_bytes:.0%} pulled"
    return "not pulled"


def _verified(model: Embedded) -> date | None:
    if model.pinned is None or model.header is None:
        return None
    return moment(model.files.mark.stat().st_mtime).date()
