from __future__ import annotations

import sys

import pytest

from atlas_mcp.system.consoles import END_OF_INPUT, hand_on
from tests.support.systems import posix


@posix
def test_a_terminal_s_end_of_input_is_typed_with_control_and_d() -> None:
    assert END_OF_INPUT == "Ctrl-D"


@posix
def test_a_stream_is_inherited_by_its_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)

    for descriptor in range(3):
        hand_on(descriptor)
