"""A request to an embedded model, and the features that it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_mcp.atlas.messages import AssistantTurn, Image, ModelRequest, Text, Tool, UserTurn
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.embedded.params import DEFAULT_TEMPERATURE, embedded_params

ASK = ModelRequest("Be brief.", (UserTurn((Text("a"), Text("b"))),), max_tokens=10)

EXPLORE = Tool("explore", "explores", {"type": "object"})


def test_turns_are_told_in_their_order_with_the_system_prompt_before_them() -> None:
    request = replace(ASK, turns=(*ASK.turns, AssistantTurn("c"), UserTurn((Text("d"),))))

    assert embedded_params("local/x", request)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a\n\nb"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]


def test_a_schema_and_a_seed_go_along_where_there_are_any() -> None:
    plain = embedded_params("local/x", ASK)
    shaped = embedded_params(
        "local/x", replace(ASK, schema={"type": "object"}, seed=2**32 + 5, temperature=0.0)
    )

    assert plain["temperature"] == DEFAULT_TEMPERATURE
    assert not {"seed", "response_format"} & plain.keys()
    assert (shaped["seed"], shaped["temperature"]) == (5, 0.0)
    assert shaped["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_tools_without_a_schema_and_pictures_are_refused_by_name() -> None:
    picture = replace(ASK, turns=(UserTurn((Image("image/png", "aaaa"),)),))

    with pytest.raises(ModelRejected, match="have no tools"):
        embedded_params("local/x", replace(ASK, tools=(EXPLORE,)))
    with pytest.raises(ModelRejected, match="cannot see images"):
        embedded_params("local/x", picture)
    assert embedded_params("local/x", replace(ASK, tools=(EXPLORE,), schema={"type": "object"}))
