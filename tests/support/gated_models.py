"""A server whose model a test holds back, call by call, and what it says when it may."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp import Client
from mcp_types import CallToolResult, Implementation, TextContent
from typing_extensions import override

from atlas_mcp.atlas import question_prompts
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Script
from atlas_mcp.server.app import make_server
from atlas_mcp.server.host import Host
from atlas_mcp.testing.scripted import Recording
from atlas_mcp.views.run_view import RunView
from tests.support.waiting import pause

Mode = Literal["auto", "legacy"]
"""The eras of the protocol, as clients ask for them."""


class Gated(Recording):
    """A scripted model of which a test can hold calls back, by the order of their arrival."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script or play())
        self.held: set[int] = set()
        self.gate = anyio.Event()
        self.waiting = 0
        self.aborted = 0

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        if len(self.requests) + self.waiting in self.held:
            self.waiting += 1
            try:
                await self.gate.wait()
            except anyio.get_cancelled_exc_class():
                self.aborted += 1
                raise
        return await super().generate(request, on_tokens=on_tokens, on_usage=on_usage)


def candidate(answer: object, **changes: object) -> Says:
    given = {"approach": "Adds.", "justification": "So.", "answer": answer}
    return Says({**given, "confidence_percent": 80, **changes})


def synthesis(answer: object) -> Says:
    return Says(
        {
            "explanation": "Both agree.",
            "answer": answer,
            "supported": True,
            "confidence_percent": 90,
            "dissent": None,
        }
    )


def play(solver: Callable[[int], Says] = lambda n: candidate("42"), *turns: Says) -> Script:
    """Return a script of solvers, by number from 0, and of the orchestrator's turns."""
    asked = {"solvers": 0, "turns": 0}
    said = turns or (synthesis("42"),)

    def script(request: ModelRequest) -> Says:
        if request.system == question_prompts.SYSTEM:
            return Says({"answer": "It fails in step 2.", "cites": [1], "needs_new_evidence": None})
        if request.tools:
            asked["turns"] += 1
            return said[min(asked["turns"], len(said)) - 1]
        asked["solvers"] += 1
        return solver(asked["solvers"] - 1)

    return script


class GivenHost(Host):
    """A host whose service uses a model that a test made."""

    def __init__(self, settings: Settings, model: Recording) -> None:
        super().__init__(settings, pool=Pool(settings, {model.name: model}))


@dataclass
class Heard:
    """Progress notifications, as they came."""

    numbers: list[float] = field(default_factory=list[float])
    messages: list[str] = field(default_factory=list[str])

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        assert message is not None
        self.numbers.append(progress)
        self.messages.append(message)


@dataclass
class Session:
    """A client, the model behind its server, and the service between them."""

    client: Client
    model: Gated
    host: GivenHost

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        with anyio.fail_after(10):
            return await self.client.call_tool(tool, arguments)

    async def view(self, tool: str, **arguments: Any) -> RunView:
        result = await self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        return RunView.model_validate(result.structured_content)


@asynccontextmanager
async def connected(
    home: Path,
    mode: Mode,
    script: Script | None = None,
    *,
    called: str = "test",
    **server: float | str,
) -> AsyncGenerator[Session]:
    """Connect a client that calls itself `called` to a server with these settings."""
    model = Gated(script)
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings.model_validate({"grace_s": 0.0, **server}),
    )
    host = GivenHost(settings, model)
    info = Implementation(name=called, version="1")
    async with Client(make_server(settings, host=host), mode=mode, client_info=info) as client:
        yield Session(client, model, host)


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await pause()
