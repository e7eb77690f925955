"""The workflows by name. A further one is a file beside this one and a line in `WORKFLOWS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.workflows.atlas import Atlas
from atlas_mcp.atlas.workflows.base import Workflow
from atlas_mcp.atlas.workflows.client_explores import ClientExplores
from atlas_mcp.atlas.workflows.majority import Majority
from atlas_mcp.atlas.workflows.self_refine import SelfRefine
from atlas_mcp.errors import InvalidInput

DEFAULT_WORKFLOW = Atlas.name

WORKFLOWS: Mapping[str, Callable[[str | None], Workflow]] = {
    Atlas.name: lambda option: Atlas(),
    ClientExplores.name: lambda option: ClientExplores(),
    Majority.name: Majority.with_option,
    SelfRefine.name: SelfRefine.with_option,
}
"""From a name to the workflow, given what stands behind the colon of `NAME:OPTION`, if anything."""

_WITH_OPTION = frozenset({Majority.name, SelfRefine.name})


def workflow_named(name: str) -> Workflow:
    """Return the workflow called `name`, or `NAME:OPTION`.

    Raises:
        InvalidInput: There is none, or it does not take that option.
    """
    known, colon, option = name.partition(":")
    make = WORKFLOWS.get(known)
    if make is None or (colon and known not in _WITH_OPTION):
        raise InvalidInput("workflow", f"there is no workflow {name!r}; there are {choices()}")
    return make(option if colon else None)


@lru_cache(maxsize=64)
def _of_run(name: str) -> Workflow:
    return workflow_named(name)


def workflow_of(spec: RunSpec) -> Workflow:
    """Return the workflow of a run that was opened with it."""
    return _of_run(spec.workflow)


def chosen(name: str | None) -> Workflow:
    """Return the workflow that a caller asks for; the ATLAS loop where none is named.

    Raises:
        InvalidInput: There is none of that name to be asked for.
    """
    workflow = workflow_named(name or DEFAULT_WORKFLOW)
    if workflow.client_decides:
        raise InvalidInput("workflow", f"there is no workflow {name!r}; there are {choices()}")
    return workflow


def choices() -> str:
    """Return the names that a caller can choose from, in words."""
    named = [(name, make(None)) for name, make in WORKFLOWS.items()]
    return ", ".join(
        f"{name}[:N]" if name in _WITH_OPTION else name
        for name, workflow in named
        if not workflow.client_decides
    )
