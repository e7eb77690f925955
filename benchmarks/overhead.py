"""What ATLAS adds to the model calls it makes: wall and CPU, as ratios against a bare client.

Both sides make the same streamed calls to the same loopback API, which runs in a process of its
own: eight explores side by side, between two turns of an orchestrator. The bare side is a plain
loop over `AsyncAnthropic`, through the stream helper and through the raw events; ours journals
every event durably, holds and settles money, and folds a state. They take turns in one process,
whose garbage collector is set as our own processes set theirs; the ratio is the median over the
rounds. The second part is bound by CPU: a round of a hundred runs takes some 30 seconds of it.

    python benchmarks/overhead.py [--pairs N] [--many N]
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import anyio
from anthropic import transform_schema

from atlas_mcp.atlas import prompts, solver_prompts
from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.orchestrator_schemas import synthesis_schema
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.params import message_params
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.system.this_process import collect_seldom
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, serve
from atlas_mcp.views.rendering import view_of

MODEL = "claude-sonnet-5-5"
EXPLORES = 8
PROBLEM = make_problem("How many ways are there to tile a 3 by 8 board with dominoes? " * 4)

ASK = explores(*({"strategy": STRATEGIES[i % len(STRATEGIES)]} for i in range(EXPLORES)))


@dataclass(frozen=True)
class Spent:
    """Seconds of wall and of this process's CPU."""

    wall: float
    cpu: float


def respond(seconds: float) -> Callable[[dict[str, Any]], ApiReply]:
    """Answer a solver after `seconds`; the orchestrator explores at its first turn, then stops."""
    candidate = ApiReply(text=candidate_text("153"), latency=seconds)
    synthesis = ApiReply(text=synthesis_text("153"))

    def responder(body: dict[str, Any]) -> ApiReply:
        if not body.get("tools"):
            return candidate
        return ASK if len(body["messages"]) == 1 else synthesis

    return responder


def serve_until_stdin_closes(seconds: float) -> None:
    """Be the API's own process."""
    with serve(MessagesApi(respond(seconds))) as url:
        print(url, flush=True)
        sys.stdin.read()


def spec() -> RunSpec:
    model = ModelSpec(f"anthropic/{MODEL}", effort="high")
    return RunSpec("atlas", model, (SolverSpec("s", model),), Budget())


def solver_params(explore: Explore) -> dict[str, Any]:
    model = spec().solvers[0].spec
    request = solver_prompts.solver_request(
        PROBLEM, explore, model, max_tokens=model.max_tokens, seed=None
    )
    return _params(request)


def _params(request: ModelRequest) -> dict[str, Any]:
    return message_params(
        MODEL, family_of(MODEL), request, thinking="auto", transform_schema=transform_schema
    )


async def bare_run(client: anthropic.AsyncAnthropic, *, raw: bool) -> None:
    """Make the calls of one run, and nothing else."""
    run = spec()
    said = solver_prompts.problem_parts(PROBLEM)
    from atlas_mcp.atlas.messages import UserTurn

    first = _params(
        ModelRequest(
            system=prompts.orchestrator_system(run),
            turns=(UserTurn(said),),
            max_tokens=32_000,
            schema=synthesis_schema(PROBLEM, run),
            tools=(prompts.explore_tool(run),),
            effort="high",
        )
    )
    message = await _call(client, first, raw=raw)
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    texts: list[str] = [""] * len(calls)

    async def explore(index: int, strategy: Any) -> None:
        reply = await _call(client, solver_params(Explore("s", strategy)), raw=raw)
        texts[index] = next(b["text"] for b in reply["content"] if b["type"] == "text")

    async with anyio.create_task_group() as tasks:
        for index, call in enumerate(calls):
            tasks.start_soon(explore, index, call["input"]["strategy"])
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": text}
        for call, text in zip(calls, texts, strict=True)
    ]
    second = dict(first)
    second["messages"] = [
        *first["messages"],
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": results},
    ]
    await _call(client, second, raw=raw)


async def _call(
    client: anthropic.AsyncAnthropic, params: dict[str, Any], *, raw: bool
) -> dict[str, Any]:
    if not raw:
        async with client.messages.stream(**params) as stream:
            return (await stream.get_final_message()).to_dict(mode="json")
    blocks: list[dict[str, Any]] = []
    pieces: list[str] = []
    async for event in await client.messages.create(**params, stream=True):
        if event.type == "content_block_start":
            blocks.append(event.content_block.to_dict(mode="json"))
            pieces = []
        elif event.type == "content_block_delta":
            delta: Any = event.delta
            if delta.type == "signature_delta":
                blocks[-1]["signature"] = delta.signature
            else:
                pieces.append(
                    getattr(delta, delta.type.removesuffix("_delta"), None) or delta.partial_json
                )
        elif event.type == "content_block_stop":
            _close(blocks[-1], "".join(pieces))
    return {"content": blocks}


def _close(block: dict[str, Any], text: str) -> None:
    import json

    if block["type"] == "tool_use":
        block["input"] = json.loads(text or "{}")
    else:
        block[block["type"]] = text


async def atlas_run(service: RunService) -> None:
    run_id = await service.solve(PROBLEM, RunRequest(max_explores=EXPLORES))
    view = view_of(await service.wait(run_id, 120))
    if view.answer != "153" or len(view.candidates) != EXPLORES:
        raise RuntimeError(f"the run ended otherwise than planned: {view.model_dump_json()}")


async def measure(one: Callable[[], Coroutine[Any, Any, None]], runs: int) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(runs):
            tasks.start_soon(one)
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


async def compare(url: str, *, runs: int, pairs: int, title: str) -> None:
    os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"] = url, API_KEY
    budget = BudgetSettings(prefetch=0, max_parallel=EXPLORES)
    sides: dict[str, list[Spent]] = {"atlas": [], "stream helper": [], "raw events": []}
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), budget=budget, credentials=frozenset({"anthropic"}))
        async with open_service(settings) as service:
            client = anthropic.AsyncAnthropic()
            ways: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "atlas": lambda: atlas_run(service),
                "stream helper": lambda: bare_run(client, raw=False),
                "raw events": lambda: bare_run(client, raw=True),
            }
            for way in ways.values():
                await measure(way, 1)
            collect_seldom()
            gc.collect()
            gc.freeze()
            for _ in range(pairs):
                for name, way in ways.items():
                    sides[name].append(await measure(way, runs))
            await client.close()
    report(title, sides)


def report(title: str, sides: dict[str, list[Spent]]) -> None:
    print(f"\n{title}")
    for name, spent in sides.items():
        wall = statistics.median(one.wall for one in spent)
        cpu = statistics.median(one.cpu for one in spent)
        print(f"  {name:14} wall {wall:7.3f} s   cpu {cpu:7.3f} s")
    for bare in ("stream helper", "raw events"):
        pairs = list(zip(sides["atlas"], sides[bare], strict=True))
        wall = statistics.median(ours.wall / theirs.wall for ours, theirs in pairs)
        cpu = statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)
        print(f"  atlas / {bare:14} wall {wall:.3f}   cpu {cpu:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--many", type=int, default=100, help="runs at once in the second part")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve_until_stdin_closes(options.serve)
        return
    for runs, seconds, pairs in (
        (1, 1.0, options.pairs),
        (options.many, 3.0, min(3, options.pairs)),
    ):
        api = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert api.stdin is not None
        assert api.stdout is not None
        url = api.stdout.readline().strip()
        title = f"{runs} run(s) of {EXPLORES} explores of {seconds:.0f} s, {pairs} pairs"
        anyio.run(lambda: compare(url, runs=runs, pairs=pairs, title=title))  # noqa: B023
        api.stdin.close()
        api.wait()


if __name__ == "__main__":
    main()
