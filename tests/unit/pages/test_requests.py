"""An id, a number and a truth value are read from a request, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from atlas_mcp.errors import AtlasError, InvalidInput, UnknownRun
from atlas_mcp.pages.answers import BUG
from atlas_mcp.pages.requests import number_of, run_of, truth_of, with_service
from atlas_mcp.runs.service import RunService


def request(query: str = "", **path_params: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "path_params": path_params})


@pytest.mark.parametrize("run_id", ["a", "x3cdmd5j27bert", "A-b_9", "a" * 64])
def test_an_id_of_a_run_is_taken(run_id: str) -> None:
    assert run_of(request(run_id=run_id)) == run_id


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "..",
        ".a",
        "-a",
        "_a",
        "a/b",
        "a\\b",
        "a.html",
        "a b",
        "a\n",
        "a\x00",
        "é",
        "a" * 65,
        "٣",
    ],
)
def test_no_other_text_is_an_id(run_id: str) -> None:
    with pytest.raises(UnknownRun):
        run_of(request(run_id=run_id))


def test_a_number_is_read_and_has_a_default() -> None:
    assert [number_of(request(query), "n") for query in ("n=7", "n=007", "n=", "")] == [7, 7, 0, 0]
    assert number_of(request(), "n", default=50) == 50


@pytest.mark.parametrize("given", ["-1", "1.5", "x", "1e3", "%2B1", "1_0", "٣", "9" * 10, "1%0A"])
def test_no_other_text_is_a_number(given: str) -> None:
    with pytest.raises(InvalidInput, match="`n`"):
        number_of(request(f"n={given}"), "n")


def test_a_truth_value_is_one_of_two_words() -> None:
    assert [truth_of(request(f"live={one}"), "live") for one in ("true", "false", "1", "")] == [
        True, False, None, None
    ]  # fmt: skip


async def test_errors_become_answers() -> None:
    async def ending() -> RunService:
        raise AtlasError("the server is ending")

    async def given() -> Any:
        return None

    async def unknown(_: RunService) -> Response:
        raise UnknownRun("abc")

    async def bug(_: RunService) -> Response:
        raise KeyError("secret")

    answers = [
        await with_service(ending, unknown, in_json=True),
        await with_service(given, unknown, in_json=True),
        await with_service(given, bug, in_json=True),
    ]

    assert [answer.status_code for answer in answers] == [503, 404, 500]
    assert json.loads(bytes(answers[2].body))["error"] == BUG
