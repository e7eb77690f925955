"""A question at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas_mcp.cli.questions import follow_question
from tests.support.asked_worlds import AskedWorld


async def test_the_answer_is_data_and_all_else_is_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = AskedWorld(tmp_path, needs="A check of step 2.")
    async with world.service() as service:
        run_id = await world.answered(service)
        number = await service.ask(run_id, "Why not 17?")
        code = await follow_question(service, run_id, number, as_json=False)

    out, err = capsys.readouterr()
    assert (code, out) == (0, "It fails in step 2.\n")
    for text in ("explore 1", "A check of step 2.", f"runs resume {run_id} --instruction", "$0"):
        assert text in err


async def test_as_json_the_whole_run_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = AskedWorld(tmp_path)
    async with world.service() as service:
        run_id = await world.answered(service)
        number = await service.ask(run_id, "Why not 17?")
        assert await follow_question(service, run_id, number, as_json=True) == 0

    view = json.loads(capsys.readouterr().out)
    assert view["questions"][0]["answer"] == "It fails in step 2."
    assert view["status"] == "answered"


async def test_a_question_without_an_answer_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = AskedWorld(tmp_path, seconds=9.0)
    async with world.service() as service:
        run_id = await world.answered(service)
        number = await service.ask(run_id, "Why not 17?")
        await service.cancel(run_id)
        assert await follow_question(service, run_id, number, as_json=False) == 1

    assert "was not answered: cancelled" in capsys.readouterr().err
