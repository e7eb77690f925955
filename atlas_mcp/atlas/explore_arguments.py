"""The arguments of an explore, read in one place for all that ask for one.

An orchestrator writes them into a tool call, a client into the tool `explore`, a person behind the
command line. Owns their rules and the texts of their errors. The number of explores of a run is
decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS, STRATEGIES, Explore, Strategy
from atlas_mcp.atlas.messages import EFFORTS, Effort
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.storable import in_sentence


@dataclass(frozen=True, slots=True)
class ExploreFault:
    """An argument that breaks a rule, and the rule."""

    argument: str
    rule: str


def parse_explore(
    arguments: Mapping[str, object],
    spec: RunSpec,
    *,
    strategy: Strategy = "direct",
    drops_efforts: bool = False,
) -> Explore | ExploreFault:
    """Return the explore that arguments ask for, or the first fault in them.

    Args:
        arguments: `solver`, `effort`, `strategy` and `instruction`; an absent, null or empty one
            leaves the choice to the run. Others are not looked at.
        spec: The run that the explore belongs to.
        strategy: The strategy where none is named.
        drops_efforts: Whether an effort that the solver does not take is left out. An orchestrator
            is not asked again for it: the explore is as good without.
    """
    try:
        entry = _solver(arguments.get("solver") or None, spec)
        return Explore(
            solver=entry.name,
            strategy=_strategy(arguments.get("strategy") or strategy),
            effort=_effort(arguments.get("effort") or None, entry, drops=drops_efforts),
            instruction=_instruction(arguments.get("instruction") or None),
        )
    except _FaultError as error:
        return error.fault


class _FaultError(Exception):
    """An argument breaks a rule."""

    def __init__(self, argument: str, rule: str) -> None:
        super().__init__(argument, rule)
        self.fault = ExploreFault(argument, rule)


def _solver(wanted: object, spec: RunSpec) -> SolverSpec:
    if wanted is None:
        return spec.solvers[0]
    for entry in spec.solvers:
        if wanted == entry.name:
            return entry
    for left_out in spec.left_out:
        if wanted == left_out.name:
            raise _FaultError(
                "solver", f"{in_sentence(wanted)} is not in this run: {left_out.reason}"
            )
    names = ", ".join(entry.name for entry in spec.solvers)
    raise _FaultError(
        "solver", f"there is no solver {in_sentence(wanted)} in this run; there are {names}"
    )


def _strategy(wanted: object) -> Strategy:
    for strategy in STRATEGIES:
        if wanted == strategy:
            return strategy
    raise _FaultError(
        "strategy", f"there is no strategy {in_sentence(wanted)}; there are {', '.join(STRATEGIES)}"
    )


def _effort(wanted: object, entry: SolverSpec, *, drops: bool) -> Effort | None:
    if wanted is None:
        return None
    accepted = entry.spec.efforts
    for effort in EFFORTS:
        if wanted == effort and effort in accepted:
            return effort
    if wanted not in EFFORTS:
        raise _FaultError(
            "effort", f"there is no effort {in_sentence(wanted)}; there are {', '.join(EFFORTS)}"
        )
    if drops:
        return None
    takes = f"takes {', '.join(accepted)}" if accepted else "takes no effort"
    raise _FaultError("effort", f"is {in_sentence(wanted)}; solver {entry.name!r} {takes}")


def _instruction(wanted: object) -> str | None:
    if wanted is None:
        return None
    if not isinstance(wanted, str):
        raise _FaultError("instruction", "is not a text")
    if len(wanted) > MAX_INSTRUCTION_CHARS:
        raise _FaultError(
            "instruction",
            f"has {len(wanted):,} characters; at most {MAX_INSTRUCTION_CHARS:,} are taken",
        )
    try:
        wanted.encode()
    except UnicodeEncodeError:
        raise _FaultError("instruction", "is not valid Unicode; write it in UTF-8") from None
    return wanted
