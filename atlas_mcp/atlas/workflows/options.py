"""Reading what stands behind the colon of a workflow's name."""

from __future__ import annotations

from atlas_mcp.errors import InvalidInput


def whole_number(workflow: str, option: str | None, *, least: int, most: int) -> int | None:
    """Return the number in `WORKFLOW:NUMBER`; `None` where none is given.

    Raises:
        InvalidInput: It is no whole number from `least` to `most`.
    """
    if option is None:
        return None
    number = int(option) if option.isascii() and option.isdigit() and len(option) < 10 else -1
    if not least <= number <= most:
        raise InvalidInput(
            "workflow",
            f"{workflow}:{option} takes a whole number from {least} to {most} behind the colon",
        )
    return number
