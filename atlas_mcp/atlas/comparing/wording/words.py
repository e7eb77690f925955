"""Text that is none of the forms: compared word by word.

Only what cannot carry meaning is levelled: the case of ordinary words, white space, typographic
apostrophes, the article before a name, contractions with "not", Roman numerals after a name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import words_key
from atlas_mcp.atlas.comparing.wording.questions import asking, plain_words

LONG_CAPITALS = 5
"""Letters of the shortest word in capitals that is taken for an ordinary word; a shorter one may be
an abbreviation, which is another word than the same letters in lower case."""

_SHORTEST = """
am an as at be by do go he if in is it me my no of oh on or ox so to up us we
ab da du er es im ja un le la il el en et de si
"""
_TWO_LETTERS = frozenset(_SHORTEST.split())
"""Ordinary words of two letters; other pairs may be units, genotypes or symbols."""

_ALONE = _TWO_LETTERS & {
    *("an", "by", "do", "go", "if", "is", "it", "me", "my"),
    *("oh", "on", "or", "ox", "so", "to", "up", "us", "we"),
}
"""Those of them that are no symbols of elements and no alleles: alone, they are words too."""

_GENOTYPE = re.compile(r"([A-Za-z])\1([A-Za-z])\2", re.IGNORECASE)

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "＇": "'"})
_DASHES = str.maketrans({"‐": "-", "‑": "-"})
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
# Signs of a formula or of code: case may count in every word beside them.
_SIGNS = re.compile(r"[\\_=<>{}\[\]|@#$^*/+~`&%∧∨¬→⇒∀∃:]|\b[A-Za-z]\(|\w\.\w|\d[^\W\d]|[^\W\d]\d")
_NEGATED = re.compile(r"\b([a-z]+)n't\b|\bcannot\b")
_IRREGULAR = {"ca": "can", "wo": "will", "sha": "shall"}
_SHORTENED = {"'re": " are", "'ve": " have", "'ll": " will", "i'm": "i am", "'s": " is"}
_SHORT = re.compile(
    r"(?<=[a-z])'(?:re|ve|ll)\b|\bi'm\b|(?:(?<=\bit)|(?<=\bhe)|(?<=\bshe)|(?<=\bthat))'s(?= not\b)"
)
_ROMAN = re.compile(
    # One letter is a numeral only behind what is counted: `Malcolm X` is no tenth.
    r"(\b[^\W\d_]{3,} )(?=[IVX]{2})(X{0,3}(?:IX|IV|V?I{0,3}))(?=$|[ ,;)])|"
    r"\b((?:chapter|section|article|war|part|book|type|act|scene|volume|phase|stage) )"
    r"([IVX])(?=$|[ ,;)])",
    re.IGNORECASE,
)
_DIGITS = {"I": 1, "V": 5, "X": 10}
_NOT_NAMED = re.compile(r"\b(?:chem|element|chord|note|gene|vitamin|oxid|ion|music)")

_INITIALS = re.compile(r"\b([A-Z])\. (?=[A-Z]\.)")
_DOTTED = re.compile(r"(?:[A-Z]\.){2,6}(?:[A-Z])?")

_ARTICLE = re.compile(r"(?:the|an?)\s+(?=[^\W\d_])", re.IGNORECASE)
_NO_ARTICLE = re.compile(
    r"(?:a)\s+(?:major|minor|flat|sharp|and|or|is|are|only|level|team|to|in|of|if|then|implies|"
    r"priori|posteriori|fortiori|few|little|lot|bit|couple|dozen|hundred|thousand|million|third|"
    r"half|quarter|fifth|great|good|b|c|d)\b",
    re.IGNORECASE,
)
_ABOUT_WORDS = re.compile(
    r"\b(?:which word|word (?:fills|fits|means|is)|words fit|spelling|spelled|spelt|contraction|"
    r"apostrophe|article|grammatical|capitali[sz]\w*|uppercase|lowercase|upper case|lower case|"
    r"acronym|abbreviat\w+|lücke|welches wort|artikel)\b|"
    r"\bhow (?:is|are|was|do|does|would|should)\b.{0,60}\b(?:written|write|spell)\b|"
    r"\boutput for (?:the input\b|[a-z] ?=)"
)
_ABOUT_NAMES = re.compile(
    r"\b(?:who|where|(?:which|what)(?: is the| was the)?(?: [\w'-]+){0,2} (?:city|town|capital|"
    r"country|state|river|ocean|sea|lake|planet|animal|author|composer|painter|king|queen|"
    r"president|colou?r|day|month|continent|island|mountain|language|metal|fruit|person|name))\b"
)


_ABOUT_PEOPLE = re.compile(r"\b(?:who|whom|where|pronoun|preposition)\b")
_ABOUT_TITLES = re.compile(
    r"\b(?:which|what)(?: \w+){0,2} (?:newspaper|paper|magazine|company|brand|firm|album|song)\b"
)
_ABOUT_BANDS = re.compile(r"\b(?:which|what)(?: \w+){0,2} (?:band|group)\b")


def key(text: str, asked: Asked) -> str:
    """Return the key of any text."""
    words = " ".join(text.split()).translate(_APOSTROPHES).translate(_DASHES)
    words = _INITIALS.sub(r"\1.", words)
    if _DOTTED.fullmatch(words):
        words = words.replace(".", "")
    if _is_formula(words):
        return words_key(words)
    if _is_about_words(asked.question):
        # The difference between "its" and "it's", "a" and "the", or "Its" and "its" is the answer.
        return words_key(words)
    if not _NOT_NAMED.search(plain_words(asked.question)):
        words = _ROMAN.sub(_arabic, words)
    article = _ARTICLE.match(words)
    if article is not None and _is_article(words, article, asked.question):
        words = words[article.end() :]
    if _keeps_case(words, asked.question):
        return words_key(words)
    if _is_shouted(words):
        words = words.lower()
    names = _is_about_names(asked.question)
    # Beside a number, `Mm` and `mm` may be units.
    least = 4 if any(character.isdigit() for character in words) else 2
    words = _WORD.sub(lambda word: _folded(word[0], names=names, least=least), words)
    return words_key(_SHORT.sub(_long, _NEGATED.sub(_negation, words)))


def _is_shouted(words: str) -> bool:
    """Return whether several words stand in capitals, none of them as an abbreviation does."""
    return " " in words and words.isupper() and re.search(r"[^\W\d_]{4}", words) is not None


def _is_formula(words: str) -> bool:
    return _SIGNS.search(words) is not None


@lru_cache(maxsize=64)
def _is_about_words(question: str) -> bool:
    return _ABOUT_WORDS.search(asking(question)) is not None


@lru_cache(maxsize=64)
def _is_about_names(question: str) -> bool:
    return _ABOUT_NAMES.search(asking(question)) is not None


def _keeps_case(words: str, question: str) -> bool:
    """Return whether a text may be a symbol of two letters, or a genotype."""
    if len(words) == 2 and words.lower() not in _ALONE:
        return words.lower() not in _TWO_LETTERS or not _is_about_people(question)
    return _GENOTYPE.fullmatch(words) is not None


@lru_cache(maxsize=64)
def _is_about_people(question: str) -> bool:
    return _ABOUT_PEOPLE.search(asking(question)) is not None


def _is_article(words: str, article: re.Match[str], question: str) -> bool:
    """Return whether a text begins with an article, and not with a letter's or a person's name."""
    rest = words[article.end() :]
    if article[0].lower().startswith("the"):
        return len(rest) > 1 and not (" " not in rest and _may_be_named_so(rest, question))
    following = rest.split(" ")[0]
    return len(following) > 1 and following[0].islower() and not _NO_ARTICLE.match(words)


def _may_be_named_so(rest: str, question: str) -> bool:
    """Return whether "the" may tell a name from another one: The Who from Who."""
    asks = asking(question)
    return _ABOUT_TITLES.search(asks) is not None or (
        _ABOUT_BANDS.search(asks) is not None and not rest.endswith("s")
    )


def _folded(word: str, *, names: bool, least: int = 2) -> str:
    """Return an ordinary word in lower case, and any other as it is.

    Args:
        word: The word.
        names: Whether a short word in capitals is an ordinary word too.
        least: Letters of the shortest ordinary word.
    """
    if len(word) < least or (len(word) == 2 and word.lower() not in _TWO_LETTERS):
        return word
    if word.islower() or word.istitle() or (word[0].isupper() and word[1:].islower()):
        return word.lower()
    if word.isupper() and len(word) >= LONG_CAPITALS - names:
        return word.lower()
    return word


def _negation(match: re.Match[str]) -> str:
    verb = match[1]
    if verb is None:
        return "can not"
    return f"{_IRREGULAR.get(verb, verb)} not"


def _long(match: re.Match[str]) -> str:
    return _SHORTENED[match[0]]


def _arabic(match: re.Match[str]) -> str:
    name, numeral = match[1] or match[3], match[2] or match[4]
    if not numeral.isupper():
        return match[0]
    digits = [_DIGITS[sign] for sign in numeral]
    after = [*digits[1:], 0]
    value = sum(-one if one < two else one for one, two in zip(digits, after, strict=True))
    return f"{name}{value}"
