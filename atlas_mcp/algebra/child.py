"""The child process: gets trees on stdin, writes which of them are the same, and ends.

Owns the bounds that the process sets itself. It is started by `atlas_mcp.algebra.calculation`,
which ends it in any case; it ends by itself when its stdin does, so it cannot outlive its parent.
"""

from __future__ import annotations

import gc
import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, cast

from atlas_mcp.system.bounds import TookTooLong, bound_addresses, bounded_cpu
from atlas_mcp.system.streams import write_all

PAIR_SECONDS = 0.6
"""Seconds of CPU for one pair, so that a hard one leaves time for the others. Most take less than
0.1, the first one 0.2 (2026-11). On Windows, which has no such signal, only the whole is bounded.
"""

MEMORY_BYTES = 768 * 1024 * 1024
"""Bytes of addresses that the process may have. The library takes 50 MB of memory and three times
as many addresses. macOS does not keep to it; on Windows a job object does the same."""

DONE = "done"
"""The last line: every pair was looked at."""

MISSING = 3
"""The exit code where the library is not installed."""

OUT_OF_TIME, OUT_OF_MEMORY = 4, 5
"""Exit codes where a bound was reached."""

_STDOUT = 1


def main() -> int:
    """Compare the trees that one line on stdin has; return the exit code."""
    # A tenth of the start; the process is gone before it matters, and its memory is bounded.
    gc.disable()
    bound_addresses(MEMORY_BYTES)
    orders = cast("dict[str, Any]", json.loads(_orders()))
    # The parent ends this process, unless it is frozen itself.
    timer = threading.Timer(orders["seconds"], _end, (OUT_OF_TIME,))
    timer.daemon = True
    timer.start()
    threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    try:
        from atlas_mcp.algebra.formulas import library

        library()
    except ImportError:
        return MISSING
    except MemoryError:
        return OUT_OF_MEMORY
    code = _compare(orders["trees"], [(a, b) for a, b in orders["pairs"]])
    if code == 0:
        _say(DONE)
    # Not through the interpreter's own end, which takes as long as some of the work.
    _end(code)


def _compare(trees: Sequence[Any], pairs: Sequence[tuple[int, int]]) -> int:
    """Say each pair that is the same; return an exit code."""
    from atlas_mcp.algebra.formulas import Built, Refused, built
    from atlas_mcp.algebra.proofs import are_same

    known: dict[int, Built | None] = {}

    def of(number: int) -> Built | None:
        if number not in known:
            known[number] = None
            with suppress(Refused):
                known[number] = built(trees[number])
        return known[number]

    lacked_time = False
    # The small ones first: an operation on a very long number is not broken off but by the end.
    sizes = [len(json.dumps(tree)) for tree in trees]
    for first, second in sorted(pairs, key=lambda pair: sizes[pair[0]] + sizes[pair[1]]):
        try:
            with bounded_cpu(PAIR_SECONDS):
                a, b = of(first), of(second)
                if a is not None and b is not None and are_same(a, b):
                    _say([first, second])
        except TookTooLong:
            lacked_time = True
        except MemoryError:
            return OUT_OF_MEMORY
        except Exception:  # noqa: BLE001 - a fault of the library: nothing was proved
            continue
    return OUT_OF_TIME if lacked_time else 0


def _orders() -> bytes:
    """Return the first line of stdin."""
    line = bytearray()
    while not line.endswith(b"\n") and (chunk := os.read(0, 65_536)):
        line += chunk
    return bytes(line)


def _say(what: object) -> None:
    write_all(_STDOUT, json.dumps(what).encode() + b"\n")


def _end_with_stdin() -> None:
    while os.read(0, 4_096):
        pass
    _end(0)


def _end(code: int) -> NoReturn:
    os._exit(code)
