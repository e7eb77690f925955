"""A driver's log: dated lines in its file, and the same words in its server's log."""

from __future__ import annotations

import io
import logging
import os
import re

import pytest

from atlas_mcp.driver.log import log_to
from atlas_mcp.runs.detached.messages import Logged, answer_on
from atlas_mcp.runs.detached.pipes import Pipes


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)


@pytest.mark.usefixtures("root")
def test_each_line_is_dated_and_goes_to_the_server_too() -> None:
    file = io.StringIO()
    incoming, outgoing = os.pipe()
    pipes = Pipes(os.open(os.devnull, os.O_RDONLY), outgoing)
    logging.root.handlers.clear()
    log_to(file, pipes)
    logging.getLogger("atlas_mcp.x").warning("50 %% of\nit")
    logging.getLogger("atlas_mcp.x").info("not this")
    pipes.flush()
    pipes.close()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(
        rf"{stamp} {os.getpid()} WARNING atlas_mcp\.x: 50 %% of.it\n", file.getvalue()
    ), file.getvalue()
    with open(incoming, "rb") as sent:  # noqa: PTH123 - a descriptor
        (line,) = sent.read().splitlines()
    answer = answer_on(line)
    assert isinstance(answer, Logged)
    assert (answer.name, answer.level) == ("atlas_mcp.x", logging.WARNING)
    assert answer.text.startswith("50 %% of")
