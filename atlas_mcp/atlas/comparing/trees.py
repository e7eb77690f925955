"""The expressions among answers, as trees for a computer algebra system.

Owns which answers are given to it: those that the readers take for expressions, where the question
does not ask for a form. Two expressions of one value are different answers to "factor it".
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra import expressions, nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key
from atlas_mcp.atlas.comparing.wording import dress
from atlas_mcp.atlas.messages import Json

MAX_CHARS = 2_000
"""Characters of the longest answer that is read, with its dress."""

CONSTANT_OF_INTEGRATION = "constant of integration"
"""The name of that constant in the keys of `expressions`, whatever it is called in the answer."""

_CALLED = re.compile(r"\s*[A-Za-z](?:_\w|'|\([A-Za-z]\))?\s*")
"""The left side of an equation that says how a function is worked out."""

_CONSTANTS = ("C", "c", "K", "k")

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


@lru_cache(maxsize=256)
def asks_for_a_form(question: str) -> bool:
    """Return whether a question may ask for more than the value of an expression."""
    return _FORMS.search(question) is not None


@lru_cache(maxsize=512)
def tree_of(answer: str, asked: Asked) -> Node | None:
    """Return the expression or number that an answer is; `None` where it is anything else."""
    if len(answer) > MAX_CHARS:
        return None
    key = text_key(answer, asked)
    kind, _, written = key.partition(":")
    if kind == "number":
        return _number(written)
    if kind not in ("expression", "equation"):
        return None
    text = dress.off(unicodedata.normalize("NFC", answer).strip(), asked)
    called, _, value = text.rpartition("=")
    node = expressions.tree(value.strip(), asked.question)
    if node is None:
        return None
    if kind == "expression":
        # Else it is read from a text in which more stands than the expression.
        is_whole = expressions.key_of(node, asked) == key
        return _with_its_constant(node, asked) if is_whole else None
    if not _CALLED.fullmatch(called):
        return None
    # Equations of one left side are the same as their right sides are.
    return nodes.product([nodes.name(f"{called.strip()} ="), node])


def as_json(node: Node) -> list[Json]:
    """Return an expression as JSON has it: lists, and numbers as text."""
    return [as_json(part) if isinstance(part, tuple) else str(part) for part in node]


def _number(written: str) -> Node | None:
    try:
        return nodes.number(Fraction(written))
    except ValueError:
        # A number of something: per cent, or with a unit.
        return None


def _with_its_constant(node: Node, asked: Asked) -> Node:
    """Return an expression, and of an antiderivative a sum whose constant has its name."""
    if not expressions.has_constant_of_integration(asked.question):
        return node
    for constant in map(nodes.name, _CONSTANTS):
        parts = nodes.parts_of(node)
        if constant in parts:
            others = [part for part in parts if part != constant]
            return nodes.total([*others, nodes.name(CONSTANT_OF_INTEGRATION)])
    return node
