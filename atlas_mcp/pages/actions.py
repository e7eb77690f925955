"""The actions of a page: what each takes, and the call of the service that it stands for.

An action is carried out also if its browser goes meanwhile: a person has asked for it, and runs
belong to the service. What it may cost is bounded by the run's own limits, and by the day's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.runs.request import RunRequest

if TYPE_CHECKING:
    from atlas_mcp.pages.bodies import Kind
    from atlas_mcp.pages.promises import Promises
    from atlas_mcp.runs.service import RunService

Fields: TypeAlias = Mapping[str, Any]
"""The fields of a body, each of its kind."""

Outcome: TypeAlias = Mapping[str, Any]
"""What a page is told of an action, as JSON."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a page may do about a run.

    Attributes:
        fields: What its body may have.
        carry_out: Does it.
    """

    fields: Mapping[str, Kind]
    carry_out: Callable[[ActionRequest], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """An action that a page asks for.

    Attributes:
        service: Has the run.
        promises: Notes that the run goes on for a page.
        run_id: The run.
        fields: The fields of the request.
    """

    service: RunService
    promises: Promises
    run_id: str
    fields: Fields


async def _cancel(asked: ActionRequest) -> Outcome:
    run = await asked.service.cancel(asked.run_id)
    await asked.promises.fulfil(asked.service, asked.run_id)
    return {"status": run.status}


async def _resume(asked: ActionRequest) -> Outcome:
    call = await asked.service.joining.resume(asked.run_id, **asked.fields)
    if call is not None:
        await asked.promises.make(asked.service, call.caller)
    return {"goes_on": call is not None}


async def _explore(asked: ActionRequest) -> Outcome:
    explores = ExploreRequest(**asked.fields)
    call = await asked.service.joining.explore(None, RunRequest(), explores, run_id=asked.run_id)
    await asked.promises.make(asked.service, call.caller)
    return {"count": explores.count}


async def _ask(asked: ActionRequest) -> Outcome:
    question, cap = asked.fields.get("question", ""), asked.fields.get("max_cost_usd")
    call = await asked.service.joining.ask(asked.run_id, question, max_cost_usd=cap)
    await asked.promises.make(asked.service, call.run.caller)
    return {"number": call.number}


ACTIONS: Mapping[str, Action] = {
    "cancel": Action({}, _cancel),
    "resume": Action(
        {"max_explores": "whole number", "max_cost_usd": "number", "instruction": "text"},
        _resume,
    ),
    "explore": Action(
        {
            "count": "whole number",
            "solver": "text",
            "effort": "text",
            "strategy": "text",
            "instruction": "text",
        },
        _explore,
    ),
    "ask": Action({"question": "text", "max_cost_usd": "number"}, _ask),
}
"""The actions, by the last part of their addresses."""
