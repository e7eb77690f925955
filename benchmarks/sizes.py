"""What a client's model reads of this server: the tools, and results in text and in structure.

    python benchmarks/sizes.py

Six explores of 3,000 characters of reasoning each: as an answered solve, as a poll while the last
of them is under way, and as explores whose orchestrator is the client. Beside each: the goal, where
the contract has one, and the whole `RunView`, of which a result is a part. A token is counted as
four characters. Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import CallToolResult, TextContent
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.server.app import make_server
from atlas_mcp.server.host import Host

EXPLORES = 6
CHARS_PER_TOKEN = 4

LIST_CHARS = 4_000
"""Our own choice: the contract gives 5,000, and tools of later versions need their part."""
SOLVE_TOKENS = 1_200
POLL_TOKENS = 300

PROBLEM = "How many pairs of integers satisfy both conditions?"
REASONING = ("Count the pairs from the definition, then check on a small case. " * 60)[:3_000]
CANDIDATE = {
    "approach": "Counts the pairs case by case, by the sign of each part.",
    "justification": REASONING,
    "confidence_percent": 80,
}
MORE = [{"strategy": one} for one in ("decompose", "work_backwards", "direct", "code_trace")]
SYNTHESIS: dict[str, object] = {
    "explanation": "Most candidates reach 42 by paths of their own; the others miscount zero. " * 6,
    "answer": "42",
    "supported": True,
    "confidence_percent": 90,
    "dissent": "Two candidates say 41.",
    "same_answers": [],
}


class Held(Scripted):
    """An orchestrator who asks for six explores in all, and solvers whose last one waits."""

    def __init__(self) -> None:
        super().__init__(self._says)
        self.solvers = self.turns = 0
        self.gate = anyio.Event()

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        if not request.tools:
            self.solvers += 1
            if self.solvers == EXPLORES:
                await self.gate.wait()
        return await super().generate(request, on_tokens=on_tokens, on_usage=on_usage)

    def _says(self, request: ModelRequest) -> Says:
        if request.tools:
            self.turns += 1
            return Says(explores=MORE) if self.turns == 1 else Says(SYNTHESIS)
        return Says({**CANDIDATE, "answer": "42" if self.sent % 3 else "41"})


def size(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text)


def text_of(result: CallToolResult) -> str:
    return "".join(one.text for one in result.content if isinstance(one, TextContent))


def structure_of(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None, "every result of a run has a structure"
    return result.structured_content


def tell(what: str, chars: int, goal: int | None = None) -> bool:
    """Print a size, and return whether it keeps to its goal, in characters."""
    wanted = "" if goal is None else f"   goal {goal / CHARS_PER_TOKEN:6,.0f}"
    print(f"  {what:34} {chars:7,} characters {chars / CHARS_PER_TOKEN:7,.0f} tokens{wanted}")
    return goal is None or chars < goal


async def told_of(client: Client, what: str, result: CallToolResult, goal: int | None) -> bool:
    structure = structure_of(result)
    address = f"atlas://runs/{structure['run_id']}"
    (whole,) = (await client.read_resource(address)).contents
    kept = tell(f"{what}, text", size(text_of(result)), goal)
    kept &= tell(f"{what}, structure", size(structure), goal)
    tell(f"{what}, whole", size(json.loads(getattr(whole, "text", ""))))
    return kept


async def measure(home: Path) -> bool:
    model = Held()
    settings = Settings(home=home, solvers={"demo": SolverSettings(model=model.name)})
    host = Host(settings, pool=Pool(settings, {model.name: model}))
    async with Client(make_server(settings, host=host)) as client:
        tools = (await client.list_tools()).tools
        read = [
            {"name": one.name, "description": one.description, "inputSchema": one.input_schema}
            for one in tools
        ]
        kept = tell("tools: name, text, input", size(json.dumps(read)), LIST_CHARS)
        tell("one output schema", size(tools[0].output_schema))
        polled = await client.call_tool("solve_with_atlas", {"problem": PROBLEM, "wait_s": 2})
        kept &= await told_of(client, "poll", polled, POLL_TOKENS * CHARS_PER_TOKEN)
        model.gate.set()
        run_id = structure_of(polled)["run_id"]
        solved = await client.call_tool("get_run", {"run_id": run_id, "wait_s": 60})
        kept &= await told_of(client, "answered solve", solved, SOLVE_TOKENS * CHARS_PER_TOKEN)
        explored = await client.call_tool("explore", {"problem": PROBLEM, "count": EXPLORES})
        return kept & await told_of(client, "explore of six", explored, None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if anyio.run(measure, Path(folder)) else 1)
