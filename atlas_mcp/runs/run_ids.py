"""Ids of runs: drawn by the service, so that a run has its id before it is on record."""

from __future__ import annotations

import re
import secrets

from atlas_mcp.errors import InvalidInput, UnknownRun

ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a run id: none that is mistaken for another."""

ID_LETTERS = 14
"""Letters of a run id: 69 bits, which cannot be guessed."""

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Ids of runs: each can stand in an address, in the name of a file and after a command, where it is
no option. What somebody else wrote, a path or a file, holds no others."""


def check_run_id(run_id: object) -> None:
    """Refuse an id under which no run can be opened.

    Raises:
        InvalidInput: It is no text, or not as it should be.
    """
    if not isinstance(run_id, str) or RUN_ID.fullmatch(run_id) is None:
        text = ascii(run_id)
        raise InvalidInput(
            "run_id",
            f"{text if len(text) <= 60 else text[:60] + '…'} cannot be the id of a new run; it "
            "takes 1 to 64 letters, digits, '-' and '_', and begins with a letter or a digit",
        )


def check_known_by_text(run_id: object) -> None:
    """Refuse what is no text that can be written down: no run has it as its id.

    Raises:
        UnknownRun: It is none.
    """
    is_text = isinstance(run_id, str) and run_id.encode(errors="ignore").decode() == run_id
    if not is_text:
        raise UnknownRun(ascii(run_id))


def new_run_id() -> str:
    """Return a new run id. The system is asked for chance once, not for each letter."""
    drawn = secrets.randbelow(len(ID_ALPHABET) ** ID_LETTERS)
    letters: list[str] = []
    for _ in range(ID_LETTERS):
        drawn, letter = divmod(drawn, len(ID_ALPHABET))
        letters.append(ID_ALPHABET[letter])
    return "".join(letters)
