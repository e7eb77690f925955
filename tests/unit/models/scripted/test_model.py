"""The model that users can try: what it says depends on the run it plays in, and on no other."""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from atlas_mcp.atlas.commands import RunSolver
from atlas_mcp.atlas.events import Record, RunOpened
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.atlas.workflows.self_refine import SelfRefine
from atlas_mcp.models.scripted.model import Says, Scripted, demo
from tests.support.played_runs import a_run, answers, explores, play


def answer_of(says: Says) -> object:
    return cast("dict[str, Any]", says.text)["answer"]


def test_the_demo_plays_every_run_alike_also_when_several_share_it() -> None:
    run = play(a_run(), explores({"strategy": "adversarial_check"}), answers())
    script = demo().script

    first, second = ([script(call.request) for call in run.calls] for _ in range(2))

    assert first == second
    assert run.order == "ssoso"
    direct, definitions, weighing, check, decision = first
    assert [answer_of(one) for one in (direct, definitions, check)] == ["17", "19", "19"]
    assert [one["strategy"] for one in weighing.explores] == ["adversarial_check"]
    assert (answer_of(decision), decision.explores) == ("19", ())


def test_the_demo_has_a_candidate_for_every_other_strategy() -> None:
    run = play(a_run(), explores({"strategy": "code_trace"}, {"strategy": "decompose"}), answers())
    script = demo().script

    others = [answer_of(script(call.request)) for call in run.solves[2:]]

    assert others == ["19", "19"]


async def test_no_request_is_kept_once_it_is_answered() -> None:
    model = Scripted(lambda request: Says("42"))
    request = ModelRequest(system="", turns=(UserTurn((Text("6 * 7?"),)),), max_tokens=100)
    references = sys.getrefcount(request)

    await model.generate(request)

    assert (model.sent, sys.getrefcount(request)) == (1, references)


def test_the_demo_mends_its_answer_where_a_run_refines() -> None:
    script = demo().script

    def solve(call: RunSolver) -> Outcome:
        text = script(call.request).text
        reply = Reply(AssistantTurn(json.dumps(text)), "end", NO_CHARGE)
        return SelfRefine().read(RunState.fold(opened), call.explore, reply)

    spec = a_run(workflow="self-refine")
    opened = [Record(1, 0.0, RunOpened(Problem("How many?"), spec))]
    run = play(spec, solve=solve)

    assert [call.explore.role for call in run.solves] == ["drafter", "critic", "refiner", "critic"]
    assert (run.end.stop_reason, run.end.answer) == ("decided", "19")
