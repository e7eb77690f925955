"""Messages of the fuzzer: malformed ones, valid ones that are strange, and costly ones."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import PIL.Image

Make: TypeAlias = Callable[[random.Random], bytes]

STRANGE: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, "", "x", "x" * 5_000, "\u2028\ud7ff", [], {}, [[[]]],
    {"a": {}}, float("1e300"), "../../etc/passwd", "\0", ["x"] * 50, {"$ref": "#"}, "null", 2**63,
]  # fmt: skip

METHODS = [
    "ping", "tools/list", "tools/call", "resources/list", "resources/read", "prompts/list",
    "prompts/get", "completion/complete", "logging/setLevel", "initialize", "tasks/get", "nothing",
    "server/discover", "resources/subscribe", "notifications/cancelled", "notifications/progress",
    "",
]  # fmt: skip

TOOLS = ["solve_with_atlas", "explore", "get_run", "cancel_run", "resume_run", "no_such_tool"]

ARGUMENTS = [
    "problem", "images", "answer_schema", "explore_effort", "max_explores", "max_cost_usd",
    "time_limit_s", "solvers", "workflow", "wait_s", "solver", "effort", "strategy", "instruction",
    "count", "run_id", "unknown",
]  # fmt: skip


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def malformed(chance: random.Random) -> bytes:
    """Something that is no message."""
    return chance.choice(
        [
            b"{", b"nonsense", b"[]", b"null", b"3", b'"x"', b"{}", b'{"jsonrpc":"2.0"}',
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}',
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"explore","arguments":'
            b'{"problem":"\\ud83d"}}}',
            b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
            b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
            b'{"jsonrpc":"1.0","id":5,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":7,"result":{}}',
            b"\xff\xfe\x00garbage", b'{"a":' + b"1" * 5_000 + b"}",
            b'{"jsonrpc":"2.0","id":2,"method":"ping","params":{"a":' + deep(300) + b"}}",
            b'{"jsonrpc":"2.0","id":2,"method":"ping","params":{"a":' + deep(9_000) + b"}}",
            bytes(chance.randrange(32, 127) for _ in range(chance.randrange(200))),
        ]
    )  # fmt: skip


class Numbers:
    """Ids that are given once."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last


numbers = Numbers()


def message(method: str, params: Any) -> bytes:
    whole = {"jsonrpc": "2.0", "id": numbers.next(), "method": method, "params": params}
    return json.dumps(whole).encode()


def call(tool: str, **arguments: Any) -> bytes:
    return message("tools/call", {"name": tool, "arguments": arguments})


def strange(chance: random.Random) -> bytes:
    """A message whose parts are of the wrong kind."""
    keys = ("name", "arguments", "uri", "ref", "argument", "level", "requestId", "cursor", "_meta")
    params: Any = {key: chance.choice(STRANGE) for key in chance.sample(keys, 3)}
    return message(chance.choice(METHODS), chance.choice([params, params, *STRANGE[-6:]]))


def strange_call(chance: random.Random) -> bytes:
    """A call of a tool whose arguments are not what they should be; it opens no run."""
    arguments = {one: chance.choice(STRANGE) for one in chance.sample(ARGUMENTS, 3)}
    return call(chance.choice(TOOLS), **{**arguments, "solvers": ["gone"], "solver": "gone"})


def _doubling(levels: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{levels}": {"type": "string"}}}


SCHEMAS: list[dict[str, Any]] = [
    _doubling(40),
    _doubling(12),
    {"required": [1, "a"] * 1_500},
    {"pattern": "(a{1000}){1000}"},
    {"pattern": "a[ab]{2000}[^ab]"},
    {"allOf": [{"pattern": f"\\w{{{i}}}"} for i in range(50)]},
    {"allOf": [{"pattern": f"(?x)\\w{{ {i} }}"} for i in range(100, 150)]},
    {"pattern": "\\pL{170}"},
    {"patternProperties": {f"^{i}.*{i}$": {"type": "integer"} for i in range(400)}},
    {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/gone"}]},
    {"$defs": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
    {"uniqueItems": True, "contains": {"const": 1}, "unevaluatedItems": False},
    {"multipleOf": 0.5, "maximum": 10**400},
    {"enum": [[i] for i in range(2_000)]},
    {"oneOf": [{"properties": {"a": {"const": i}}} for i in range(300)]},
]


def schema(chance: random.Random) -> bytes:
    """A call with a schema that is costly, or none, and a model that costs nothing."""
    return call("explore", problem="p", solver="demo", answer_schema=chance.choice(SCHEMAS))


def _data(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _pictures() -> list[str]:
    out: dict[str, io.BytesIO] = {}
    large: Any = PIL.Image.new("L", (7_000, 7_000), 200)
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        out[kind] = io.BytesIO()
        size = (4_000, 4_000) if kind == "WEBP" else (7_000, 7_000)
        large.resize(size).save(out[kind], kind)
    contents = {kind: one.getvalue() for kind, one in out.items()}
    png = contents["PNG"]
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    huge = png[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + png[33:]
    text = b"tEXtk\0" + b"x" * 2_000_000
    noted = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return [
        *(_data(one, kind.lower()) for kind, one in contents.items()),
        *(_data(one[: len(one) // 2], kind.lower()) for kind, one in contents.items()),
        _data(huge), _data(png[:33] + noted + png[33:]), _data(b""), _data(b"\x89PNG\r\n\x1a\n"),
        "data:image/png;base64,%%%", "data:,x", "file:///dev/zero", "https://127.0.0.1:1/x.png",
        "/etc/passwd", "x" * 10_000,
    ]  # fmt: skip


def pictures(chance: random.Random) -> bytes:
    """A call with up to eight pictures, each of up to 49 million pixels."""
    chosen = chance.choices(_pictures(), k=chance.randint(1, 8))
    return call("explore", problem="p", solver="demo", images=chosen)


def large(chance: random.Random) -> bytes:
    """A message that is long."""
    return chance.choice(
        [
            lambda: call("explore", problem="x" * 3_000_000, solver="demo"),
            lambda: call("explore", problem="p", solver="demo", instruction="x" * 1_000_000),
            lambda: call("solve_with_atlas", problem="p", solvers=["demo"] * 50_000),
            lambda: call("explore", problem="p", images=["x"] * 50_000, solver="demo"),
            lambda: call("explore", problem="p", solver="demo", answer_schema={"a": [[]] * 90_000}),
            lambda: call("get_run", run_id="x" * 2_000_000),
            lambda: message("resources/read", {"uri": "atlas://runs/" + "x" * 1_000_000}),
        ]
    )()


HOSTILE = (
    "bomb", "comments", "line", "errors", "silent", "nonsense", "deep", "bytes", "hints", "tools",
    "wide",
)  # fmt: skip
"""Solvers whose endpoints mean no good."""


def endpoint(chance: random.Random) -> bytes:
    """A call that goes to a hostile endpoint."""
    return call("explore", problem="p", solver=chance.choice(HOSTILE))


KINDS: list[tuple[Make, int]] = [
    (malformed, 300), (strange, 400), (strange_call, 260), (schema, 20), (pictures, 4),
    (large, 10), (endpoint, 3),
]  # fmt: skip
"""The kinds of messages, and how many of each among a thousand."""


def drawn(chance: random.Random) -> bytes:
    """One line to send."""
    makes, weights = zip(*KINDS, strict=True)
    [make] = chance.choices(makes, weights)
    return make(chance).replace(b"\n", b" ")
