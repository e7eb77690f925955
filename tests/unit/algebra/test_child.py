"""The child process bounds itself, and says only what it has proved."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from atlas_mcp.algebra import child
from atlas_mcp.algebra.calculation import is_installed
from atlas_mcp.atlas.comparing.trees import as_json
from atlas_mcp.system.interpreter import launch_command
from tests.support.trees import tree

needs_sympy = pytest.mark.skipif(not is_installed(), reason="sympy is not installed")

COMMAND = launch_command("atlas_mcp.algebra.child", "main")


def orders(*texts: str, pairs: list[list[int]], seconds: float = 60.0) -> bytes:
    trees = [as_json(tree(text)) for text in texts]
    return json.dumps({"trees": trees, "pairs": pairs, "seconds": seconds}).encode() + b"\n"


@needs_sympy
@pytest.mark.slow
def test_a_line_for_each_pair_that_is_the_same_and_one_for_the_end() -> None:
    given = orders("x + x", "2*x", "3*x", "9**9**9", pairs=[[0, 3], [0, 2], [0, 1]])
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.flush()
        said = process.stdout.read()

    assert [json.loads(line) for line in said.splitlines()] == [[0, 1], child.DONE]
    assert process.returncode == 0


def test_it_ends_with_its_stdin() -> None:
    given = orders("x", pairs=[])[:-1]

    ended = subprocess.run(COMMAND, input=given, capture_output=True, check=False, timeout=50)

    assert ended.stdout in (b"", b'"done"\n')


def test_it_ends_with_its_time() -> None:
    given = orders("x", pairs=[], seconds=0.0)
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.flush()
        process.wait(50)

    assert process.returncode in (0, child.OUT_OF_TIME, child.MISSING)


def test_the_parent_s_process_loads_nothing_of_the_library() -> None:
    program = (
        "import sys\n"
        "import atlas_mcp.algebra.child, atlas_mcp.algebra.formulas, atlas_mcp.algebra.proofs\n"
        "import atlas_mcp.runs.driving.work\n"
        "print(sorted(name for name in sys.modules if name.startswith(('sympy', 'mpmath'))))\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=50
    )

    assert ended.stdout == b"[]\n"
