"""A model as a run remembers it: what it can do, apart from where it is."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.messages import Image
from atlas_mcp.atlas.model_spec import Capabilities, ModelSpec, title_of
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.feature_values import SchemaMode


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ("anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"),
        ("local//home/me/models/small.gguf", "local/small.gguf"),
        ("local/C:\\models\\small.gguf", "local/small.gguf"),
        ("openai/meta/llama-4", "openai/meta/llama-4"),
        ("bare", "bare"),
    ],
)
def test_a_model_in_a_file_is_shown_without_its_folder(model: str, title: str) -> None:
    assert title_of(model) == title
    assert ModelSpec(model).title == title


@pytest.mark.parametrize(
    ("mode", "with_tools", "tools", "held"),
    [
        ("strict", True, True, True),
        ("strict", False, True, False),
        ("strict", False, False, True),
        ("json", True, False, False),
        ("prompt", True, False, False),
    ],
)
def test_a_shape_is_held_by_the_endpoint_or_must_be_asked_for(
    mode: SchemaMode,
    with_tools: bool,
    tools: bool,
    held: bool,
) -> None:
    spec = Capabilities(schema_mode=mode, schema_with_tools=with_tools)

    assert spec.holds_schema(tools=tools) is held


def test_a_model_without_eyes_sees_problems_without_pictures_only() -> None:
    shown = Problem("What is it?", (Image(url="https://example.org/a.png"),))

    assert Capabilities(images=True).can_see(shown)
    assert not Capabilities().can_see(shown)
    assert Capabilities().can_see(Problem("What is it?"))


def test_a_model_whose_strings_are_bounded_is_small() -> None:
    assert Capabilities(max_string_chars=2_000).is_small
    assert not Capabilities().is_small


def test_specs_are_told_apart_by_their_endpoints_and_can_be_keys() -> None:
    one, other = (ModelSpec("a/b", endpoint={"base_url": url}) for url in ("x", "y"))

    assert one != other
    assert len({one, other, ModelSpec("a/b", endpoint={"base_url": "x"})}) == 2
