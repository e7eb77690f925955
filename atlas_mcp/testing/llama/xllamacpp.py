"""A stand-in for the binding to llama.cpp, found in its place where this folder is on the path.

It loads no weights and knows nothing: a reply is the simplest value that fits the schema asked for.
Files in the folder that `FAKE_LLAMA` names control it: while `hold-load` or `hold-replies` exists,
it waits. It writes two files there: `loads`, one line of JSON for each load; `most`, the most
tokens and calls that were in the context at once.
"""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

from typing_extensions import override

FOLDER = Path(os.environ["FAKE_LLAMA"])

CHARS_PER_TOKEN = 4
"""Characters that count as one token."""

POLL_SECONDS = 0.005


class CommonParams(SimpleNamespace):
    """Takes any setting, as the binding's parameters do."""

    def __init__(self) -> None:
        super().__init__()
        self.model = SimpleNamespace()
        self.cpuparams = SimpleNamespace()
        self.cpuparams_batch = SimpleNamespace()


class Server:
    """Serves the routes of llama.cpp's server that the adapter uses, on a free loopback port."""

    def __init__(self, settings: Any) -> None:
        load = {
            "path": settings.model.path,
            "context_tokens": settings.n_ctx,
            "parallel": settings.n_parallel,
        }
        with (FOLDER / "loads").open("a", encoding="utf-8") as loads:
            loads.write(json.dumps(load) + "\n")
        _wait_while("hold-load")
        if b"broken" in Path(settings.model.path).read_bytes():
            raise RuntimeError("these weights are broken")
        _Calls.context_tokens = settings.n_ctx
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Calls)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def listening_address(self) -> str:
        """The base URL of the server."""
        return f"http://127.0.0.1:{self._server.server_port}"


class _Calls(BaseHTTPRequestHandler):
    context_tokens = 0
    under_way: ClassVar[dict[int, int]] = {}
    most = (0, 0)
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = len(json.dumps(body["messages"])) // CHARS_PER_TOKEN
        if self.path.endswith("/input_tokens"):
            self._send(json.dumps({"input_tokens": prompt}).encode())
            return
        self._enter(prompt + body["max_tokens"])
        _wait_while("hold-replies")
        # Before the reply is sent: once it arrives, its client may send the next call.
        with self.lock:
            del self.under_way[id(self)]
        self._reply(body, prompt)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass

    def _enter(self, tokens: int) -> None:
        with self.lock:
            self.under_way[id(self)] = tokens
            sums = (sum(self.under_way.values()), len(self.under_way))
            type(self).most = (max(self.most[0], sums[0]), max(self.most[1], sums[1]))
            written = FOLDER / "most.new"
            written.write_text(json.dumps(self.most), encoding="utf-8")
            written.replace(FOLDER / "most")

    def _reply(self, body: dict[str, Any], prompt: int) -> None:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        text = json.dumps(_simplest(schema))
        tokens = 1 + len(text) // CHARS_PER_TOKEN
        usage = {"prompt_tokens": prompt, "completion_tokens": tokens}
        events: list[dict[str, Any]] = [
            {"id": "fake", "choices": [{"delta": {"content": text}, "finish_reason": None}]},
            {"id": "fake", "choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"id": "fake", "choices": [], "usage": usage},
        ]
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self._send("".join([*lines, "data: [DONE]\n\n"]).encode())

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _simplest(schema: dict[str, Any]) -> object:
    """Return a small value that fits a schema: of alternatives, the last."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _simplest(schema["anyOf"][-1])
    kind = schema.get("type")
    if kind == "object":
        fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
        return {name: _simplest(value) for name, value in fields.items()}
    simple: dict[str, object] = {"integer": 50, "number": 1.5, "boolean": True, "array": []}
    return simple.get(kind or "", "text")


def _wait_while(name: str) -> None:
    while (FOLDER / name).exists():
        time.sleep(POLL_SECONDS)
