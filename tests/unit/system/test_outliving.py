from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_mcp.system import outliving
from atlas_mcp.system.interpreter import this_python
from atlas_mcp.system.outliving import may_outlive, start_outliving
from atlas_mcp.system.processes import STARTED
from tests.support.ends import Ends
from tests.support.systems import posix

FACTS = """
import json, os, sys
there = {}
for name in os.listdir("/proc/self/fd"):
    try:
        there[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        pass  # The descriptor that listed them.
with open("/proc/self/stat", encoding="ascii") as file:
    parent, group, session = map(int, file.read().rpartition(")")[2].split()[1:4])
facts = {"pid": os.getpid(), "parent": parent, "group": group, "session": session}
print(json.dumps(facts | {"descriptors": there, "variable": os.environ.get("OF_OURS")}), flush=True)
print(sys.stdin.read(), end="", flush=True)
"""

ECHO = """
import sys
print("an error", file=sys.stderr, flush=True)
print(sys.stdin.read(), end="", flush=True)
"""

SERVER = """
import os, sys
from atlas_mcp.system.interpreter import this_python
from atlas_mcp.system.outliving import start_outliving
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
process = start_outliving([*this_python(), "-c", sys.argv[2]], environ=os.environ, stderr=log)
os.write(process.commands, b"the last words")
print("started", flush=True)
sys.stdin.read()
"""

LATER = """
import os, sys
words = sys.stdin.read()
# Its answers have no reader by now.
os.write(2, f"it has outlived one that said {words!r}".encode())
"""


@pytest.fixture
def log(tmp_path: Path) -> Generator[int]:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def start(log: int, code: str, **variables: str) -> Ends:
    process = start_outliving(
        [*this_python(), "-c", code], environ={**os.environ, **variables}, stderr=log
    )
    return Ends(process)


def open_descriptors() -> int:
    """Return how many descriptors this process has, 0 where the system does not tell."""
    return len(list(Path("/proc/self/fd").glob("*")))


def rest_of(process: Ends) -> str:
    """Return what a process answers until it ends."""
    with os.fdopen(os.dup(process.answers), encoding="utf-8") as answers:
        return answers.read()


def test_it_reads_its_commands_to_their_end_and_its_answers_and_errors_arrive(
    log: int, tmp_path: Path
) -> None:
    with closing(start(log, ECHO)) as process:
        assert not os.get_inheritable(process.commands)
        assert not os.get_inheritable(process.answers)
        os.write(process.commands, "grün\n".encode())
        process.end_commands()
        assert rest_of(process) == "grün\n"

    assert (tmp_path / "log").read_text() == "an error\n"


@posix
def test_it_shares_no_group_parent_or_descriptor_with_us(log: int, tmp_path: Path) -> None:
    others = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    os.set_inheritable(others, True)
    before = open_descriptors()
    with closing(start(log, FACTS, OF_OURS="a value")) as process:
        process.end_commands()
        facts = json.loads(rest_of(process))
    assert open_descriptors() == before
    os.close(others)

    assert facts["group"] == facts["session"] == facts["pid"]
    assert facts["parent"] != os.getpid()
    # One is taken by the listing.
    assert sorted(facts["descriptors"]) in (["0", "1", "2"], ["0", "1", "2", "3"])
    places = facts["descriptors"]
    assert places["0"].startswith("pipe:")
    assert places["1"].startswith("pipe:")
    assert places["0"] != places["1"]
    assert places["2"] == str(tmp_path / "log")
    assert facts["variable"] == "a value"


@posix
@pytest.mark.parametrize("closed", ["0", "0, 1, 2"])
def test_it_has_its_descriptors_also_where_ours_are_closed(closed: str, tmp_path: Path) -> None:
    code = f"""
import os
for number in ({closed},):
    os.close(number)
log = os.open({str(tmp_path / "log")!r}, os.O_WRONLY | os.O_CREAT)
from atlas_mcp.system.interpreter import this_python
from atlas_mcp.system.outliving import start_outliving
process = start_outliving([*this_python(), "-c", {FACTS!r}], environ=os.environ, stderr=log)
os.close(process.commands)
answer = b"".join(iter(lambda: os.read(process.answers, 4096), b""))
open({str(tmp_path / "answer")!r}, "wb").write(answer)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    places = json.loads((tmp_path / "answer").read_bytes())["descriptors"]
    assert places["0"].startswith("pipe:")
    assert places["1"].startswith("pipe:")
    assert places["2"] == str(tmp_path / "log")


@posix
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_it_goes_on_when_the_whole_group_of_the_one_that_started_it_is_killed(
    how: str, tmp_path: Path
) -> None:
    assert sys.platform != "win32"
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(log), LATER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"started\n"
    os.killpg(server.pid, getattr(signal, how))
    # It ends although the other process has not, which therefore holds none of its streams.
    assert server.communicate(timeout=60) == (b"", None)

    with os.fdopen(reader) as words:
        assert words.read() == "it has outlived one that said 'the last words'"


def test_what_cannot_be_started_is_an_error_and_leaves_nothing(log: int, tmp_path: Path) -> None:
    before, ours = open_descriptors(), set(STARTED)

    with pytest.raises(FileNotFoundError) as caught:
        start_outliving([str(tmp_path / "none")], environ=os.environ, stderr=log)

    assert caught.value.filename == str(tmp_path / "none")
    assert open_descriptors() == before
    assert ours == STARTED


def test_a_python_that_is_gone_is_an_error(
    log: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "_base_executable", str(tmp_path / "python"))
    before = open_descriptors()

    with pytest.raises(FileNotFoundError):
        start(log, ECHO)
    assert open_descriptors() == before


def test_a_python_that_does_not_start_is_an_error(log: int, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="has ended with exit code 1"):
        start(log, ECHO, PYTHONHOME=str(tmp_path))


def test_a_start_that_takes_too_long_is_given_up(log: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = set(STARTED)
    monkeypatch.setattr(outliving, "MIDDLE_SECONDS", 0.0)
    for name in ("_MIDDLE", "_WINDOWS_MIDDLE"):
        monkeypatch.setattr(outliving, name, "import time; time.sleep(600)")

    with pytest.raises(TimeoutError) as caught:
        start(log, ECHO)

    assert caught.value.errno == errno.ETIMEDOUT
    assert ours == STARTED


def test_elsewhere_than_on_windows_a_process_may_outlive_any_other() -> None:
    assert may_outlive()
