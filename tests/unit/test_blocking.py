"""The fixture that fails a test in which the package holds up the event loop."""

from __future__ import annotations

import os
from pathlib import Path

import anyio.to_thread
import pytest
from blockbuster import BlockingError

from atlas_mcp.system.opening import open_regular

pytestmark = [
    pytest.mark.usefixtures("no_blocking"),
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),
]


async def test_a_file_that_the_package_opens_on_the_loop_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")

    with pytest.raises(BlockingError):
        open_regular(str(path))


async def test_a_file_that_it_opens_in_a_thread_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")

    os.close(await anyio.to_thread.run_sync(open_regular, str(path)))
