"""A process bounds itself; what it may not have is refused, and its work is broken off."""

from __future__ import annotations

import subprocess
import sys

import pytest

from atlas_mcp.system import bounds

pytestmark = pytest.mark.posix


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not keep to the bound")
def test_more_memory_than_a_process_may_have_is_refused() -> None:
    program = (
        "from atlas_mcp.system.bounds import bound_addresses\n"
        "bound_addresses(500_000_000)\n"
        "try:\n"
        "    bytearray(2_000_000_000)\n"
        "except MemoryError:\n"
        "    print('no')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=50
    )

    assert ended.stdout == b"no\n"


def test_work_that_uses_too_much_cpu_is_broken_off() -> None:
    def work_for_ever() -> None:
        with bounds.bounded_cpu(0.05):
            while True:
                pass

    with pytest.raises(bounds.TookTooLong):
        work_for_ever()


def test_work_in_its_bounds_is_done() -> None:
    with bounds.bounded_cpu(60):
        done = sum(range(1_000))

    assert done == 499_500
