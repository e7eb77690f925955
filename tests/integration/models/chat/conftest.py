"""An endpoint of Chat Completions, and a model behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.support.chat_worlds import ChatWorld, world_of


@pytest.fixture
async def world() -> AsyncGenerator[ChatWorld]:
    async with world_of() as world:
        yield world
