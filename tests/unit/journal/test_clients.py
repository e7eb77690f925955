"""The values of the parts of the seam that know of clients."""

from __future__ import annotations

from typing import get_args

import pytest

from atlas_mcp.journal.clients import Caller, CallerState, DriverEntry


def test_callers_and_drivers_are_values() -> None:
    assert Caller("c", "r", "d", 1.0) == Caller("c", "r", "d", 1.0) != Caller("c", "r", "", 1.0)
    entry = DriverEntry("7-abc", 7, "1.0", 5.0, None)
    with pytest.raises(AttributeError):
        entry.pid = 8  # pyright: ignore[reportAttributeAccessIssue] - it is what is tested


def test_a_caller_has_one_of_four_states() -> None:
    assert get_args(CallerState) == ("waiting", "promised", "cut", "received")
