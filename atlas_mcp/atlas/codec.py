"""How events are written down as JSON, and read back, also those of older versions.

Owns the codec of the journal's records. `atlas.old_records` brings events of older versions into
today's shape, and `atlas.repairs` mends records of replies that no version can read.
"""

from __future__ import annotations

from functools import cache
from json import dumps
from typing import TYPE_CHECKING, Annotated, cast

from atlas_mcp.atlas.agreement import keep_long_key
from atlas_mcp.atlas.events import (
    Event,
    RunFinished,
    RunOpened,
    RunResumed,
    SolverFinished,
)
from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.old_records import in_todays_shape
from atlas_mcp.atlas.question_events import QuestionPosed
from atlas_mcp.atlas.record_version import SCHEMA_VERSION
from atlas_mcp.atlas.repairs import repairs_of
from atlas_mcp.atlas.storable import plain, read_json
from atlas_mcp.errors import JournalCorrupt, JournalNewer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from atlas_mcp.atlas.messages import Json


def with_key(event: Event) -> Event:
    """Return the event, with the key of a long answer in it worked out: see `agreement`."""
    if isinstance(event, RunFinished):
        keep_long_key(event)
    elif isinstance(event, SolverFinished) and isinstance(event.outcome, Candidate):
        keep_long_key(event.outcome)
    return event


def encode_event(event: Event) -> str:
    """Return the event as one line of JSON.

    Values that cannot be written, which no event of `atlas.arrived` has, are written in part.

    Raises:
        ValueError: The line would not be readable as an event: a bug.
    """
    try:
        return _adapter().dump_json(event, warnings="error").decode()
    except (ValueError, RecursionError):  # pydantic's own error among them
        line = dumps(plain(event), ensure_ascii=False)
        _adapter().validate_json(line)
        return line


def decode_event(line: str | bytes) -> Event:
    """Return the event written in `line`, with the key of a long answer in it worked out.

    A record of a reply or of a run's end with unreadable values, as older versions stored them, is
    read in part: see `atlas.repairs`.

    Raises:
        JournalNewer: A newer version wrote the run.
        JournalCorrupt: The line is torn, or not an event of this version.
    """
    from pydantic import ValidationError

    try:
        event = _adapter().validate_json(line)
    except ValidationError as error:
        body = _object(line)
        _refuse_newer(_version_in(body))
        repaired = _repaired(body)
        if repaired is None:
            raise JournalCorrupt(
                f"a record is unreadable ({error.error_count()} faults, first: "
                f"{error.errors(include_input=False)[0]['msg']}); it may come from a newer version"
            ) from error
        event = repaired
    if isinstance(event, RunOpened | RunResumed | QuestionPosed):
        _refuse_newer(event.version)
    return with_key(event)


def _refuse_newer(version: int) -> None:
    if version > SCHEMA_VERSION:
        raise JournalNewer(
            f"the run was written by a newer version of atlas-mcp (records {version}, this one "
            f"knows {SCHEMA_VERSION}); upgrade atlas-mcp"
        )


def _object(line: str | bytes) -> dict[str, Json]:
    """Return the JSON object in `line`; an empty one where there is none."""
    try:
        found = read_json(line)
    except ValueError:
        return {}
    return cast("dict[str, Json]", found) if isinstance(found, dict) else {}


def _version_in(body: dict[str, Json]) -> int:
    """Return the version that a record states; 0 where it states none."""
    version = body.get("version")
    states_one = body.get("type") in ("run_opened", "run_resumed", "question_posed")
    return version if states_one and isinstance(version, int) else 0


def _repaired(body: dict[str, Json]) -> Event | None:
    """Return the readable part of a record in another shape than today's; `None` for none."""
    from pydantic import ValidationError

    todays = in_todays_shape(body)
    for shape in (todays, *(plain(repair) for repair in repairs_of(todays))):
        try:
            return _adapter().validate_json(dumps(shape))
        except ValidationError:
            continue
    return None


@cache
def _adapter() -> TypeAdapter[Event]:
    """Build the codec at first use: it takes longer than a client should wait for a handshake."""
    from pydantic import ConfigDict, Field, TypeAdapter

    # By default the parser keeps the last 16,384 texts it read.
    config = ConfigDict(cache_strings="none")
    return TypeAdapter(Annotated[Event, Field(discriminator="type")], config=config)
