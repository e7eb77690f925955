"""One value held against one JSON Schema, with every step of the work counted.

Owns the bound: a schema and a value are held against each other once, however many ways lead
there. Schemas come from clients and values from models, and neither may stop the server. The rule
of a keyword gives its meaning, never this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.patterns import Pattern, weight
from atlas_mcp.atlas.schema_fault import Fault, fault_of
from atlas_mcp.atlas.schema_rules import IN_PLACE, BadSchema, target

MAX_NESTING = 200
"""Schemas that are held one inside the other. Deeper ones would overflow the stack."""

PATTERN_WORK = 200
"""Characters times the weight of a pattern that count as one step. Measured 2026-11: 8 ns for each
with the worst patterns found, 400 ns for a step."""

TOO_DEEP = "it is nested too deep"
"""The fault of a value, or of a schema, that is nested deeper than a check goes."""


class BeyondBound(Exception):
    """A check takes more work than is allowed; the text says which limit it passes."""


Evaluated: TypeAlias = set[str | int]
"""Names or numbers of the parts of a value that some keyword has looked at."""


class Held(NamedTuple):
    """The result of holding a value against a schema.

    Attributes:
        fault: Why the value does not fit; `None` if it does.
        evaluated: The parts of the value that were looked at, where it fits.
    """

    fault: Fault | None
    evaluated: Evaluated


_FITS = Held(None, set())


class Check:
    """One value, held against one schema.

    Args:
        root: The schema.
        rules: The rule of each keyword that has one.
        steps: The work that is allowed.
    """

    def __init__(self, root: Mapping[str, Json], rules: Mapping[str, Rule], steps: int) -> None:
        self._root = root
        self._rules = rules
        self._left = steps
        self._steps = steps
        self._nesting = 0
        self._known: dict[tuple[int, int], Held | None] = {}
        self._choices: dict[int, frozenset[Any]] = {}
        self._patterns: dict[str, Pattern] = {}
        self.collects = _mentions_unevaluated(root)
        """Whether some keyword asks for the parts that the others have not looked at."""

    def spend(self, steps: int) -> None:
        """Count some work.

        Raises:
            BeyondBound: There is too much of it.
        """
        self._left -= steps
        if self._left < 0:
            raise BeyondBound(f"it cannot be checked within the bound of {self._steps:,} steps")

    def hold(self, schema: Json, value: Json) -> Held:
        """Hold a value against a schema."""
        self.spend(1)
        if schema is True:
            return _FITS
        if schema is False:
            return Held(fault_of(value, "is not allowed here"), set())
        if not isinstance(schema, dict):
            raise BadSchema("has something else where a schema belongs")
        asked = cast("dict[str, Json]", schema)
        self.spend(len(asked))
        if not (isinstance(value, dict | list) or IN_PLACE & asked.keys()):
            # Held at once: remembering the result would cost more than holding it again.
            return self._hold(asked, value)
        pair = (id(asked), id(cast("object", value)))
        if pair in self._known:
            held = self._known[pair]
            if held is None:
                raise BeyondBound(TOO_DEEP)
            return held
        if self._nesting >= MAX_NESTING:
            raise BeyondBound(TOO_DEEP)
        self._known[pair] = None
        self._nesting += 1
        held = self._known[pair] = self._hold(asked, value)
        self._nesting -= 1
        return held

    def _hold(self, schema: dict[str, Json], value: Json) -> Held:
        evaluated: Evaluated = set()
        for keyword, wanted in schema.items():
            rule = self._rules.get(keyword)
            if rule is not None:
                fault = rule(self, wanted, value, schema, evaluated)
                if fault is not None:
                    return Held(fault, set())
        for keyword in ("unevaluatedItems", "unevaluatedProperties"):
            if keyword in schema:
                fault = self._hold_rest(keyword, schema[keyword], value, evaluated)
                if fault is not None:
                    return Held(fault, set())
        return Held(None, evaluated)

    def _hold_rest(
        self, keyword: str, wanted: Json, value: Json, evaluated: Evaluated
    ) -> Fault | None:
        """Hold the parts that no other keyword has looked at against the schema for these."""
        if keyword == "unevaluatedItems":
            parts = enumerate(cast("list[Json]", value)) if isinstance(value, list) else ()
        else:
            parts = cast("dict[str, Json]", value).items() if isinstance(value, dict) else ()
        self.spend(len(cast("list[Json]", value)) if isinstance(value, list | dict) else 0)
        rest = [(step, wanted, one) for step, one in parts if step not in evaluated]
        if rest and wanted is False:
            names = [step for step, _, _ in rest[:5]]
            return Fault((), "unevaluated parts are not allowed ({} unexpected)", (names,))
        return self.hold_each(rest, evaluated)

    def hold_each(
        self, held: Iterable[tuple[str | int, Json, Json]], evaluated: Evaluated
    ) -> Fault | None:
        """Hold parts of a value against their schemas, and note that they were looked at.

        Args:
            held: The step to each part, its schema and the part.
            evaluated: Where the steps are noted.
        """
        for step, below, one in held:
            self.spend(1)
            fault = self.hold(below, one).fault
            if fault is not None:
                return fault.under(step)
            if self.collects:
                evaluated.add(step)
        return None

    def hold_too(self, schema: Json, value: Json, evaluated: Evaluated) -> Fault | None:
        """Hold the value itself against a further schema, and note the parts it looked at."""
        held = self.hold(schema, value)
        if held.fault is None and self.collects:
            self.spend(len(held.evaluated))
            evaluated |= held.evaluated
        return held.fault

    def target(self, reference: str) -> Json:
        """Return the schema that a reference leads to."""
        return target(self._root, reference)

    def matches(self, pattern: str, text: str) -> bool:
        """Return whether a pattern is found in a text."""
        found = self._patterns.get(pattern)
        if found is None:
            self.spend(weight(pattern))
            found = self._patterns[pattern] = Pattern(pattern)
        self.spend(3 + len(text) * found.weight // PATTERN_WORK)
        return found.matches(text)

    def choices(self, wanted: list[Json]) -> frozenset[Any]:
        """Return the keys of the values of an `enum`, made once."""
        known = self._choices.get(id(wanted))
        if known is None:
            known = self._choices[id(wanted)] = frozenset(map(self.key, wanted))
        return known

    def key(self, value: Json, depth: int = 0) -> Any:
        """Return a key that is equal, and hashes alike, for values that are equal in JSON.

        Numbers are spelled out: a client that knows how they hash could send thousands of one hash.
        """
        self.spend(2)
        if depth > MAX_NESTING:
            raise BeyondBound(TOO_DEEP)
        if isinstance(value, bool) or value is None:
            return ("literal", str(value))
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            below = cast("list[Json]", value)
            return ("list", *[self.key(one, depth + 1) for one in below])
        if isinstance(value, dict):
            items = cast("dict[str, Json]", value).items()
            return frozenset((name, self.key(one, depth + 1)) for name, one in items)
        whole = isinstance(value, int) or value.is_integer()
        return ("number", hex(int(value)) if whole else float(value).hex())


Rule: TypeAlias = Callable[[Check, Any, Json, dict[str, Json], Evaluated], Fault | None]
"""The meaning of a keyword: the fault of a value, given the check, the keyword's own value, the
value, the schema around the keyword, and where the parts that it looks at are noted."""


def _mentions_unevaluated(root: object) -> bool:
    """Return whether a schema asks for the parts that its other keywords have not looked at."""
    waiting: list[object] = [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found = cast("dict[str, object]", one)
            if "unevaluatedItems" in found or "unevaluatedProperties" in found:
                return True
            waiting.extend(found.values())
        elif isinstance(one, list):
            waiting.extend(cast("list[object]", one))
    return False
