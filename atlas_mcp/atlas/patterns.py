"""Regular expressions of a schema: which can be used, and whether a text matches one.

Owns the engine, which takes time linear in the text, and the weight of a pattern: an estimate of
its work in memory and time, in which `a{3}` weighs as much as `aaa`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

MAX_WEIGHT = 8_000
"""Most weight of all patterns of a schema. Our own choice: the heaviest compile in 60 ms and to 15
MB, measured 2026-11 with pydantic 2.14; a character weighs 1."""

CLASS_WEIGHT = 45
"""Weight of a class that stands for a large part of Unicode, e.g. `\\w`. Measured as above: they
take some hundred times as long to compile as a character."""

LIGHT = 100
"""Most weight of a pattern that may be kept for a while. Our own choice: fifty take 10 MB."""

KEPT_ELSEWHERE = 50
"""Patterns that pydantic keeps, those used last. Source: `REGEX_CACHE` in `validators/string.rs` of
pydantic-core 2.48, read 2026-11; earlier versions keep none."""

_COUNTED = re.compile(r"\{(\d{1,9})?(,)?(\d{1,9})?\}")
_WIDE = re.compile(r"\\[pPwWdDsS]|^\^")
_NAMED = re.compile(r"[pPxuU]\{[^}]*\}|[pP].", re.DOTALL)
_VERBOSE = re.compile(r"\?[a-zA-Z]*x[a-zA-Z]*(-[a-zA-Z]*)?[:)]")


def weight(pattern: str) -> int:
    """Return an estimate of a pattern's work, with its counted repetitions written out.

    Any number for a text that is not a pattern, or is not accepted as one.
    """
    groups: list[int] = []
    total = last = at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        counted = _COUNTED.match(pattern, at - 1) if char == "{" else None
        if counted is not None:
            at = counted.end()
            times = max(int(counted[1] or 0), int(counted[3] or 0), 1)
            total += last * (times - 1)
            last *= times
            continue
        if char == "(":
            groups.append(total)
            total, last = 0, 0
            continue
        if char == ")" and groups:
            last = total + 1
            total = groups.pop() + last
            continue
        if char == "[":
            end = _class_end(pattern, at)
            inside = pattern[at:end]
            at = end + 1
            last = CLASS_WEIGHT if _WIDE.search(inside) else 1 + len(inside) // 4
        elif char == "\\":
            wide = pattern[at : at + 1] in tuple("pPwWdDsSbB")
            named = _NAMED.match(pattern, at)
            at = at + 1 if named is None else named.end()
            last = CLASS_WEIGHT if wide else 1
        elif char == ".":
            last = 4
        elif char in "*+?|^$":
            total += 1
            continue
        else:
            last = 1
        total += last
    return total + sum(groups)


def pattern_fault(pattern: str) -> str | None:
    """Return why a pattern cannot be used; `None` if it can."""
    from pydantic_core import SchemaError

    if _is_verbose(pattern):
        return "it has the flag x, which JSON Schema does not know"
    try:
        _compiled(pattern)
    except SchemaError as error:
        return str(error).strip().splitlines()[-1].removeprefix("error: ")
    return None


class Pattern:
    """A compiled pattern. It may take megabytes, so it is dropped with the check that made it.

    Attributes:
        weight: An estimate of its work, see `weight`.
    """

    def __init__(self, pattern: str) -> None:
        """Compile a pattern.

        Raises:
            ValueError: It cannot be used.
        """
        from pydantic_core import SchemaError

        self.weight = weight(pattern)
        try:
            self._validator = _compiled(pattern)
        except SchemaError as error:
            raise ValueError(f"the pattern {pattern[:100]!r} cannot be used") from error

    def matches(self, text: str) -> bool:
        """Return whether it is found in a text."""
        from pydantic_core import ValidationError

        try:
            self._validator.validate_python(text)
        except ValidationError:
            return False
        return True


def _compiled(pattern: str) -> SchemaValidator:
    found = _validator(pattern)
    if weight(pattern) > LIGHT:
        # Push it out of pydantic's cache: fifty of the heaviest would take 400 MB there.
        for other in range(KEPT_ELSEWHERE):
            _validator(str(other))
    return found


def _validator(pattern: str) -> SchemaValidator:
    from pydantic_core import SchemaValidator, core_schema

    # Not by `Annotated`: `typing` keeps the latest of its types for as long as the process runs.
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _is_verbose(pattern: str) -> bool:
    """Return whether it ignores spaces and comments (flag `x`), so that its weight is unknown."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class_end(pattern, at) + 1
        elif char == "(" and _VERBOSE.match(pattern, at):
            return True
    return False


def _class_end(pattern: str, start: int) -> int:
    """Return the place of the `]` that ends the class of characters opened before `start`."""
    at = start
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    depth = 1
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            depth += 1
        elif pattern[at] == "]":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(pattern)
