"""Names after `local/`: each means a model of the catalogue, a file, or a file of the model hub.

Owns the names, and the hub's first description of a file: it is stored beside the file, and the
file must match it from then on.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import anyio.to_thread

from atlas_mcp.errors import ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import CatalogueModel, HubFile, PinnedFile, find
from atlas_mcp.models.embedded.facts import VENDOR
from atlas_mcp.models.embedded.files import ModelFiles
from atlas_mcp.models.embedded.gguf import Header, read_header
from atlas_mcp.models.private_files import private
from atlas_mcp.system.disk import replace
from atlas_mcp.system.opening import fault_in_name

if TYPE_CHECKING:
    from atlas_mcp.models.embedded.weights import Sources

Kind: TypeAlias = Literal["catalogue", "hub", "file"]
"""Where a model comes from: our catalogue, the model hub, or a file of the user's."""

HUB_FOLDER = "hub"
"""The folder, in the models folder, of files of the hub, by owner and repository."""

SMALL_BYTES = 2_500_000_000
"""Bytes of weights below which a model counts as small: about 4 billion parameters in 4 bits. Our
own choice: all measured models (docs/local-models.md) are far below, and not to be trusted."""

HUB_FORM = "a file of the model hub is named OWNER/REPO/FILE.gguf"

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedded model, as it is on this machine.

    Attributes:
        name: The model as `local/…`; a path in it is absolute.
        kind: Its origin.
        files: Its files; those of a file of the user's are only the weights.
        pinned: The file to fetch; `None` for a file of the user's, and for a file of the hub that
            the hub has not described yet.
        hub: The file at the hub, for a file of the hub.
        entry: Its entry in the catalogue.
        header: The header of the file; `None` if the file is not in place, or not checked.
    """

    name: str
    kind: Kind
    files: ModelFiles
    pinned: PinnedFile | None = None
    hub: HubFile | None = None
    entry: CatalogueModel | None = None
    header: Header | None = None

    @property
    def size_bytes(self) -> int | None:
        """Length of the weights; `None` if it is not known."""
        if self.pinned is not None:
            return self.pinned.size_bytes
        return self.files.weights.stat().st_size if self.header is not None else None

    @property
    def is_small(self) -> bool:
        """Whether it is so small that its answers are not to be trusted."""
        return self.entry is not None or (self.size_bytes or SMALL_BYTES) < SMALL_BYTES


def kind_of(name: str) -> Kind:
    """Return the kind of the model called `name`, by the name alone."""
    rest = _without_vendor(name)
    if rest.startswith(("/", "~", ".")) or Path(rest).is_absolute():
        return "file"
    return "hub" if "/" in rest or rest.lower().endswith(".gguf") else "catalogue"


def locate(name: str, folder: Path) -> Embedded:
    """Return the model that `name` means.

    Args:
        name: `local`, `local/NAME`, `local/PATH` or `local/OWNER/REPO/FILE.gguf`.
        folder: The models folder.

    Raises:
        ConfigError: There is no such model, or the name has no meaning.
        ModelFileError: The model's file exists but cannot be used.
    """
    try:
        return _locate(name, folder)
    except OSError as error:
        raise ModelFileError(f"{error.filename} cannot be read: {error.strerror}") from error


def files_of(name: str, folder: Path) -> ModelFiles:
    """Return the paths of the files of a model that we fetch, by its name alone.

    Raises:
        ConfigError: The name means no such model.
    """
    if kind_of(name) == "catalogue":
        return ModelFiles(folder / find(name).file)
    return ModelFiles(folder.joinpath(HUB_FOLDER, *_segments(_without_vendor(name))))


def pulled(folder: Path) -> Iterator[str]:
    """Yield the names of the hub's files that have a description on this machine, in order."""
    for origin in sorted((folder / HUB_FOLDER).rglob("*.origin")):
        yield f"{VENDOR}/{origin.relative_to(folder / HUB_FOLDER).as_posix()[: -len('.origin')]}"


async def pin(model: Embedded, sources: Sources) -> PinnedFile:
    """Return the file to fetch for `model`; the first time, ask the hub to describe it.

    Raises:
        ConfigError: The hub has no such file, or does not give it to us.
        ModelFileError: The hub cannot be asked, or its answer cannot be kept.
    """
    if model.pinned is not None:
        return model.pinned
    assert model.hub is not None, "a file of the user's is not fetched"
    # Imported here, since few runs ask the hub and its HTTP client takes a while to import.
    from atlas_mcp.models.embedded.hub import ask

    says = await ask(model.hub, base=sources.hub, token=sources.token)
    origin = {
        "repository": model.hub.repository,
        "file": model.hub.file,
        "revision": says.commit,
        "size_bytes": says.size_bytes,
        "sha256": says.sha256,
    }
    try:
        await anyio.to_thread.run_sync(_keep, model.files, json.dumps(origin, indent=2) + "\n")
    except OSError as error:
        raise ModelFileError(
            f"the model hub's description of `{model.name}` cannot be kept at "
            f"{model.files.origin}: {error.strerror}; make the folder writable, or set ATLAS_HOME "
            "to another one"
        ) from error
    pinned = await anyio.to_thread.run_sync(_read_origin, model.name, model.files)
    assert pinned is not None, "it has just been kept"
    return pinned


def _locate(name: str, folder: Path) -> Embedded:
    kind = kind_of(name)
    if kind == "file":
        return _file(_without_vendor(name))
    if kind == "hub":
        return _of_hub(_without_vendor(name), folder)
    entry = find(name)
    files = ModelFiles(folder / entry.file)
    return Embedded(entry.name, kind, files, entry, entry.hub, entry, _header(files, entry))


def _without_vendor(name: str) -> str:
    return name.strip().removeprefix(f"{VENDOR}/")


def _file(given: str) -> Embedded:
    try:
        path = Path(given).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{given!r}: there is no such home folder") from error
    path = Path(os.path.abspath(path))  # noqa: PTH100 - a link keeps the name its user knows
    if not path.exists():
        raise ConfigError(f"there is no file {path}")
    if not path.is_file():
        raise ConfigError(f"{path} is not a file; name the .gguf file in it")
    header = read_header(path)
    _require_model(path, header)
    return Embedded(f"{VENDOR}/{path.as_posix()}", "file", ModelFiles(path), header=header)


def _segments(given: str) -> list[str]:
    """Return the parts of a name of the hub, each fit to be the name of a folder or a file."""
    segments = given.split("/")
    if not given.lower().endswith(".gguf") or len(segments) < 3:
        beside = f", and a file of this folder ./{given}" if len(segments) == 1 else ""
        raise ConfigError(f"there is no embedded model {given!r}; {HUB_FORM}{beside}")
    for segment in segments:
        if not _SEGMENT.fullmatch(segment) or fault_in_name(segment):
            raise ConfigError(
                f"{given!r}: {HUB_FORM}, of letters, digits and any of . _ + - in each part"
            )
    return segments


def _of_hub(given: str, folder: Path) -> Embedded:
    name = f"{VENDOR}/{given}"
    segments = _segments(given)
    if _PART.search(given):
        raise ConfigError(
            f"{given!r} is one of several parts, which are not put together here: fetch them all "
            "into one folder and name the first by its path (local//PATH)"
        )
    owner, repository, *path = segments
    hub = HubFile(f"{owner}/{repository}", "/".join(path))
    files = files_of(name, folder)
    pinned = _read_origin(name, files)
    return Embedded(name, "hub", files, pinned, hub, header=_header(files, pinned))


def _header(files: ModelFiles, pinned: PinnedFile | None) -> Header | None:
    if pinned is None or not files.is_verified(pinned.sha256):
        return None
    header = read_header(files.weights)
    _require_model(files.weights, header)
    return header


def _require_model(path: Path, header: Header) -> None:
    if header.kind != "model":
        raise ConfigError(
            f"{path} is no language model but a GGUF file of type {header.kind!r}; name the model"
        )


def _keep(files: ModelFiles, origin: str) -> None:
    files.origin.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = files.origin.with_name(f"{files.origin.name}.{secrets.token_hex(4)}")
    try:
        private(written).write_text(origin, encoding="utf-8")
        if not files.origin.exists():
            # Otherwise another process got its description first, and may be fetching that file.
            replace(written, files.origin)
    finally:
        with suppress(OSError):
            written.unlink(missing_ok=True)


def _read_origin(name: str, files: ModelFiles) -> PinnedFile | None:
    try:
        text = files.origin.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fields = cast("dict[str, Any]", json.loads(text))
        repository, file, revision = (
            str(fields[key]) for key in ("repository", "file", "revision")
        )
        return PinnedFile(
            name=name,
            file=f"{HUB_FOLDER}/{repository}/{file}",
            size_bytes=int(fields["size_bytes"]),
            sha256=str(fields["sha256"]),
            hub=HubFile(repository, file, revision),
            wheels=(),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelFileError(
            f"{files.origin} is damaged; run `atlas-mcp models rm {name}` and pull it again"
        ) from error
