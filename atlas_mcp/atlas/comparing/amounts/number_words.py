"""Numbers in words: English always, other languages where the question is in them."""

from __future__ import annotations

from fractions import Fraction


def _words(text: str) -> list[str]:
    return text.split()


_ONES = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
_SMALL = {word: number for number, word in enumerate(_ONES)}
_TEN = {word: 10 * number for number, word in enumerate(_TENS, 2)} | {"fourty": 40}

SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
"""The large numbers of English, in the short scale."""

_FOREIGN_SCALES: dict[str, dict[str, int]] = {
    "de": {"tausend": 10**3, "million": 10**6, "millionen": 10**6}
    | {"milliarde": 10**9, "milliarden": 10**9},
    "fr": {"mille": 10**3, "million": 10**6, "millions": 10**6}
    | {"milliard": 10**9, "milliards": 10**9},
    "es": {"mil": 10**3, "millón": 10**6, "millones": 10**6},
}

_ORDINALS = _words(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
    " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_ORDINAL = {word: number for number, word in enumerate(_ORDINALS)}
_ORDINAL_TENS = {f"{word[:-1]}ieth": value for word, value in _TEN.items()}

_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    word + end: number for word, number in _ORDINAL.items() if number > 2 for end in ("", "s")
}

_CJK_DIGITS = {c: n for n, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "兩": 2}
_CJK_TENS = {"十": 10, "百": 100, "千": 1000}
_CJK_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


def read(text: str, language: str) -> Fraction | None:
    """Return the number that a text says in words as a whole.

    Args:
        text: The words, without a sign.
        language: The language of the question: `de`, `fr`, `es`, or another.
    """
    if not text or len(text) > 150:
        return None
    if not text.isascii():
        below, among, above = text.partition("分之")
        if among:
            under, over = _cjk(below), _cjk(above)
            return Fraction(over, under) if over is not None and under else None
        number = _cjk(text)
        if number is not None:
            return Fraction(number)
    folded = text.casefold()
    foreign = _FOREIGN.get(language, {}).get(folded)
    if foreign is not None:
        return Fraction(foreign)
    if not folded.isascii() or not folded.replace(" ", "").replace("-", "").isalpha():
        return None
    words = folded.replace("-", " ").split()
    return _decimal(words) if "point" in words else _with_fraction(words)


def scale(word: str, language: str) -> int | None:
    """Return the number that a word after digits multiplies by: `million`."""
    folded = word.casefold()
    if word in _CJK_SCALES or folded == "dozen":
        return _CJK_SCALES.get(word, 12)
    if language in _FOREIGN_SCALES:
        return _FOREIGN_SCALES[language].get(folded)
    return SCALES.get(folded)


def ordinal(text: str) -> int | None:
    """Return the number of an English ordinal in words, below one hundred."""
    words = text.casefold().replace("-", " ").split()
    if len(words) == 1:
        return _ORDINAL.get(words[0], _ORDINAL_TENS.get(words[0]))
    if len(words) == 2 and words[0] in _TEN:
        last = _ORDINAL.get(words[1], 0)
        return _TEN[words[0]] + last if 0 < last < 10 else None
    return None


def _decimal(words: list[str]) -> Fraction | None:
    at = words.index("point")
    whole, digits = _whole(words[:at]), [_SMALL.get(word, 10) for word in words[at + 1 :]]
    if whole is None or not digits or max(digits) > 9:
        return None
    return whole + Fraction(int("".join(map(str, digits))), 10 ** len(digits))


def _with_fraction(words: list[str]) -> Fraction | None:
    if words[:2] == ["half", "a"] and len(words) == 3 and words[2] in SCALES:
        return Fraction(SCALES[words[2]], 2)
    if words[-1] not in _PARTS:
        whole = _dozens(words)
        return None if whole is None else Fraction(whole)
    if "and" in words:
        # One and a half; not one hundred and two thirds, which may be either.
        at = words.index("and")
        whole, part = _whole(words[:at]), _part(words[at + 1 :])
        if whole is None or part is None or whole >= 100 or not 0 < part < 1:
            return None
        return whole + part
    return _part(words)


def _part(words: list[str]) -> Fraction | None:
    if words in (["half"], ["a", "half"]):
        return Fraction(1, 2)
    if len(words) != 2:
        return None
    count, name = 1 if words[0] in ("a", "an") else _SMALL.get(words[0], 0), words[1]
    # Of a fraction with more than one part the plural is written: five eighth is a slip, or a list.
    if not count or (count > 1) != (name.endswith("s") or name == "halves"):
        return None
    return Fraction(count, _PARTS[name])


def _dozens(words: list[str]) -> int | None:
    if words[-1] != "dozen":
        return _whole(words)
    if words == ["half", "a", "dozen"]:
        return 6
    count = 1 if words[:-1] in ([], ["a"]) else _whole(words[:-1])
    return None if count is None or not count else count * 12


def _whole(words: list[str]) -> int | None:
    """Return a whole number: groups below a thousand, each with its scale, from large to small."""
    if words[:1] == ["a"] and len(words) > 1 and words[1] in ("hundred", *SCALES):
        words = ["one", *words[1:]]
    total, last_scale, group = 0, 10**15, list[str]()
    for at, word in enumerate(words):
        if word not in SCALES:
            group.append(word)
            continue
        value = _below_thousand(group)
        if not value or SCALES[word] >= last_scale:
            return None
        last_scale = SCALES[word]
        total, group = total + value * last_scale, []
        if at == len(words) - 1:
            return total
    if total and group[0] == "and":
        group = group[1:]
    rest = _below_thousand(group)
    if rest is None or (total and not rest):
        return None
    return total + rest


def _below_thousand(words: list[str]) -> int | None:
    if len(words) > 1 and words[1] == "hundred":
        hundreds = _SMALL.get(words[0], 0)
        rest = words[2:]
        if not 0 < hundreds < 100 or rest == ["and"]:
            return None
        if not rest:
            return hundreds * 100
        below = _below_hundred(rest[1:] if rest[0] == "and" else rest)
        return hundreds * 100 + below if below else None
    return _below_hundred(words)


def _below_hundred(words: list[str]) -> int | None:
    if len(words) == 1:
        return _SMALL.get(words[0], _TEN.get(words[0]))
    if len(words) == 2 and words[0] in _TEN:
        last = _SMALL.get(words[1], 0)
        return _TEN[words[0]] + last if 0 < last < 10 else None
    return None


def _cjk(text: str) -> int | None:
    if not 0 < len(text) <= 30 or any(c not in _CJK_DIGITS | _CJK_TENS | _CJK_SCALES for c in text):
        return None
    if all(c in _CJK_DIGITS for c in text):
        # Digits one after another, as a year is written; two of them may be a range.
        if len(text) == 1:
            return _CJK_DIGITS[text]
        positional = "\u3007" in text or "零" in text
        return int("".join(str(_CJK_DIGITS[c]) for c in text)) if positional else None
    total = section = 0
    digit: int | None = None
    last_ten, last_scale = 10**4, 10**12
    for c in text:
        if c in _CJK_DIGITS:
            if digit:
                return None
            digit = _CJK_DIGITS[c]
        elif c in _CJK_TENS:
            if _CJK_TENS[c] >= last_ten or digit == 0:
                # 百十 without a digit is written only at the start: 十二.
                return None
            last_ten = _CJK_TENS[c]
            section, digit = section + (1 if digit is None else digit) * last_ten, None
        else:
            if _CJK_SCALES[c] >= last_scale or not section + (digit or 0):
                return None
            last_scale, last_ten = _CJK_SCALES[c], 10**4
            total, section, digit = total + (section + (digit or 0)) * last_scale, 0, None
    # 一百五 is said for 150 by some, and written for 105 by others.
    if digit and last_ten > 10 and text[-2] not in _CJK_DIGITS:
        return None
    return total + section + (digit or 0)


def _german() -> dict[str, int]:
    ones = _words("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf")
    found = {word: number for number, word in enumerate(ones)} | {"ein": 1, "eine": 1}
    stems = ["", "ein", *ones[2:6], "sech", "sieb", *ones[8:10]]
    found |= {f"{stems[n]}zehn": 10 + n for n in range(3, 10)}
    stems[6:8] = ["sechs", "sieben"]
    tens = _words("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
    for ten, word in enumerate(tens, 2):
        found[word] = 10 * ten
        found |= {f"{stems[n]}und{word}": 10 * ten + n for n in range(1, 10)}
    return found | {"hundert": 100, "einhundert": 100, "tausend": 1000, "eintausend": 1000}


def _french() -> dict[str, int]:
    ones = _words(
        "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze"
        " seize dix-sept dix-huit dix-neuf"
    )
    found = {word: number for number, word in enumerate(ones)} | {"une": 1}
    for ten, word in enumerate(_words("vingt trente quarante cinquante soixante"), 2):
        found |= {word: 10 * ten, f"{word} et un": 10 * ten + 1, f"{word}-et-un": 10 * ten + 1}
        found |= {f"{word}-{ones[n]}": 10 * ten + n for n in range(2, 10)}
    found |= {f"soixante-{ones[n]}": 60 + n for n in range(10, 20)}
    found |= {"soixante et onze": 71, "soixante-et-onze": 71, "quatre-vingts": 80}
    return found | {f"quatre-vingt-{ones[n]}": 80 + n for n in range(1, 20)} | {"cent": 100}


def _spanish() -> dict[str, int]:
    ones = _words(
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
        " dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés"
        " veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
    )
    found = {word: number for number, word in enumerate(ones)} | {"un": 1, "una": 1}
    tens = _words("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
    for ten, word in enumerate(tens, 3):
        found[word] = 10 * ten
        found |= {f"{word} y {ones[n]}": 10 * ten + n for n in range(1, 10)}
    return found | {"cien": 100, "mil": 1000}


_FOREIGN = {"de": _german(), "fr": _french(), "es": _spanish()}
