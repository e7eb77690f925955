"""What a question says about several things that it asks for: whether their order counts.

A sequence is asked for by its order, its terms or its steps; a set by all of its members. Of other
questions the order stays undecided, and answers in another order stay apart.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

Order: TypeAlias = Literal["sequence", "set"]
"""Whether the order of the parts of an answer counts."""

MAX_CHARS = 3_000
"""Characters of a question that are read: half of them its beginning, half its end."""

_ANY_ORDER = re.compile(
    r"\bin any order\b|\bin no particular order\b|\bregardless of (?:the )?order\b|\bunordered\b"
    r"|\border (?:\w+ ){0,4}(?:does not|doesn't|do not|don't|is not|isn't)"
    r" (?:matter|important|relevant|count)\b|\border is (?:irrelevant|unimportant)\b"
    r"|\border (?:\w+ ){0,4}irrelevant\b|\b(?:beliebiger|egal welcher) reihenfolge\b"
    r"|\breihenfolge (?:ist|spielt) (?:egal|keine rolle)\b",
    re.IGNORECASE,
)
_SEQUENCE = re.compile(
    r"\bin (?!order (?:to|that|for)\b)(?:the |an? |their |its |which |what |this |correct )?"
    r"(?:[\w-]+ ){0,2}(?:order|sequence)\b"
    r"|\border of\b|\border (?:them|these|the following|from|by)\b|\b(?:re)?arrange\b"
    r"|\bwhat (?:is|was) the (?:correct |right )?order\b"
    r"|\bsequence\b|\bterms?\b|\bsort(?:s|ed|ing)?\b|\brank(?:s|ed|ing)?\b"
    r"|\b(?:ascend|descend|increas|decreas)ing\b|\bchronolog|\balphabetical"
    r"|\b(?:first|next|last) (?:\w+ )?(?:\w+ )?(?:numbers|elements|members|digits|values|primes"
    r"|multiples|squares|powers)\b|\bfibonacci\b"
    r"|\bfrom (?:the )?(?:smallest|largest|least|lowest|highest|oldest|newest|shortest|longest"
    r"|greatest|most|left|right|top|bottom|fastest|slowest|nearest|closest|north|south|east|west"
    r"|first)\b|\bsteps?\b|\bpath\b|\broute\b|\bvisit|\btravers|\bconvergents?\b"
    r"|\bcoordinates\b|\bordered (?:pair|triple)|\btuple\b|\bvectors?\b|\bpermutation\b"
    r"|\brespectively\b|\breihenfolge\b|\bsortier|\bfolge\b|\bordre\b|\borden\b|\bordine\b"
    r"|\bcontinued fraction\b|\bdigits of\b|\bcoefficients\b|\barray\b|\bformation\b"
    r"|\bprint(?:s|ed)?\b|\boutput\b|\bdimensions\b|\bquotient and\b|\bfinish(?:ed|ing)?\b"
    r"|\bblanks?\b|\bgaps?\b|\bfill\b|\bmissing\b|\beach\b|\brows?\b|\bcolumns?\b|\bpositions?\b"
    r"|\bfirst[.,;?!)]|\bstart(?:ing)? (?:points? )?and\b"
    r"|\b(?:larger|smaller|greater|lower|upper|older|younger|minimum|maximum)\b"
    r"|\bcomplet(?:e|es|ing) the\b|\bmatch(?:es|ing)?\b|\d(?:st|nd|rd|th) and\b"
    r"|\bcomes? (?:first|before|last|next|after)\b|\bfirst and\b|\bthen\b"
    r"|\band (?:which|what|who|where|when|how)\b|\bratios?\b|\bcodes?\b"
    r"|\bcombination\b|\bangles of\b|\bsides of\b|\bscores?\b",
    re.IGNORECASE,
)
# Values that are told apart by the names that the question gives them: "a and b", "(x, y)".
_NAMED = re.compile(
    r"(?<![\w^*/+=-])[a-zA-Z](?:, [a-zA-Z]){0,6},? and (?!a |I )[a-zA-Z](?![\w'])"
    r"|[(\[{] ?[a-zA-Z](?:_?\d)?(?: ?, ?[a-zA-Z](?:_?\d)?){1,6} ?[)\]}]"
    r"|\b[a-zA-Z]_?\d and [a-zA-Z]_?\d\b|\bof [a-z] and of [a-z]\b"
    r"|\bthe (?:\w{1,20} ){1,2}and the \w|\bin \d{4} and (?:in )?\d{4}\b"
    r"|\b(?:of|for|in|at|by|from) (?:the )?(?-i:[A-Z])\w{1,20} and (?:the )?(?-i:[A-Z])\w"
    r"|\bmean\b.{1,40}\b(?:median|variance|mode|deviation)\b|\blength\b.{1,40}\b(?:width|height)\b"
    r"|(?<![\w'(])(?-i:[a-z](?:, [a-z]){1,6})(?![\w'])|\bnumbers? of \w{1,20} and \w"
    r"|['\"\u2019\u201d] and ['\"\u2018\u201c]|\b1 and (?:\w{1,20} )?2\b|\bages\b"
    # Two unknowns of a system.
    r"|\bsystems?\b|\bsimultaneous|\bequations\b|\bgleichungssystem|\bgleichungen\b"
    r"|\bboth (?:the )?\w+ and\b"
    r"|\b(?:sum|difference|product|quotient|remainder|numerator|minimum|maximum"
    r"|min|max|area|slope|radius|center|centre|base|height|mass|speed|age|ages|price)s? and\b",
    re.IGNORECASE,
)
# A letter that stands alone, or after a factor or a sign; `a`, `e`, `i` and functions left out.
_UNKNOWN = re.compile(
    r"(?<![^\W\d_'])([b-df-hj-z])(?![^\W\d_'(])|(?<=[-+*/=\d])(a)(?=[-+*/=^²³ )])"
)
_FOR_ONE = re.compile(r"\bfor [a-z](?![\w,])(?! and)|\bin \w\b(?! and)|\bof [a-z](?![\w,])(?! and)")
_SOLUTIONS = re.compile(
    r"\bsolutions\b|\bsolution set\b|\broots\b|\bzeros\b|\bzeroes\b|\bx-intercepts\b"
    r"|\blösungen\b|\blösungsmenge\b|\bnullstellen\b"
    r"|\bsoluciones\b|\braíces\b",
    re.IGNORECASE,
)
_SOLVE = re.compile(r"\bsolve\b|\blöse\b|\brésou|\bresuelve\b|\brisolvi\b", re.IGNORECASE)
_EQUATION = re.compile(
    r"[=<>≤≥≠]|\bsolve for [a-z]\b|\\[gl]eq?\b|\bequations?\b|\binequalit"
    r"|\b(?:un)?gleichung\b|\becuación\b",
    re.IGNORECASE,
)
_PART_MARKS = (("a)", "b)"), ("1)", "2)"), ("i)", "ii)"))
_COUNT = "two|three|four|five|six|seven|eight|nine|ten|both|all"
_SET = re.compile(
    r"\b(?:prime |proper |common |positive |irreducible )*(?:factors|divisors)\b"
    r"|\bprime factori[sz]ation\b|\bfactori[sz]e \d|\bprimfaktor|\bteiler\b|\beigenvalues\b"
    r"|\bcritical (?:points|numbers|values)\b|\bset of\b|\bwhat set\b"
    rf"|\bwhich (?:{_COUNT})\b"
    r"|\bwhich (?:\w+ )?of (?:the|these|those)\b"
    r"|\bwhich (?:\w+ ){0,2}(?:numbers|integers|elements|letters|values|primes|statements|options"
    r"|countries|words|vertices|edges|members|planets|states|cities|animals)\b"
    rf"|\b(?:find|name|list|give|identify|state|determine|select|choose)"
    rf" (?:any |the )?(?:{_COUNT})\b"
    r"|\bpossible (?:values|answers|solutions)\b"
    r"|\ball (?:the )?(?:possible |real |integer |prime )*"
    r"(?:values|numbers|integers|solutions|primes|elements|members|pairs|subsets|points)\b"
    r"|\bwelche (?:\w+ )?(?:zahlen|der folgenden)\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"\b(?:all|points|pairs|triples|intersections?)\b", re.IGNORECASE)
_POINTS = re.compile(
    r"\bcoordinates\b|\bordered (?:pair|triple)|\bpoint\b|\bvertex\b|\bvectors?\b|\btuple\b"
    r"|\( ?[a-zA-Z](?:_?\d)?(?: ?, ?[a-zA-Z](?:_?\d)?){1,6} ?\)|\bkoordinaten\b|\bvektor",
    re.IGNORECASE,
)
_VECTOR = re.compile(r"\bvectors?\b|\bvektor", re.IGNORECASE)
_COLUMN = re.compile(r"\bcolumn|\brow\b|\bmatri", re.IGNORECASE)
_MATRIX = re.compile(r"\bmatri(?:x|ces)\b|\bmatrizen\b|\bmatrice\b", re.IGNORECASE)
_TWO = re.compile(
    r"\btwo\b(?! (?:decimal|significant|digit|place))|\bboth\b|\bpair\b|\bsolutions\b"
    r"|\broots\b|\bzeros\b|\b(?:factors|divisors)\b|\bcoordinates\b|\bvalues\b|\bintegers\b|\bnumbers\b|\beigenvalues\b|\bterms\b",
    re.IGNORECASE,
)
_MULTIPLE = re.compile(r"\b(?:multiplicit|factor|eigenvalue|prime facto|primfaktor)", re.IGNORECASE)


def gist(question: str) -> str:
    """Return the beginning and the end of a long question, where it says what it asks for."""
    if len(question) <= MAX_CHARS:
        return question
    half = MAX_CHARS // 2
    return f"{question[:half]}\n{question[-half:]}"


@lru_cache(maxsize=64)
def asked_order(question: str) -> Order | None:
    """Return whether a question asks for a set or for an order; `None` where it does not say."""
    text = gist(question)
    if says_any_order(text):
        return "set"
    if _SEQUENCE.search(text) or _NAMED.search(text):
        return "sequence"
    if any(all(mark in text for mark in marks) for marks in _PART_MARKS):
        return "sequence"
    if len({match[0] for match in _UNKNOWN.finditer(text)}) > 1 and not _FOR_ONE.search(text):
        # Two unknowns: their values have an order that the question may not say.
        return "sequence"
    return "set" if asks_for_solutions(question) or _SET.search(text) else None


def says_any_order(text: str) -> bool:
    """Return whether a text says that the order of an answer's parts does not count."""
    return _ANY_ORDER.search(text) is not None


@lru_cache(maxsize=64)
def asks_for_solutions(question: str) -> bool:
    """Return whether a question asks for all that solves something."""
    text = gist(question)
    if _SOLUTIONS.search(text):
        return True
    # Riddles are solved, too.
    return _SOLVE.search(text) is not None and _EQUATION.search(text) is not None


@lru_cache(maxsize=64)
def asks_for_several(question: str) -> bool:
    """Return whether a question asks for more numbers than one."""
    return _TWO.search(gist(question)) is not None


@lru_cache(maxsize=64)
def counts_repeats(question: str) -> bool:
    """Return whether a part that is there twice is another answer: so of factors."""
    return _MULTIPLE.search(gist(question)) is not None


@lru_cache(maxsize=64)
def asks_for_points(question: str) -> bool:
    """Return whether a question asks for points: what stands in round brackets has an order."""
    return _POINTS.search(gist(question)) is not None


@lru_cache(maxsize=64)
def asks_for_vector(question: str) -> bool:
    """Return whether a question asks for a vector, of which it may be a row or a column."""
    return _VECTOR.search(gist(question)) is not None and _COLUMN.search(gist(question)) is None


@lru_cache(maxsize=64)
def asks_for_matrix(question: str) -> bool:
    """Return whether a question is about a matrix."""
    return _MATRIX.search(gist(question)) is not None


@lru_cache(maxsize=64)
def order_of_points(question: str) -> Order | None:
    """Return the order of an answer's points: their own names, `(x, y)`, say nothing of it."""
    text = gist(question)
    if says_any_order(text):
        return "set"
    text = _POINTS.sub("", text)
    if _SEQUENCE.search(text) or _NAMED.search(text):
        return "sequence"
    several = asks_for_solutions(question) or _SET.search(text) or _EVERY.search(text)
    return "set" if several else None
