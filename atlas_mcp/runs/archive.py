"""A run as one file that needs nothing else: a heading, then a record a line, in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from atlas_mcp import __version__
from atlas_mcp.atlas.events import Record, decode_event, encode_event
from atlas_mcp.errors import InvalidInput, JournalCorrupt

FORMAT = "atlas-mcp run"
"""What the heading says the file is."""

FORMAT_VERSION = 1
"""Version of the heading and of the lines around the records, which have a version of their own."""


def write_archive(run_id: str, records: Sequence[Record]) -> Iterator[str]:
    """Yield the lines of the file, without line ends."""
    yield json.dumps(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "written_by": f"atlas-mcp {__version__}",
            "run_id": run_id,
            "records": len(records),
        }
    )
    for record in records:
        place = f'"seq": {record.seq}, "at": {record.at!r}'
        yield f'{{{place}, "event": {encode_event(record.event)}}}'


def read_archive(text: str, name: str) -> tuple[str, tuple[Record, ...]]:
    """Return the run that a file holds.

    Args:
        text: What is in it.
        name: What to call it in errors.

    Returns:
        The run's id and its records, from the first and without gaps.

    Raises:
        InvalidInput: It is no such file, or some of it is missing; the message names the line.
    """
    # Not `splitlines`: it takes characters for line ends that JSON leaves as they are.
    lines = text.rstrip("\n").split("\n")
    heading = _object(lines[0], name, 1)
    if heading.get("format") != FORMAT:
        raise InvalidInput(name, "is no exported run; `atlas-mcp runs export ID` writes one")
    version = heading.get("version")
    if version != FORMAT_VERSION:
        raise InvalidInput(
            name, f"is of version {version}, this atlas-mcp reads {FORMAT_VERSION}; upgrade it"
        )
    records = tuple(
        _record(_object(line, name, number), name, number)
        for number, line in enumerate(lines[1:], start=2)
    )
    if len(records) != heading.get("records") or not records:
        raise InvalidInput(
            name, f"holds {len(records)} of {heading.get('records')} records; copy it again"
        )
    return str(heading.get("run_id")), records


def _object(line: str, name: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InvalidInput(name, f"line {number} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInput(name, f"line {number} is no JSON object")
    return cast("dict[str, Any]", value)


def _record(line: dict[str, Any], name: str, number: int) -> Record:
    seq, at = line.get("seq"), line.get("at")
    if not isinstance(seq, int) or seq != number - 1 or not isinstance(at, int | float):
        raise InvalidInput(name, f"line {number} should hold record {number - 1}")
    try:
        return Record(seq, at, decode_event(json.dumps(line.get("event"))))
    except JournalCorrupt as error:
        raise InvalidInput(name, f"line {number}: {error}") from error
