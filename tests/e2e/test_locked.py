"""Each way out while another program keeps the journal locked, until after the process has ended.

Nothing can be recorded any more. The process ends all the same, says of which run something is
missing, and what was stored before is whole.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_ways import PATIENCE, WAYS_IN, Ended, Way, begun, candidates_of
from tests.support.locked_journals import locked
from tests.support.systems import posix

pytestmark = [pytest.mark.every_day(0), posix, pytest.mark.timeout(300)]


def signalled(number: signal.Signals) -> Callable[[Way], None]:
    return lambda way: way.process.send_signal(number)


WAYS_OUT: dict[str, Callable[[Way], None]] = {
    "end of input": Way.close_input,
    "SIGINT": signalled(signal.SIGINT),
    "SIGTERM": signalled(signal.SIGTERM),
}

CELLS = {
    ("stdio", "end of input"): 0,
    ("stdio", "SIGINT"): 130,
    ("stdio", "SIGTERM"): 143,
    ("HTTP", "SIGTERM"): 0,
    ("HTTP", "SIGINT"): 0,
    ("command line", "SIGINT"): 130,
    ("command line", "SIGTERM"): 130,
}
"""The exit code of each."""


def end_locked(way_in: str, way_out: str, folder: Path) -> Ended:
    with begun(WAYS_IN[way_in], way_out, folder, ATLAS_SERVER_GRACE_S="0") as way:
        way.ask()
        way.until(lambda state: way.api.requests == 2 and len(candidates_of(state)) == 1)
        with locked(folder / "atlas"):
            WAYS_OUT[way_out](way)
            way.process.wait(PATIENCE)
        return way.left()


@pytest.mark.parametrize(("way_in", "way_out"), CELLS, ids=lambda name: name.replace(" ", "_"))
@pytest.mark.requirement("PAID-7")
def test_a_process_ends_although_its_journal_is_locked_and_says_what_is_missing(
    tmp_path: Path, way_in: str, way_out: str
) -> None:
    ended = end_locked(way_in, way_out, tmp_path)

    assert (ended.code, ended.kept, ended.calls) == (CELLS[way_in, way_out], 1, 2), ended.err
    said = "\n".join(ended.err)
    # At the end of the input those who ask are answered first, and that outlasts the journal.
    broke_off = way_out == "end of input" and "broke off" in said
    assert broke_off or "did not confirm its last records" in said, said
    assert "Traceback" not in said, said
