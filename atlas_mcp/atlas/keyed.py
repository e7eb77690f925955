"""What is made of an answer again and again, kept beside the answer.

An answer may have forty thousand values. It is compared in every view of its run and in every line
on its progress, and put before the orchestrator. Values never change, so the key it is compared by
and its JSON are worked out once, by whoever reads the answer off the event loop.
"""

from __future__ import annotations


class Keyed:
    """Has an answer, and remembers what was made of it; no part of what is stored or compared."""

    # Slots, no fields: records are written from fields.
    __slots__ = ("_json", "_key")

    @property
    def key(self) -> str | None:
        """What the answer is compared by; `None` before it has been worked out."""
        return getattr(self, "_key", None)

    @property
    def json(self) -> str | None:
        """The answer as it is put before a model; `None` where nobody has written it down."""
        return getattr(self, "_json", None)

    def keep_key(self, key: str) -> None:
        """Remember what the answer is compared by."""
        # Those that have answers are frozen. Of two threads that come here both bring the same.
        object.__setattr__(self, "_key", key)

    def keep_json(self, json: str) -> None:
        """Remember the answer as it is put before a model."""
        object.__setattr__(self, "_json", json)
