"""Why a value does not fit a schema, and the message that says so.

Owns the wording of a fault and its place, and the bound on how much of a value a message repeats:
its beginning. Decides on no keyword.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from atlas_mcp.atlas.messages import Json

BITS_SHOWN = 300
"""Bits of the largest whole number that a message repeats: some ninety digits."""

PARTS_SHOWN = 12
"""Entries of a list or an object that a message repeats."""

TEXT_SHOWN = 100
"""Characters of a value that a message repeats."""


class Fault(NamedTuple):
    """Why a value does not fit. The message is made only when it is read.

    Attributes:
        path: The steps to the part that does not fit, outermost first.
        sentence: The sentence on that part, with a `{}` for each of `about`.
        about: The values that the sentence names.
    """

    path: tuple[str | int, ...]
    sentence: str
    about: tuple[Any, ...] = ()

    @property
    def message(self) -> str:
        """The sentence on the part that does not fit."""
        return self.sentence.format(
            *(one if isinstance(one, Words) else shown(one) for one in self.about)
        )

    @property
    def place(self) -> str:
        """The place of that part, as JSONPath."""
        steps = (f"[{one}]" if isinstance(one, int) else f".{one[:40]}" for one in self.path[:20])
        return "$" + "".join(steps)

    def under(self, step: str | int) -> Fault:
        """Return the same fault in a value that holds this one under `step`."""
        return self._replace(path=(step, *self.path))


class Words(str):
    """Part of the sentence that is not a value, and not quoted."""


def shown(value: Json) -> str:
    """Return a value as a message repeats it: its beginning."""
    if isinstance(value, str):
        return repr(_shortened(value))
    if isinstance(value, int) and value.bit_length() > BITS_SHOWN:
        return f"a whole number of about {value.bit_length() * 3 // 10:,} digits"
    if isinstance(value, dict | list):
        return _shortened("".join(_pieces(cast("Json", value), 0)))
    return repr(value)


def _pieces(value: Json, depth: int) -> Iterator[str]:
    """Yield the beginning of a list or an object: two levels, and `PARTS_SHOWN` entries of each."""
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


def fault_of(value: Json, sentence: str, *about: Any) -> Fault:
    """Return the fault of the value itself; `words` continue the sentence that begins with it."""
    return Fault((), "{} " + sentence, (value, *about))
