"""Job objects, against calls that stand in for those of Windows."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import Any

import pytest

from atlas_mcp.system import jobs
from atlas_mcp.system.jobs import EXTENDED_LIMITS, KILL_ON_JOB_CLOSE, ends_with_a_job, open_job
from atlas_mcp.system.processes import CREATION_FLAGS, Tree, kill, processors
from tests.support.systems import POSIX

CHILD = """
import subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(inner.pid, flush=True)
inner.wait()
"""


class Kernel:
    """Counts handles, and remembers which process is in which job.

    Args:
        refused: The calls that Windows refuses.
        client_flags: The limits of the job that this process is in; `None` if it is in none.
    """

    def __init__(self, *refused: str, client_flags: int | None = None) -> None:
        self.client_flags = client_flags
        self.refused = refused
        self.open: set[int] = set()
        self.jobs: dict[int, list[int]] = {}
        self.flags: dict[int, int] = {}
        self.ended: list[int] = []
        self._last = 100
        self._pids: dict[int, int] = {}

    def _handle(self, name: str) -> int:
        if name in self.refused:
            return 0
        self._last += 1
        self.open.add(self._last)
        return self._last

    def CreateJobObjectW(self, security: None, name: None, /) -> int:
        job = self._handle("CreateJobObjectW")
        self.jobs[job] = []
        return job

    def SetInformationJobObject(self, job: int, kind: int, limits: Any, size: int, /) -> bool:
        assert (kind, size) == (EXTENDED_LIMITS, 144 if sys.maxsize > 2**32 else 112)
        # The flags come after two times of 64 bits each.
        self.flags[job] = ctypes.cast(limits, ctypes.POINTER(ctypes.c_uint32))[4]
        return "SetInformationJobObject" not in self.refused

    def OpenProcess(self, rights: int, inherit: bool, pid: int, /) -> int:
        process = self._handle("OpenProcess")
        self._pids[process] = pid
        return process

    def AssignProcessToJobObject(self, job: int, process: int, /) -> bool:
        self.jobs[job].append(self._pids[process])
        return "AssignProcessToJobObject" not in self.refused

    def TerminateJobObject(self, job: int, code: int, /) -> bool:
        self.ended += self.jobs[job]
        return True

    def GetCurrentProcess(self, /) -> int:
        return -1

    def IsProcessInJob(self, process: int, job: None, answer: Any, /) -> bool:
        assert process == -1
        ctypes.cast(answer, ctypes.POINTER(ctypes.c_int))[0] = int(self.client_flags is not None)
        return "IsProcessInJob" not in self.refused

    def QueryInformationJobObject(
        self, job: None, kind: int, limits: Any, size: int, length: None, /
    ) -> bool:
        assert kind == EXTENDED_LIMITS
        ctypes.cast(limits, ctypes.POINTER(ctypes.c_uint32))[4] = self.client_flags or 0
        return "QueryInformationJobObject" not in self.refused

    def CloseHandle(self, handle: int, /) -> bool:
        self.open.remove(handle)
        return True


class Child:
    pid = 7

    def kill(self) -> None:
        raise AssertionError("the job ends it")

    terminate = kill


def test_a_child_is_in_a_job_that_ends_it_with_us_and_with_all_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel()
    monkeypatch.setattr(jobs, "kernel32", lambda: kernel)

    tree = Tree(Child())
    (job,) = kernel.jobs

    assert kernel.jobs[job] == [7]
    assert kernel.flags[job] == KILL_ON_JOB_CLOSE
    assert kernel.open == {job}, "only our own death, or closing the job, ends the child"
    tree.kill()
    assert kernel.ended == [7]
    tree.close()
    assert kernel.open == set()


@pytest.mark.parametrize(
    "refused",
    [
        "CreateJobObjectW",
        "SetInformationJobObject",
        "OpenProcess",
        "AssignProcessToJobObject",
    ],
)
def test_where_windows_gives_no_job_that_is_logged_and_nothing_is_left_open(
    refused: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kernel = Kernel(refused)
    monkeypatch.setattr(jobs, "kernel32", lambda: kernel)

    assert open_job(7) is None
    assert kernel.open == set()
    assert "process 7 is in no job object" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="the calls are there")
def test_where_the_calls_are_missing_that_is_logged_once_and_children_go_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    jobs.kernel32.cache_clear()
    try:
        assert open_job(7) is None
        assert open_job(8) is None
    finally:
        jobs.kernel32.cache_clear()

    (record,) = caplog.records
    assert "no job objects here" in record.getMessage()


def test_a_child_is_ended_with_what_it_started() -> None:
    """Without job objects, as under the rig, only the child itself is."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        creationflags=CREATION_FLAGS,
    ) as process:
        tree = Tree(process)
        assert process.stdout is not None
        inner = int(process.stdout.readline())
        tree.kill()
        tree.close()
        process.wait(5)
        if POSIX or sys.platform == "win32":
            # Its end of the pipe is closed by its death.
            assert process.stdout.read() == ""
        else:
            os.kill(inner, 9)


def test_ending_a_child_that_has_ended_is_no_fault() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
        kill(process)
        Tree(process).kill()


def test_there_is_a_processor() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("flags", "refused", "ends"),
    [
        (None, [], False),
        (KILL_ON_JOB_CLOSE, [], True),
        (0x1000, [], False),
        (0, ["QueryInformationJobObject"], True),
        (None, ["IsProcessInJob"], True),
    ],
)
def test_a_process_in_the_job_of_its_client_may_end_with_that(
    flags: int | None, refused: list[str], ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_calls", lambda: Kernel(*refused, client_flags=flags))

    assert ends_with_a_job() is ends


def test_without_the_calls_of_windows_no_process_is_in_a_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise AttributeError

    assert not ends_with_a_job()
    monkeypatch.setattr(jobs, "_calls", missing)
    assert not ends_with_a_job()
    assert not caplog.records
