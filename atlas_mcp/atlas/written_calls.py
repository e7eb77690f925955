"""Tool calls that a model wrote out as text, where its endpoint does not read them.

Owns the forms besides plain JSON: tags with parameters, as several families of open models are
trained on, and OpenAI's harmony. Each text is gone through once, however many tags are in it.
"""

from __future__ import annotations

import re
from typing import cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import DECODER, plain
from atlas_mcp.atlas.written_json import with_whole_escapes

MAX_PARAMETERS = 20
"""Parameters of one call that are read."""

_PARAMETER = re.compile(r"<parameter(?:=|\s+name=)[\"']?(?P<name>[A-Za-z_]{1,40})[\"']?\s*>")


def written_call(text: str, tool: str) -> dict[str, Json] | None:
    """Return the arguments of the first call of a tool in a text, `None` if there is none.

    Sources: the chat templates of Qwen3-Coder (`<function=…>`) and MiniMax M2 (`<invoke name=…>`),
    and https://cookbook.openai.com/articles/openai-harmony (`to=functions.…`); read 2026-11.
    """
    found = _in_tags(text, tool)
    return _in_harmony(text, tool) if found is None else found


def _in_tags(text: str, tool: str) -> dict[str, Json] | None:
    for opening, closing in (
        (f"<function={tool}>", "</function>"),
        (f'<invoke name="{tool}">', "</invoke>"),
    ):
        start = text.find(opening)
        if start == -1:
            continue
        end = text.find(closing, start)
        return _parameters(text[start + len(opening) : end if end != -1 else len(text)])
    return None


def _parameters(inside: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    at = 0
    while len(found) < MAX_PARAMETERS and (named := _PARAMETER.search(inside, at)) is not None:
        end = inside.find("</parameter>", named.end())
        if end == -1:
            break
        found[named["name"]] = inside[named.end() : end].strip()
        at = end
    return found


def _in_harmony(text: str, tool: str) -> dict[str, Json] | None:
    called = text.find(f"to=functions.{tool}")
    start = -1 if called == -1 else text.find("<|message|>", called)
    if start == -1:
        return None
    written = with_whole_escapes(text[start + len("<|message|>") :].lstrip())
    try:
        value, _ = DECODER.raw_decode(written)
    except (ValueError, RecursionError):
        return None
    kept = plain(cast("object", value))
    return cast("dict[str, Json]", kept) if isinstance(kept, dict) else None
