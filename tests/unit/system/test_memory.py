from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.system import memory
from atlas_mcp.system.memory import give_back_memory, memory_bytes, resident_bytes
from tests.support.systems import posix

MIB = 1 << 20

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it in these files")


@posix
@linux
def test_a_container_s_limit_counts_where_it_is_the_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "GROUP_LIMITS", (limit, tmp_path / "not there"))
    machine = memory_bytes()
    limit.write_text(f"{64 * MIB}\n", encoding="ascii")
    bounded = memory_bytes()
    limit.write_text("max\n", encoding="ascii")

    assert bounded == 64 * MIB
    assert machine is not None
    assert machine > bounded
    assert memory_bytes() == machine


@posix
@linux
def test_memory_that_is_used_counts_and_is_given_back() -> None:
    before = resident_bytes()
    assert before is not None
    held = [bytes(range(256)) * 256 for _ in range(1_024)]
    used = resident_bytes()
    assert used is not None
    held.clear()
    give_back_memory()
    after = resident_bytes()

    assert used - before > 48 * MIB
    assert after is not None
    assert used - after > 48 * MIB


def test_a_system_that_does_not_say_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "RESIDENT", tmp_path / "not there")

    assert resident_bytes() is None
