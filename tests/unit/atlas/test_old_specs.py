"""Specs as older versions recorded them are read in today's shape."""

from __future__ import annotations

import json
from typing import Any

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import RunOpened
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.old_specs import MOVED, with_endpoints
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.models.endpoint import Endpoint, endpoint_of

HERE = "http://127.0.0.1:8000/v1"


def opened(orchestrator: ModelSpec | None, solver: ModelSpec) -> dict[str, Any]:
    """Return the record of a run's opening, as version 2 wrote it."""
    spec = RunSpec("atlas", orchestrator, (SolverSpec("s", solver),), Budget())
    body = json.loads(encode_event(RunOpened(make_problem("q"), spec, version=2)))
    for one in (
        body["spec"]["orchestrator"],
        *(entry["spec"] for entry in body["spec"]["solvers"]),
    ):
        if one is not None:
            endpoint = one.pop("endpoint")
            one.update({name: endpoint.get(name) for name in MOVED})
    return body


def test_the_endpoint_of_an_old_spec_is_where_todays_code_looks_for_it() -> None:
    told = Endpoint(HERE, "MY_KEY", "max_completion_tokens", stream_options=False)
    old = opened(None, ModelSpec("openai/m", endpoint=told.record()))

    event = decode_event(json.dumps(old))

    assert isinstance(event, RunOpened)
    assert event.spec.orchestrator is None
    assert endpoint_of(event.spec.solver("s").spec) == told


def test_the_context_of_an_old_embedded_model_is_kept() -> None:
    old = opened(None, ModelSpec("local/m", endpoint={"context_tokens": 4_096}))

    event = decode_event(json.dumps(old))

    assert isinstance(event, RunOpened)
    assert event.spec.solver("s").spec.endpoint == {"context_tokens": 4_096}


def test_the_orchestrator_has_its_endpoint_too() -> None:
    model = ModelSpec("openai/m", endpoint={"base_url": HERE})

    event = decode_event(json.dumps(opened(model, model)))

    assert isinstance(event, RunOpened)
    assert event.spec.orchestrator == model


def test_other_records_are_left_alone() -> None:
    body = {"type": "run_cancelled", "spec": 1}

    assert with_endpoints(body) is body


def test_an_endpoint_records_only_fields_that_are_not_as_usual() -> None:
    assert Endpoint().record() == {}
    assert Endpoint(base_url=HERE, system_role=False).record() == {
        "base_url": HERE,
        "system_role": False,
    }


def test_a_field_of_an_endpoint_that_this_version_does_not_know_is_ignored() -> None:
    spec = ModelSpec("openai/m", endpoint={"base_url": HERE, "tenant": "t"})

    assert endpoint_of(spec) == Endpoint(base_url=HERE)
