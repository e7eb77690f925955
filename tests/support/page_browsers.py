"""A browser that shows pages of a server in the process of a test."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.runs.request import RunRequest
from tests.support.loopback_servers import Served, served

JSON = {"content-type": "application/json"}


@dataclass
class Browser:
    """A browser that shows pages of a server."""

    server: Served
    http: httpx2.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(f"{self.server.origin}{path}", headers=headers)

    async def document(self, run_id: str, query: str = "") -> dict[str, Any]:
        answer = await self.get(f"/api/runs/{run_id}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        given = {**JSON, "x-atlas-token": self.server.pages.token, **headers}
        content = json.dumps(body or {})
        return await self.http.post(f"{self.server.origin}{path}", content=content, headers=given)


@asynccontextmanager
async def browsing(home: Path, **server: float) -> AsyncGenerator[Browser]:
    async with served(home, **server) as server_, httpx2.AsyncClient(timeout=10) as http:
        with anyio.fail_after(20):
            yield Browser(server_, http)


async def opened(browser: Browser, *, wait: bool = True) -> str:
    """Return the id of a run that the server drives, or that has ended there."""
    service = await browser.server.host.service()
    run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
    if wait:
        await service.wait(run_id, 10)
    return run_id


def config_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="atlas-config" type="application/json">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])
