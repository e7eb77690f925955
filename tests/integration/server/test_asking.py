"""Questions about runs, asked by clients: waited for, left, stopped, told in text and structure."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.question_prompts import SYSTEM
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import Mode, Session, connected, play, text_of, until

QUESTION = "6 * 7?"
WHY = "Why not 17?"


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


def answering(request: ModelRequest) -> Says:
    if request.system == SYSTEM:
        needs = "A check of step 2." if "What else" in str(request.turns) else None
        return Says({"answer": "It is even.", "cites": [1, 2], "needs_new_evidence": needs})
    return SOLVING(request)


SOLVING = play()


async def answered(session: Session) -> RunView:
    view = await session.view("solve_with_atlas", problem=QUESTION)
    assert view.status == "answered"
    return view


async def test_a_question_is_answered_in_text_and_in_structure(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode, answering) as session:
        run = await answered(session)
        result = await session.call("ask_run", run_id=run.run_id, question=WHY)
        calls = len(session.model.requests)
        again = await session.call("ask_run", run_id=run.run_id, question=f" {WHY} ")
        shown = await session.view("get_run", run_id=run.run_id)

        assert len(session.model.requests) == calls, "its answer is on record"
    text = text_of(result)
    assert text.startswith("Answer: It is even.\nIt rests on explores 1 and 2.\nCost: $0.00")
    assert text == text_of(again)
    view = RunView.model_validate(result.structured_content)
    assert (view.run_id, view.status, view.candidates) == (run.run_id, "answered", [])
    (question,) = json.loads(json.dumps(result.structured_content))["questions"]
    assert question == {
        "number": 1,
        "question": WHY,
        "state": "answered",
        "answer": "It is even.",
        "cites": [1, 2],
        "cost_usd": 0.0,
    }
    assert (shown.answer, shown.status, shown.next) == (run.answer, run.status, run.next)
    assert [one.question for one in shown.questions] == [WHY]


async def test_the_new_evidence_that_it_needs_is_gathered_by_an_instruction(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, answering) as session:
        run = await answered(session)
        asked = await session.call("ask_run", run_id=run.run_id, question="What else?")
        more = await session.view(
            "resume_run", run_id=run.run_id, instruction="Check step 2 by another method."
        )
        told = str(session.model.requests[-1].turns[-1])

    assert "New evidence needed: A check of step 2." in text_of(asked)
    assert f"Call resume_run with run_id='{run.run_id}' and an `instruction`" in text_of(asked)
    assert more.status == "answered"
    assert "Check step 2 by another method." in told


async def test_a_call_whose_time_is_up_says_how_the_answer_is_got(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, answering) as session:
        run = await answered(session)
        session.model.held = {len(session.model.requests)}
        early = await session.call("ask_run", run_id=run.run_id, question=WHY, wait_s=0)
        await until(lambda: session.model.waiting == 1)
        meanwhile = await session.view("get_run", run_id=run.run_id, wait_s=0)
        session.model.gate.set()
        late = await session.call("ask_run", run_id=run.run_id, question=WHY)

    assert "Still being answered" in text_of(early)
    assert "call ask_run with the same question" in text_of(early)
    assert (meanwhile.status, meanwhile.answer) == ("answered", "42")
    assert text_of(late).startswith("Answer: It is even.")


async def test_a_question_whose_client_gives_up_is_stopped_and_its_run_stays(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, answering) as session:
        run = await answered(session)
        session.model.held = {len(session.model.requests)}
        with anyio.move_on_after(30) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_ask, session, run.run_id)
                await until(lambda: session.model.waiting == 1)
                scope.cancel()
        await until(lambda: session.model.aborted == 1)
        service = await session.host.service()
        after = await service.wait(run.run_id, 5)

    assert (after.status, after.state.stop_cause) == ("answered", None)
    assert after.state.questions[1].may_be_posed_again


async def _ask(session: Session, run_id: str) -> None:
    await session.client.call_tool("ask_run", {"run_id": run_id, "question": WHY})


async def test_what_cannot_be_asked_is_refused_by_name(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode, answering) as session:
        session.model.held = {0, 1}
        going = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
        refused = await session.call("ask_run", run_id=going.run_id, question=WHY)
        unknown = await session.call("ask_run", run_id="nosuchrun12345", question=WHY)
        empty = await session.call("ask_run", run_id=going.run_id, question="  ")
        session.model.gate.set()

    assert refused.is_error
    assert "still going" in text_of(refused)
    assert unknown.is_error
    assert "no run has the id" in text_of(unknown)
    assert empty.is_error
