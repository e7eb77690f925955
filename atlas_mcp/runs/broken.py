"""A run that broke off because its journal took no more, as its caller is told of it."""

from __future__ import annotations

from atlas_mcp.runs.live import BrokenOff, LiveRun
from atlas_mcp.views.rendering import view_run
from atlas_mcp.views.run_view import RunView


def view_broken(live: LiveRun) -> RunView:
    """Return the view of a run that broke off, with what its process knows beyond its records."""
    broken, finished = live.broken, live.state.finished
    assert broken is not None, "only such a run has broken off"
    view = view_run(live.run_id, live.state, now=live.state.at, driven=False)
    if broken.stored == live.state.seq and finished is not None:
        return view
    told = f"The run broke off, and nothing more is spent. {broken.cause}."
    way_on = _way_on(live.run_id, broken)
    if finished is None:
        return view.model_copy(update={"explanation": told, "next": way_on})
    warnings = [
        f"The end of this run could not be stored. {broken.cause}.",
        *view.agreement.warnings,
    ]
    agreement = view.agreement.model_copy(update={"warnings": warnings})
    return view.model_copy(update={"agreement": agreement, "next": way_on})


def _way_on(run_id: str, broken: BrokenOff) -> str:
    on = f"Fix the cause, then call resume_run with run_id={run_id!r}: it goes on from there."
    lost, cut = broken.lost_replies, broken.cut_off
    said: list[str] = []
    if lost:
        replies = "1 reply is" if lost == 1 else f"{lost} replies are"
        said.append(f"{replies} shown here but not stored: keep a copy of what you need.")
    if cut:
        calls = "1 call was" if cut == 1 else f"{cut} calls were"
        said.append(f"{calls} cut off in flight, and may be billed.")
    return " ".join([*(said or ["No reply that was paid for is lost."]), on])
