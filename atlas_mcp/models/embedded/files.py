"""The files of one model in the models folder: its weights, and the files beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.models.private_files import private


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model.

    Attributes:
        weights: The weights, once their checksum has been verified.
    """

    weights: Path

    @property
    def partial(self) -> Path:
        """The part of the weights that a pull has fetched so far."""
        return self._beside("partial")

    @property
    def wheels(self) -> Path:
        """The folder in which a pull keeps wheels."""
        return self._beside("wheels")

    @property
    def mark(self) -> Path:
        """The record of the checksum, and of the file that was checked against it."""
        return self._beside("verified")

    @property
    def origin(self) -> Path:
        """The hub's first description of the file."""
        return self._beside("origin")

    @property
    def lock(self) -> Path:
        """Locked by the process that pulls or removes the model."""
        return self._beside("lock")

    @property
    def use(self) -> Path:
        """Locked, shared, by all processes that have the weights loaded."""
        return self._beside("use")

    @property
    def removable(self) -> tuple[Path, ...]:
        """Everything but the folder of wheels, locks last."""
        return self.weights, self.partial, self.mark, self.origin, self.use, self.lock

    def is_verified(self, sha256: str) -> bool:
        """Return whether the weights in place are unchanged since their checksum was verified."""
        try:
            marked = self.mark.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return False
        return marked == self._state(sha256)

    def mark_verified(self, sha256: str) -> None:
        """Remember that the weights in place have this checksum."""
        private(self.mark).write_text(self._state(sha256), encoding="utf-8")

    def _state(self, sha256: str) -> str:
        try:
            found = self.weights.stat()
        except FileNotFoundError:
            return "none"
        return f"{sha256} {found.st_size} {found.st_mtime_ns}\n"

    def _beside(self, suffix: str) -> Path:
        return self.weights.with_name(f"{self.weights.name}.{suffix}")
