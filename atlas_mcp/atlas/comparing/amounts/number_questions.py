"""What a question decides about numbers: its language, what it counts, and the form it asks for.

Each function reads the text of a question once, and remembers what it found there.
"""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts.rounding import asked_rounding
from atlas_mcp.atlas.comparing.wording.questions import asking

_STOP_WORDS = {
    "en": "the is are what how many much which of does did in a an find give was were do and to",
    "de": "der die das wie viele viel ist sind ein eine welche welcher welches wieviel und von den"
    " dem im auf was gib nenne berechne wann kostet hat lautet runde bestimme wird zu bei einen",
    "fr": "le la les est quel quelle quels quelles combien de des un une du et dans que sont"
    " calcule calculer trouver quand donne au aux pour en",
    "es": "el la los las es cuál cuáles cuánto cuánta cuántos cuántas qué de del un una y en son"
    " calcula cuándo halla por con al cuesta",
    "it": "il lo gli è quanti quante quanto quanta qual quale di del della un una e in sono che"
    " calcola quando trova",
    "pt": "o os as é qual quais quanto quantos quantas de do da um uma e em são que calcule quando",
    "nl": "de het een is hoeveel wat welke van en in zijn bereken wanneer",
}
_WORDS_OF = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}
_DECISIVE = {
    "de": "wie viele wieviel wieviele welchem welcher welches wann",
    "fr": "combien quel quelle quels quelles",
    "es": "cuánto cuánta cuántos cuántas cuál cuáles qué",
    "it": "quanti quante quanto quanta",
    "nl": "hoeveel",
}
_DECIDES = {word: name for name, words in _DECISIVE.items() for word in words.split()}
_COMMA_LANGUAGES = frozenset(("de", "fr", "es", "it", "pt", "nl", "ru"))
_CYRILLIC = re.compile("[\u0400-\u04ff]{3}")

_COMMA = re.compile(
    r"decimal comma|comma as (?:the |a )?decimal|dezimalkomma|virgule décimale|coma decimal"
    r"|\b(?:german|french|spanish|european|continental|italian|dutch) (?:number )?"
    r"(?:notation|format|style)"
)
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|both|all|pair|triple|list|numbers|integers|roots|solutions"
    r"|factors|values|coordinates|terms|elements|separated|ordered|sequence|primes|divisors|digits"
    r"|multiples|answers|point|vector|respectively|beide[ns]?|alle|zwei|drei|zahlen|lösungen"
    r"|les deux|toutes|nombres|racines|todas|los dos|números|raíces)\b"
)
_COUNTED = re.compile(
    r"\bhow many\b|\bwie viele\b|\bwieviele\b|\bcombien\b|\bcuánt[oa]s\b|\bquant[ie]\b"
    r"|\bnumber of (?!the\b|this\b|his\b|her\b)|\bpopulation\b|\banzahl\b"
    r"|多少|几|幾|いくつ|何人|何個"
)
_MEASURED = re.compile(
    r"\bhow (?:much|long|far|fast|old|often|tall|high|deep|wide|heavy|large|big|big|hot|cold)\b"
    r"|\bwie (?:viel|lange?|weit|schnell|alt|oft|hoch|tief|breit|schwer|groß)\b|\bwieviel\b"
    r"|\bcuánt[oa]\b|\bquant[oa]\b"
)
_AMOUNT = re.compile(
    r"\b(?:remainder|sum|product|difference|quotient|value|result|total|average|mean|median|area"
    r"|volume|perimeter|length|distance|speed|mass|weight|height|width|price|cost|probability"
    r"|percentage|per cent|calculate|compute|evaluate|solve|plus|minus|divided by|multiplied by"
    r"|times|square root|limit|integral|derivative|determinant|temperature|age|amount|factorial"
    r"|berechne|summe|produkt|rest|ergebnis|wert|calcule|calcula|somme|suma|reste|resto)\b"
    r"|\d\s*[-+*/\u00d7÷^]\s*\d"
)
_LABEL = re.compile(
    r"\b(?:code|pin|zip|postcode|postal|phone|telephone|password|passcode|serial|isbn|version"
    r"|release|identifier|license|licence|plate|flight|room|account|id|as written|exactly as"
    r"|section|chapter|verse|figure|table|theorem|lemma|exercise|edition|clause|paragraph|kernel"
    r"|postleitzahl|plz|telefon|nummer|kennzeichen|vorwahl|extension|jersey|route|agent|string"
    r"|dialling|dialing|country code|calling code|prefix|department number|département"
    r"|digest|hash|checksum|hex digits|item number|model number)\b"
)
_WHICH = re.compile(r"\bwhich (?!number|value|fraction|decimal|integer|amount|price)[a-z]+\b")
_RATIO_LIKE = re.compile(
    r"^when\b|\bwhen (?:was|is|did|does|were|will)\b|\b(?:which|what|the) (?:date|day of|day \()"
    r"|\bmonth/day\b|\b(?:time signature|signature|odds|score|blood pressure|birthday|datum|wann)\b"
)
_SHARE = re.compile(
    r"\b(?:probability|share|proportion|fraction|likelihood|chances?|portion|ratio"
    r"|wahrscheinlichkeit|anteil|bruchteil|probabilité|probabilidad)\b"
)
_PERCENT = re.compile(
    r"\b(?:percent(?:age)?|per cent|prozent\w*|pourcentage|pour cent|porcentaje|por ciento)\b|%"
)
_ASKS_PERCENT = re.compile(
    r"\b(?:as|in|to|into|als|en|in) (?:a |an |the )?(?:percent(?:age)?s?|per cent|prozent"
    r"|pourcentage|porcentaje)\b|\b(?:what|which|how many|wie ?viel(?:e)?|welche[rn]?|quel|qué)"
    r" (?:is the |was the |ist der |est le |es el )?(?:percent(?:age)?|per cent|prozent(?:satz)?"
    r"|pourcentage|porcentaje)\b|\b(?:find|give|calculate|compute|determine) the percentage\b"
)
_FORMS = (
    ("mixed", r"\bmixed (?:number|numeral|fraction)|\bgemischte\w* (?:zahl|bruch)"),
    ("improper", r"\bimproper fraction|\bunechte\w* bruch"),
    (
        "lowest",
        r"\blowest terms|\bsimplest (?:form|terms|fraction)|\bsimplif(?:y|ied)|\breduced?\b.{0,30}"
        r"\b(?:fraction|form|terms)|\breduce (?:the )?(?:fraction|\d)|\birreducible"
        r"|\bcommon fraction|\bkürz|\bgekürzt|\bvollständig gekürzt|\birréductible|\bfully reduced",
    ),
    (
        "decimal",
        r"\b(?:as|to|into|in) (?:an? |its )?(?:exact |terminating |finite )?decimals?\b"
        r"(?! place| comma| digit| point| number system)"
        r"|\b(?:give|write|state|find) (?:the|its) (?:exact )?decimal\b"
        r"(?! place| comma| digit| point)"
        r"|\bin decimal (?:form|notation)|\bdecimal form\b|\bals dezimal(?:zahl|bruch)",
    ),
    (
        "fraction",
        r"\b(?:as|to|into|in) (?:an? |its )?(?:single |proper |exact |ordinary )?fractions?\b"
        r"|\bals bruch\b|\bfractional form\b|\bfraction form\b|\bsous forme de fraction",
    ),
    (
        "scientific",
        r"\bscientific notation|\bstandard form\b|\bexponential notation|\bwissenschaftliche\w*"
        r" (?:schreibweise|notation)|\bnotation scientifique|\bengineering notation",
    ),
    (
        "power",
        r"\b(?:as|into) (?:an? )?(?:single )?powers?\b|\bin exponential form|\bindex form"
        r"|\bas a product of|\bprime factori[sz]ation|\bals potenz",
    ),
    ("words", r"\bin words\b|\bin (?:full )?letters\b|\bspell(?:ed)? out|\bin worten|\ben lettres"),
    ("digits", r"\bin (?:digits|numerals|figures)\b|\b(?:using|as|with) (?:digits|numerals)\b"),
)
_WORD = re.compile(
    r"\bsi unit\b|\b(?:which|what|name|is the) (?:[a-z]+ )?unit of\b"
    r"|\b(?:which|what) (?:unit|interval)\b(?! number)|\bwhich part\b"
    r"|\b(?:which|what|the) (?:[a-z]+ )?word\b(?! problem)|\bspel(?:led|t|ling)\b|\brhym\w+"
    r"|\b(?:which|what|the) (?:[a-z]+ )?(?:ad)?(?:verb|noun|adjective|pronoun|preposition)\b"
    r"|\b(?:welches|das) wort\b|\bquel mot\b"
)
_FIGURES = re.compile(
    r"\bsignificant (?:figure|digit)s?\b|\bsig\.? ?figs?\b|\bs\.f\.|\d ?sf\b"
    r"|\bsignifikante\w* (?:stelle|ziffer)n?\b|\bchiffres? significatifs?\b"
)
_FORM_RULES = tuple((name, re.compile(pattern)) for name, pattern in _FORMS)


_SENTENCES = re.compile(r"(?<=[.?!])\s+|\n+|(?<=[。？！])")
_ASKS = re.compile(
    r"[?？]$|\b(?:give|find|what|which|how|answer|express|convert|calculate|compute|determine"
    r"|state|report|write|estimate|work out|simplify|evaluate|round|wie|gib|berechne"
    r"|welche[rsnm]?|combien|quel(?:le)?|donne[rz]?|cuánt[oa]s?|qué|cuál)\b"
    r"|^(?:in|as|use)(?: [^\s,]+){1,6}(?:, please)?[.!]?$",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def asked_part(question: str) -> str:
    """Return the sentences of a question that ask for an answer, or say how it is written.

    What a story before them tells in centimetres or in per cent is no wish for these.
    """
    found = [one for one in _SENTENCES.split(question) if one and _ASKS.search(one.strip())]
    return "\n".join(found) or question


def _folded(question: str) -> str:
    return " ".join(question.casefold().split())


@lru_cache(maxsize=64)
def language(question: str) -> str:
    """Return the language of a question, `en` where it cannot be told."""
    if _CYRILLIC.search(question):
        return "ru"
    words = re.findall(r"[^\W\d_]+", question.casefold())
    decided = {_DECIDES[word] for word in words if word in _DECIDES}
    if len(decided) == 1 and not {"the", "what", "which"} & set(words):
        return decided.pop()
    counts = {name: sum(word in stop for word in words) for name, stop in _WORDS_OF.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > counts["en"] else "en"


@lru_cache(maxsize=64)
def has_decimal_comma(question: str) -> bool:
    """Return whether numbers are written with a decimal comma where a question is asked."""
    return language(question) in _COMMA_LANGUAGES or bool(_COMMA.search(_folded(question)))


@lru_cache(maxsize=64)
def asks_several(question: str) -> bool:
    """Return whether a question may ask for more than one number."""
    return bool(_SEVERAL.search(_folded(question)))


@lru_cache(maxsize=64)
def asks_count(question: str) -> bool:
    """Return whether a question asks how many there are of something: for a whole number."""
    return bool(_COUNTED.search(_folded(question)))


@lru_cache(maxsize=64)
def asks_quantity(question: str) -> bool:
    """Return whether a question asks how many or how much, in these words."""
    folded = _folded(question)
    return bool(_COUNTED.search(folded) or _MEASURED.search(folded))


@lru_cache(maxsize=64)
def asks_label(question: str) -> bool:
    """Return whether the digits of an answer may be a label, such as a code or a section."""
    sentence = asking(question)
    label = _LABEL.search(sentence)
    if label is None:
        return False
    amounts = (rule.search(sentence) for rule in (_COUNTED, _MEASURED, _AMOUNT))
    # The area of a room is an amount, and the room where the most is spent is a label.
    return all(found is None or found.start() > label.start() for found in amounts)


@lru_cache(maxsize=64)
def asks_amount(question: str) -> bool:
    """Return whether a question asks for an amount, and no label."""
    if asks_label(question):
        return False
    if asked_form(question) or asks_quantity(question):
        return True
    return bool(_AMOUNT.search(_folded(question)))


@lru_cache(maxsize=64)
def counts_leading_zeros(question: str) -> bool:
    """Return whether a zero at the beginning of an answer is one of its digits."""
    return not asks_amount(question) or bool(re.search(r"\bdigits\b|\bziffern\b", question))


@lru_cache(maxsize=64)
def asks_which(question: str) -> bool:
    """Return whether a question asks which of some things it is, by a number that they have."""
    return bool(_WHICH.search(asking(question))) and not asks_amount(question)


@lru_cache(maxsize=64)
def asks_ratio(question: str) -> bool:
    """Return whether a question asks for a ratio."""
    return bool(re.search(r"\bratio\b|\bverhältnis\b", asking(question)))


@lru_cache(maxsize=64)
def asks_score(question: str) -> bool:
    """Return whether a question asks for the score of a match."""
    return bool(
        re.search(r"\bscore\b|\bspielstand\b|\bresult of the (?:match|game)", asking(question))
    )


@lru_cache(maxsize=64)
def has_slashed_labels(question: str) -> bool:
    """Return whether `3/4` may be a date, a score or a time signature, and no fraction."""
    folded = _folded(question)
    return bool(_RATIO_LIKE.search(folded)) and not _SHARE.search(folded)


@lru_cache(maxsize=64)
def asks_percent(question: str) -> bool:
    """Return whether an answer without a sign is in per cent."""
    folded = _folded(asked_part(question))
    return bool(_ASKS_PERCENT.search(folded)) and not _asks_other_share(folded)


@lru_cache(maxsize=64)
def asks_share(question: str) -> bool:
    """Return whether a question asks for a share of one, in which 50 % is a half."""
    folded = _folded(asked_part(question))
    return bool(_SHARE.search(folded)) and not _ASKS_PERCENT.search(folded)


@lru_cache(maxsize=64)
def asked_form(question: str) -> str:
    """Return the form in which a question wants a number; empty where it does not say.

    Of `lowest` and `fraction` the first is returned where both are asked for.
    """
    folded = _folded(question)
    return next((name for name, rule in _FORM_RULES if rule.search(folded)), "")


@lru_cache(maxsize=64)
def asks_three_places(question: str) -> bool:
    """Return whether three digits behind a separator are decimal places."""
    asked = asked_rounding(question)
    return asked is not None and asked.step is not None and asked.step.denominator == 1000


@lru_cache(maxsize=64)
def asks_word(question: str) -> bool:
    """Return whether an answer in letters is a word or a unit, and no number."""
    # How many letters has the word: a number.
    return bool(_WORD.search(_folded(question))) and not asks_quantity(question)


@lru_cache(maxsize=64)
def counts_figures(question: str) -> bool:
    """Return whether the zeros at the end of a number tell how exact it is."""
    return bool(_FIGURES.search(_folded(question)))


def _asks_other_share(folded: str) -> bool:
    return bool(
        re.search(r"\bas (?:a |an )?(?:decimal|fraction)|\bto a (?:decimal|fraction)", folded)
    )
