"""Answers that say that there is none: the empty set, "no solution", "does not exist".

What does not exist where is told apart: an equation without solutions, an empty set of which no
solution was asked, and a limit. "none" is read only where a set or a solution is asked for.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import set_key
from atlas_mcp.atlas.comparing.gathered.order import gist

_EMPTY = re.compile(r"∅|\\emptyset|\\varnothing|\\?\{(?:\\?[ ,;])*\\?\}|(?:the )?empty set")
# Letters that stand for the sign on many keyboards.
_LETTERS = frozenset({"\u00d8", "\u00f8", "\u2300"})
# The name under which a solution set is often given, in English and in German.
_NAMED = re.compile(r"(?:[SLx] ?(?:=|∈|\\in\b)|the solution set is(?: the)?) ?")
_NOUN = r"(?P<noun>solutions?|roots?|zeros|zeroes)"
_DOMAIN = r"(?:(?P<domain>real|integer|rational|natural|positive|complex)(?:[- ]valued)? )?"
_SUBJECT = r"(?:the |this )?(?:equation|system|problem|inequality|it)"
_NO_SOLUTION = re.compile(
    rf"(?:there (?:is|are|exists?) |(?:{_SUBJECT} )?has )?no {_DOMAIN}{_NOUN}(?: exists?)?",
)
_INCONSISTENT = re.compile("(?:(?:the )?system is |it is )?inconsistent")
_ELSEWHERE = re.compile(
    "keine (?:reellen? )?lösung(?:en)?|es gibt keine lösung(?:en)?|pas de solution|aucune solution"
    "|sin solución|no hay solución|nessuna soluzione|нет решений|решений нет|无解|無解|解なし"
)
_INFINITELY = re.compile(
    rf"(?:there (?:are|exist) |{_SUBJECT} has )?(?:infinitely many|an infinite number of)"
    rf"(?P<noun> {_DOMAIN}solutions)?"
)
_MISSING = re.compile(
    r"(?P<limit>(?:the )?limit )?(?:dne|d\.n\.e\.?|does(?: not|n['\u2019]t) exist)", re.IGNORECASE
)

_SOLUTIONS = re.compile(
    r"\b(?:solve|solutions?|roots?|zeros|zeroes|löse|lösung(?:en)?|lösungsmenge|nullstellen?"
    r"|résou\w+|racines|resuelve|soluciones|solución)\b|решит|корн|方程",
    re.IGNORECASE,
)
_ANY = re.compile(
    r"\bif any\b|\bwhich of\b|\bfind all\b|\blist all\b|\bname all\b|\bwhich (?:\w+ )?(?:numbers"
    r"|integers|elements|values|primes)\b|\bif there are any\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow many\b|\bnumber of\b", re.IGNORECASE)
_EXISTS = re.compile(r"\bexists?\b|\bDNE\b|\blimits?\b|\blim\b|\\lim\b|\bderivative\b")
_NAMES_IT = re.compile(r"\babbreviat|\bacronym|\bstand(?:s|ing)? for\b", re.IGNORECASE)
_UNDEFINED_IS_DNE = re.compile(
    r"undefined[^.?!]{0,60}(?:DNE|does not exist)|(?:DNE|does not exist)[^.?!]{0,20}undefined"
)
_DOMAINS = re.compile(
    r"\b(real|integer|rational|natural|positive|complex)s?\b|(\\mathbb ?\{?R\}?|\u211d)",
    re.IGNORECASE,
)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that says that there is nothing to give."""
    if len(text) > 80:
        return None
    folded = text.rstrip(".!").casefold().strip()
    question = asked.question
    if text in _LETTERS and asks_for_solutions(question):
        return _no_solution(None, question)
    if _EMPTY.fullmatch(_NAMED.sub("", text.rstrip("."), count=1)):
        # Under its name it is the set of solutions, even where the problem is not known.
        if asks_for_solutions(question) or not _EMPTY.fullmatch(text.rstrip(".").casefold()):
            return _no_solution(None, question)
        return set_key(())
    match = _NO_SOLUTION.fullmatch(folded)
    if match is not None:
        # "no roots" is "no solution" only of an equation.
        if match["noun"].startswith("solution") or asks_for_solutions(question):
            return _no_solution(match["domain"], question)
        return None
    if _ELSEWHERE.fullmatch(folded):
        return _no_solution("real" if "reelle" in folded else None, question)
    if _INCONSISTENT.fullmatch(folded) and "system" in question and asks_for_solutions(question):
        return _no_solution(None, question)
    return _none(folded, question) or _infinitely(folded, question) or _missing(text, question)


def _none(folded: str, question: str) -> str | None:
    if folded not in {"none", "none of them", "none exist", "there are none"}:
        return None
    if _HOW_MANY.search(gist(question)):
        return None
    if asks_for_solutions(question):
        return _no_solution(None, question)
    return set_key(()) if _asks_for_any(question) else None


def _infinitely(folded: str, question: str) -> str | None:
    match = _INFINITELY.fullmatch(folded)
    if match is None or not (match["noun"] or asks_for_solutions(question)):
        return None
    return f"solutions:infinitely many{_domain(match['domain'], question)}"


def _missing(text: str, question: str) -> str | None:
    match = _MISSING.fullmatch(text.rstrip("."))
    if match is None and not (
        text.rstrip(".").casefold() == "undefined" and _UNDEFINED_IS_DNE.search(gist(question))
    ):
        return None
    if question and (_NAMES_IT.search(gist(question)) or not _EXISTS.search(gist(question))):
        return None
    if match is not None and match["limit"] and "lim" not in question:
        return None
    return "missing:does not exist"


def _no_solution(domain: str | None, question: str) -> str:
    return f"solutions:none{_domain(domain, question)}"


def _domain(said: str | None, question: str) -> str:
    """Return the numbers to which an answer is limited, where the question does not say them."""
    return "" if said is None or said in _asked_domains(question) else f" {said}"


@lru_cache(maxsize=64)
def _asked_domains(question: str) -> frozenset[str]:
    return frozenset(
        "real" if symbol else name.casefold() for name, symbol in _DOMAINS.findall(gist(question))
    )


@lru_cache(maxsize=64)
def asks_for_solutions(question: str) -> bool:
    """Return whether a question asks for the solutions of something, or for its roots."""
    return _SOLUTIONS.search(gist(question)) is not None and not _HOW_MANY.search(gist(question))


@lru_cache(maxsize=64)
def _asks_for_any(question: str) -> bool:
    return _ANY.search(gist(question)) is not None
