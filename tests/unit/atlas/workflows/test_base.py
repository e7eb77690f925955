"""The smallest workflow that can be written: what it inherits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typing_extensions import override

from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.explore import Candidate, Explore
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_endings import cancelled
from atlas_mcp.atlas.solver_prompts import solver_request
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.base import Workflow
from tests.support.played_runs import a_run, play, reply

REPLY = {"answer": "42", "justification": "So.", "approach": "Sums.", "confidence_percent": 90}


class Smallest(Workflow):
    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        return (Note(cancelled()),)


def test_it_asks_no_orchestrator_and_leaves_the_explores_to_the_budget() -> None:
    workflow = Smallest.with_option(None)

    assert (workflow.orchestrated, workflow.gathers, workflow.explores) == (False, False, None)


def test_its_explores_are_those_of_solvers_on_the_problem_alone() -> None:
    state = play(a_run()).state
    spec = state.spec.solvers[0].spec
    explore = Explore("s")

    request = Smallest().request(state, explore, spec, max_tokens=99, seed=3)

    assert request == solver_request(state.problem, explore, spec, max_tokens=99, seed=3)


class Longer(Smallest):
    @override
    def request(
        self,
        state: RunState,
        explore: Explore,
        spec: ModelSpec,
        *,
        max_tokens: int,
        seed: int | None,
    ) -> ModelRequest:
        asked = super().request(state, explore, spec, max_tokens=max_tokens, seed=seed)
        return replace(asked, system=asked.system * 9)


@pytest.mark.parametrize("workflow", [Smallest(), Longer()])
def test_the_bound_of_a_request_counts_all_of_it(workflow: Workflow) -> None:
    state = play(a_run()).state
    spec = state.spec.solvers[0].spec

    request = workflow.request(state, Explore("s"), spec, max_tokens=99, seed=3)

    assert workflow.input_tokens_at_most(state, Explore("s"), spec) == input_tokens_at_most(request)


def test_its_replies_are_read_as_candidates() -> None:
    outcome = Smallest().read(play(a_run()).state, Explore("s"), reply(json.dumps(REPLY)))

    assert isinstance(outcome, Candidate)
    assert (outcome.answer, outcome.confidence) == ("42", 0.9)
