"""A model hub on the loopback interface: descriptions of files, and the storage behind it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from typing_extensions import override

COMMIT = "c0ffee" + "0" * 34


@dataclass
class ModelHub:
    """The files of the hub, and the requests it got.

    Attributes:
        files: Contents by `OWNER/REPO/FILE`.
        moved: New names of renamed repositories, by their old ones.
        refusals: Status and error code by `OWNER/REPO/FILE`.
        token: The token that every request needs; `None` if none is needed.
        commit: The commit of `main`.
        plain: Whether files are kept without the storage for large ones: with no checksum.
        cut_after: Bytes after which the storage breaks off.
        asked: Method and path of each request to the hub itself, in order.
        stored: Authorization and range of each request to the storage, in order.
    """

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    moved: dict[str, str] = field(default_factory=dict[str, str])
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    token: str | None = None
    commit: str = COMMIT
    plain: bool = False
    cut_after: int | None = None
    asked: list[str] = field(default_factory=list[str])
    stored: list[tuple[str | None, str | None]] = field(
        default_factory=list[tuple[str | None, str | None]]
    )
    address: str = ""
    storage: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer as the hub: describe a file, or redirect to its storage."""
        self.asked.append(f"{request.command} {request.path}")
        repository, _, rest = unquote(request.path).lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        name = f"{repository}/{file}"
        if repository in self.moved:
            _head(request, 307, location=f"/{self.moved[repository]}/resolve/{rest}")
            return
        refusal = self._refusal(request, name, revision)
        if refusal is not None:
            _head(request, refusal[0], x_error_code=refusal[1])
            return
        content = self.files[name]
        if self.plain:
            _head(request, 200, etag='"0123456789"', length=len(content))
            return
        _head(
            request,
            302,
            location=f"{self.storage}/{name}",
            x_linked_size=str(len(content)),
            x_linked_etag=f'"{hashlib.sha256(content).hexdigest()}"',
            x_repo_commit=self.commit,
        )

    def give(self, request: BaseHTTPRequestHandler) -> None:
        """Answer as the storage: with the bytes."""
        wanted = request.headers.get("range")
        self.stored.append((request.headers.get("authorization"), wanted))
        content = self.files[unquote(request.path).lstrip("/")]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = content[start:]
        span = f"bytes {start}-{len(content) - 1}/{len(content)}" if start else None
        _head(request, 206 if start else 200, length=len(body), content_range=span)
        request.wfile.write(body if self.cut_after is None else body[: self.cut_after])

    def _refusal(
        self, request: BaseHTTPRequestHandler, name: str, revision: str
    ) -> tuple[int, str] | None:
        if name in self.refusals:
            return self.refusals[name]
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, "RepoNotFound"
        if not any(known.startswith(name.rpartition("/")[0]) for known in self.files):
            return 401, "RepoNotFound"
        if revision not in {"main", self.commit}:
            return 404, "RevisionNotFound"
        return None if name in self.files else (404, "EntryNotFound")


@contextmanager
def serve_hub(hub: ModelHub) -> Generator[ModelHub]:
    """Serve `hub`, and its storage on another port, for the length of a block."""

    class Hub(_Quiet):
        def do_HEAD(self) -> None:
            hub.answer(self)

        def do_GET(self) -> None:
            hub.answer(self)

    class Storage(_Quiet):
        def do_GET(self) -> None:
            hub.give(self)

    with _serving(Hub) as hub.address, _serving(Storage) as hub.storage:
        yield hub


class _Quiet(BaseHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # Short, since a stop takes as long.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _head(
    request: BaseHTTPRequestHandler, status: int, *, length: int = 0, **headers: str | None
) -> None:
    request.send_response(status)
    request.send_header("content-length", str(length))
    for name, value in headers.items():
        if value is not None:
            request.send_header(name.replace("_", "-"), value)
    request.end_headers()
