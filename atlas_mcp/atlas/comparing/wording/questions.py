"""What a question says, in the shapes in which several readers look at it."""

from __future__ import annotations

import re
from functools import lru_cache

_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|where|when|why|how|give|name|write|state|find|determine|"
    r"identify|print|enter|type|return|select|choose|list|decode|decrypt|encode|convert|"
    r"was|welche[rsnm]?|wer|wie|wo|wann|nenne|gib|schreibe?|"
    r"quel(?:le)?s?|qui|donne[rz]?|écri[st]|cuál(?:es)?|qué|escribe)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[?!])\s+|(?<=[^.\s\d].\.)\s+(?=[A-ZÄÖÜ\"'(`])|\n+|(?<=[。？！])")


@lru_cache(maxsize=64)
def asking(question: str) -> str:
    """Return the sentences of a question that ask for something, in lower case.

    A story before the question may speak of anything; a question without such a sentence is
    returned as a whole.
    """
    sentences = [one.strip() for one in _SENTENCE_END.split(question) if one and one.strip()]
    found = [one for one in sentences if one.endswith(("?", "？")) or _ASKING.match(one)]
    if not found:
        found = [one for one in sentences if _ASKING.search(one)] or sentences
    return "\n".join(found).lower()


@lru_cache(maxsize=64)
def plain_words(question: str) -> str:
    """Return a question in lower case, with single spaces and without its question mark."""
    return " ".join(question.lower().replace("’", "'").split()).rstrip(" ?？.")
