"""The records of a run's own course: those of questions about it are left out.

Questions may be asked, lost and stopped days after a run's end. They have a part of the page to
themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from atlas_mcp.atlas.call_names import call_named
from atlas_mcp.atlas.events import (
    AttemptFailed,
    CallsLost,
    DayCapReached,
    ExploresPlanned,
    HoldRaised,
    Record,
    RunFinished,
    RunResumed,
    StopRequested,
)
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)


def own_records(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records of the course of a run, from the first, without those of questions.

    Once it has ended, or rests while questions about it are answered, only they can be stopped,
    lose their calls or meet the cap of the day. A user's stop ends also a run that rests.
    """
    finished = resting = False
    for record in records:
        match record.event:
            case QuestionPosed():
                resting = not finished
                continue
            case QuestionAsked() | QuestionReplied() | QuestionAnswered() | QuestionFailed():
                continue
            case AttemptFailed(call=key) | HoldRaised(call=key):
                call = call_named(key)
                if call is not None and call.kind == "question":
                    continue
            case StopRequested(cause=cause) if finished or (resting and cause != "user"):
                continue
            case CallsLost() | DayCapReached() if finished or resting:
                continue
            case RunFinished():
                finished, resting = True, False
            case RunResumed() | ExploresPlanned():
                finished = resting = False
            case _:
                pass
        yield record
