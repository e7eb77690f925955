"""The endpoint of a model, as its spec carries it and the core records it."""

from __future__ import annotations

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.models.endpoint import Endpoint, endpoint_of, with_endpoint

HERE = "http://127.0.0.1:8000/v1"


def test_an_endpoint_records_only_fields_that_are_not_as_usual() -> None:
    assert Endpoint().record() == {}
    assert Endpoint(base_url=HERE, system_role=False).record() == {
        "base_url": HERE,
        "system_role": False,
    }


def test_a_field_of_an_endpoint_that_this_version_does_not_know_is_ignored() -> None:
    spec = ModelSpec("openai/m", endpoint={"base_url": HERE, "tenant": "t"})

    assert endpoint_of(spec) == Endpoint(base_url=HERE)


def test_a_changed_field_leaves_the_others_and_the_rest_of_the_spec() -> None:
    spec = ModelSpec("openai/m", images=True, endpoint={"base_url": HERE})

    changed = with_endpoint(spec, echo_reasoning="never")

    assert endpoint_of(changed) == Endpoint(base_url=HERE, echo_reasoning="never")
    assert (changed.model, changed.images) == ("openai/m", True)
