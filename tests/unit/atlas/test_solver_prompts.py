from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.holds import solver_tokens_at_most
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.solver_prompts import solver_request
from tests.support.played_runs import a_model

SCHEMAS = st.sampled_from(
    [
        None,
        {"type": "integer"},
        {"type": "object", "properties": {'a"b\\': {"const": "„x“"}}, "$defs": {"n": True}},
    ]
)


@given(
    text=st.text(max_size=200),
    instruction=st.none() | st.text(max_size=50),
    strategy=st.sampled_from(STRATEGIES),
    schema=SCHEMAS,
    holds=st.booleans(),
    pictures=st.integers(0, 3),
)
def test_the_size_of_a_request_is_known_without_building_it(
    text: str,
    instruction: str | None,
    strategy: str,
    schema: dict[str, object] | None,
    holds: bool,
    pictures: int,
) -> None:
    spec = a_model(schema_mode="strict" if holds else "prompt")
    problem = Problem(text, (Image(url="https://x/p"),) * pictures, schema)
    explore = Explore("s", strategy, instruction=instruction)  # pyright: ignore[reportArgumentType] - drawn from the closed set

    request = solver_request(problem, explore, spec, max_tokens=9, seed=None)

    tokens = solver_tokens_at_most(problem, explore, spec)
    assert tokens == input_tokens_at_most(request, image_tokens=spec.image_tokens)
