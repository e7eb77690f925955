"""Records that do not fit, because a record before them is lost or they are damaged themselves.

Owns the rule that a run with losses stays readable: a record that cannot be applied counts as
lost, but its money counts as spent. It never invents a missing record.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from atlas_mcp.atlas.budget import OverBudget
from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.events import (
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.question_events import QuestionAsked, QuestionFailed, QuestionReplied
from atlas_mcp.atlas.run_facts import Facts, with_explores
from atlas_mcp.atlas.transitions import after
from atlas_mcp.atlas.usage import FREE, Charge

UNFIT = (LookupError, ValueError, ArithmeticError, OverBudget)
"""The errors of applying a record to facts that it does not fit."""


def after_unfit(facts: Facts, record: Record) -> Facts:
    """Return the facts after a record that does not fit them.

    Its money counts in any case. The rest of it counts where its explore or turn is known;
    otherwise the record counts as lost.
    """
    event = record.event
    # A lost record may have freed part of the cap, so no limit holds while this one is counted.
    ledger = replace(facts.ledger, limit=None)
    match event:
        case SolverStarted() | OrchestratorAsked() | QuestionAsked():
            call = call_key(event)
            if call in ledger.held:
                # The hold belongs to an earlier call of that name, whose end is lost.
                ledger = ledger.settle(call, Charge(cost=None))
            counted = ledger.hold(call, event.hold_usd)
        case (
            SolverReplied()
            | SolverFinished()
            | OrchestratorReplied()
            | OrchestratorFailed()
            | QuestionReplied()
            | QuestionFailed()
        ):
            call = call_key(event)
            if call not in ledger.held:
                ledger = ledger.hold(call, FREE)
            counted = ledger.settle(call, event.charge)
        case _:
            counted = ledger
    if isinstance(event, SolverReplied | SolverFinished):
        explore = facts.explores.get(event.explore_id)
        if explore is not None and explore.started_at is None:
            facts = with_explores(facts, replace(explore, started_at=record.at))
    result = replace(facts, lost=facts.lost + 1, ledger=counted)
    # A reply of the orchestrator fits as soon as its turn is known: this one's turn is lost.
    if not isinstance(event, OrchestratorReplied | OrchestratorFailed):
        with suppress(*UNFIT):
            result = after(replace(facts, ledger=ledger), record)
    return replace(result, ledger=replace(result.ledger, limit=facts.ledger.limit))
