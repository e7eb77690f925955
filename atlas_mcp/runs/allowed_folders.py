"""Files that a client names: only those under the folders that the operator opened to clients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from atlas_mcp.errors import InvalidInput
from atlas_mcp.system.opening import fault_in_name, open_beneath

ALLOWING = (
    "the operator allows folders with `folders` under [images] in atlas.toml, or with "
    "ATLAS_IMAGES_FOLDERS; a data URL (data:image/png;base64,…) or an https URL needs none"
)


def open_allowed(path: str, place: str, *, folders: Sequence[Path]) -> int:
    """Open a file under one of the folders, by its real path.

    Args:
        path: The file. A relative path starts at a folder.
        place: The argument that names it.
        folders: The folders; empty for none.

    Raises:
        InvalidInput: It is not under one of them.
        OSError: It cannot be opened, or is no regular file.
    """
    if not folders:
        raise InvalidInput(place, f"is a file, and no folder is open to clients: {ALLOWING}")
    fault = fault_in_name(path)
    if fault is not None:
        raise InvalidInput(place, f"{fault}; name a file in one of the folders that may be read")
    roots = [os.path.realpath(folder) for folder in folders]
    inside: list[tuple[str, str]] = []
    for root in roots:
        real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - of an absolute one, too
        inside += [(within, real) for within in roots if Path(real).is_relative_to(within)]
    if not inside:
        names = ", ".join(str(folder) for folder in folders)
        raise InvalidInput(place, f"is outside the folders that may be read ({names}): {ALLOWING}")
    root, real = next((one for one in inside if os.path.lexists(one[1])), inside[0])
    return open_beneath(root, Path(real).relative_to(root).parts)
