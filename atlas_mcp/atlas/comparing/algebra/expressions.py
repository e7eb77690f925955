"""Expressions of mathematics: sums, products, powers, roots and functions of numbers and names.

Two are the same where their exact forms are equal. Where the question asks for a form, the form
counts; where it asks for rounding, a constant is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra import evaluation, nodes, parsing, shapes
from atlas_mcp.atlas.comparing.algebra.canonical import Canonical
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.amounts.rounding import asked_rounding, rounded
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import number_key, set_key
from atlas_mcp.atlas.comparing.wording import words

MAX_CHARS = 400
"""Characters of the longest expression that is read."""

_MATHEMATICS = re.compile(
    r"[-+*/^=!|√∛∜π²³⁰¹⁴-⁹⁻ⁿ₀-₉·×÷⋅−⌊⌈°½⅓⅔¼¾]|\d|[α-ωΑ-Ω]|_|\w\("
    r"|\b(?:sin|cos|tan|cot|sec|csc|ln|log|sqrt|arcsin|arccos|arctan|sinh|cosh|tanh) ?[a-z(\d|]"
)
_LETTERS_OF_SPACE = re.compile(r"[xyz](?: ?[xyz]){1,2}")
_NO_EXPRESSION = re.compile(
    # Ranges, scores and dates; grids; ways along places; words in two parts.
    r"[\d\s.,]+(?:[-–−][\d\s.,]+)+"
    r"|\d+(?:\s*/\s*\d+)+"
    r"|[A-Z](?:-[A-Z\d])+|[A-Za-z](?:-[A-Za-z\d]){2,}|[A-Z]-\d+"
    r"|[A-Za-z\d](?:/[A-Za-z\d]){2,}|[nN]/[aA]|[A-Z]/[A-Z]"
    r"|[A-Za-z]+-[A-Za-z]{2,}(?:-[A-Za-z]+)*|[A-Za-z]{2,}-[A-Za-z]+(?:-[A-Za-z]+)*"
    r"|[A-Za-z]{2,}/[A-Za-z]+|[A-Za-z]+/[A-Za-z]{2,}"
    r"|\d[\d.]*\s+[A-Za-z]{2,}"
    # Versions; pairs of genes.
    r"|\d[\d.]*-[A-Za-z]{2,}\d*|\d+\.\d+-[A-Za-z]+\d*"
    r"|[A-Za-z]{2,3}\s*×\s*[A-Za-z]{2,3}"
)
_GRID = re.compile(r"\d[\d.]*(?:\s*×\s*\d[\d.]*)+")
_NOT_COMMUTING = re.compile(
    r"\b(?:matri(?:x|ces|zen)|operators?|quaternions?|vectors?|permutations?|group|strings?|"
    r"language|commutator|composition|concatenat\w+|genotypes?|alleles?)\b"
)
_MATRICES = frozenset("ABCDMNPQSTUXY")
"""Letters of which two in a product may be matrices, or events, or sets."""

_ANTIDERIVATIVE = re.compile(
    r"\b(?:indefinite integral|anti-?derivatives?|primitive|general solution|stammfunktion\w*|"
    r"unbestimmte\w* integral\w*|integrate)\b"
)
_INTEGRAL = re.compile(r"∫(?!\s*[_^])|\\int(?!\s*(?:_|\^|\\limits))|\bintegral of\b")
_CONSTANTS_OF_INTEGRATION = ("C", "c", "K", "k")

_LONE_NAMES = re.compile(r"1(?:\*\((?:name )?[A-Za-z]\)\^1){1,3}")
_CONSTANT_IN_WORDS = re.compile(r"\+ ?(?:an? )?(?:arbitrary )?(?:constant|const\.?)$")
_ROOT_IN_WORDS = re.compile(r"(?:the )?square root of (\d{1,9})", re.IGNORECASE)
_CHOSEN = re.compile(r"C\((\d{1,3}), ?(\d{1,3})\)")
_CHOICES = re.compile(r"\b(?:ways?|choose|chosen|combinations?|select(?:ed|ion)?|committees?)\b")
_IMPEDANCE = re.compile(r"\b(?:impedance|phasor|reactance|admittance)\b")

_ABOUT = re.compile(
    r"(?P<exact>[^≈]{1,100}?)\s*(?:\(\s*(?:≈|approx\.?|approximately)\s*(?P<inner>\d+\.\d+)\s*\)"
    r"|(?:≈|\bapprox\.?|\bapproximately)\s*(?P<outer>-?\d+\.\d+))"
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is an expression as a whole.

    A number, a lone letter and a word are none.
    """
    if len(text) > MAX_CHARS:
        return None
    if "≈" in text or "approx" in text:
        return _with_approximation(text, part)
    if _LETTERS_OF_SPACE.fullmatch(text):
        return words.key(text.replace(" ", ""), asked)
    signs = both_signs(text)
    if signs is not None:
        if any(tree(sign, asked.question) is None for sign in signs):
            return None
        return set_key(part(sign) for sign in signs)
    node = _tree(text, asked)
    return None if node is None else key_of(node, asked)


def key_of(node: Node, asked: Asked) -> str | None:
    """Return the key of a tree; `None` where it has no value, or is too large."""
    try:
        return _key(node, asked)
    except NotReadable:
        return None


def parse(text: str) -> Node | None:
    """Return the tree of an expression; `None` for any other text, and for what is ambiguous."""
    if len(text) > MAX_CHARS or not _MATHEMATICS.search(text):
        return None
    try:
        return parsing.parse(text)
    except NotReadable:
        return None


def normal(node: Node) -> str | None:
    """Return the text of the exact form of a tree; `None` where it has no value or is too large."""
    try:
        return Canonical().written(node)
    except NotReadable:
        return None


def both_signs(text: str) -> tuple[str, str] | None:
    """Return the two texts for which one with `±` stands, that with the plus first."""
    text = text.replace("+/-", "±").replace("+/−", "±").replace("plus or minus", "±")
    if text.count("±") != 1:
        return None
    before, _, after = text.partition("±")
    starts = not before.strip() or before.rstrip()[-1] in "([=,"
    plus = before + after.lstrip() if starts else f"{before}+{after}"
    minus = f"{before}-{after.lstrip() if starts else after}"
    return plus.replace("∓", "-"), minus.replace("∓", "+")


def tree(text: str, question: str) -> Node | None:
    """Return the tree of a text that is an expression, a number or a name: a part of an equation.

    Args:
        text: The text.
        question: What is asked, which says whether products may be turned around.
    """
    if len(text) > MAX_CHARS:
        return None
    try:
        node = parsing.parse(text)
    except NotReadable:
        return None
    return node if _commutes(node, question) else None


def _tree(text: str, asked: Asked) -> Node | None:
    """Return the tree of an expression that is no other kind of text."""
    chosen = _CHOSEN.fullmatch(text)
    if chosen is not None and _asks_choices(asked.question):
        text = f"binom({chosen[1]}, {chosen[2]})"
    if has_constant_of_integration(asked.question):
        text = _CONSTANT_IN_WORDS.sub("+ C", text)
    text = _ROOT_IN_WORDS.sub(r"√(\1)", text)
    if text == "e" and asked_rounding(asked.question) is not None:
        return nodes.name("e")
    if not _MATHEMATICS.search(text) and text != "pi":
        return None
    if _NO_EXPRESSION.fullmatch(text):
        return None
    if _GRID.fullmatch(text) and not shapes.is_form_asked(asked.question):
        return None
    node = tree(text, asked.question)
    if node is None or node[0] == "number":
        return None
    if node[0] == "name" and node[1] != "pi" and not _is_marked(node):
        return None
    return _with_imaginary(node) if _asks_impedance(asked.question) else node


def _is_marked(node: Node) -> bool:
    """Return whether a name can only be one of mathematics: a Greek letter, or with an index."""
    named = nodes.text_of(node)
    return not named[0].isascii() or "_" in named


def _key(node: Node, asked: Asked) -> str:
    question = asked.question
    rounding = asked_rounding(question)
    if rounding is not None and not nodes.names_in(node):
        exact = _exact(node)
        value = evaluation.value_of(node) if exact is None else exact
        found = rounded(value, rounding)
        if found:
            return number_key(found)
    if has_constant_of_integration(question):
        node = with_one_constant(node)
    if shapes.is_order_asked(question):
        return f"ordered:{node}"
    if shapes.is_form_asked(question):
        return f"form:{shapes.shape_of(node)}"
    if shapes.is_arithmetic(node):
        return f"arithmetic:{shapes.shape_of(node)}"
    canonical = Canonical()
    found = canonical.of(node)
    if found.rational is not None:
        return number_key(found.rational)
    written = canonical.field.written(found)
    lone = _LONE_NAMES.fullmatch(written)
    if lone is not None:
        # Names by themselves are compared as they are where nothing is done to them.
        letters = re.findall(r"\((?:name )?(\w)\)", written)
        return words.key("".join(letters), asked)
    if shapes.is_wording_asked(question):
        written = f"{written} by {' '.join(sorted(shapes.functions_in(node)))}"
    return f"expression:{written}"


@lru_cache(maxsize=64)
def _asks_choices(question: str) -> bool:
    return bool(_CHOICES.search(question.casefold()))


@lru_cache(maxsize=64)
def _asks_impedance(question: str) -> bool:
    """Return whether the imaginary unit may be written `j`."""
    return bool(_IMPEDANCE.search(question.casefold()))


def _with_imaginary(node: Node) -> Node:
    """Return a tree in which `j` is the imaginary unit."""
    if node == nodes.name("j"):
        return nodes.name("i")
    if node[0] in ("name", "number"):
        return node
    start = 2 if node[0] == "function" else 1
    return (*node[:start], *(_with_imaginary(part) for part in nodes.parts_of(node)))


def _exact(node: Node) -> Fraction | None:
    try:
        return Canonical().of(node).rational
    except NotReadable:
        return None


def _with_approximation(text: str, part: Callable[[str], str]) -> str | None:
    """Return the key of an exact value with its approximation behind it, where these agree."""
    match = _ABOUT.fullmatch(text)
    if match is None:
        return None
    exact, written = match["exact"].strip(), match["inner"] or match["outer"]
    try:
        node = parsing.parse(exact)
        value = evaluation.value_of(node)
    except NotReadable:
        return None
    last = Decimal(1).scaleb(-len(written.partition(".")[2]))
    return part(exact) if abs(value - Decimal(written)) < last else None


@lru_cache(maxsize=64)
def has_constant_of_integration(question: str) -> bool:
    """Return whether a question asks for a function up to a constant."""
    folded = question.casefold()
    return bool(_ANTIDERIVATIVE.search(folded) or _INTEGRAL.search(folded))


def with_one_constant(node: Node) -> Node:
    """Return a sum in which the constant of integration has one name."""
    if node[0] != "sum":
        return node
    parts = nodes.parts_of(node)
    for named in _CONSTANTS_OF_INTEGRATION:
        constant = nodes.name(named)
        others = [part for part in parts if part != constant]
        if len(others) == len(parts) - 1 and not any(
            named in nodes.names_in(one) for one in others
        ):
            return nodes.total([*others, nodes.name("constant of integration")])
    return node


def _commutes(node: Node, question: str) -> bool:
    """Return whether the factors of every product in a tree may change places."""
    if node[0] == "product":
        names = {named for part in nodes.parts_of(node) for named in nodes.names_in(part)}
        if len(names) > 1 and _speaks_of_matrices(question):
            return False
        if len({named[0] for named in names} & _MATRICES) > 1:
            return False
    return all(_commutes(part, question) for part in nodes.parts_of(node))


@lru_cache(maxsize=64)
def _speaks_of_matrices(question: str) -> bool:
    return bool(_NOT_COMMUTING.search(question.casefold()))
