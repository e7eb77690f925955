"""The server, put together: how a client learns of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp import __version__
from tests.support.gated_models import (
    Mode,
    connected,
)


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The server's own entry point runs on asyncio; the service below is tested on both loops."""
    return request.param


async def test_a_client_learns_who_serves_it_and_how_to_use_it(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        info = session.client.server_info
        instructions = session.client.instructions
        version = session.client.protocol_version

    assert info is not None
    assert (info.name, info.version) == ("atlas-mcp", __version__)
    assert instructions is not None
    assert "get_run" in instructions
    assert version == ("2026-07-28" if mode == "auto" else "2025-11-25")
