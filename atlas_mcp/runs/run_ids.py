"""Ids of runs: drawn by the service, so that a run has its id before it is on record."""

from __future__ import annotations

import secrets

ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a run id: none that is mistaken for another."""

ID_LETTERS = 14
"""Letters of a run id: 69 bits, which cannot be guessed."""


def new_run_id() -> str:
    """Return a new run id. The system is asked for chance once, not for each letter."""
    drawn = secrets.randbelow(len(ID_ALPHABET) ** ID_LETTERS)
    letters: list[str] = []
    for _ in range(ID_LETTERS):
        drawn, letter = divmod(drawn, len(ID_ALPHABET))
        letters.append(ID_ALPHABET[letter])
    return "".join(letters)
