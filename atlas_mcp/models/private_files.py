"""Files that only this user may read."""

from __future__ import annotations

import os
from pathlib import Path


def private(file: Path) -> Path:
    """Create `file`, for this user only, if there is none; return it."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    return file
