"""The view of a run that broke off because its journal took no more records.

Adds to a view the facts that only its process knows, beyond its records. Decides nothing.
"""

from __future__ import annotations

from atlas_mcp.runs.snapshot import BrokenOff, RunSnapshot
from atlas_mcp.views.run_view import RunView


def with_break(view: RunView, run: RunSnapshot, broken: BrokenOff) -> RunView:
    """Return the view of a run with the reason why it broke off, and the way on."""
    finished = run.state.finished
    if broken.stored == run.state.seq and finished is not None:
        return view
    way_on = _way_on(run.run_id, broken)
    if finished is None:
        explanation = f"The run broke off, and nothing more is spent. {broken.cause}."
        return view.model_copy(update={"explanation": explanation, "next": way_on})
    warnings = [
        f"The end of this run could not be stored. {broken.cause}.",
        *view.agreement.warnings,
    ]
    agreement = view.agreement.model_copy(update={"warnings": warnings})
    return view.model_copy(update={"agreement": agreement, "next": way_on})


def _way_on(run_id: str, broken: BrokenOff) -> str:
    on = f"Fix the cause, then call resume_run with run_id={run_id!r}: it goes on from there."
    lost, cut = broken.lost_replies, broken.cut_off
    losses: list[str] = []
    if lost:
        replies = "1 reply is" if lost == 1 else f"{lost} replies are"
        losses.append(f"{replies} shown here but not stored: keep a copy of what you need.")
    if cut:
        calls = "1 call was" if cut == 1 else f"{cut} calls were"
        losses.append(f"{calls} cut off in flight, and may be billed.")
    return " ".join([*(losses or ["No reply that was paid for is lost."]), on])
