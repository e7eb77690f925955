"""The log is flushed through a descriptor of its own, and moved into the database now and then."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.journal.sqlite.opening import connect
from atlas_mcp.journal.sqlite.write_ahead_log import WRITES_A_CHECKPOINT, WriteAheadLog


def test_a_flush_puts_the_log_on_disk_also_after_its_name_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = connect(path, busy_timeout=1.0)
    flushed: list[int] = []
    log = WriteAheadLog(path, flushed.append)

    log.flush()
    (tmp_path / "runs.db-wal").unlink()
    log.flush()

    assert len(flushed) == 2
    assert flushed[0] == flushed[1]
    log.close()
    connection.close()


def test_a_fault_of_the_disk_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = connect(path, busy_timeout=1.0)

    def fail(descriptor: int) -> None:
        raise OSError("no space")

    log = WriteAheadLog(path, fail)
    with pytest.raises(OSError, match="no space"):
        log.flush()
    log.close()
    connection.close()


def test_a_database_without_a_log_is_flushed_by_its_transactions(tmp_path: Path) -> None:
    flushed: list[int] = []
    log = WriteAheadLog(tmp_path / "runs.db", flushed.append)

    log.flush()
    log.keep_short(10 * WRITES_A_CHECKPOINT)
    log.close()

    assert flushed == []


def test_the_log_is_moved_after_enough_writes_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = connect(path, busy_timeout=1.0)
    connection.execute("CREATE TABLE t (a)")
    log = WriteAheadLog(path)
    before = path.stat().st_size

    log.keep_short(WRITES_A_CHECKPOINT - 1)
    assert path.stat().st_size == before
    log.keep_short(WRITES_A_CHECKPOINT)
    moved = path.stat().st_size
    connection.execute("CREATE TABLE u (a)")
    log.keep_short(WRITES_A_CHECKPOINT + 1)

    assert before < moved == path.stat().st_size
    log.close()
    connection.close()
