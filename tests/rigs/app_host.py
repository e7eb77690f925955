"""The server of a host of MCP Apps: its page, the sandbox of another origin, and the way to MCP.

The host itself is `ui/host/`, on the kit's own bridge. Its browser reaches an MCP server by this
one alone, since that answers no page of another origin. The sandbox has the content policy that the
specification gives to a page which names no domains.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn
from leaving_home import wait_for
from node import node, node_folder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

UI = Path(__file__).parents[2] / "ui"

SANDBOX_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self' data:",
        "connect-src 'none'",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
    )
)
"""Of a page that names no domains: specification 2026-01-26, host behaviour."""

PASSED_ON = ("accept", "content-type", "last-event-id")
"""Headers of a request that go to the MCP server, beside those of the protocol itself."""

NOT_BACK = frozenset({"content-length", "transfer-encoding", "content-encoding", "connection"})


def build_host(target: Path) -> None:
    """Build `ui/host/` into a folder; what it needs of npm is installed if it is not."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed; Debian's package is called npm")
    path = os.pathsep.join((str(Path(node(node_folder())).parent), os.environ["PATH"]))
    environ = {**os.environ, "PATH": path, "ATLAS_HOST_FOLDER": str(target)}
    vite = UI / "node_modules/.bin/vite"
    if not (UI / "node_modules/@modelcontextprotocol/ext-apps").exists():
        install = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=UI, env=environ, check=True, stdout=sys.stderr)
    build = [str(vite), "build", "--config", "host/vite.config.ts", "--logLevel", "warn"]
    subprocess.run(build, cwd=UI, env=environ, check=True, stdout=sys.stderr)


def host_app(built: Path, mcp: str) -> Starlette:
    """Return the host's server.

    Args:
        built: The folder with the built host.
        mcp: The address of the MCP server.
    """

    async def sandbox(request: Request) -> Response:
        policy = {"content-security-policy": SANDBOX_POLICY}
        return FileResponse(built / "sandbox.html", headers=policy)

    async def pass_on(request: Request) -> Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in PASSED_ON or name.startswith("mcp-")
        }
        asked = client.build_request(
            request.method, mcp, content=await request.body(), headers=headers
        )
        answer = await client.send(asked, stream=True)

        async def parts() -> AsyncGenerator[bytes]:
            try:
                async for part in answer.aiter_raw():
                    yield part
            finally:
                await answer.aclose()

        back = {name: value for name, value in answer.headers.items() if name not in NOT_BACK}
        return StreamingResponse(parts(), answer.status_code, back)

    client = httpx2.AsyncClient(timeout=None, trust_env=False)
    return Starlette(
        routes=[
            Route("/mcp", pass_on, methods=["GET", "POST", "DELETE"]),
            Route("/sandbox.html", sandbox),
            Mount("/", StaticFiles(directory=built, html=True)),
        ]
    )


@contextmanager
def host_serving(built: Path, mcp: str) -> Generator[int]:
    """Serve the host for the length of a block; its port."""
    config = uvicorn.Config(
        host_app(built, mcp), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert wait_for(lambda: server.started, 30)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
