"""A calculation ends in time, whatever its child does, and is believed only in what was asked."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.algebra import calculation
from atlas_mcp.algebra.calculation import (
    BUSY,
    FAULTS,
    UNREADABLE,
    Calculation,
    Verdict,
    is_installed,
)
from atlas_mcp.algebra.child import MISSING, OUT_OF_MEMORY, OUT_OF_TIME
from atlas_mcp.atlas.comparing.trees import as_json
from atlas_mcp.system.interpreter import this_python
from tests.support.trees import tree

needs_sympy = pytest.mark.skipif(not is_installed(), reason="sympy is not installed")

ROOT = Path(__file__).parents[3]
FAR = 30.0
"""Seconds that no test reaches: a busy machine must not look like a fault."""


def trees_of(*texts: str) -> list[object]:
    return [as_json(tree(text)) for text in texts]


def all_pairs(count: int) -> list[tuple[int, int]]:
    return list(combinations(range(count), 2))


def child_of(program: str) -> list[str]:
    """Return the command of a child that runs a program in place of the usual one."""
    prelude = f"import json, os, signal, sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
    return [*this_python(), "-c", prelude + program]


def asked(program: str, *, seconds: float = FAR) -> Verdict:
    one = Calculation(trees_of("x", "y", "z"), all_pairs(3), child_of(program), seconds)
    return one.run()


@needs_sympy
def test_the_pairs_that_are_the_same_are_found() -> None:
    texts = ("sin(2*x)", "2*sin(x)*cos(x)", "x**2 + 2*x + 1", "(x + 1)**2", "9**9**9**9", "f(x)")
    one = Calculation(trees_of(*texts), all_pairs(len(texts)), seconds=FAR)

    assert one.run() == Verdict(((0, 1), (2, 3)))


@needs_sympy
def test_only_the_pairs_that_were_asked_for_are_looked_at() -> None:
    texts = ("sin(2*x)", "2*sin(x)*cos(x)", "2*cos(x)*sin(x)")
    one = Calculation(trees_of(*texts), [(0, 2)], seconds=FAR)

    assert one.run() == Verdict(((0, 2),))


def test_a_child_without_the_library_says_so() -> None:
    found = asked("sys.modules['sympy'] = None\nfrom atlas_mcp.algebra.child import main\nmain()")

    assert found == Verdict(fault="the computer algebra system ended with exit code 0")


def test_the_exit_code_of_a_child_is_its_fault() -> None:
    program = (
        "sys.modules['sympy'] = None\nfrom atlas_mcp.algebra.child import main\nsys.exit(main())"
    )

    assert asked(program) == Verdict(fault=FAULTS[MISSING])
    assert asked(f"os._exit({OUT_OF_MEMORY})") == Verdict(fault=FAULTS[OUT_OF_MEMORY])
    assert asked("os._exit(77)").fault == "the computer algebra system ended with exit code 77"


def test_what_was_found_before_a_fault_counts() -> None:
    found = asked(f"print('[0, 2]', flush=True); os._exit({OUT_OF_TIME})")

    assert found == Verdict(((0, 2),), FAULTS[OUT_OF_TIME])


@pytest.mark.parametrize(
    "line",
    ["'[0, 9]'", "'[2, 0]'", "'yes'", "'[0, 1, 2]'", "'{}'", "'[' * 100_000", "'[0, true]'"],
)
def test_a_child_that_writes_rubbish_is_believed_in_nothing(line: str) -> None:
    program = f"print('[0, 1]', flush=True); print({line}, flush=True); print('\"done\"')"

    assert asked(program) == Verdict(fault=UNREADABLE)


def test_a_child_that_writes_without_an_end_is_ended() -> None:
    assert asked("while True: print('[0, 9]')") == Verdict(fault=UNREADABLE)


@pytest.mark.posix
def test_a_child_that_is_killed_has_proved_nothing() -> None:
    found = asked("os.kill(os.getpid(), signal.SIGKILL)")

    assert found == Verdict(fault="the computer algebra system ended with exit code -9")


@pytest.mark.posix
def test_a_frozen_child_is_ended_with_its_time() -> None:
    found = asked("os.kill(os.getpid(), signal.SIGSTOP)", seconds=1.0)

    assert found == Verdict(fault=FAULTS[OUT_OF_TIME])


def test_a_child_that_reads_no_orders_is_ended_with_its_time() -> None:
    many = trees_of("x") * 20_000
    found = Calculation(many, [(0, 1)], child_of("time.sleep(60)"), 1.0).run()

    assert found == Verdict(fault=FAULTS[OUT_OF_TIME])


def test_a_child_that_closes_its_output_and_stays_is_ended() -> None:
    found = asked("os.close(1); time.sleep(60)")

    assert found.same == ()
    assert found.fault


def test_a_program_that_cannot_be_started_is_a_fault() -> None:
    found = Calculation((), (), ["/nowhere/python"], FAR).run()

    assert found.fault.startswith("the computer algebra system could not be started: ")


def test_a_calculation_that_has_been_ended_starts_no_child() -> None:
    one = Calculation((), (), child_of("print('\"done\"')"), FAR)
    one.end()

    assert one.run().fault == "the comparison was cut off"


def test_a_calculation_that_waited_for_too_long_starts_no_child() -> None:
    one = Calculation((), (), child_of("print('\"done\"')"), seconds=0.0)

    assert one.run() == Verdict(fault=BUSY)


def test_without_the_library_no_child_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        assert name == "sympy"

    monkeypatch.setattr(calculation, "find_spec", none)

    assert Calculation((), ()).run() == Verdict(fault=FAULTS[MISSING])


@pytest.mark.posix
def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed, and with it the only other end of the child's stdin."""
    mark = tmp_path / "pid"
    child = (
        "import os, threading, time\n"
        "from atlas_mcp.algebra import child\n"
        "child._compare = lambda trees, pairs: time.sleep(60)\n"
        "import sys, types; sys.modules['sympy'] = types.ModuleType('sympy')\n"
        f"open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "child.main()"
    )
    parent = (
        "from atlas_mcp.algebra.calculation import Calculation\n"
        f"Calculation((), (), {child_of(child)!r}, 60).run()"
    )
    with subprocess.Popen(child_of(parent)) as process:
        try:
            child_pid = int(_awaited(lambda: mark.exists() and mark.read_text()))
        finally:
            process.kill()

    assert _awaited(lambda: not _runs(child_pid))


def _awaited(found: Callable[[], object]) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if one := found():
            return str(one)
        threading.Event().wait(0.02)
    raise AssertionError("it did not come")


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_cancel_ends_the_child_and_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = threading.Event()
    ended = threading.Event()

    class Held(Calculation):
        @override
        def run(self) -> Verdict:
            started.set()
            ended.wait(FAR)
            return Verdict()

        @override
        def end(self) -> None:
            ended.set()

    monkeypatch.setattr(calculation, "Calculation", Held)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calculation.compare, (), ())
        with anyio.fail_after(10):
            await anyio.to_thread.run_sync(started.wait)
        tasks.cancel_scope.cancel()

    assert ended.is_set()


async def test_no_more_than_two_children_work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, both, counted = threading.Lock(), threading.Event(), {"now": 0, "most": 0}

    class Counting(Calculation):
        @override
        def run(self) -> Verdict:
            with lock:
                counted["now"] += 1
                counted["most"] = max(counted["most"], counted["now"])
                if counted["now"] == 2:
                    both.set()
            assert both.wait(FAR)
            with lock:
                counted["now"] -= 1
            return Verdict()

    monkeypatch.setattr(calculation, "Calculation", Counting)
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(calculation.compare, (), ())

    assert counted == {"now": 0, "most": 2}


HOSTILE: Sequence[str] = (
    "9**9**9**9",
    "(x + y + z)**90 - (x + z + y)**90",
    "sin(cos(tan(sin(cos(tan(x)))))) + tan(sin(cos(tan(sin(x)))))",
    "cos(pi/97) + cos(pi/89) + cos(pi/83) + cos(pi/79)",
    "exp(exp(exp(x)))*exp(exp(x))**x",
)


@needs_sympy
@pytest.mark.slow
def test_hostile_expressions_end_with_their_time_beside_the_others() -> None:
    texts = ("sin(2*x)", "2*sin(x)*cos(x)", *HOSTILE, *HOSTILE)
    one = Calculation(trees_of(*texts), all_pairs(len(texts)))

    before = time.monotonic()
    found = one.run()

    assert time.monotonic() - before < FAR
    assert (0, 1) in found.same or found.fault == FAULTS[OUT_OF_TIME]


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no spec"), OSError("no process")])
def test_a_child_that_cannot_be_started_proves_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Calculation) -> None:
        raise error

    monkeypatch.setattr(Calculation, "_start", fail)

    verdict = asked("pass")
    assert verdict.same == ()
    assert "could not be started" in verdict.fault


def test_a_child_that_cannot_be_watched_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", fail)

    verdict = asked("time.sleep(600)")
    assert verdict.same == ()
    assert "could not be watched" in verdict.fault
