"""The money on a run's page: spent, held and capped, and by model."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.usage import NO_CHARGE, Charge
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.bounded import name
from atlas_mcp.views.page.course_shapes import ModelMoney, PageMoney


def page_money(run: RunSnapshot) -> PageMoney:
    """Return the money of a run."""
    state = run.state
    held, uncertain = sum(state.ledger.held.values(), Decimal(0)), state.ledger.uncertain
    if not run.driven:
        # Its calls are gone with their process, and may have been billed.
        held, uncertain = Decimal(0), uncertain + held
    return PageMoney(
        spent_usd=state.cost_usd,
        held_usd=held,
        uncertain_usd=uncertain,
        cap_usd=state.budget.max_cost_usd,
        unknown=state.cost_usd is None,
        by_model=_by_model(run),
    )


def _by_model(run: RunSnapshot) -> list[ModelMoney]:
    state = run.state
    charges: dict[str, Charge] = {}
    for explore in state.explores.values():
        if explore.charge != NO_CHARGE:
            solver = explore.planned.explore.solver
            model = state.spec.solver(solver).spec.title or solver
            charges[model] = charges.get(model, NO_CHARGE) + explore.charge
    found = [_row(model, "solver", charge) for model, charge in charges.items()]
    charge = state.orchestrator_charge
    if charge != NO_CHARGE:
        # Where there is no orchestrator, it is what questions cost.
        models = [state.spec.orchestrator, *(one.posed.model for one in state.questions.values())]
        named = next((model.title for model in models if model is not None), "unknown")
        found.append(_row(named, "orchestrator", charge))
    return found


def _row(model: str, role: str, charge: Charge) -> ModelMoney:
    usage = charge.usage
    return ModelMoney(
        model=name(model),
        role="solver" if role == "solver" else "orchestrator",
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost_usd=charge.shown_cost,
    )
