"""Reading one message of the protocol: what cannot be served is refused, and never met by silence.

A caller waits for the answer to its id until its own time-out. So what the SDK's parser refuses is
answered here, with the id where it can be found. Texts are never mended on the way: a question with
half of a character in it is not the question that was asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts

MAX_MESSAGE_BYTES = 32_000_000
"""Bytes of one message: the largest pictures a problem may have, in base64, beside the longest
text."""

HEAD_BYTES = 65_536
"""Bytes at the beginning of an unreadable message in which its id is looked for."""

TAIL_BYTES = 4_096
"""Bytes at its end: some clients write the id last."""

SMALL_BYTES = 500_000
"""Longest message that may be anything: all but calls of tools with pictures. Nothing else has
reason to be longer, and what is wrong with a message is told with all of it."""

QUICK_BYTES = 32_768
"""Longest message that is read on the event loop: it takes a few milliseconds at worst."""

MOST_TOKENS = 5_000
"""Words of JSON at the beginning of an unreadable message among which its id is looked for."""

MOST_REFUSALS = 1_000
"""Messages of one batch that are refused one by one."""

MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some systems put before a text."""

_STRING = rb'"(?:[^"\\]|\\.)*+"'
_TOKEN = re.compile(_STRING + rb'|[{}\[\]:,"]|[^\s{}\[\]:,"]+', re.DOTALL)
_FIELD = re.compile(
    rb"[{,]\s*+(" + _STRING + rb")\s*+:\s*+(" + _STRING + rb"|-?\d[\d.eE+-]*+|true|false|null)\s*+",
    re.DOTALL,
)
_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"\s*+")
_NUMBER = re.compile(rb"-?\d[\d.eE+-]{0,40}")


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """An error in answer to what cannot be served.

    Attributes:
        code: The JSON-RPC error code.
        message: The fault, for a person.
        id: The request's id as it stands in its JSON, `null` if it cannot be found.
    """

    code: int
    message: str
    id: str = "null"

    def as_json(self) -> bytes:
        """Return the answer, without a line end."""
        error = json.dumps({"code": self.code, "message": self.message})
        return f'{{"jsonrpc":"2.0","id":{self.id},"error":{error}}}'.encode()


def read_message(data: bytes) -> JSONRPCMessage | list[RefusedMessage]:
    """Return a message, or why it is refused: once, or once for each message of a batch."""
    data = data.removeprefix(MARK)
    if len(data) > MAX_MESSAGE_BYTES:
        return [too_long(data[:HEAD_BYTES], data[-TAIL_BYTES:])]
    if has_too_many_parts(data):
        text = f"the message has more than the {MOST_PARTS:,} values that are read; send fewer"
        return [RefusedMessage(INVALID_REQUEST, text, _find_id(data))]
    try:
        # Read once: it takes 50 ms for the longest, in which no other task gets a turn. The parser
        # would keep the 16,384 texts it read last, wherever in memory they came to lie.
        found: object = from_json(data, cache_strings="none")
    except ValueError as error:
        if data.lstrip()[:1] == b"[":
            return _refuse_batch(data)
        code, text = PARSE_ERROR, f"the message is not JSON: {error}"
        if "recursion limit" in str(error):
            code, text = INVALID_REQUEST, "the message is nested deeper than is read; send less"
        return [RefusedMessage(code, text, id_) for id_ in _find_ids(data)]
    if len(data) > SMALL_BYTES and not _is_call(found):
        text = f"only calls of tools may be longer than {SMALL_BYTES:,} bytes; send less"
        return [RefusedMessage(INVALID_REQUEST, text, _find_id(data))]
    if isinstance(found, list):
        return _refuse_batch(data)
    try:
        message = jsonrpc_message_adapter.validate_python(found, by_name=False)
    except ValidationError:
        return [_refuse_shape(data)]
    if isinstance(message, JSONRPCNotification) and "id" in cast("dict[str, Any]", found):
        # The SDK takes an id of another kind for none, and would send no answer.
        text = "`id` must be a string or a whole number"
        return [RefusedMessage(INVALID_REQUEST, text, _find_id(data))]
    return message


def _is_call(found: object) -> bool:
    """Return whether a message calls a tool, and is short but for the arguments."""
    if not isinstance(found, dict):
        return False
    message = dict(cast("dict[str, Any]", found))
    params: object = message.pop("params", None)
    if message.get("method") != "tools/call" or not isinstance(params, dict):
        return False
    beside = dict(cast("dict[str, Any]", params))
    given = beside.pop("arguments", None)
    return isinstance(given, dict) and len(repr((message, beside))) <= SMALL_BYTES


def too_long(head: bytes, tail: bytes) -> RefusedMessage:
    """Refuse a message of which only the beginning and the end were kept."""
    text = f"the message is longer than the {MAX_MESSAGE_BYTES:,} bytes that are read"
    return RefusedMessage(INVALID_REQUEST, text, _find_id(head, tail))


def _refuse_shape(data: bytes) -> RefusedMessage:
    text = (
        "the message is no request: it takes `jsonrpc` '2.0', a `method`, an `id` that is a string "
        "or a whole number, and `params` that are an object"
    )
    return RefusedMessage(INVALID_REQUEST, text, _find_id(data))


def _refuse_batch(data: bytes) -> list[RefusedMessage]:
    """Refuse each request of a batch: each has a caller of its own that waits."""
    text = "batches are not served; send each message on its own"
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return [RefusedMessage(PARSE_ERROR, "the message is not JSON")]
    ids = _ids(cast("Sequence[object]", given))
    return [RefusedMessage(INVALID_REQUEST, text, id_) for id_ in ids or ["null"]]


def _ids(items: Sequence[object]) -> list[str]:
    """Return the ids of those that are requests, as JSON."""
    return [
        _as_id(json.dumps(cast("dict[str, Any]", item)["id"]).encode())
        for item in items[:MOST_REFUSALS]
        if isinstance(item, dict) and "method" in item and "id" in item
    ]


def _find_ids(data: bytes) -> list[str]:
    """Return the ids of unreadable messages: of several in one line each has its own."""
    text = data.decode(errors="replace") if len(data) <= SMALL_BYTES else ""
    whole: list[object] = []
    at = 0
    while text.startswith("{", at) and len(whole) < MOST_REFUSALS:
        try:
            item, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        whole.append(item)
        at = next(_BLANK.finditer(text, at)).end()
    ids = _ids(whole)
    if not ids:
        return [_find_id(data)]
    rest = _find_id(text[at:].encode(errors="replace"))
    return ids if rest == "null" else [*ids, rest]


def _find_id(head: bytes, tail: bytes | None = None) -> str:
    """Return the id of a request that cannot be read, as JSON; `null` if it cannot be found.

    Nothing is returned that might be the id of something else: of an object within, or of a
    response, whose id is a request of ours.
    """
    fields = _fields(head)
    if "method" not in fields and fields.keys() & {"result", "error"}:
        return "null"
    found = fields.get("id")
    if found is None and head.lstrip()[:1] == b"{":
        found = _last_fields((head if tail is None else tail)[-TAIL_BYTES:]).get("id")
    return _as_id(found or b"null")


def _as_id(token: bytes) -> str:
    """Return a JSON value as an id that may be repeated: a string or a number, else `null`."""
    try:
        text = token.decode()
        if isinstance(json.loads(text), str):
            json.loads(text).encode()
            return text
    except ValueError:
        return "null"
    return text if _NUMBER.fullmatch(token) else "null"


def _last_fields(tail: bytes) -> dict[str, bytes]:
    """Return the fields at the end of an object, as far as they hold no object and no array."""
    fields: dict[str, bytes] = {}
    end = -1
    for field in _FIELD.finditer(tail):
        if field.start() != end:
            fields.clear()
        fields[_name(field[1])] = field[2]
        end = field.end()
    return fields if tail[end:].strip() == b"}" else {}


def _name(token: bytes) -> str:
    """Return the name of a field, also where it is written with escapes."""
    try:
        name: object = json.loads(token)
    except ValueError:
        return token.decode(errors="replace")
    return str(name)


def _fields(data: bytes) -> dict[str, bytes]:
    """Return the fields of an object by their names, as far as its beginning can be read.

    A field that holds an object or an array has only its first bracket.
    """
    fields: dict[str, bytes] = {}
    depth, key, last = 0, None, b""
    for match in islice(_TOKEN.finditer(data[:HEAD_BYTES]), MOST_TOKENS):
        token = match[0]
        if token == b'"' or (depth == 0 and token != b"{"):
            break
        if depth == 1 and token == b":":
            key = last
        elif depth == 1 and token == b",":
            key = None
        elif depth == 1 and key is not None:
            fields[_name(key)], key = token, None
        if token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
        last = token
    return fields
