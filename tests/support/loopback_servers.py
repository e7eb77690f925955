"""A server over HTTP in the process of a test, whose model the test holds back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.pages.app import Pages
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.server.app import make_server
from atlas_mcp.server.http.app import WithPages, http_app
from atlas_mcp.server.http.hang_ups import HangUps
from atlas_mcp.views.page_links import PageLink
from atlas_mcp.views.run_view import RunView
from atlas_mcp.web.listening import listen
from atlas_mcp.web.serving import Web
from tests.support.gated_models import Gated, GivenHost, Mode, text_of
from tests.support.live_runs import live_run


@dataclass
class Served:
    """A server on the loopback, and the model behind it."""

    url: str
    app: HangUps
    pages: Pages
    model: Gated
    host: GivenHost

    @property
    def origin(self) -> str:
        """The address of the pages, without a path."""
        return self.url.removesuffix("/mcp")

    async def live(self, run_id: str) -> LiveRun:
        live = live_run(await self.host.service(), run_id)
        assert live is not None
        return live

    async def call(self, mode: Mode, tool: str, **arguments: Any) -> RunView:
        """Return the result of a tool, as a client that has just come gets it."""
        with anyio.fail_after(10):
            async with Client(self.url, mode=mode) as client:
                result = await client.call_tool(tool, arguments)
        assert not result.is_error, text_of(result)
        return RunView.model_validate(result.structured_content)


@asynccontextmanager
async def served(home: Path, **server: float) -> AsyncGenerator[Served]:
    model = Gated()
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings.model_validate({"grace_s": 60.0, **server}),
    )
    host = GivenHost(settings, model)
    app = http_app(make_server(settings, host=host))
    pages = Pages(host.service)
    listeners = listen("127.0.0.1", 0)
    web = Web(WithPages(app, pages), listeners, clients=100)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(web.serve)
        try:
            url = f"http://127.0.0.1:{listeners[0].getsockname()[1]}/mcp"
            host.pages = PageLink(url.removesuffix("/mcp"))
            yield Served(url, app, pages, model, host)
        finally:
            model.gate.set()
            app.hang_up()
            pages.end_waits()
            web.stop()
            with anyio.move_on_after(1, shield=True):
                await web.empty()
            web.cut()
            with anyio.move_on_after(10, shield=True):
                await web.close()
