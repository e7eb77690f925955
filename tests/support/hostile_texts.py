"""Texts that models, endpoints and clients might write to make a reader do something.

Whatever shows them shows them as text. A text that runs calls `canary`, a function that a page
under test has, or asks for an address below `ADDRESS`, which does not exist. `ILL_SHAPED` holds
what takes long to read, or much room.
"""

from __future__ import annotations

from collections.abc import Mapping

CANARY = "canary"
"""The name of the function that scripts in the texts call."""

ADDRESS = "https://canary.invalid"
"""The beginning of the addresses in the texts; no name below `.invalid` is ever found."""

_CALL = f"{CANARY}('ran')"

RUNS: Mapping[str, str] = {
    "script": f"<script>{_CALL}</script>",
    "script with a source": f'<script src="{ADDRESS}/a.js"></script>',
    "module": f'<script type="module">import "{ADDRESS}/m.js"; {_CALL}</script>',
    "end of a script": f"</script><script>{_CALL}</script>",
    "end of a script in capitals": f"</SCRIPT ><img src=x onerror={_CALL}>",
    "comment": f"<!--<script>{_CALL}--></script><script>{_CALL}</script>",
    "open comment": "<!-- and nothing ends it",
    "data section": f"<![CDATA[><script>{_CALL}</script>]]>",
    "picture that fails": f"<img src=x onerror={_CALL}>",
    "picture elsewhere": f'<img src="{ADDRESS}/p.png" srcset="{ADDRESS}/q.png 2x">',
    "svg": f'<svg onload="{_CALL}"><script>{_CALL}</script><a href="javascript:{_CALL}"/></svg>',
    "svg that animates": f"<svg><animate onbegin={_CALL} attributeName=x dur=1s></svg>",
    "math": f'<math href="javascript:{_CALL}"><mtext><img src=x onerror={_CALL}></mtext></math>',
    "mutation": f"<math><mtext><table><mglyph><style><img src=x onerror={_CALL}></style></table>",
    "frame": f'<iframe src="javascript:{_CALL}" srcdoc="<script>{_CALL}</script>"></iframe>',
    "object": f'<object data="{ADDRESS}/o"></object><embed src="{ADDRESS}/e">',
    "form": f'<form action="{ADDRESS}/f"><button autofocus onfocus={_CALL}>Go</button></form>',
    "style": f'<style>@import "{ADDRESS}/s.css"; body {{ display: none }}</style>',
    "style of an element": f'<div style="position:fixed;inset:0;background:url({ADDRESS}/b)">',
    "base": f'<base href="{ADDRESS}/"><meta http-equiv="refresh" content="0;url={ADDRESS}/r">',
    "link": f'<link rel="stylesheet" href="{ADDRESS}/l.css"><a href="javascript:{_CALL}">x</a>',
    "details": f"<details open ontoggle={_CALL}><summary>x</summary></details>",
    "template": f"{{{{constructor.constructor('{_CALL}')()}}}} ${{{_CALL}}} <%= {_CALL} %>",
    "attribute": f'" onmouseover="{_CALL}" autofocus onfocus=\'{_CALL}\' x=`',
    "entities": f"&lt;script&gt;{_CALL}&lt;/script&gt; &#60;img src=x onerror={_CALL}&#62;",
    "bare address": f"javascript:{_CALL} and {ADDRESS}/bare and www.canary.invalid/www",
    "clobber": '<form id="atlas-config"><input name="atlas-document"></form><a id="canary">',
    "clobbered document": '<script id="atlas-document" type="application/json">{"x":1}</script>',
    "Markdown link": f"[open](javascript:{_CALL}) [open]( java\nscript:{_CALL} )",
    "Markdown link with entities": f"[open](&#106;avascript:{_CALL}) [o](\\javascript:{_CALL})",
    "Markdown link of data": f"[open](data:text/html,<script>{_CALL}</script>)",
    "Markdown link elsewhere": f"[open]({ADDRESS}/link 'a \" onclick={_CALL} title')",
    "Markdown reference": f"[open][r]\n\n[r]: javascript:{_CALL} '\" onclick={_CALL}'",
    "Markdown picture": f"![seen]({ADDRESS}/picture.png) ![x](x' onerror='{_CALL})",
    "Markdown address": f"<javascript:{_CALL}> <{ADDRESS}/auto> <x@canary.invalid>",
    "Markdown heading": f"# Candidate 1: 17\n\nAnswer: 17\n\n<h1 onclick={_CALL}>Answer</h1>",
    "Markdown fence": f'```html\n<script>{_CALL}</script>\n```\n```"><script>{_CALL}</script>\nx',
    "Markdown fence that goes on": f"````\n<script>{_CALL}</script>\n```\n",
    "Markdown table": f"| a | b |\n|---|---|\n| <img src=x onerror={_CALL}> | `|` |",
    "KaTeX link": rf"$\href{{javascript:{_CALL}}}{{x}} \url{{{ADDRESS}/url}}$",
    "KaTeX picture": rf"$$\includegraphics[height=1em]{{{ADDRESS}/katex.png}}$$",
    "KaTeX HTML": rf"$\htmlClass{{a}}{{x}} \htmlId{{atlas-config}}{{y}} \htmlData{{a=b}}{{z}}$"
    rf"\(\htmlStyle{{background:url({ADDRESS}/k)}}{{x}}\)",
    "KaTeX text": rf"$\text{{<img src=x onerror={_CALL}>}}$ "
    rf"\[\unknown{{<script>{_CALL}</script>}}\]",
    "KaTeX left open": r"$\frac{1}{ and \[ \begin{matrix} 1 & 2 \\ \end{pmatrix} \]",
    "KaTeX that ends the page": rf"\(</span><script>{_CALL}</script>\)",
    "title of a terminal": "\x1b]0;stolen\x07\x1b]8;;https://canary.invalid\x1b\\link\x1b]8;;\x1b\\",
    "colours of a terminal": "\x1b[31mred\x1b[0m\x1b[2J\x1b[1;1H\x9b31m\x1bP+q544e\x1b\\\x1b[6n",
    "control characters": "".join(map(chr, (*range(32), *range(127, 160)))) + "\u2028\u2029\x85",
    "carriage return": "42\rNo: 17\b\b17\x7f\x00\x00end",
    "directions": "\u202e71 si rewsna eht\u202c \u2066\u2067x\u2069 \u200fabc\u200e \u061c",
    "invisible": "4\u200b2\u200c\u200d\u2060\ufeff\u00ad\u180e\U000e0041\U000e0042\u3164",
    "marks": "Z" + "\u0335\u0489" * 200 + " 42",
    "surrogates": "\ud800 \udc00\ud800 \udfff\ufffe\uffff",
    "look-alikes": "\u202e\u0430tl\u0430s\uff1cscript\uff1e\uff1c/script\uff1e",
    "JSON": '{"__proto__": {"polluted": "yes"}, "constructor": {"prototype": {"polluted": 1}}}',
    "labels": "\n\nAnswer: 17\nConfidence: 100 %\n> Candidate 9 (solver): correct\n</candidate>",
    "markup of rich": "[bold red]x[/] [link=https://canary.invalid]y[/link] [/] \\[",
}
"""Short texts that would run, reach out, mislead or break a page that did not take them as text."""

_NESTED = 10_000

ILL_SHAPED: Mapping[str, str] = {
    "one line of a megabyte": "word" * 250_000,
    "lines of a megabyte": "x = 1\n" * 170_000,
    "spaces": "a" + " " * 200_000 + "b",
    "macros without end": r"$\def\x{\x\x}\x$ $\newcommand\y{\y\y\y}\y$ \(\gdef\z{\z}\z\)",
    "macros that double": "$"
    + "".join(rf"\def\{chr(97 + n)}{{{(chr(92) + chr(98 + n)) * 10}}}" for n in range(20))
    + r"\a$",
    "size of a formula": r"$\rule{99999em}{99999em} \kern99999em \Huge\Huge x \hspace{9999cm}$",
    "nested formula": "$" + "{" * _NESTED + "x" + "}" * _NESTED + "$",
    "nested roots": "$" + r"\sqrt{" * 3_000 + "x" + "}" * 3_000 + "$",
    "many formulas": "$x^2$ " * 5_000,
    "dollars": "$" * 50_001,
    "nested quotes": ">" * _NESTED + " x",
    "nested brackets": "[" * _NESTED + "x" + "](y)" * _NESTED,
    "open brackets": "![" * _NESTED,
    "nested lists": "\n".join(" " * n + "- x" for n in range(1_000)),
    "list markers": "- " * _NESTED,
    "emphasis": "*a **b " * _NESTED,
    "emphasis of underscores": "_" * 50_000 + "a" + "_" * 49_999,
    "backticks": "".join("`" * (n % 300 + 1) + " " for n in range(3_000)),
    "open tags": "<a " * _NESTED + "<!" * _NESTED,
    "open entities": "&" * 50_000 + "&#x" * 10_000,
    "link definitions": "".join(f"[{n}]: /x\n" for n in range(10_000)) + "[1]" * 5_000,
    "table": "|" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "|x" * 20_000,
    "escapes": "\\" * 100_001,
    "string that stays open": "```python\n" + '"' * 20_001 + "\\" * 20_000 + "\n```",
    "comments that stay open": "```js\n" + "/*" * 20_000 + "`${" * 10_000 + "\n```",
    "code of a megabyte": "```\n" + "int x = 0; // code\n" * 55_000 + "```",
    "markup in code": "```xml\n" + "<a b='" * 20_000 + "\n```",
    "address of a megabyte": "[x](https://canary.invalid/" + "a" * 1_000_000 + ")",
    "combining": "a" + "\u0301" * 100_000,
}
"""Long texts: on one line, nested without end, or shaped so that a careless reader backtracks."""

PARTS_OF_KEYS: tuple[str, ...] = ("__proto__", "constructor", "toString", "<img src=x>", "", "\n")
"""Keys of an answer that fits a schema, which a program might look up."""


def hostile_value(text: str) -> dict[str, object]:
    """Return an answer of several parts with a text in every place of it, keys included."""
    parts: dict[str, object] = dict.fromkeys(PARTS_OF_KEYS, text)
    parts[text[:200]] = [text, {"deeper": text}]
    return parts
