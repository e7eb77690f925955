from __future__ import annotations

import io
import logging

from atlas_mcp.log_lines import PrintableFormatter


def test_a_record_of_the_log_is_one_printable_line_and_a_bug_keeps_its_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrintableFormatter())
    logger = logging.getLogger("tests.printable")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.warning("run %s broke off: %s", "abc", "no\r\natlas-mcp: all is well\x1b[2J")
        try:
            raise KeyError("\x1b[2J")
        except KeyError:
            logger.exception("a bug")
    finally:
        logger.removeHandler(handler)

    first, second, *trace = stream.getvalue().splitlines()
    assert first == (r"tests.printable: run abc broke off: no atlas-mcp: all is well\u001b[2J")
    assert second == "tests.printable: a bug"
    assert trace[0].startswith("Traceback")
    assert "\x1b" not in stream.getvalue()
