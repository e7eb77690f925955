"""The reply to any call is in the journal before it is read, and its run goes on."""

from __future__ import annotations

import math
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from atlas_mcp.atlas.calls import NoReply
from atlas_mcp.atlas.events import OrchestratorReplied, SolverFinished, SolverReplied
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows import base as workflow_base
from atlas_mcp.atlas.workflows.atlas import Atlas
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ModelUnavailable
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.drawing import draws
from tests.support.strange_replies import (
    BOSSES,
    CANDIDATE,
    SCHEMAS,
    SOLVERS,
    SYNTHESIS,
    nested_text,
    usual,
)

QUESTION = Problem("How many?")
ONCE = RetryPolicy(attempts=1)

Arrives: TypeAlias = Callable[[ModelRequest], Any]
"""From a request to what the adapter hands over; what it raises is raised."""


@dataclass
class Handed(Model):
    """An adapter that hands over whatever it is told to."""

    arrives: Arrives
    requests: list[ModelRequest] = field(default_factory=list[ModelRequest])

    @property
    @override
    def name(self) -> str:
        return "anthropic/claude-sonnet-5-5"

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.requests.append(request)
        return self.arrives(request)

    @override
    async def aclose(self) -> None:
        """Nothing is held."""


def service_with(home: Path, model: Handed) -> Any:
    entry = SolverSettings(model=model.name)
    configured = Settings(home=home, solvers={"s": entry}, credentials=frozenset({"anthropic"}))
    pool = Pool(configured, {model.name: model})
    return open_service(configured, pool=pool, retries=ONCE)


def in_turn(solvers: list[Any], bosses: list[Any]) -> Arrives:
    """Return a responder that gives these one after the other, and then usual replies."""
    solving, deciding = iter(solvers), iter(bosses)

    def arrives(request: ModelRequest) -> Any:
        one: Any = (
            next(deciding, usual(SYNTHESIS)) if request.tools else next(solving, usual(CANDIDATE))
        )
        if isinstance(one, NoReply):
            raise ModelUnavailable("m", one.message, charge=one.charge, complete=False)
        if isinstance(one, bytes):
            raise TypeError(one)
        return one

    return arrives


async def solved(service: RunService, problem: Problem, **wish: Any) -> tuple[str, RunView]:
    with anyio.fail_after(30):
        run_id = await service.solve(problem, RunRequest(**wish))
        view = view_of(await service.wait(run_id, math.inf))
    return run_id, view


@pytest.mark.timeout(3_000)
@settings(max_examples=draws(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SOLVERS, min_size=1, max_size=3), st.lists(BOSSES, min_size=1, max_size=2), SCHEMAS)
@pytest.mark.requirement("PAID-1")
def test_a_journal_keeps_any_replies_and_its_run_is_shown_exported_and_resumed(
    solvers: list[Any], bosses: list[Any], schema: Any
) -> None:
    problem = Problem("How many?", answer_schema=schema)

    async def live(home: Path) -> tuple[str, RunState]:
        async with service_with(home, Handed(in_turn(solvers, bosses))) as service:
            run_id, view = await solved(service, problem, max_explores=3, max_cost_usd=5)
            records = await service.read(run_id)
        assert view.status in ("answered", "failed")
        state = RunState.fold(records)
        assert view.candidates
        assert RunView.model_validate_json(view.model_dump_json()).run_id == run_id
        lines = "\n".join(write_archive(run_id, records))
        assert read_archive(lines, "r.jsonl") == (run_id, records)
        return run_id, state

    async def resumed(home: Path, run_id: str, before: RunState) -> None:
        model = Handed(in_turn([], []))
        async with service_with(home, model) as service:
            await service.resume(run_id, max_explores=5, max_cost_usd=10)
            with anyio.fail_after(30):
                view = view_of(await service.wait(run_id, math.inf))
            state = await service.state(run_id)
        assert view.status in ("answered", "failed")
        # What was replied is there as it was, and was not asked for again.
        for explore in before.done:
            if explore.reply is not None:
                assert state.explores[explore.id].reply == explore.reply
        again = [request for request in model.requests if not request.tools]
        replied = [one for one in before.done if one.reply is not None]
        assert len(again) <= len(state.done) - len(replied)

    with tempfile.TemporaryDirectory() as folder:
        run_id, state = anyio.run(live, Path(folder))
        anyio.run(resumed, Path(folder), run_id, state)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def stored(home: Path, kind: str) -> int:
    """Return how many records of a kind another process would find."""
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        query = "SELECT count(*) FROM events WHERE body LIKE ?"
        return connection.execute(query, (f'%"type":"{kind}"}}',)).fetchone()[0]
    finally:
        connection.close()


@pytest.mark.may_block("the test looks into the file where a reply is read")
@pytest.mark.parametrize("schema", [None, {"type": "string"}], ids=["here", "in a thread"])
async def test_a_reply_is_on_disk_before_it_is_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, schema: Any
) -> None:
    reading: list[tuple[int, int]] = []
    threads: set[int] = set()
    really = workflow_base.read_candidate

    def read(reply: Reply, answer_schema: Any) -> Outcome:
        reading.append((stored(home, "solver_replied"), stored(home, "solver_finished")))
        threads.add(threading.get_ident())
        return really(reply, answer_schema)

    monkeypatch.setattr(workflow_base, "read_candidate", read)
    async with service_with(home, Handed(in_turn([], []))) as service:
        _, view = await solved(service, Problem("How many?", answer_schema=schema))

    assert view.status == "answered"
    assert reading
    assert all(replied > read_before for replied, read_before in reading)
    # What may take long is not read on the event loop.
    assert (threading.get_ident() in threads) == (schema is None)


async def test_a_bug_in_reading_a_reply_costs_its_candidate_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really = workflow_base.read_candidate
    seen: Iterator[int] = iter(range(100))

    def read(reply: Reply, answer_schema: Any) -> Outcome:
        if next(seen) == 0:
            raise ZeroDivisionError("a bug")
        return really(reply, answer_schema)

    monkeypatch.setattr(workflow_base, "read_candidate", read)
    async with service_with(home, Handed(in_turn([], []))) as service:
        run_id, view = await solved(service, QUESTION)
        records = await service.read(run_id)

    failed = next(one for one in view.candidates if one.status == "failed")
    assert view.status == "answered"
    assert failed.error == (
        "malformed: the reply could not be read because of a fault in atlas-mcp "
        "(ZeroDivisionError); it is on record"
    )
    assert failed.usage is not None
    assert (failed.usage.output_tokens, failed.cost_usd) == (50, Decimal("0.0007"))
    replied = [r.event for r in records if isinstance(r.event, SolverReplied)]
    assert all('"answer": "42"' in event.reply.text for event in replied)
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_a_bug_in_deciding_ends_the_run_with_its_evidence_and_the_reply_on_record(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def decided(*_: object) -> Any:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(Atlas, "decide", decided)
        async with service_with(home, Handed(in_turn([], []))) as service:
            run_id, view = await solved(service, QUESTION)
            records = await service.read(run_id)

    # Two candidates agree: that is handed over, with a warning.
    assert (view.status, view.answer) == ("answered", "42")
    assert "could not be read because of a fault in atlas-mcp" in view.agreement.warnings[0]
    assert [r for r in records if isinstance(r.event, OrchestratorReplied)]
    assert "ZeroDivisionError: a bug" in caplog.text
    assert len([r for r in records if isinstance(r.event, SolverFinished)]) == 2


async def test_an_adapter_that_raises_what_nobody_expects_costs_one_candidate_up_to_its_hold(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = Handed(in_turn([b"'NoneType' object is not subscriptable"], []))
    async with service_with(home, model) as service:
        run_id, view = await solved(service, QUESTION, max_explores=3)
        state = await service.state(run_id)

    failed = next(one for one in view.candidates if one.status == "failed")
    assert view.status == "answered"
    assert failed.error == (
        "malformed: the call failed in a way that is not foreseen (TypeError); the log says where"
    )
    # It may have been billed, so all that was held for it counts as gone.
    assert state.ledger.uncertain > Decimal("0.1")
    assert not state.ledger.held
    assert "object is not subscriptable" in caplog.text


async def test_a_call_that_was_not_foreseen_is_not_paid_for_again(home: Path) -> None:
    async with service_with(home, Handed(in_turn([b"strange"], []))) as service:
        run_id, before = await solved(service, QUESTION, max_explores=2)

    model = Handed(in_turn([], []))
    async with service_with(home, model) as service:
        await service.resume(run_id, max_explores=4)
        with anyio.fail_after(30):
            view = view_of(await service.wait(run_id, math.inf))

    assert sorted(one.status for one in before.candidates) == ["failed", "ok"]
    assert view.candidates[:2] == before.candidates
    assert len([one for one in model.requests if not one.tools]) == len(view.candidates) - 2


async def test_a_reply_that_was_not_read_before_its_process_died_is_read_by_the_next(
    home: Path,
) -> None:
    async with service_with(home, Handed(in_turn([], []))) as service:
        run_id, _ = await solved(service, QUESTION)
        records = await service.read(run_id)
    first = next(r.seq for r in records if isinstance(r.event, SolverReplied))
    connection = sqlite3.connect(home / FILE_NAME)
    with connection:
        connection.execute("DELETE FROM events WHERE seq > ?", (first,))
        connection.execute("UPDATE runs SET status = 'running'")
    connection.close()

    model = Handed(in_turn([], []))
    async with service_with(home, model) as service:
        before = await service.state(run_id)
        await service.resume(run_id)
        with anyio.fail_after(30):
            view = view_of(await service.wait(run_id, math.inf))

    assert len(before.unread) == 1
    assert not before.done
    assert (view.status, len(view.candidates)) == ("answered", 2)
    assert len([one for one in model.requests if not one.tools]) == 1


DEEP = nested_text(300)


@pytest.mark.parametrize(
    ("answer", "schema", "says"),
    [
        (DEEP, {}, "nested deeper than 100 levels"),
        ("1" + "0" * 400, {"maximum": 0.5}, "does not fit"),
        ('"x"', {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/nowhere"}]}, "does not fit"),
        ("NaN", {"type": "number"}, "does not fit"),
    ],
    ids=["deep", "large", "nowhere", "nan"],
)
async def test_an_answer_that_cannot_be_checked_or_kept_is_a_failed_candidate_with_its_cost(
    home: Path, answer: str, schema: Any, says: str
) -> None:
    strange = usual({**CANDIDATE, "answer": answer})
    give_up = usual({**SYNTHESIS, "supported": "false", "answer": "null"})
    async with service_with(home, Handed(in_turn([strange] * 9, [give_up] * 9))) as service:
        _, view = await solved(service, Problem("How many?", answer_schema=schema), max_explores=2)

    assert [one.status for one in view.candidates] == ["failed", "failed"]
    for one in view.candidates:
        assert says in str(one.error)
        assert one.cost_usd == Decimal("0.0007")
        assert one.usage is not None
        assert one.usage.input_tokens == 100
