"""What the question asks for, where every character of the answer counts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

from atlas_mcp.atlas.comparing.wording.questions import asking, plain_words

Exactness: TypeAlias = Literal[
    "source", "code", "output", "secret", "character", "move", "note", "version", "phone", "mark"
]
"""What is asked for where every character counts: the source of a text with marks;
code; the output of
a program to the last blank; a password or a text in a
cipher; a single character; a move of chess; a note or a chord; a version; a telephone number;
a symbol or any other code."""

_PROGRAMMING = re.compile(
    r"\b(?:python\d?|java|javascript|typescript|js|rust|golang|php|ruby|perl|sql|mysql|sqlite|"
    r"postgres\w*|html|css|bash|zsh|shell|linux|unix|git|powershell|kotlin|haskell|scala|lua|"
    r"undefined|undeclared|imported?|"
    r"instantiated?|inherits?|subclass|constructor|namespace|runtime error|stack trace|"
    r"regex|regexp|regular expression|json|yaml|toml|xml|program|script|"
    r"(?:the|this|following|source|above|below|given) code(?! (?:number|word|name))|"
    r"compiler|interpreter|"
    r"repl|terminal|command line|api|npm|docker|makefile|stdout|django|flask|react|numpy|pandas|"
    r"programming|programm|quellcode|unit test)\b"
    r"|\bc\+\+|\bc#|\bc (?:function|program|code|expression|compiler|standard|language|library|"
    r"macro|type|keyword|operator|declaration|statement|struct|string|pointer|array)\b"
    r"|\bgo (?:function|program|code|keyword|type)\b"
    r"|\br (?:function|package)\b|\b(?:print|repr|printf|len|str|console\.log)\s*\(|\.py\b"
)
"""Words of a question about programs."""

_WHICH = (
    r"\b(?:which|what|whose|welche[rsnm]?|was|name|give|write|state|enter|type|find|complete|"
    r"quelle?|qual|cuál)\b(?:'s)?"
    r"(?: me)?(?: of these| of the following)?(?: is| are| was| were| ist| lautet| est| es)?"
    r"(?: (?:the|a|an|its|his|her|their|this|that|your|der|die|das|ein|eine|le|la|el))?"
    r"(?: (?!(?:of|by|in|for|from|with|to|on|at|is|are|was|has|have|had|does|do|did|many|much|"
    r"number|value|and|or|the|that|which|who|uses?|holds?)\b)[\w'+#./&<>-]+){0,3}? "
)
_NAME_OF = r"(?:(?:exact |full |correct )?(?:name|spelling) of (?:the |this |that |a )?)?"
_NOT_HEAD = (
    r"\b(?! (?:size|length|count|complexity|value|speed|time|cost|number of|numbers of|theory|"
    r"rate|problem|cards?|area|angle|sum|sense|player)\b)"
)


def _asked_for(nouns: str) -> re.Pattern[str]:
    return re.compile(f"{_WHICH}{_NAME_OF}(?:{nouns}){_NOT_HEAD}")


_CODE_NOUNS = _asked_for(
    r"identifiers?|css selectors?|selectors?|regex(?:es)?|regexp|regular expressions?|files?|"
    r"file ?names?|file ?paths?|directory|folder|url|uri|(?:web |ip |mac |e-?mail )?address|"
    r"host ?name|domain name|e-?mail|snippet|source code|lines? of code|one-liner|commands?|"
    r"(?:html|xml) tag|environment variable|config(?:uration)? key|column|attribute|"
    r"expression|operators?|flags?|datei|dateiname|pfad|befehl|dateipfad"
)
_CODE_NOUNS_AMONG_PROGRAMS = _asked_for(
    r"functions?|methods?|class|classes|variables?|types?|strings?|literals?|statements?|names?|"
    r"keywords?|elements?|tables?|fields?|keys?|options?|exceptions?|errors?|modules?|packages?|"
    r"objects?|constants?|property|properties|parameters?|arguments?|macros?|patterns?|queries|"
    r"query|lines?|code|programs?|scripts?|outputs?|decorators?|annotations?|headers?|imports?|"
    r"switch|tags?|declarations?|assignments?|token|paths?|instructions?|opcode|branch|endpoint|words?|funktion|methode|klasse|"
    r"ausgabe|schlüsselwort|escape sequence|format string|loop|line|characters?"
)
_WRITTEN_CODE = re.compile(
    r"\b(?:write|implement|complete|schreibe?|define)\b.{0,40}\b(?:functions?|program|script|query|"
    r"regex|regular expression|command|statement|snippet|code|class|method|one-liner|html|css|"
    r"sql)\b"
)
_PRINTED = re.compile(
    r"\bwhat\b(?! (?:number|value|integer|sum|is the (?:number|value|sum|time)))(?: exactly)?"
    r".{0,80}\b(?:prints?|printed|displays?|displayed|logged|outputs?)\b"
    r"|\bwhat(?: exactly)? (?:does|do|will|would|is|gets)\b.{0,80}"
    r"\b(?:returns?|returned|writes?|written|shows?|shown|evaluates? to|echo|yields?)\b"
    r"|\bwas gibt\b.{0,80}\baus\b"
    r"|\bqu(?:e |'|'est-ce que? ).{0,40}\b(?:affiche|imprime|renvoie|retourne|devuelve)\b"
    r"|\bqu'(?:affiche|imprime|écrit)\b|\bqué (?:imprime|muestra|devuelve|escribe)\b"
)
_SURELY_PRINTED = re.compile(
    r"\b(?:exactly .{0,30}(?:print|output|display(?:ed)?|written|write)|is printed|"
    r"does .{0,80}\bprint)\b|"
    r"\bprint|\baffiche|\bimprime"
)
_CALLED_OR_INDEXED = re.compile(
    r"\b[a-z_][\w.]+\([^()\n]{0,80}\)+ (?:return|print|output|log|yield|give back)"
    r"|['\"]\.[a-z_]\w*\("
    r"|\b[a-z_]\w+\[-?\d{1,3}\] (?:contain|hold|refer|print|return|equal)"
    r"|\b(?:what|which) (?:string|exception|error) (?:is|gets|was) "
    r"(?:returned|printed|logged|thrown|raised|written|displayed)\b"
)
_NAMED_IN_CODE = re.compile(
    r"\b(?:class|package|module|method|variable|table|branch|repository|repo|interface|struct|enum"
    r"|namespace)s? (?:is |are |was )?(?:called|named|queried|checked out|imported|instantiated"
    r"|joined|dropped)\b"
    r"|\btype (?:does|do|has|of) (?:the|this) (?:variable|expression|parameter|argument|field)\b"
    r"|\bwhich of the (?:\w+ )?(?:counters|variables|functions|methods|pointers|modules|branches)\b"
    r"|\bvalue of \w+ after the (?:\w+ )?(?:loop|call|assignment)\b"
)
_TO_THE_BLANK = re.compile(
    r"\bexact(?:ly|ement|amente)?\b|\bblanks?\b|\bwhite ?space\b|\bmind the spaces?\b|\bgenau\b"
)
_MARKED_UP = re.compile(
    r"\bmarkdown\b|\b(?:latex|html|tex) (?:source|code|command|markup)\b|\bin latex\b"
)
_LANGUAGE = re.compile(
    r"\b(?:python|java|javascript|typescript|rust|golang|php|ruby|perl|sql|css|html|bash|git|swift|"
    r"kotlin|haskell|json|console\.log|spreadsheet|excel|dictionary)\b|\bc\+\+|\bc#"
)
_COUNTED = re.compile(
    r"\bcomplexity\b|\bhow (?:many|much|long|often|old)\b|\bwho\b|\bwhen\b|\byear\b"
)
_SINCE = re.compile(r"\bsince (?:when|which|what)\b|\bab (?:wann|welcher)\b")
_SPELLED = re.compile(
    r"\bhow (?:is|are|do|does|would|must|should)\b.{0,60}"
    r"\b(?:written|write|spelled|declared|called)\b|\bwhat (?:is|are)\b.{0,60}\bcalled\b"
)
_CHARACTERS = _asked_for(
    r"characters?|ligatures?|glyphs?|delimiters?|separators?|punctuation(?: marks?)?|"
    r"escape character|zeichen|mark"
)
_SECRETS = _asked_for(
    r"pass ?words?|pass ?phrase|pass ?code|passwort|"
    r"(?:decoded|encoded|decrypted|encrypted|deciphered|enciphered|hidden|secret|original|cipher|"
    r"plain) ?(?:text|message|string|word|phrase|output)|ciphertext|plaintext|"
    r"user ?name|login|hash|checksum|base64(?: \w+)?|(?:api |secret |private )key|token|uuid|guid|"
    r"seed phrase"
)
_IN_A_CIPHER = re.compile(
    r"\bin base ?64\b|\b(?:decode|decrypt|decipher|encode|encrypt|encipher)\b"
)
_MARKS = _asked_for(
    r"symbols?|letters?|genotypes?|alleles?|haplotype|"
    r"pin(?: (?:code|number))?|zip(?: ?codes?)?|(?:[\w-]+ )?codes?(?: (?:number|word|name))?|"
    r"post ?codes?|(?:serial|license|licence|registration|account|model|part|order|tracking|flight|"
    r"passport|social security|id|identification|invoice|catalog(?:ue)?|reference|ticket|customer|"
    r"student|employee|badge|locker|case|bus|route|tail|hull) (?:number|id)|isbn|issn|doi|iban|bic|"
    r"(?:licen[cs]e|number) plate|abbreviations?|acronym|initials|blood (?:type|group)|"
    r"(?:dna|rna|amino acid|base) sequence|codons?|symbole?|buchstabe[n]?|postleitzahl|plz|"
    r"kennzeichen|symbole|lettre|símbolo|letra|combination(?: of the (?:lock|safe))?|spelling|"
    r"serial|callsign|call sign|grade"
)
_PHONES = _asked_for(r"(?:(?:tele)?phone|mobile|fax|cell(?:phone)?) number|telefonnummer")
_AS_WRITTEN = re.compile(
    r"\b(?:exactly )?as (?:it is |they are )?(?:written|printed|shown|it appears|they appear)\b|"
    r"\b(?:written|shown|printed) on\b|\bin (?:capitals|capital letters|upper ?case|lower ?case)\b|"
    r"\bis (?:written|printed) in the (?:text|table|book|article)\b|"
    r"\b(?:formula|text|expression) is on the (?:card|sign|board|label|screen)\b|"
    r"\bverbatim\b|\bcharacter by character\b|\bcase[- ]sensitive\b|\bcase matters\b|"
    r"\bexact (?:string|text|spelling)\b"
)
_CHESS = re.compile(
    r"\bchess\b|\b\d{1,2}\.\s?(?:[nbrqk]?[a-h][1-8]\b|o-o)|\bcastl(?:e|es|ing)\b|\bcheckmate\b|"
    r"\bmate in\b|"
    r"\b(?:white|black)(?:'s)?\b.{0,40}\bmoves?\b|\bmoves?\b.{0,40}\b(?:white|black)\b"
)
_MOVES = re.compile(r"\b(?:reply|response|continuation)\b|\bmoves?\b|\bcastl|\bplay")
_MUSIC = _asked_for(r"notes?|chords?|pitch(?:es)?|key signature|tone|tonic|dominant|interval root")
_VERSIONS = _asked_for(r"versions?|releases?|version number|release number|build|firmware")


@lru_cache(maxsize=64)
def exactness_asked(question: str) -> Exactness | None:
    """Return what a question asks for, where every character of its answer counts."""
    if not question:
        return None
    asks = asking(question).replace("`", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    programming = _PROGRAMMING.search(plain_words(question)) is not None
    if _CHESS.search(plain_words(question)) and _MOVES.search(asks):
        return "move"
    if _MARKED_UP.search(asks):
        return "source"
    if _VERSIONS.search(asks) or (programming and _SINCE.search(asks)):
        return "version"
    if _asks_for_code(asks, programming=programming):
        return "output" if _TO_THE_BLANK.search(asks) and _PRINTED.search(asks) else "code"
    if _CALLED_OR_INDEXED.search(asks):
        return "output" if _TO_THE_BLANK.search(asks) else "code"
    if _PHONES.search(asks):
        return "phone"
    if _SECRETS.search(asks) or _IN_A_CIPHER.search(asks):
        return "secret"
    if _CHARACTERS.search(asks):
        return "character"
    if _MUSIC.search(asks):
        return "note"
    if _LANGUAGE.search(asks) and not _COUNTED.search(asks):
        return "code"
    marked = any(one.search(asks) for one in (_MARKS, _AS_WRITTEN, _NAMED_IN_CODE))
    return "mark" if marked else None


def _asks_for_code(asks: str, *, programming: bool) -> bool:
    if _CODE_NOUNS.search(asks):
        return programming or not re.search(
            r"\bexpression\b(?!s? is it)|\bflags?\b.{0,20}\b(?:country|nation|colou?rs?)", asks
        )
    if _SURELY_PRINTED.search(asks) and _PRINTED.search(asks):
        return True
    return programming and any(
        pattern.search(asks)
        for pattern in (_CODE_NOUNS_AMONG_PROGRAMS, _WRITTEN_CODE, _PRINTED, _SPELLED)
    )
