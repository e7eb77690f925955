"""Messages for a configuration that breaks a rule.

A message names the variable, or the file, line and key, and then the rule. A value that may hold a
key is not quoted.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

from pydantic import ValidationError

from atlas_mcp.config.file import ConfigFile
from atlas_mcp.config.settings import keys_at
from atlas_mcp.config.values import LONGEST_NAME
from atlas_mcp.texts import clipped


def explain(
    error: ValidationError, file: ConfigFile, variables: Mapping[tuple[str, ...], str]
) -> str:
    """Return the message for the first fault, with its variable or its file, line and key."""
    fault = error.errors(include_url=False)[0]
    location = tuple(str(part) for part in fault["loc"])
    where = next((name for key, name in variables.items() if location[: len(key)] == key), None)
    if where is None:
        line = file.line_of(location)
        named = ".".join(clipped(part, LONGEST_NAME) for part in location)
        where = f"{file.path}{f', line {line}' if line else ''}: `{named}`"
    if fault["type"] == "extra_forbidden":
        known = keys_at(location[:-1])
        return f"{where} is not known" + (f"; there are {', '.join(known)}" if known else "")
    if fault["type"] in {"address", "secret", "truth"}:
        # Not quoted: a key may stand in it.
        return f"{where}: {fault['msg']}"
    given = fault["input"]
    if fault["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        return f"{where}: takes a table of keys, as `[{location[0]}]`, not {_shown(given)}"
    shown = "" if isinstance(given, dict | list) else f", not {_shown(given)}"
    return f"{where}: {fault['msg'].lower().removeprefix('value error, ')}{shown}"


def _shown(given: object) -> str:
    """Return a value of any kind in a short form for an error."""
    try:
        return reprlib.repr(given)
    except ValueError:
        # Python writes no number of more than some thousand digits.
        return "a number of too many digits"
