"""Tool calls that a model wrote as text, because its endpoint does not read them.

Owns the forms besides plain JSON: tags with parameters, which several families of open models are
trained on, and the marks of OpenAI's harmony, Kimi, DeepSeek and Mistral. A call that is quoted
inside a JSON object does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import plain, read_json
from atlas_mcp.atlas.written_json import Located, objects_in, with_whole_escapes

MAX_CALLS = 100
"""Calls of one reply that are read. Our own choice: more than a run has explores."""

MAX_PARAMETERS = 20
"""Parameters of one call that are read."""

MAX_GAP = 200
"""Characters between the name of a tool and the JSON of its arguments."""

_PARAMETER = re.compile(
    r"<(?P<prefix>[\w:\uff5c-]{0,20}?)parameter(?:=|\s+name\s*=\s*)[\"']?(?P<name>[A-Za-z_]{1,40})[\"']?"
    r"[^<>]{0,40}>|<arg_key>\s*(?P<key>[A-Za-z_]{1,40})\s*</arg_key>\s*<arg_value>"
)
"""`<parameter=…>` of Qwen3-Coder, `<parameter name="…">` of MiniMax M2 and, with a prefix, of
DeepSeek V3.2, and GLM's pairs of a key and a value."""

_CLOSING = re.compile(r"</[\w:\uff5c-]{0,20}?(?:function|invoke|tool_call)>")

_ARGUMENTS = ("arguments", "parameters", "args")


class _Call(NamedTuple):
    start: int
    end: int
    arguments: dict[str, Json] | None


def written_calls(text: str, tool: str) -> list[dict[str, Json] | None]:
    """Return the arguments of each call of a tool in a text, `None` where they are not JSON.

    Sources: the chat templates of Qwen3-Coder (`<function=…>`), MiniMax M2 (`<invoke name=…>`), GLM
    4.5 (`<arg_key>`), Kimi K2, DeepSeek V3 and V3.1, Llama 3.1, Mistral and Hermes, and
    https://cookbook.openai.com/articles/openai-harmony (`to=functions.…`); read 2026-11.
    """
    objects = objects_in(text).found
    marked = list(_marked(text, tool, objects))
    named = [
        _Call(one.start, one.end, arguments)
        for one in objects
        for arguments in _named(one.value, tool)
        if not any(call.start <= one.start < call.end for call in marked)
    ]
    return [call.arguments for call in sorted([*marked, *named[:MAX_CALLS]])]


def _marked(text: str, tool: str, objects: list[Located]) -> Iterator[_Call]:
    """Yield the calls that name their tool outside of JSON."""
    end, waiting = 0, iter(objects)
    around = next(waiting, None)
    for opened in islice(_opening_of(tool).finditer(text), MAX_CALLS):
        start = opened.start()
        while around is not None and around.end <= opened.end():
            around = next(waiting, None)
        if start < end or (around is not None and around.start < start):
            continue
        call = (_after_mark if opened["mark"] else _in_tag)(text, opened, around)
        if call is not None:
            end = call.end
            yield call


def _opening_of(tool: str) -> re.Pattern[str]:
    name = rf"{re.escape(tool)}(?![\w.-])"
    return re.compile(
        rf"<[\w:\uff5c-]{{0,20}}?(?:function|invoke)(?:=|\s+name\s*=\s*)[\"']?{name}[\"']?\s*>"
        rf"|<tool_call>\s*{name}"
        rf"|(?P<mark>to=functions\.|<\|tool_call_begin\|>\s*(?:functions\.)?|\[TOOL_CALLS\]\s*"
        rf"|<\uff5ctool▁call▁begin\uff5c>\s*(?:function\s*<\uff5ctool▁sep\uff5c>\s*)?){name}"
    )


def _after_mark(text: str, opened: re.Match[str], after: Located | None) -> _Call | None:
    """Return the call at a mark, whose arguments are the JSON after its name; `None` for none."""
    if after is None or not 0 <= after.start - opened.end() <= MAX_GAP:
        return None
    between = text[opened.end() : after.start]
    # Between them stand marks or the name of a language; `[` does not begin arguments.
    if between.rstrip().endswith(("[", ",")) or _opening_marks_in(between):
        return None
    return _Call(opened.start(), after.end, _kept(after.value))


def _opening_marks_in(between: str) -> bool:
    return "to=functions." in between or "tool_call_begin" in between or "call▁begin" in between


def _in_tag(text: str, opened: re.Match[str], after: Located | None) -> _Call | None:
    """Return the call in a tag, whose arguments are parameters or JSON; `None` for none."""
    start = opened.end()
    if after is not None and not text[start : after.start].strip() and after.start >= start:
        return _Call(opened.start(), after.end, _kept(after.value))
    closing = _CLOSING.search(text, start)
    end = closing.start() if closing is not None else len(text)
    found = _parameters(text, start, end)
    if not found and text[start:end].strip():
        # A tag in prose has no closing tag; a closed one without arguments is a broken call.
        return None if closing is None else _Call(opened.start(), end, None)
    return _Call(opened.start(), end, found)


def _parameters(text: str, start: int, end: int) -> dict[str, Json]:
    found: dict[str, Json] = {}
    while len(found) < MAX_PARAMETERS:
        named = _PARAMETER.search(text, start, end)
        if named is None:
            break
        closing = "</arg_value>" if named["key"] else f"</{named['prefix']}parameter>"
        start = text.find(closing, named.end(), end)
        if start == -1:
            break
        value = text[named.end() : start].strip()
        found[named["key"] or named["name"]] = None if value in ("null", "None") else value
    return found


def _named(value: Mapping[str, object], tool: str) -> Iterator[dict[str, Json] | None]:
    """Yield the arguments of the calls in a JSON object that names the tool."""
    several = value.get("tool_calls")
    for one in cast("list[object]", several) if isinstance(several, list) else [value]:
        call = _object(one)
        call = _object(call.get("function")) or call
        key = next((key for key in _ARGUMENTS if key in call), None)
        if key is not None and call.get("name") in (tool, f"functions.{tool}"):
            yield _kept(call[key])


def _object(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _kept(arguments: object) -> dict[str, Json] | None:
    """Return arguments as an object, also if they are written as text; `None` if they are none."""
    if arguments in (None, ""):
        return {}
    if isinstance(arguments, str):
        try:
            arguments = read_json(with_whole_escapes(arguments))
        except ValueError:
            return None
    kept = plain(arguments)
    return cast("dict[str, Json]", kept) if isinstance(kept, dict) else None
