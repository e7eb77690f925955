"""Amounts of money: `$5`, `10 EUR`, `50 cents`, `$12 per hour`, each in its own currency."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from atlas_mcp.atlas.comparing.amounts.asked_units import asks_mass
from atlas_mcp.atlas.comparing.amounts.number_questions import asked_part
from atlas_mcp.atlas.comparing.amounts.numbers import Numeral, numeral, value_key
from atlas_mcp.atlas.comparing.amounts.numerals import western
from atlas_mcp.atlas.comparing.amounts.rounding import asked_rounding, rounded_as_written
from atlas_mcp.atlas.comparing.amounts.units import unit
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording.questions import asking

MAX_MONEY_CHARS = 100
"""Characters of the longest text that is read as an amount of money."""

_SIGNS = {
    **{"$": "$", "US$": "USD", "A$": "AUD", "C$": "CAD", "€": "EUR", "£": "GBP", "¥": "¥"},
    **{"₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "Rs": "INR", "Rs.": "INR"},
}
_CODES = frozenset(
    {
        *("USD", "EUR", "GBP", "JPY", "CNY", "INR", "CHF", "CAD", "AUD", "NZD", "KRW", "SEK"),
        *("NOK", "DKK", "PLN", "BRL", "MXN", "RUB", "ZAR", "SGD", "HKD", "TRY", "CZK", "HUF"),
    }
)
_NAMES = {
    **dict.fromkeys(("dollar", "dollars", "buck", "bucks"), "$"),
    **dict.fromkeys(("us dollar", "us dollars", "u.s. dollar", "u.s. dollars"), "USD"),
    **dict.fromkeys(("american dollar", "american dollars", "u.s. dollars"), "USD"),
    **dict.fromkeys(("euro", "euros"), "EUR"),
    **dict.fromkeys(("pound sterling", "pounds sterling", "british pounds", "quid"), "GBP"),
    **dict.fromkeys(("yen", "japanese yen"), "JPY"),
    **dict.fromkeys(("yuan", "renminbi", "rmb"), "CNY"),
    **dict.fromkeys(("rupee", "rupees"), "INR"),
    **dict.fromkeys(("swiss franc", "swiss francs"), "CHF"),
    **dict.fromkeys(("won",), "KRW"),
    **dict.fromkeys(("ruble", "rubles", "rouble", "roubles"), "RUB"),
    **dict.fromkeys(("franc", "francs"), "franc"),
    **dict.fromkeys(("peso", "pesos"), "peso"),
    **dict.fromkeys(("crown", "crowns"), "crown"),
    **dict.fromkeys(("canadian dollar", "canadian dollars"), "CAD"),
    **dict.fromkeys(("australian dollar", "australian dollars"), "AUD"),
}
_CENTS = frozenset(("cent", "cents", "¢"))
_EURO_CENTS = frozenset(("euro cent", "euro cents", "eurocent", "eurocents"))
_PENCE = frozenset(("penny", "pence"))

_BEFORE = re.compile(
    r"(?P<sign>[-\u2013+]?) ?(?P<currency>(?:US|A|C)?\$|[€£¥₹₩₽₺]|Rs\.?|[A-Z]{3}(?=[ \d-]))"
    r" ?(?P<minus>-?)(?P<number>[\d.].*)"
)
_AFTER = re.compile(r"(?P<number>.*?[^\s]) ?(?P<currency>(?:US|A|C)?\$|[€£¥₹₩₽₺¢]|[^\W\d_][^\d]*)")
_TRAILING_CODE = re.compile(r"(?P<rest>.*\S) (?P<code>[A-Z]{3})")
_CENT_PLACES = re.compile(r"\d{1,3}(?:\.\d{3})*,\d{2}")
_SHORT_SCALE = re.compile(r"(?P<number>[\d.,]+) ?(?P<scale>[MBK]|k|bn|mn)")
_SCALES = {"M": 10**6, "mn": 10**6, "B": 10**9, "bn": 10**9, "K": 10**3, "k": 10**3}
_AND = re.compile(r"(?P<large>.+?)(?:, and |, | and | )(?P<small>\d{1,2} ?(?:cents?|pence|p|¢))")
_RATE = re.compile(r"(?P<amount>.+?) ?(?:/ ?| per | an? )(?P<unit>[^\W\d_][^\d]{0,30})")

_MENTIONS = {
    "USD": re.compile(r"\b(?:US|U\.S\.|American) dollars?|\bUSD\b|US\$", re.IGNORECASE),
    "JPY": re.compile(r"\byen\b|\bjapan|\bJPY\b|\btokyo\b", re.IGNORECASE),
    "CNY": re.compile(r"\byuan\b|\bchin(?:a|ese)\b|\brmb\b|\brenminbi\b|\bCNY\b", re.IGNORECASE),
    "EUR": re.compile(r"\beuros?\b|€|\bEUR\b", re.IGNORECASE),
}
_MONEY = re.compile(
    r"\b(?:cost|costs|price|pay|paid|spend|spent|money|sterling|earn|earned|salary|worth)\b|£"
)
_ASKED = re.compile(
    r"(?:\bhow many|\bin(?:to)?|\bto|\bwie ?viele?|\bcombien d'|\bcuántos)"
    r" ?(?P<name>(?:US |U\.S\. |American |euro )?[^\W\d_]+|(?:US)?\$|[€£¥₹])(?: sterling)?",
    re.IGNORECASE,
)
_MANY = re.compile(r"\bhow many (?:US |more |euro )?(\w+)", re.IGNORECASE)
_HOW_MUCH = re.compile(
    r"\bhow much\b.*\b(?:cost|costs|pay|paid|spend|spent|earn|earns|earned|charge[ds]?|owes?|money"
    r"|profit|save[ds]?|make|made|worth|bill)\b"
    r"|\b(?:what|find|calculate|determine)\b.*\b(?:cost|price|profit|revenue|salary|wage|bill|fee)\b"
)
_STERLING = re.compile(r"£|\b(?:pence|pounds?|sterling|GBP)\b")
_ANY_SIGN = re.compile(r"(?:US|A|C)?\$(?= ?\d)|[€£₹](?= ?\d)|(?<=\d)[€£₹]|(?<=\d )[€£₹]")


class Amount(NamedTuple):
    """An amount of money, in the main unit of its currency."""

    value: Fraction
    currency: str


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is an amount of money as a whole, or one per unit."""
    if not 1 < len(text) <= MAX_MONEY_CHARS:
        return None
    text = western(text).replace("\\$", "$")
    found = amount(text, asked)
    if found is None:
        return _rate(text, asked)
    wanted = asked_currency(asked.question)
    if wanted is not None and wanted.currency == found.currency:
        return value_key(Numeral(found.value / wanted.value, "decimal"), asked)
    return f"money:{found.currency}:{_rounded(found.value, asked)}"


def amount(text: str, asked: Asked) -> Amount | None:
    """Return the amount of money that a text is as a whole."""
    if text[:1] == "-" and not text[1:2].isdecimal():
        found = amount(text[1:].lstrip(), asked) if text[1:2] != "-" else None
        return None if found is None else Amount(-found.value, found.currency)
    trailing = _TRAILING_CODE.fullmatch(text)
    if trailing is not None and trailing["rest"][:1] in _SIGNS:
        # US dollars twice: $5 USD.
        found = amount(trailing["rest"], asked)
        same = found is not None and found.currency in ("$", trailing["code"])
        return Amount(found.value, trailing["code"]) if found is not None and same else None
    return _before(text, asked) or _after(text, asked) or _in_two(text, asked)


@lru_cache(maxsize=64)
def asked_currency(question: str) -> Amount | None:
    """Return what one is, where a question asks for money without a sign: a dollar, a cent."""
    found: set[Amount] = set()
    text = asked_part(question)
    counted = _MANY.findall(text)
    for match in _ASKED.finditer(text):
        name = match["name"]
        one = _one(name, question) or _one(name.split()[0], question)
        if one is not None:
            found.add(one)
    if counted and not any(_one(name, question) for name in counted):
        # How many pens, at a price in dollars.
        return None
    if not found and _HOW_MUCH.search(asking(question)) and "%" not in asking(question):
        found = {Amount(Fraction(1), _SIGNS[sign]) for sign in _ANY_SIGN.findall(question)}
        found = {Amount(one.value, _meant(one.currency, question)) for one in found}
    return found.pop() if len(found) == 1 else None


def _before(text: str, asked: Asked) -> Amount | None:
    match = _BEFORE.fullmatch(text)
    if match is None or (match["sign"] and match["minus"]):
        return None
    currency = _SIGNS.get(match["currency"]) or (
        match["currency"] if match["currency"] in _CODES else None
    )
    value = _number(match["number"], asked)
    if currency is None or value is None:
        return None
    negative = match["minus"] or match["sign"] in ("-", "\u2013")
    return Amount(-value if negative else value, _meant(currency, asked.question))


def _after(text: str, asked: Asked) -> Amount | None:
    match = _AFTER.fullmatch(text)
    one = None if match is None else _one(match["currency"].strip(), asked.question)
    if match is None or one is None:
        # A large number may have a word of its own: 5 million dollars.
        at = text.rfind(" ")
        one = _one(text[at + 1 :], asked.question) if at > 0 else None
        number = text[:at]
    else:
        number = match["number"]
    value = None if one is None else _number(number.strip(), asked)
    return None if one is None or value is None else Amount(value * one.value, one.currency)


def _in_two(text: str, asked: Asked) -> Amount | None:
    """Return an amount in two units: five dollars and twenty cents."""
    match = _AND.fullmatch(text)
    if match is None or _AND.fullmatch(match["large"]):
        return None
    large = _before(match["large"], asked) or _after(match["large"], asked)
    number = re.match(r"\d+", match["small"])
    name = match["small"].lstrip("0123456789 ")
    if large is None or number is None or large.value < 0:
        return None
    pence = name in ("pence", "p")
    if pence != (large.currency == "GBP") or large.value.denominator > 1:
        return None
    return Amount(large.value + Fraction(int(number[0]), 100), large.currency)


def _one(name: str, question: str) -> Amount | None:
    """Return what a name of money is one of."""
    folded = " ".join(name.casefold().split())
    if folded in _CENTS:
        euro = _MENTIONS["EUR"].search(question) is not None and "$" not in question
        return Amount(Fraction(1, 100), "EUR" if euro else _meant("$", question))
    if folded in _EURO_CENTS:
        return Amount(Fraction(1, 100), "EUR")
    if folded in _PENCE or (name == "p" and _asks_pence(question)):
        return Amount(Fraction(1, 100), "GBP")
    if folded in ("pound", "pounds"):
        money = _MONEY.search(question) and not asks_mass(question)
        return Amount(Fraction(1), "GBP") if money else None
    currency = _SIGNS.get(name) or _NAMES.get(folded) or (name if name in _CODES else None)
    return None if currency is None else Amount(Fraction(1), _meant(currency, question))


def _asks_pence(question: str) -> bool:
    return bool(_STERLING.search(question) or _MONEY.search(asking(question)))


def _meant(currency: str, question: str) -> str:
    """Return the currency of a sign that several have."""
    if currency == "$":
        return "USD" if _MENTIONS["USD"].search(question) else "$"
    if currency == "¥":
        found = [code for code in ("JPY", "CNY") if _MENTIONS[code].search(question)]
        return found[0] if len(found) == 1 else "¥"
    return currency


def _number(text: str, asked: Asked) -> Fraction | None:
    if _CENT_PLACES.fullmatch(text):
        # No group of thousands has two digits, and money has cents.
        return Fraction(text.replace(".", "").replace(",", "."))
    text = text.removesuffix(".-").removesuffix(",-").removesuffix(".–")
    short = _SHORT_SCALE.fullmatch(text)
    scale = 1 if short is None else _SCALES[short["scale"]]
    found = numeral(text if short is None else short["number"], asked)
    return None if found is None else found.value * scale


def _rate(text: str, asked: Asked) -> str | None:
    match = _RATE.fullmatch(text)
    if match is None:
        return None
    found, name = amount(match["amount"], asked), match["unit"].strip()
    if found is None:
        return None
    per = unit(name)
    if per is None:
        return f"money:{found.currency}:{found.value}:per:{name.casefold()}"
    return f"money:{found.currency}:{found.value / per.factor}:per:{per.dimensions}"


def _rounded(value: Fraction, asked: Asked) -> Fraction:
    rounding = asked_rounding(asked.question)
    if rounding is not None and rounding.unit:
        return value
    return rounded_as_written(value, rounding, exact=False)
