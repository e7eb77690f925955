from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from atlas_mcp.system.orphans import is_init, reap
from tests.support.namespaces import UNSHARE, may_unshare
from tests.support.systems import posix

INIT = """
import json, os, subprocess, sys
from atlas_mcp.system.interpreter import this_python
from atlas_mcp.system.orphans import is_init, reap
from atlas_mcp.system.outliving import start_outliving
from atlas_mcp.system.processes import Tree

DRIVER = "import os, sys; os.write(1, b'%d %d' % (os.getpid(), os.getppid())); sys.stdin.read()"
found = {"init": is_init(), "without any": reap()}
ours = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
tree = Tree(ours)
os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
found["with ours alone"] = reap()
driver = start_outliving(
    [*this_python(), "-c", DRIVER],
    environ=os.environ,
    stderr=2,
)
pid, parent = map(int, os.read(driver.answers, 100).split())
found["parent"] = parent
found["while it runs"] = reap()
os.close(driver.commands)
os.close(driver.answers)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
found["is reaped"] = reap() == (pid,)
found["again"] = reap()
found["code of ours"] = ours.wait()
tree.close()
print(json.dumps(found))
"""


def test_a_process_among_others_is_not_the_first_and_is_left_no_children() -> None:
    assert not is_init()
    assert reap() == ()


@posix
def test_the_first_process_lets_go_of_orphans_and_of_no_child_of_its_own() -> None:
    if not may_unshare():
        pytest.skip("this user may make no system of processes")
    found = subprocess.run(
        [*UNSHARE, sys.executable, "-c", INIT],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )

    assert json.loads(found.stdout) == {
        "init": True,
        "without any": [],
        "with ours alone": [],
        "parent": 1,
        "while it runs": [],
        "is reaped": True,
        "again": [],
        "code of ours": 0,
    }
