"""Which tests are spread over the cores, and which run where a debugger and snapshots work."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from atlas_mcp.system.processes import processors
from tests.conftest import pytest_xdist_auto_num_workers

TESTS = Path(__file__).parents[1]
HERE = Path(__file__)
MORE = processors() + 2


@dataclass
class Asked:
    """The command line of pytest."""

    args: list[str]
    options: dict[str, str] = field(default_factory=dict[str, str])

    def getoption(self, name: str, default: object = None) -> object:
        return self.options.get(name, default)


@pytest.mark.parametrize(
    ("asked", "workers"),
    [
        (Asked([str(TESTS)]), MORE),
        (Asked([str(TESTS / "unit"), str(HERE)]), MORE),
        (Asked([str(HERE)]), 0),
        (Asked([f"{HERE}::test_folders"]), 0),
        (Asked([str(TESTS)], {"inline_snapshot": "fix"}), 0),
        (Asked([str(TESTS)], {"markexpr": "weights"}), 0),
    ],
    ids=["all", "a folder and a file", "a file", "a test", "new snapshots", "real weights"],
)
def test_folders_are_spread_over_the_cores_and_files_are_not(asked: Asked, workers: int) -> None:
    assert pytest_xdist_auto_num_workers(cast("pytest.Config", asked)) == workers
