"""Yes and no, true and false, alone or in the sentence that repeats the question.

Yes and true are one answer only where the question can be answered with either.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording import chemistry
from atlas_mcp.atlas.comparing.wording.questions import plain_words

_SAID = {
    "yes": ("yes", True),
    "no": ("no", False),
    "true": ("true", True),
    "false": ("false", False),
    "ja": ("ja", True),
    "nein": ("nein", False),
    "oui": ("oui", True),
    "non": ("non", False),
    "sí": ("sí", True),
    "sì": ("sì", True),
    "да": ("да", True),
    "нет": ("нет", False),
    "wahr": ("wahr", True),
    "falsch": ("falsch", False),
    "vrai": ("vrai", True),
    "faux": ("faux", False),
    "verdadero": ("verdadero", True),
    "falso": ("falso", False),
    "はい": ("はい", True),
    "いいえ": ("いいえ", False),
    "是": ("是", True),
    "不是": ("不是", False),
    "否": ("否", False),
}

_YES_NO = re.compile(
    r"(?:is|are|was|were|am|does|do|did|can|could|has|have|had|will|would|should|must|may|might|"
    r"shall) (.+)"
)
_YES_NO_ELSEWHERE = re.compile(
    r"(?:ist|sind|war|hat|haben|kann|können|gibt es|est-ce que|es|¿es)\b.+"
)
_BOTH = re.compile(
    r"\byes (?:or|/) no\b|\byes/no\b|\bja (?:oder|/) nein\b|\bja/nein\b|\boui ou non\b"
)
_TRUTH = re.compile(
    r"\btrue (?:or|/) false\b|\btrue/false\b|\bwahr oder falsch\b|\bvrai ou faux\b|\bt/f\b"
)
_OTHER = re.compile(r"\b(?:what|which|who|how|where|when|why)\b|\bor\b|[?;:]")
_SHORT_SENTENCE = re.compile(
    r"(?:it|he|she|they|there|this|that|we|you|i) "
    r"(is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|must)( not|n't)?"
)


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that says yes or no, or true or false, and nothing else."""
    said = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip(" .。")
    if not _is_plain_case(said):
        return None
    either = _asks_for_either(asked.question)
    word, _, rest = said.lower().partition(",")
    found = _SAID.get(word.strip())
    if found is None:
        return None
    if rest:
        if not either or not _repeats(rest.strip(), asked.question, says=found[1]):
            return None
    elif not either:
        if said in ("NO", "No") and chemistry.is_about(asked.question):
            return None
        return f"yes_no:{found[0]}"
    return f"yes_no:{found[1]}"


def _is_plain_case(said: str) -> bool:
    """Return whether the first word is written as a word, not with capitals in its middle."""
    word = said.partition(",")[0]
    return word.islower() or word.isupper() or word.istitle() or not word.isascii()


@lru_cache(maxsize=64)
def _asks_for_either(question: str) -> bool:
    """Return whether a question is answered with yes or no, or with true or false."""
    words = plain_words(question)
    if _TRUTH.search(words) or _BOTH.search(words):
        return True
    asks = _YES_NO.fullmatch(words)
    if asks is not None:
        return not _OTHER.search(asks[1])
    return (
        question.rstrip().endswith("?")
        and _YES_NO_ELSEWHERE.fullmatch(words) is not None
        and not re.search(r"\b(?:oder|ou|o)\b", words)
    )


def _repeats(rest: str, question: str, *, says: bool) -> bool:
    """Return whether what follows yes or no only says the same again."""
    match = _SHORT_SENTENCE.fullmatch(rest)
    if match is not None:
        return (match[2] is None) == says
    if re.fullmatch(r"(?:it|that|this|he|she)'s( not)?", rest):
        return rest.endswith(" not") != says
    asks = _YES_NO.fullmatch(plain_words(question))
    if asks is None or not says:
        return False
    verb = plain_words(question).split()[0]
    sentence = rest.split()
    return verb in sentence and _without(sentence, verb) == asks[1].split()


def _without(words: list[str], one: str) -> list[str]:
    at = words.index(one)
    return words[:at] + words[at + 1 :]
