"""Job objects of Windows: processes that end together, at the latest when their job is closed.

https://learn.microsoft.com/windows/win32/procthread/job-objects
"""

from __future__ import annotations

import ctypes
import logging
import sys
from ctypes import wintypes
from functools import cache
from typing import Any, ClassVar, Protocol

logger = logging.getLogger(__name__)

KILL_ON_JOB_CLOSE = 0x2000
"""The flag JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE."""

PROCESS_MEMORY = 0x0100
"""The flag JOB_OBJECT_LIMIT_PROCESS_MEMORY."""

EXTENDED_LIMITS = 9
"""The class JobObjectExtendedLimitInformation."""

SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001
"""The rights to a process that putting it into a job takes."""

KILLED = 1
"""Exit code of processes that are ended with their job."""


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_: ClassVar = [
        ("per_process_user_time", ctypes.c_int64),
        ("per_job_user_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum_working_set", ctypes.c_size_t),
        ("maximum_working_set", ctypes.c_size_t),
        ("active_processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority_class", ctypes.c_uint32),
        ("scheduling_class", ctypes.c_uint32),
    ]


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_: ClassVar = [
        ("basic", _BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    ]


class _Kernel32(Protocol):
    """The calls of Windows that are made here; a handle is a number, and 0 or `None` is none."""

    def CreateJobObjectW(self, security: None, name: None, /) -> int | None: ...
    def SetInformationJobObject(
        self, job: int, kind: int, limits: Any, size: int, /
    ) -> int | bool: ...
    def OpenProcess(self, rights: int, inherit: bool, pid: int, /) -> int | None: ...
    def AssignProcessToJobObject(self, job: int, process: int, /) -> int | bool: ...
    def TerminateJobObject(self, job: int, code: int, /) -> int | bool: ...
    def GetCurrentProcess(self, /) -> int: ...
    def IsProcessInJob(self, process: int, job: None, answer: Any, /) -> int | bool: ...
    def QueryInformationJobObject(
        self, job: None, kind: int, limits: Any, size: int, length: None, /
    ) -> int | bool: ...
    def CloseHandle(self, handle: int, /) -> int | bool: ...


class Job:
    """A job object: the processes in it, and all that they start, end at its end.

    Args:
        kernel: Where the calls are.
        memory_bytes: Bytes that each process may have; `None` for no bound.

    Raises:
        OSError: Windows gives none.
    """

    def __init__(self, kernel: _Kernel32, *, memory_bytes: int | None = None) -> None:
        self._kernel = kernel
        self._handle = _given(kernel.CreateJobObjectW(None, None))
        limits = _ExtendedLimits()
        limits.basic.flags = KILL_ON_JOB_CLOSE
        if memory_bytes is not None:
            limits.basic.flags |= PROCESS_MEMORY
            limits.process_memory = memory_bytes
        size = ctypes.sizeof(limits)
        try:
            _given(
                kernel.SetInformationJobObject(
                    self._handle, EXTENDED_LIMITS, ctypes.byref(limits), size
                )
            )
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        """Put a process into the job.

        Raises:
            OSError: It has ended already, or may not be put there.
        """
        process = _given(self._kernel.OpenProcess(SET_QUOTA_AND_TERMINATE, False, pid))
        try:
            _given(self._kernel.AssignProcessToJobObject(self._handle, process))
        finally:
            self._kernel.CloseHandle(process)

    def terminate(self) -> None:
        """End all that is in the job, at once."""
        self._kernel.TerminateJobObject(self._handle, KILLED)

    def close(self) -> None:
        """Close our handle to the job, the only one: that ends what is still in it."""
        self._kernel.CloseHandle(self._handle)


def open_job(pid: int, *, memory_bytes: int | None = None) -> Job | None:
    """Return a new job with a process in it; `None`, and a word in the log, where it cannot be.

    Args:
        pid: The number of the process.
        memory_bytes: Bytes that each process in the job may have; `None` for no bound.
    """
    kernel = kernel32()
    if kernel is None:
        return None
    try:
        job = Job(kernel, memory_bytes=memory_bytes)
    except OSError as error:
        logger.warning("process %d is in no job object: %s", pid, error)
        return None
    try:
        job.add(pid)
    except OSError as error:
        job.close()
        logger.warning("process %d is in no job object: %s", pid, error)
        return None
    return job


def ends_with_a_job() -> bool:
    """Return whether this process is in a job whose end is the end of its processes.

    Of jobs within each other, only the innermost can be asked. One that does not tell is taken for
    one that ends its processes. Without the calls of Windows there are no jobs.
    """
    try:
        kernel = _calls()
    except (AttributeError, OSError):
        return False
    if kernel is None:
        return False
    answer = ctypes.c_int(0)
    try:
        _given(kernel.IsProcessInJob(kernel.GetCurrentProcess(), None, ctypes.byref(answer)))
        if not answer.value:
            return False
        limits = _ExtendedLimits()
        size = ctypes.sizeof(limits)
        _given(
            kernel.QueryInformationJobObject(
                None, EXTENDED_LIMITS, ctypes.byref(limits), size, None
            )
        )
    except OSError as error:
        logger.warning("the job object of this process cannot be asked: %s", error)
        return True
    return bool(limits.basic.flags & KILL_ON_JOB_CLOSE)


@cache
def kernel32() -> _Kernel32 | None:
    """Return the calls of Windows; `None` on other systems and, with a word in the log, if missing.

    They are missing under rigs that make another system look like Windows.
    """
    try:
        return _calls()
    except (AttributeError, OSError) as error:
        logger.warning("there are no job objects here, so children end by themselves: %s", error)
        return None


def _calls() -> _Kernel32 | None:
    """Return the calls of Windows; `None` on other systems.

    Raises:
        AttributeError: They are missing.
        OSError: They are missing.
    """
    if sys.platform != "win32":
        return None
    found: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    found.CreateJobObjectW.argtypes = [wintypes.LPVOID, wintypes.LPCWSTR]
    found.CreateJobObjectW.restype = wintypes.HANDLE
    found.SetInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
    ]
    found.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
    found.OpenProcess.restype = wintypes.HANDLE
    found.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    found.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
    found.CloseHandle.argtypes = [wintypes.HANDLE]
    found.GetCurrentProcess.restype = wintypes.HANDLE
    found.IsProcessInJob.argtypes = [wintypes.HANDLE, wintypes.HANDLE, wintypes.LPVOID]
    found.QueryInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.LPVOID,
    ]
    return found


def _given(result: int | bool | None) -> int:
    """Return what a call gave.

    Raises:
        OSError: It gave nothing.
    """
    if not result:
        last_error = getattr(ctypes, "get_last_error", None)
        number = 0 if last_error is None else int(last_error())
        raise OSError(number, f"Windows refused it (error {number})")
    return int(result)
