"""Arguments are read as they are meant, or refused by name in words that say what is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.config.settings import Settings
from atlas_mcp.server.app import make_server
from atlas_mcp.server.arguments import FOREIGN, read_arguments


def schemas() -> dict[str, dict[str, Any]]:
    async def listed() -> dict[str, dict[str, Any]]:
        server = make_server(Settings(home=Path("/nowhere")))
        return {tool.name: tool.input_schema for tool in await server.list_tools()}

    return anyio.run(listed)


SCHEMAS = schemas()
SOLVE, EXPLORE = SCHEMAS["solve_with_atlas"], SCHEMAS["explore"]
ASKED = {"problem": "Why?"}


@pytest.mark.parametrize("empty", [None, "", {}, []])
@pytest.mark.parametrize("name", [name for name in SOLVE["properties"] if name != "problem"])
@pytest.mark.requirement("TOOL-4")
def test_what_is_empty_is_absent(name: str, empty: object) -> None:
    assert read_arguments({**ASKED, name: empty}, SOLVE) == ASKED


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("solvers", "fast", ["fast"]),
        ("solvers", '["a", "b"]', ["a", "b"]),
        ("solvers", "[not json", ["[not json"]),
        ("images", "data:image/png;base64,AA==", ["data:image/png;base64,AA=="]),
        ("max_explores", "4", 4),
        ("max_explores", 4.0, 4),
        ("max_explores", "4.0", 4),
        ("max_cost_usd", " 0.5 ", 0.5),
        ("max_cost_usd", 1, 1),
        ("answer_schema", '{"type": "integer"}', {"type": "integer"}),
        ("explore_effort", "low", "low"),
    ],
)
def test_a_value_is_read_as_it_is_meant(name: str, given: object, read: object) -> None:
    found = read_arguments({**ASKED, name: given}, SOLVE)[name]

    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize("name", sorted(FOREIGN))
@pytest.mark.requirement("TOOL-6")
def test_what_clients_add_of_their_own_is_left_out(name: str) -> None:
    assert read_arguments({**ASKED, name: "x"}, SOLVE) == ASKED


@pytest.mark.parametrize(
    ("schema", "name", "meant"),
    [
        (SOLVE, "max_cost", "max_cost_usd"),
        (SOLVE, "maxCostUsd", "max_cost_usd"),
        (SOLVE, "effort", "explore_effort"),
        (SOLVE, "max-explores", "max_explores"),
        (SOLVE, "Solvers", "solvers"),
        (SOLVE, "solver", "solvers"),
        (SOLVE, "question", "problem"),
        (SOLVE, "schema", "answer_schema"),
        (SOLVE, "timeout", "time_limit_s"),
        (EXPLORE, "explore_effort", "effort"),
        (EXPLORE, "solvers", "solver"),
        (EXPLORE, "n", "count"),
        (EXPLORE, "instructions", "instruction"),
        (SCHEMAS["get_run"], "id", "run_id"),
        (SCHEMAS["get_run"], "runId", "run_id"),
    ],
)
@pytest.mark.requirement("TOOL-5")
def test_a_near_miss_is_refused_with_the_right_name(
    schema: dict[str, Any], name: str, meant: str
) -> None:
    with pytest.raises(
        ValueError, match=f"^`{name}`: there is no such argument; did you mean `{meant}`"
    ):
        read_arguments({name: "1"}, schema)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({**ASKED, "colour": 1}, "`colour`: there is no such argument; there are problem, images,"),
        ({}, "`problem` is missing; this tool takes problem, images,"),
        ({"problem": ["a"]}, "`problem`: takes a text, not"),
        ({"problem": 42}, "`problem`: takes a text, not 42"),
        ({**ASKED, "images": 1}, "`images`: takes a list of texts, not 1"),
        ({**ASKED, "solvers": [["a"]]}, "`solvers`: takes a list of texts, not"),
        ({**ASKED, "answer_schema": True}, "`answer_schema`: takes a JSON object, not true"),
        ({**ASKED, "answer_schema": "integer"}, "`answer_schema`: takes a JSON object, not 'inte"),
        ({**ASKED, "max_explores": 1.5}, "`max_explores`: takes a whole number, not 1.5"),
        ({**ASKED, "max_explores": "many"}, "`max_explores`: takes a number, not 'many'"),
        ({**ASKED, "max_explores": "1_0"}, "`max_explores`: takes a number, not '1_0'"),
        ({**ASKED, "max_explores": True}, "`max_explores`: takes a number, not true"),
        ({**ASKED, "wait_s": "nan"}, "`wait_s`: takes a finite number"),
        ({**ASKED, "wait_s": float("inf")}, "`wait_s`: takes a finite number"),
        (
            {**ASKED, "explore_effort": "max"},
            "takes one of 'low', 'medium', 'high', not 'max'",
        ),
        ({**ASKED, "x" * 500: 1}, "there is no such argument"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read_arguments(given, SOLVE)

    assert words in str(raised.value)
    assert "pydantic" not in str(raised.value)
    assert len(str(raised.value)) < 500
