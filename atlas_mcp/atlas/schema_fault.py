"""Why a value does not fit a schema, and how that is said.

Owns how much of a value is repeated in a message: its beginning, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from atlas_mcp.atlas.messages import Json

BITS_SHOWN = 300
"""Bits of a whole number that is repeated in a message: some ninety digits."""

PARTS_SHOWN = 12
"""Entries of a list or an object that are repeated in a message."""

TEXT_SHOWN = 100
"""Characters of a value that are repeated in a message."""


class Fault(NamedTuple):
    """Why a value does not fit.

    It is put into words only where somebody reads them: most faults are those of alternatives.

    Attributes:
        path: The way to the part that does not, outermost step first.
        words: What is wrong with that part, with a place for each of `about`.
        about: What the words are about.
    """

    path: tuple[str | int, ...]
    words: str
    about: tuple[Any, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong with the part that does not fit."""
        return self.words.format(
            *(one if isinstance(one, Words) else shown(one) for one in self.about)
        )

    @property
    def place(self) -> str:
        """The way to that part, as JSONPath."""
        steps = (f"[{one}]" if isinstance(one, int) else f".{one[:40]}" for one in self.path[:20])
        return "$" + "".join(steps)

    def under(self, step: str | int) -> Fault:
        """Return the same fault as seen from one step further out."""
        return self._replace(path=(step, *self.path))


class Words(str):
    """Words of ours: they are not quoted."""


def shown(value: Json) -> str:
    """Return a value as it is repeated in a message: its beginning, whatever it holds."""
    if isinstance(value, str):
        return repr(_shortened(value))
    if isinstance(value, int) and value.bit_length() > BITS_SHOWN:
        return f"a whole number of about {value.bit_length() * 3 // 10:,} digits"
    if isinstance(value, dict | list):
        return _shortened("".join(_pieces(cast("Json", value), 0)))
    return repr(value)


def _pieces(value: Json, depth: int) -> Iterator[str]:
    """Yield the beginning of a list or an object, no deeper and no longer than is shown."""
    is_object = isinstance(value, dict)
    yield "{" if is_object else "["
    for number, one in enumerate(cast("list[Json]", value)):
        yield ", " if number else ""
        if number == PARTS_SHOWN:
            yield "…"
            break
        if is_object:
            yield f"{shown(one)}: "
        below = cast("dict[str, Json]", value)[one] if is_object else one
        if not isinstance(below, dict | list):
            yield shown(below)
        else:
            yield "…" if depth else "".join(_pieces(cast("Json", below), depth + 1))
    yield "}" if is_object else "]"


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"


def fault_of(value: Json, words: str, *about: Any) -> Fault:
    """Return the fault of a value itself; `words` go on after it."""
    return Fault((), "{} " + words, (value, *about))
