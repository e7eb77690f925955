"""The explores that a client asks for; their rules are checked here, before money is spent.

Pure: it works on the settings and the state of a run, and reads nothing else.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from atlas_mcp.atlas.events import ExploresPlanned, Planned
from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.explore_arguments import ExploreFault, parse_explore
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import check_carries_on
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState, quota_used
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.errors import InvalidInput

MAX_COUNT = 20
"""Explores of one `explore` call. Source: the largest quota of the ATLAS paper."""

_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\xb4`\uff07\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\uff02\xab\xbb", '"'),
        **dict.fromkeys("\u300c\u300d\u300e\u300f", '"'),
        # Invisible characters.
        **dict.fromkeys("\ufeff\u200b\u2060\xad", None),
    }
)
"""Quotation marks, each as the one that keyboards have."""


@dataclass(frozen=True, slots=True)
class ExploreRequest:
    """The explores that a client asks for; `None` leaves the choice to the run."""

    solver: str | None = None
    effort: str | None = None
    strategy: str | None = None
    instruction: str | None = None
    count: int = 1


def explores_of(request: ExploreRequest, spec: RunSpec, *, first: int = 0) -> tuple[Explore, ...]:
    """Return the explores that a client asks for, each with another strategy if none is named.

    Args:
        request: The request.
        spec: The run they belong to; its first solver is asked where none is named.
        first: How many the run has had, so that the strategies go on where they were.

    Raises:
        InvalidInput: An argument breaks a rule.
    """
    check_count(request.count)
    arguments = {
        "solver": request.solver,
        "effort": request.effort,
        "strategy": request.strategy,
        "instruction": request.instruction,
    }
    explores: list[Explore] = []
    for number in range(first, first + request.count):
        explore = parse_explore(arguments, spec, strategy=STRATEGIES[number % len(STRATEGIES)])
        if isinstance(explore, ExploreFault):
            raise InvalidInput(explore.argument, explore.rule)
        explores.append(explore)
    return tuple(explores)


def check_same_problem(state: RunState, problem: Problem | None, run_id: str) -> None:
    """Refuse explores under a run that is about something else.

    Models repeat a problem with other white space and other quotation marks.

    Raises:
        InvalidInput: An argument differs from the run's, or the run's own is lost.
    """
    check_carries_on(state)
    workflow_of(state.spec).check_further_explores(run_id)
    if problem is None:
        return
    if _compared(problem.text) != _compared(state.problem.text):
        raise InvalidInput(
            "problem",
            f"is not the problem of run {run_id!r}; repeat it word for word, or leave it out",
        )
    if problem.images not in ((), state.problem.images):
        raise InvalidInput(
            "images", f"are not those of run {run_id!r}; leave them out to keep the run's"
        )
    if problem.answer_schema not in (None, state.problem.answer_schema):
        raise InvalidInput(
            "answer_schema", f"is not that of run {run_id!r}; leave it out to keep the run's"
        )


def _compared(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_QUOTES).split())


def plan_client_explores(
    spec: RunSpec, request: ExploreRequest, state: RunState | None = None
) -> ExploresPlanned:
    """Return the explores that a client asks for, under a run that it has or is about to open.

    Raises:
        InvalidInput: An argument breaks a rule, or their solver's quota.
    """
    used = 0 if state is None else len(state.explores)
    last = 0 if state is None else max(state.explores, default=0)
    explores = explores_of(request, spec, first=used)
    entry = spec.solver(explores[0].solver)
    had = 0 if state is None else quota_used(state, entry.name)
    if entry.quota is not None and had + len(explores) > entry.quota:
        raise InvalidInput(
            "count",
            f"is {request.count}; solver {entry.name!r} has {max(0, entry.quota - had)} of its "
            f"{entry.quota} explores of one run left; name another solver for more",
        )
    return ExploresPlanned(
        "client", tuple(Planned(last + i, explore) for i, explore in enumerate(explores, start=1))
    )


def plan_further(
    state: RunState, problem: Problem | None, request: ExploreRequest, run_id: str
) -> ExploresPlanned:
    """Return the explores to add to a run as it is now.

    Args:
        state: The run.
        problem: The problem as the client repeats it; `None` if it does not.
        request: The explores.
        run_id: The run's id, for the errors.

    Raises:
        InvalidInput: The run is about something else or takes no more explores, or an argument
            breaks a rule.
    """
    check_same_problem(state, problem, run_id)
    left = state.explores_left
    if request.count > left:
        raise InvalidInput("count", f"is {request.count}; run {run_id!r} has {left} left")
    return plan_client_explores(state.spec, request, state)


def check_count(count: int) -> None:
    """Refuse a number of explores that one call cannot have.

    Raises:
        InvalidInput: It is too small or too large.
    """
    if not 1 <= count <= MAX_COUNT:
        raise InvalidInput("count", f"is {count}; it takes 1 to {MAX_COUNT}")
