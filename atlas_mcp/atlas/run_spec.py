"""The pool of solvers and the settings of one run, as the run remembers them.

A run is opened with a `RunSpec` and keeps it: changing the configuration later changes no run
that is already there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from atlas_mcp.atlas.budget import Budget, ExploreEffort
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.retrying import RetryPolicy


@dataclass(frozen=True, slots=True)
class SolverSpec:
    """A named entry of the pool.

    Attributes:
        name: The name that explores give.
        spec: Its model and settings.
        quota: Explores of one run that may go to it; `None` for no quota of its own.
    """

    name: str
    spec: ModelSpec
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry of the pool that takes no part in a run, and why, in words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunSpec:
    """The settings of one run.

    Attributes:
        workflow: Which policy runs, by its name in `atlas.workflows`.
        orchestrator: The model that owns the loop; `None` where the client is the orchestrator.
        solvers: The pool in use, never empty.
        budget: The limits.
        explore_effort: How much agreement is asked for.
        seed: Base of the seeds for endpoints that sample; `None` for unseeded.
        left_out: Entries of the pool that cannot work on this problem.
        retries: How calls that were not answered are made again.
    """

    workflow: str
    orchestrator: ModelSpec | None
    solvers: tuple[SolverSpec, ...]
    budget: Budget
    explore_effort: ExploreEffort = "low"
    seed: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """Every model that the run may ask: those of its solvers, then the orchestrator's."""
        asked = tuple(entry.spec for entry in self.solvers)
        return asked if self.orchestrator is None else (*asked, self.orchestrator)

    def solver(self, name: str) -> SolverSpec:
        """Return the entry called `name`; a `KeyError` is a bug, names are checked before."""
        for entry in self.solvers:
            if entry.name == name:
                return entry
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least evidence for an answer: explores that have ended, and distinct models of them."""

    explores: int
    models: int


def floor_of(spec: RunSpec) -> Floor:
    """Return the floor that a run's explore effort sets, clipped to what its limits allow.

    Source: the ATLAS paper's exploration efforts (two agreeing candidates; 3 explores and 2
    models; 5 explores and all models).
    """
    models = len({entry.spec.model for entry in spec.solvers})
    quota = sum(
        entry.quota if entry.quota is not None else spec.budget.max_explores
        for entry in spec.solvers
    )
    ceiling = min(spec.budget.max_explores, quota)
    explores, wanted = {"low": (2, 1), "medium": (3, 2), "high": (5, models)}[spec.explore_effort]
    return Floor(explores=min(explores, ceiling), models=min(wanted, models, ceiling))
