"""The form in which an expression is written, for questions that ask for a form.

Only the order of what is added and of what is multiplied does not count.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra import nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node
from atlas_mcp.atlas.comparing.amounts.number_questions import asked_form

_FORM = re.compile(
    r"\b(?:factor(?:i[sz]e)?[sd]?(?! of\b)|expand(?:ed)?|simplif(?:y|ied)|simplest|lowest terms|"
    r"reduced?|"
    r"in the form|of the form|in form|"
    r"as (?:a|an|the) (?:product|power|sum|single|fraction|square|factorial|"
    r"polynomial|difference|quotient)|partitions?|decompos\w+|condense|combine|notation|"
    r"positive exponents?|without|factored|rational (?:denominator|exponent)s?|"
    r"partial fractions?|rationali[sz]e|complet\w+ the square|(?:vertex|standard|radical|polar|"
    r"slope-intercept|point-slope|exponential|factored|expanded|general|rectangular) form|"
    r"in terms of (?:a )?(?:product|sum|powers?)|multiply out|collect|"
    r"(?:prime )?factori[sz]ation|rewrite|without (?:brackets|parentheses)|ausmultiplizier\w*|"
    r"faktorisier\w*|vereinfach\w*|kürze|develop+er?|factoriser?|simplifi(?:er?|ez))\b"
)


@lru_cache(maxsize=64)
def is_form_asked(question: str) -> bool:
    """Return whether a question asks for an expression in a certain form."""
    text = " ".join(question.casefold().split())
    return bool(_FORM.search(text)) or bool(asked_form(question))


_ORDERED = re.compile(r"\b(?:ascending|descending|increasing|decreasing) (?:order|powers|degree)\b")


@lru_cache(maxsize=64)
def is_order_asked(question: str) -> bool:
    """Return whether a question says in which order the terms of a sum are to stand."""
    return bool(_ORDERED.search(question.casefold()))


_WORDING = re.compile(r"\b(?:in terms of|express|rewrite|write|convert|using)\b")


@lru_cache(maxsize=64)
def is_wording_asked(question: str) -> bool:
    """Return whether a question may say by which functions an expression is to be written."""
    return bool(_WORDING.search(question.casefold()))


def functions_in(node: Node) -> frozenset[str]:
    """Return the names of the functions in a tree."""
    inside = frozenset(named for part in nodes.parts_of(node) for named in functions_in(part))
    return inside | {nodes.text_of(node)} if node[0] == "function" else inside


def is_arithmetic(node: Node) -> bool:
    """Return whether a tree is a sum or a product of plain numbers, as `3 + 7` is.

    Such an answer says how a number is made: where that is asked for, `5 + 5` is another one.
    """
    if not _is_plain(node):
        return False
    if node[0] == "sum":
        return True
    ones = (nodes.number(1), nodes.number(-1))
    factors = [part for part in _flat(node) if part[0] != "power" and part not in ones]
    return any(part[0] == "sum" for part in _flat(node)) or len(factors) > 1


def _is_plain(node: Node) -> bool:
    if node[0] == "number":
        return True
    if node[0] == "power":
        base, exponent = nodes.parts_of(node)
        return exponent == nodes.number(-1) and _is_plain(base)
    return node[0] in ("sum", "product") and all(map(_is_plain, nodes.parts_of(node)))


def shape_of(node: Node) -> str:
    """Return the text of a form: equal where only the order differs."""
    kind = node[0]
    if kind == "number":
        return str(nodes.value_of(node))
    if kind == "name":
        return nodes.text_of(node)
    parts = nodes.parts_of(node)
    if kind in ("sum", "product"):
        texts = sorted(shape_of(part) for part in _flat(node))
        return f"{kind}({', '.join(texts)})"
    texts = [shape_of(part) for part in parts]
    called = nodes.text_of(node) if kind == "function" else kind
    return f"{called}({', '.join(texts)})"


def _flat(node: Node) -> list[Node]:
    """Return the parts of a sum or a product, also of those directly inside it.

    Of a product with -1 inside a product the sign is multiplied with the number beside it.
    """
    found: list[Node] = []
    if node[0] not in ("sum", "product"):
        return [node]
    for part in nodes.parts_of(node):
        if part[0] == node[0]:
            found += _flat(part)
        elif node[0] == "sum" or part != nodes.number(1):
            found.append(part)
    minus = nodes.number(-1)
    if node[0] == "product" and minus in found:
        others = [part for part in found if part != minus]
        negative = (len(found) - len(others)) % 2 == 1
        for place, part in enumerate(others):
            if negative and part[0] == "number":
                others[place] = nodes.number(-nodes.value_of(part))
                negative = False
        found = [minus, *others] if negative or not others else others
    return found or [nodes.number(1)]
