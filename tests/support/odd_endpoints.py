"""Endpoints that answer as a test says, and models of either adapter behind them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

import pytest
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.errors import ModelError
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import Claude

KEY = "sk-secret-of-ours-42"


ASK = ModelRequest("", (UserTurn((Text("What is 6 * 7?"),)),), max_tokens=100)


Answer: TypeAlias = tuple[int, dict[str, str], str]


AnyModel: TypeAlias = Claude | OpenAICompatible


CHUNKS: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "delta": {"content": "42"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
)


EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {"content": [], "usage": {"input_tokens": 1, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "42"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 1},
    },
    {"type": "message_stop"},
)


CHAT = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS)


CLAUDE = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)


STREAM = {"content-type": "text/event-stream"}


JSON = {"content-type": "application/json"}


@dataclass
class Place:
    """A server that gives what `answer` says, and remembers what it was asked."""

    answer: Callable[[str, str], Answer]
    asked: list[tuple[str, str, dict[str, str]]] = field(
        default_factory=list[tuple[str, str, dict[str, str]]]
    )
    url: str = ""

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    @contextmanager
    def serving(self) -> Generator[str]:
        place = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                place.asked.append((self.command, self.path, headers))
                status, given, body = place.answer(self.command, self.path)
                data = body.encode()
                self.send_response(status)
                for name, value in {**given, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_POST = _reply
            do_GET = _reply

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self.url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def good(command: str, path: str) -> Answer:
    return 200, STREAM, CLAUDE if path.startswith("/v1/messages") else CHAT


def always(status: int, headers: dict[str, str], body: str) -> Callable[[str, str], Answer]:
    return lambda command, path: (status, headers, body)


Make: TypeAlias = Callable[..., AnyModel]


async def failure_of(model: AnyModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.generate(ASK)
    await model.aclose()
    return caught.value
