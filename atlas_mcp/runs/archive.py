"""A run as one file that needs nothing else: a heading, then a record a line, in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from atlas_mcp import __version__
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import Record, RecordLost
from atlas_mcp.atlas.losses import UNFIT
from atlas_mcp.atlas.state import RunState, start
from atlas_mcp.errors import InvalidInput, JournalCorrupt
from atlas_mcp.runs.run_ids import RUN_ID
from atlas_mcp.texts import without_logins

FORMAT_VERSION = 1
"""Version of the heading and of the lines around the records, which have a version of their own."""

_M = TypeVar("_M", bound=BaseModel)


def write_archive(run_id: str, records: Sequence[Record]) -> Iterator[str]:
    """Yield the lines of the file, without line ends."""
    heading = _Heading(
        format="atlas-mcp run",
        version=FORMAT_VERSION,
        written_by=f"atlas-mcp {__version__}",
        run_id=run_id,
        records=len(records),
        incomplete=RunState.fold(records).lost > 0,
    )
    yield heading.model_dump_json(exclude_defaults=True)
    for record in records:
        place = f'"seq": {record.seq}, "at": {record.at!r}'
        # Written by an older version, addresses may have logins in them.
        yield f'{{{place}, "event": {without_logins(encode_event(record.event))}}}'


def read_archive(text: str, name: str) -> tuple[str, tuple[Record, ...]]:
    """Return the run that a file holds.

    Args:
        text: Its content.
        name: Its name in errors.

    Returns:
        The run's id and its records, from the first and without gaps; they fold.

    Raises:
        InvalidInput: It is no such file, or some of it is missing or damaged; the message names
            the line.
    """
    # Not `splitlines`: it takes characters for line ends that JSON leaves as they are.
    lines = text.rstrip("\n").split("\n")
    heading = _heading(lines[0], name)
    state: RunState | None = None
    records: list[Record] = []
    for number, line in enumerate(lines[1:], start=2):
        records.append(_record(line, name, number, records))
        try:
            state = _after(state, records[-1], incomplete=heading.incomplete)
        except UNFIT as error:
            raise InvalidInput(
                name, f"line {number} does not follow from the lines before it; copy it again"
            ) from error
    if not records or len(records) != heading.records:
        raise InvalidInput(
            name,
            f"holds {len(records)} records where its heading says {heading.records}; copy it again",
        )
    return heading.run_id, tuple(records)


def _after(state: RunState | None, record: Record, *, incomplete: bool) -> RunState:
    if state is None:
        return start(record)
    return state.read_on([record]) if incomplete or state.lost else state.apply(record)


class _Format(BaseModel):
    """The fields that say which version can read the rest."""

    model_config = ConfigDict(strict=True)

    format: Literal["atlas-mcp run"]
    version: int


class _Heading(_Format):
    written_by: str
    run_id: str
    records: int
    incomplete: bool = False
    """Whether records were lost already where it was written: those behind may not follow."""


class _Line(BaseModel):
    model_config = ConfigDict(strict=True)

    seq: int
    at: FiniteFloat
    event: Any


def _heading(line: str, name: str) -> _Heading:
    try:
        version = _Format.model_validate_json(line).version
    except ValidationError as error:
        raise InvalidInput(
            name,
            "line 1 is not the heading of an exported run; `atlas-mcp runs export ID` writes one",
        ) from error
    if version > FORMAT_VERSION:
        raise InvalidInput(
            name, f"is of version {version}, this atlas-mcp reads {FORMAT_VERSION}; upgrade it"
        )
    heading = _parse(_Heading, line, name, 1)
    # Anybody may have written it: commands and names are made with it.
    if RUN_ID.fullmatch(heading.run_id) is None:
        raise InvalidInput(
            name, "line 1 names no run: an id is 1 to 64 letters, digits, '-' and '_'"
        )
    return heading


def _record(line: str, name: str, number: int, before: Sequence[Record]) -> Record:
    found = _parse(_Line, line, name, number)
    try:
        event = decode_event(json.dumps(found.event))
    except JournalCorrupt as error:
        raise InvalidInput(name, f"line {number}: {error}") from error
    places = max(0, event.count) if isinstance(event, RecordLost) else 1
    due = (before[-1].seq if before else 0) + places
    if found.seq != due:
        raise InvalidInput(name, f"line {number} holds record {found.seq}, where {due} should be")
    return Record(found.seq, found.at, event)


def _parse(model: type[_M], line: str, name: str, number: int) -> _M:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        what = f"`{where}`: {fault['msg']}" if where else fault["msg"]
        raise InvalidInput(
            name, f"line {number} is cut off or damaged ({what}); copy it again"
        ) from error
