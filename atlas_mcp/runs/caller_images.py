"""From the names that a caller gives to the pictures of a problem: data URLs, https URLs, files.

Owns the rules a picture must keep, and the only place where a client's words lead to a file: one
under a folder that the operator allowed, whatever links and dots stand in its name, and a regular
one, so that reading it ends. An address is passed on and never fetched. All of it blocks, but for
`read_images`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from atlas_mcp.atlas.messages import Image
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.pictures.files import image_type
from atlas_mcp.models.pictures.fitting import fault_in
from atlas_mcp.off_loop import off_loop
from atlas_mcp.runs.allowed_folders import open_allowed
from atlas_mcp.system.opening import open_regular, path_of_url
from atlas_mcp.texts import clipped

MAX_IMAGES = 8
"""Pictures of one problem. They are sent with every call of a run."""

MAX_IMAGE_BYTES = 10_000_000
"""Largest picture, bytes before base64. Our own choice: a photograph as a telephone takes it. A run
keeps its pictures as they came; models get them in the size that they take."""

MAX_IMAGES_BYTES = 20_000_000
"""Bytes of all pictures of a problem together, before base64."""

MAX_WAITING_CHARS = 300_000_000
"""Characters of all pictures that wait to be looked at. Our own choice: ten calls with as large
pictures as a problem may have, or a thousand with a photograph."""

MAX_URL_CHARS = 8_192
"""Longest https URL, characters: signed ones have some thousand."""

MAX_PATH_CHARS = 4_096
"""Longest path, characters. Longer ones are no paths, and are costly to look for."""

LONGEST_NAME = 80
"""Characters of a name that are repeated in an error."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)

_Opener: TypeAlias = Callable[[str, str], int]
"""From a path, and the argument that names it, to an open file."""


async def read_images(names: Sequence[str], folders: Sequence[Path]) -> tuple[Image, ...]:
    """Return the pictures that a client names, in its order.

    They are looked at one after the other, in one line for all clients, off the event loop.

    Args:
        names: Data URLs, https URLs, `file:` URLs and paths. A relative path starts at a folder.
        folders: The folders from which files are read; empty for none.

    Raises:
        InvalidInput: One of them breaks a rule, and the message names both, or too many are
            waiting. Nothing was spent.
    """
    size = sum(map(len, names))
    if _waiting.size and _waiting.size + size > MAX_WAITING_CHARS:
        raise InvalidInput(
            "images", "cannot be looked at now: many others are waiting; try again in a minute"
        )
    _waiting.size += size
    try:
        found: list[Image] = []
        reading = _client_images(names, folders)
        while (
            image := await off_loop("pictures of clients", partial(next, reading, None))
        ) is not None:
            found.append(image)
        return tuple(found)
    finally:
        _waiting.size -= size


class _Waiting:
    """The pictures that wait to be looked at.

    Attributes:
        size: Characters of all names.
    """

    def __init__(self) -> None:
        self.size = 0


_waiting = _Waiting()


def _client_images(names: Sequence[str], folders: Sequence[Path]) -> Iterator[Image]:
    opened = partial(open_allowed, folders=folders)
    return _images([(f"images[{i}]", name) for i, name in enumerate(names)], opened, "images")


def user_images(names: Sequence[str]) -> tuple[Image, ...]:
    """Return the pictures that the user of the command line names: of any file, else as above.

    Raises:
        InvalidInput: One of them breaks a rule.
    """
    return tuple(
        _images(
            [(f"--image {clipped(name, LONGEST_NAME)}", name) for name in names],
            _open_any,
            "--image",
        )
    )


def _images(named: Sequence[tuple[str, str]], opened: _Opener, argument: str) -> Iterator[Image]:
    """Yield the pictures one by one: each takes a while."""
    if len(named) > MAX_IMAGES:
        raise InvalidInput(argument, f"has {len(named)} entries; at most {MAX_IMAGES} are taken")
    total = 0
    for place, name in named:
        if name[:8].lower() == "https://":
            yield Image(url=_address(name, place))
            continue
        is_data = name[:5].lower() == "data:"
        content = _data(name, place) if is_data else _content(_path(name, place), place, opened)
        total += len(content)
        if total > MAX_IMAGES_BYTES:
            raise InvalidInput(
                argument, f"has more than {MAX_IMAGES_BYTES:,} bytes in all; send fewer or smaller"
            )
        yield _checked(content, place)


def _checked(content: bytes, place: str) -> Image:
    kind = image_type(content)
    if kind is None:
        raise InvalidInput(place, "is no PNG, JPEG, GIF or WebP picture")
    fault = fault_in(content, kind)
    if fault is not None:
        raise InvalidInput(place, fault)
    return Image(media_type=kind, data=base64.b64encode(content).decode())


def _address(name: str, place: str) -> str:
    if len(name) > MAX_URL_CHARS:
        raise InvalidInput(place, f"has {len(name):,} characters; at most {MAX_URL_CHARS:,}")
    try:
        host = urlsplit(name).hostname
    except ValueError:
        host = None
    if not host or not name.isprintable() or " " in name:
        raise InvalidInput(place, "is no valid https URL")
    return name


def _data(name: str, place: str) -> bytes:
    heading, comma, data = name.partition(",")
    if not comma or not heading.lower().endswith(";base64"):
        raise InvalidInput(place, "is no data URL in base64 (data:image/png;base64,…)")
    if "%" in data:
        data = unquote(data)
    try:
        written = data.encode("ascii").translate(None, b" \t\r\n\f\v")
        _check_size(len(written) * 3 // 4 - 2, place)
        content = base64.b64decode(written + b"=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(place, f"is not base64: {error}") from error
    if not content:
        raise InvalidInput(place, "is empty")
    _check_size(len(content), place)
    return content


def _check_size(size: int, place: str) -> None:
    if size > MAX_IMAGE_BYTES:
        raise InvalidInput(place, f"has {size:,} bytes; at most {MAX_IMAGE_BYTES:,} are taken")


# Files


def _path(name: str, place: str) -> str:
    """Return the path that a name means."""
    if name[:5].lower() == "file:":
        try:
            parts = urlsplit(name)
        except ValueError:
            raise InvalidInput(place, "is no valid `file:` URL") from None
        if parts.netloc not in ("", "localhost"):
            raise InvalidInput(place, "is a file of another machine; read it there")
        name = path_of_url(parts.path)
    elif match := _SCHEME.match(name):
        raise InvalidInput(
            place,
            f"is a {match[1].lower()} URL; take an https URL, a data URL "
            "(data:image/png;base64,…) or a file",
        )
    if not name or "\0" in name or len(name) > MAX_PATH_CHARS:
        raise InvalidInput(
            place,
            "must be an https URL, a data URL (data:image/png;base64,…) or the name of a file",
        )
    return os.path.expanduser(name)  # noqa: PTH111 - of a name that may be no path


def _content(path: str, place: str, opened: _Opener) -> bytes:
    """Return the content of a file, which is read no further than it may be long."""
    try:
        descriptor = opened(path, place)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise InvalidInput(place, "cannot be read: it is no regular file")
            _check_size(facts.st_size, place)
            content = file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(place, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(place, "is no name of a file") from error
    _check_size(len(content), place)
    if not content:
        raise InvalidInput(place, "is empty")
    return content


def _open_any(path: str, place: str) -> int:
    del place
    return open_regular(path)
