"""Formulas and equations of chemistry, in the ways in which indices and charges are written.

The order of the elements is kept: it tells isomers apart. Case is kept always.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording.questions import plain_words

MAX_CHARS = 300
"""Characters of the longest formula or equation that is read."""

_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As
Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd
Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am
Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
ELEMENTS = tuple(_SYMBOLS.split())
"""The symbols of the elements, in the order of their atomic numbers."""

_KNOWN = frozenset(ELEMENTS)
_IN_MOLECULES = frozenset(["H", "N", "O", "F", "Cl", "Br", "I", "S", "P", "C", "Se", "As"])
"""Elements of which two or more atoms make a molecule: a digit behind them may be an index."""

_ABOUT = re.compile(
    r"\bchemi\w*|\bsubstances?\b|\bcompounds?\b|\bmolecul\w*|\bmolar\b|\bions?\b|\breactions?\b|"
    r"\breact(?:s|ant|ants)?\b|\breagents?\b|\boxid\w*|\bacids?\b|\bsalts?\b|\bprecipitat\w*|"
    r"\bbalanced? (?:the )?(?:following )?(?:\w+ )?equation|\bisotopes?\b|\bnuclide\w*|"
    r"\belectroly\w*|\b(?:which|what) (?:gas|element|metal)\b|\bempirical formula|\bhydrates?\b|"
    r"\bcatalyst\b|\bcations?\b|\banions?\b|\bhalf-equation|\bverbindung\w*|\bsäure\w*|\bstoff\b|"
    r"\breaktion\w*|\bsummenformel\b|\bdecays?\b"
)
_ARROW = re.compile(r"\s*(?:<=>|<->|⇌|⇄|⟷|↔|⇋|--?>|=>|→|⟶|⟹|⇒|=)\s*")
_BOTH_WAYS = frozenset({"<=>", "<->", "⇌", "⇄", "⟷", "↔", "⇋"})
_PLUS = re.compile(r"\s+\+\s+")
_CLOSE_PLUS = re.compile(r"(?<=[A-Za-z\d)])\+(?=[A-Z\d(])")
_COEFFICIENT = re.compile(r"(\d{1,4}(?:/\d{1,3})?)\s*(?=[A-Z(\[e])")
_STATE = re.compile(r"\s?(?:\((aq|s|l|g)\)|_\((aq|s|l|g)\))$")
_HYDRATE = re.compile(r"\s*[·•⋅∙*]\s*|(?<=[\dA-Za-z)])\.(?=\d{0,2}H_?2_?O$)")
_MARKED_CHARGE = re.compile(r"\^\(?(?:(\d{1,2})?([+-])|([+-])(\d{1,2}))\)?$")
_SIMPLE_ION = re.compile(r"([A-Z][a-z]?)(\d)([+-])")
_PIECE = re.compile(r"([A-Z][a-z]?)|([(\[])|([)\]])|_?(\d{1,3})|_\((\d{1,3})\)")
_NUCLIDE = re.compile(r"\^\(?(\d{1,3})\)?\s?(?:_\(?(\d{1,3})\)?)?\s?([A-Z][a-z]?)")
_HYPHENED = re.compile(r"([A-Z][a-z]?)-(\d{1,3})")

_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_HIGH = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a formula, an ion, a nuclide or an equation of chemistry."""
    if len(text) > MAX_CHARS:
        return None
    sure = is_about(asked.question)
    flat = _flat(text)
    sides = _ARROW.split(flat)
    if len(sides) == 1:
        found = _nuclide(flat) if sure else None
        if found is None:
            found = _formula(flat)
            if found is not None and not (sure or _is_unmistakable(found)):
                return None
        return None if found is None else f"chemistry:{found}"
    arrow = _ARROW.search(flat)
    if len(sides) != 2 or arrow is None:
        return None
    terms = [_terms(side) for side in sides]
    if any(side is None for side in terms) or not (sure or _says_enough(flat, arrow[0].strip())):
        return None
    sign = "⇌" if arrow[0].strip() in _BOTH_WAYS else "→"
    return f"chemistry:{sign.join(' + '.join(side or ()) for side in terms)}"


@lru_cache(maxsize=64)
def is_about(question: str) -> bool:
    """Return whether a question is one of chemistry."""
    return _ABOUT.search(plain_words(question)) is not None


def _flat(text: str) -> str:
    """Return a formula with its indices and charges on the line."""
    flat = text.strip()
    if flat.startswith("\\ce{") and flat.endswith("}"):
        flat = flat[len("\\ce{") : -1]
    flat = _HIGH.sub(lambda high: "^" + high[0].translate(_RAISED), flat)
    flat = flat.translate(_LOW).replace("−", "-").replace("{}", "").replace("{", "(")
    return flat.replace("}", ")")


def _is_unmistakable(formula: str) -> bool:
    """Return whether a formula has two elements and an index, so that it is nothing else."""
    return len(set(re.findall(r"[A-Z][a-z]?", formula))) > 1 and any(
        character.isdigit() for character in formula
    )


def _says_enough(equation: str, arrow: str) -> bool:
    return arrow != "=" and any(character.isdigit() for character in equation)


def _terms(side: str) -> list[str] | None:
    """Return the terms of one side of an equation, in an order of their own."""
    pieces = _PLUS.split(side)
    if len(pieces) == 1:
        pieces = _CLOSE_PLUS.split(side)
    found: list[str] = []
    for piece in pieces:
        bare = piece.strip()
        state = _STATE.search(bare)
        if state is not None:
            bare = bare[: state.start()]
        match = _COEFFICIENT.match(bare)
        count = match[1] if match is not None and match[1] != "1" else ""
        formula = _formula(bare[match.end() :] if match is not None else bare, electrons=True)
        if formula is None:
            return None
        found.append(f"{count} {formula}{state[1] or state[2] if state is not None else ''}")
    return sorted(found)


def _formula(text: str, *, electrons: bool = False) -> str | None:
    """Return a formula in one way of writing; `None` for what is none."""
    if electrons and re.fullmatch(r"e\^?\(?-\)?", text):
        return "e^-"
    body, charge = _charged(text)
    if body is None:
        return None
    parts = _HYDRATE.split(body)
    if len(parts) > 2:
        return None
    first = _atoms(parts[0])
    if first is None:
        return None
    if len(parts) == 1:
        return first + charge
    match = _COEFFICIENT.match(parts[1])
    water = _atoms(parts[1][match.end() :] if match is not None else parts[1])
    count = match[1] if match is not None else ""
    return None if water is None or charge else f"{first}·{count}{water}"


def _charged(text: str) -> tuple[str | None, str]:
    """Return a formula without its charge, and the charge; no formula where it is not sure."""
    simple = _SIMPLE_ION.fullmatch(text)
    if simple is not None:
        # `Fe3+` is an ion of one atom; `O2-` may be an ion of two.
        sure = simple[1] not in _IN_MOLECULES
        return (simple[1], f"^{simple[2]}{simple[3]}") if sure else (None, "")
    match = _MARKED_CHARGE.search(text) or re.search(r"(?<=[A-Za-z\d)\]])()([+-])()()$", text)
    if match is None:
        return text, ""
    body = text[: match.start()].rstrip()
    count = match[1] or match[4] or ""
    return body, f"^{'' if count == '1' else count}{match[2] or match[3]}"


def _atoms(text: str) -> str | None:
    """Return the symbols and indices of a formula; `None` where a symbol is not an element's."""
    at, depth, found, counted = 0, 0, "", True
    body = text.replace(" ", "") if re.search(r"_\s?\d|\d\s", text) else text
    while at < len(body):
        match = _PIECE.match(body, at)
        if match is None:
            return None
        symbol, opening, closing, bare, wrapped = match.groups()
        count = bare or wrapped
        if symbol is not None:
            if symbol not in _KNOWN:
                symbol = symbol[0]
                if symbol not in _KNOWN:
                    return None
            found += symbol
            at += len(symbol)
            counted = False
            continue
        if opening:
            depth += 1
            counted = True
        elif closing:
            depth -= 1
            counted = False
        elif counted or count == "0":
            return None
        else:
            counted = True
        if depth < 0:
            return None
        found += opening or closing or count or ""
        at = match.end()
    return found if found and not depth and any(one.isalpha() for one in found) else None


def _nuclide(text: str) -> str | None:
    """Return an isotope: its mass number and its element."""
    match = _NUCLIDE.fullmatch(text)
    if match is not None and match[3] in _KNOWN:
        # An atomic number says nothing more than the symbol, where it is the right one.
        right = match[2] is None or ELEMENTS[int(match[2]) - 1 : int(match[2])] == (match[3],)
        return f"{match[1]} {match[3]}" if right else None
    match = _HYPHENED.fullmatch(text)
    return f"{match[2]} {match[1]}" if match is not None and match[1] in _KNOWN else None
