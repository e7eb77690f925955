"""What the models folder holds of one model: its weights, and what is kept beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.models.private_files import private


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model.

    Attributes:
        weights: The weights, once their checksum was found right.
    """

    weights: Path

    @property
    def partial(self) -> Path:
        """What a pull has brought so far."""
        return self._beside("partial")

    @property
    def wheels(self) -> Path:
        """The folder in which a pull keeps wheels."""
        return self._beside("wheels")

    @property
    def mark(self) -> Path:
        """What says which bytes were checked, and against which checksum."""
        return self._beside("verified")

    @property
    def origin(self) -> Path:
        """What the hub said of the file when it was first asked for."""
        return self._beside("origin")

    @property
    def lock(self) -> Path:
        """Locked by whoever pulls or removes the model."""
        return self._beside("lock")

    @property
    def use(self) -> Path:
        """Locked, together, by all who have the weights loaded."""
        return self._beside("use")

    @property
    def removable(self) -> tuple[Path, ...]:
        """Everything but the folder of wheels, locks last."""
        return self.weights, self.partial, self.mark, self.origin, self.use, self.lock

    def is_verified(self, sha256: str) -> bool:
        """Return whether the weights in place are those whose checksum was found right."""
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
