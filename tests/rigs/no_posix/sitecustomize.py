"""Python on Linux, without what Windows does not have. Tests are run under it as it is on the path.

    PYTHONPATH=tests/rigs/no_posix python -m pytest --timeout-method=thread -m "not posix" TESTS

It stands in for a Windows that is not at hand: a test that fails here fails there, and one that
passes here may still fail there. The package, and it alone, is told that it runs on Windows; all
else, pytest too, goes on as usual. Processes that are started from here get the same treatment.
"""

import asyncio.unix_events
import builtins
import errno
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import types
from pathlib import Path

PACKAGE = "atlas_mcp"

MISSING_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
MISSING_SIGNALS = ("ALRM", "CHLD", "CONT", "HUP", "KILL", "PIPE", "QUIT", "STOP", "TSTP", "USR1")
MISSING_FLAGS = ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC")
MISSING_CALLS = (
    "fchmod",
    "fork",
    "getpgid",
    "killpg",
    "mkfifo",
    "sched_getaffinity",
    "setsid",
)

BREAK = 10
"""The number that stands for Ctrl-Break: one that is free once its own name is gone."""


def take_names_away() -> None:
    for name in MISSING_SIGNALS:
        delattr(signal, f"SIG{name}")
    for name in (*MISSING_FLAGS, *MISSING_CALLS):
        delattr(os, name)
    signal.SIGBREAK = signal.CTRL_BREAK_EVENT = signal.Signals(BREAK)
    signal.CTRL_C_EVENT = signal.SIGINT


def take_signals_from_loops() -> None:
    """Nor do the loops there watch descriptors, but for their own use."""

    def refuse(*args: object) -> None:
        raise NotImplementedError

    def unless_asyncio_itself(real):
        def watch(loop, descriptor, *args):
            if not sys._getframe(1).f_globals["__name__"].startswith("asyncio."):
                raise NotImplementedError
            return real(loop, descriptor, *args)

        return watch

    loop = asyncio.unix_events._UnixSelectorEventLoop
    for name in ("add_signal_handler", "remove_signal_handler"):
        setattr(loop, name, refuse)
    for name in ("add_reader", "remove_reader", "add_writer", "remove_writer"):
        setattr(loop, name, unless_asyncio_itself(getattr(loop, name)))


def end_processes_as_windows_does() -> None:
    """A process there cannot be asked to end: a signal ends it at once."""
    send, start = subprocess.Popen.send_signal, subprocess.Popen.__init__

    def kill(self: subprocess.Popen) -> None:
        send(self, 9)

    def send_signal(self: subprocess.Popen, number: int) -> None:
        send(self, 9 if number == signal.SIGTERM else number)

    def start_here_too(self: subprocess.Popen, *args, env=None, **kwargs) -> None:
        if env is not None:
            folders = [os.fspath(Path(__file__).parent), env.get("PYTHONPATH")]
            env = {**env, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
        kwargs.pop("creationflags", None)
        start(self, *args, env=env, **kwargs)

    subprocess.Popen.kill = subprocess.Popen.terminate = kill
    subprocess.Popen.send_signal = send_signal
    subprocess.Popen.__init__ = start_here_too
    subprocess.CREATE_NEW_PROCESS_GROUP = 0x200
    subprocess.CREATE_NO_WINDOW = 0x8000000


def byte_locks() -> types.ModuleType:
    """Return a module that locks bytes as Windows does: by open file, not by process."""
    found = types.ModuleType("msvcrt")
    found.LK_UNLCK, found.LK_NBLCK = 0, 2

    def locking(descriptor: int, mode: int, count: int) -> None:
        kind = fcntl.F_UNLCK if mode == found.LK_UNLCK else fcntl.F_WRLCK
        start = os.lseek(descriptor, 0, os.SEEK_CUR)
        asked = struct.pack("hhqqi4x", kind, os.SEEK_SET, start, count, 0)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, asked)
        except OSError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    found.locking = locking
    found.get_osfhandle = lambda descriptor: descriptor
    return found


class Told(types.ModuleType):
    """A module of which one thing is said otherwise."""

    def __init__(self, real: types.ModuleType, **told: object) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(told, _real=real, _told=told)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, value)


def tell_the_package() -> None:
    instead = {
        "msvcrt": byte_locks(),
        "os": Told(os, name="nt"),
        "sys": Told(sys, platform="win32"),
    }
    real_import = builtins.__import__

    def import_there(name, globals=None, locals=None, fromlist=(), level=0):
        importer = (globals or {}).get("__name__") or ""
        if level == 0 and importer.partition(".")[0] == PACKAGE:
            if name in MISSING_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in instead:
                return instead[name]
        return real_import(name, globals, locals, fromlist, level)

    builtins.__import__ = import_there


def is_at_home(path: object) -> bool:
    home = os.environ.get("ATLAS_HOME")
    if home is None or not isinstance(path, (str, bytes, os.PathLike)):
        return False
    return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(os.path.abspath(home))


def is_open(path: object) -> bool:
    """Return whether this process has the file open."""
    try:
        there = os.stat(path)
    except OSError:
        return False
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            if os.path.samestat(os.fstat(int(descriptor)), there):
                return True
        except OSError:
            continue
    return False


def guard_the_home() -> None:
    """In `ATLAS_HOME`, files follow the rules of Windows."""

    def guarded(real):
        def call(path, *others, **kwargs):
            for each in (path, *others[:1]):
                if is_at_home(each) and is_open(each):
                    raise PermissionError(errno.EACCES, "it is open", os.fspath(each))
            return real(path, *others, **kwargs)

        return call

    for name in ("remove", "rename", "replace", "unlink"):
        setattr(os, name, guarded(getattr(os, name)))

    names = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)

    def check(event: str, arguments: tuple) -> None:
        if event not in ("open", "os.mkdir", "os.rename") or not is_at_home(arguments[0]):
            return
        path = Path(os.path.abspath(os.fsdecode(arguments[0])))
        for part in path.relative_to(os.path.abspath(os.environ["ATLAS_HOME"])).parts:
            if names.search(part):
                raise OSError(errno.EINVAL, "no file has such a name", part)

    sys.addaudithook(check)


def guard_folders() -> None:
    """A folder is no file that could be opened, and only files opened to write are flushed."""
    real_open, real_fsync = os.open, os.fsync

    def open_file(path, flags, mode=0o777, *, dir_fd=None):
        if dir_fd is not None:
            raise NotImplementedError("dir_fd unavailable on this platform")
        if is_at_home(path) and os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real_open(path, flags, mode)

    def fsync(file) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        real_fsync(descriptor)

    os.open, os.fsync = open_file, fsync
    os.supports_dir_fd = set()


def give_pipes_the_old_code_page() -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None and not stream.isatty():
            stream.reconfigure(encoding="cp1252", errors=stream.errors)


take_names_away()
take_signals_from_loops()
end_processes_as_windows_does()
tell_the_package()
guard_the_home()
guard_folders()
if PACKAGE in sys.orig_argv:
    give_pipes_the_old_code_page()
