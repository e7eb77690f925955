"""The key and the JSON of an answer, worked out once and kept beside it.

An answer may have forty thousand values, and is compared in every view and every line of progress
of its run. It never changes, so both are made where the answer is read, off the event loop. Neither
is stored, and neither counts when values are compared.
"""

from __future__ import annotations


class Keyed:
    """Base of the values that hold an answer and remember its key and its JSON."""

    # Slots, no fields: records are written from fields.
    __slots__ = ("_json", "_key")

    def key_under(self, asked: object) -> str | None:
        """Return the text by which the answer is compared; `None` before it has been worked out.

        Args:
            asked: What is known of its problem. A long answer's key holds under anything.
        """
        kept: tuple[object, str] | None = getattr(self, "_key", None)
        return kept[1] if kept is not None and kept[0] in (None, asked) else None

    @property
    def json(self) -> str | None:
        """The answer as a model is shown it; `None` before it has been worked out."""
        return getattr(self, "_json", None)

    def keep_key(self, key: str, asked: object = None) -> None:
        """Remember the text by which the answer is compared, `None` for under anything asked."""
        # Values with an answer are frozen. Two threads that come here bring the same key.
        object.__setattr__(self, "_key", (asked, key))

    def keep_json(self, json: str) -> None:
        """Remember the answer as a model is shown it."""
        object.__setattr__(self, "_json", json)
