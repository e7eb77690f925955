from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.holds import solver_tokens_at_most
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.solver_prompts import solver_request
from tests.support.played_runs import a_model, text_of

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
    small=st.booleans(),
)
def test_the_size_of_a_request_is_known_without_building_it(
    text: str,
    instruction: str | None,
    strategy: str,
    schema: dict[str, object] | None,
    holds: bool,
    pictures: int,
    small: bool,
) -> None:
    spec = a_model(schema_mode="strict" if holds else "prompt")
    spec = replace(spec, max_string_chars=600) if small else spec
    problem = Problem(text, (Image(url="https://x/p"),) * pictures, schema)
    explore = Explore("s", strategy, instruction=instruction)  # pyright: ignore[reportArgumentType] - drawn from the closed set

    request = solver_request(problem, explore, spec, max_tokens=9, seed=None)

    tokens = solver_tokens_at_most(problem, explore, spec)
    assert tokens == input_tokens_at_most(request, image_tokens=spec.image_tokens)


def test_a_small_model_gets_a_short_prompt_that_ends_with_the_rules_it_forgets() -> None:
    small = replace(a_model(), max_string_chars=600)

    request = solver_request(Problem("Wie viele?"), Explore("s"), small, max_tokens=9, seed=None)

    assert request.system == snapshot("""\
Solve the problem on your own. Read every condition, work step by step, and check the result.

Reply with one JSON object:
- approach: the method, in one sentence.
- justification: the steps one by one, each with its own result, up to the answer.
- answer: the result alone, such as a number, a name or a letter. Not a sentence.
- confidence_percent: how likely the answer is right, 0 to 100.

Antworte auf Deutsch, in jedem Feld.\
""")
    assert text_of(request.turns[0]) == snapshot("""\
<problem>
Wie viele?
</problem>
How to approach it: Solve it step by step, in the way you find most natural.

As the answer write the result alone. Antworte auf Deutsch, in jedem Feld.\
""")
