"""Reads the option of a workflow: the part of its name behind the colon."""

from __future__ import annotations

from atlas_mcp.errors import InvalidInput


def whole_number(option: str | None, *, least: int, most: int) -> int | None:
    """Return the number behind the colon of a workflow's name; `None` where none is given.

    Raises:
        InvalidInput: It is no whole number from `least` to `most`.
    """
    if option is None:
        return None
    number = int(option) if option.isascii() and option.isdigit() and len(option) < 10 else -1
    if not least <= number <= most:
        raise InvalidInput(
            "workflow",
            f"takes a whole number from {least} to {most} behind the colon, not {option!r}",
        )
    return number
