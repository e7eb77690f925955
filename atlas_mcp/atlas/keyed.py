"""What an answer is compared by, kept beside the answer.

An answer may have forty thousand values, and is compared in every view of its run and in every line
on its progress. Values never change, so what it is compared by is worked out once.
"""

from __future__ import annotations


class Keyed:
    """Has an answer, and remembers the key of it; no part of what is stored, shown or compared."""

    # A slot, no field: records are written from fields.
    __slots__ = ("_key",)

    @property
    def key(self) -> str | None:
        """The key of the answer; `None` before it has been worked out."""
        return getattr(self, "_key", None)

    def keep_key(self, key: str) -> None:
        """Remember the key of the answer."""
        # Those that have answers are frozen. Of two threads that come here both bring the same.
        object.__setattr__(self, "_key", key)
