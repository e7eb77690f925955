"""A process that loads all that runs need, and then says what is loaded or opened all the same.

It is run by its path, and imports nothing but the package: no test helper that would load more. Its
arguments are the folders to watch. It says that it is ready, takes one question a line of its input
as JSON, and answers each with a line.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import sys
from dataclasses import replace
from typing import Any

import anyio
import anyio.to_thread

from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.driver.preloading import preload
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of

WATCHED = tuple(sys.argv[1:])

NEEDLESS = {
    *("mcp", "starlette", "uvicorn", "click", "rich", "jsonschema", "xllamacpp"),
    *("atlas_mcp.cli", "atlas_mcp.program", "atlas_mcp.server", "atlas_mcp.testing"),
}
"""Modules that no run needs, and that take up memory."""

late: list[str] = []
"""The modules imported, and the files opened, since all was loaded."""


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "import":
        frame, importers = inspect.currentframe(), list[str]()
        while frame is not None and len(importers) < 3:
            if frame.f_code.co_filename != __file__ and "importlib" not in frame.f_code.co_filename:
                importers.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            frame = frame.f_back
        late.append(f"imported {arguments[0]} by {' < '.join(importers)}")
    elif event == "open" and isinstance(arguments[0], str | bytes):
        path = os.fsdecode(arguments[0])
        if path.startswith(WATCHED):
            late.append(f"opened {path}")


async def answered(service: RunService, asked: dict[str, Any]) -> dict[str, Any]:
    problem = make_problem(asked["problem"], answer_schema=asked.get("schema"))
    images = tuple(Image(**image) for image in asked.get("images", ()))
    request = RunRequest(**asked.get("request", {}))
    run_id = await service.solve(replace(problem, images=images), request)
    view = view_of(await service.wait(run_id, math.inf))
    candidates = [[one.solver, one.status] for one in view.candidates]
    return {"status": view.status, "answer": view.answer, "candidates": candidates}


async def main() -> None:
    settings = load_settings(os.environ)
    await anyio.to_thread.run_sync(preload, Pool(settings).libraries())
    say({"ready": True})
    assert sys.stdin.readline() == "go on\n"
    sys.addaudithook(note)
    retries = RetryPolicy(attempts=2, first_delay=0, longest_delay=0)
    async with open_service(settings, retries=retries) as service:
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            say(await answered(service, json.loads(line)))
    say({"late": late, "needless": sorted(NEEDLESS & sys.modules.keys())})


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


anyio.run(main)
