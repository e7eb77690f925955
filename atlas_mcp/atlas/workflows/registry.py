"""The workflows by name. A further one is a file beside this one and a line in `WORKFLOWS`.

The names and the summaries are read at the start of a server; a policy is imported when a run first
needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from atlas_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from atlas_mcp.atlas.run_spec import RunSpec
    from atlas_mcp.atlas.workflows.base import Workflow


@dataclass(frozen=True, slots=True)
class Entry:
    """A workflow that can be named.

    Attributes:
        policy: The policy's class, as `MODULE:CLASS` in this folder.
        summary: The work of the policy, in a few words for people and models.
        option: The letter for the part behind the colon of the name; empty where none is taken.
        offered: Whether a caller may ask for it by name.
    """

    policy: str
    summary: str
    option: str = ""
    offered: bool = True

    def build(self, option: str | None) -> Workflow:
        """Return the policy for an option; `None` for no option."""
        module, _, name = self.policy.partition(":")
        kind: type[Workflow] = getattr(import_module(f"{__package__}.{module}"), name)
        return kind.with_option(option)


DEFAULT_WORKFLOW = "atlas"
"""The workflow of a run whose caller names none."""

CLIENT_EXPLORES = "explore"
"""The workflow of the runs that the tool `explore` opens."""

GUARDED = "guarded"
"""The ATLAS loop with help for a weak orchestrator. Chosen when a run is planned, never by name."""

WORKFLOWS: Mapping[str, Entry] = {
    DEFAULT_WORKFLOW: Entry("atlas:Atlas", "an orchestrator explores, stops and synthesizes"),
    GUARDED: Entry(
        "guarded:Guarded", "the ATLAS loop, with help for a weak orchestrator", offered=False
    ),
    CLIENT_EXPLORES: Entry("client_explores:ClientExplores", "a client explores", offered=False),
    "majority": Entry("majority:Majority", "the most common answer of N solvers", "N"),
    "self-refine": Entry(
        "self_refine:SelfRefine",
        "one solver criticises and refines its answer, N rounds at most",
        "N",
    ),
}


def workflow_named(name: str) -> Workflow:
    """Return the workflow called `name`, or `NAME:OPTION`.

    Raises:
        InvalidInput: There is none, or it does not take that option.
    """
    known, colon, option = name.partition(":")
    entry = WORKFLOWS.get(known)
    if entry is None or (colon and not entry.option):
        raise _unknown(name)
    return entry.build(option if colon else None)


@lru_cache(maxsize=64)
def _of_run(name: str) -> Workflow:
    try:
        return workflow_named(name)
    except InvalidInput as error:
        from atlas_mcp.atlas.workflows.unknown import Unknown

        return Unknown(error.rule)


def workflow_of(spec: RunSpec) -> Workflow:
    """Return the workflow that a run was opened with; `Unknown` for one that is not here."""
    return _of_run(spec.workflow)


def workflow_asked_for(name: str | None) -> Workflow:
    """Return the workflow that a caller asks for; the ATLAS loop where none is named.

    Raises:
        InvalidInput: There is none of that name to be asked for.
    """
    name = name or DEFAULT_WORKFLOW
    entry = WORKFLOWS.get(name.partition(":")[0])
    if entry is not None and not entry.offered:
        raise _unknown(name)
    return workflow_named(name)


def choices() -> str:
    """Return the names that a caller can choose from."""
    return ", ".join(_as_typed(name) for name, entry in WORKFLOWS.items() if entry.offered)


def summaries() -> str:
    """Return the workflows that a caller can choose from, each with its summary."""
    return "; ".join(
        f"{_as_typed(name)}{' (default)' if name == DEFAULT_WORKFLOW else ''}: {entry.summary}"
        for name, entry in WORKFLOWS.items()
        if entry.offered
    )


def _as_typed(name: str) -> str:
    option = WORKFLOWS[name].option
    return f"{name}[:{option}]" if option else name


def _unknown(name: str) -> InvalidInput:
    return InvalidInput("workflow", f"there is no workflow {name!r}; there are {choices()}")
