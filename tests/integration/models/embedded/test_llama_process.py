"""llama.cpp in a process of its own, with a stand-in for the binding."""

from __future__ import annotations

import tempfile

import anyio.to_thread
import httpx2
import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded import llama_process
from atlas_mcp.models.embedded.llama_process import (
    end,
    exit_code,
    give_orders,
    require_runtime,
    spawn,
)
from tests.support.embedded_runtimes import Runtime


def orders(path: object) -> dict[str, object]:
    return {
        "path": str(path),
        "key": "k",
        "context_tokens": 512,
        "parallel": 1,
        "threads": 1,
        "use": None,
    }


async def test_it_serves_until_it_is_asked_to_end(runtime: Runtime) -> None:
    with tempfile.TemporaryFile() as stderr:
        child = await anyio.to_thread.run_sync(spawn, stderr)
        address = await anyio.to_thread.run_sync(give_orders, child, orders(runtime.file()))
        assert address is not None
        async with httpx2.AsyncClient(trust_env=False) as client:
            response = await client.get(address)
        await anyio.to_thread.run_sync(end, child)

    assert response.status_code < 600
    assert exit_code(child) == 0
    assert len(runtime.loads) == 1


async def test_one_that_cannot_load_its_weights_names_no_address(runtime: Runtime) -> None:
    broken = runtime.file("broken.gguf", more=b"broken")
    with tempfile.TemporaryFile() as stderr:
        child = await anyio.to_thread.run_sync(spawn, stderr)
        address = await anyio.to_thread.run_sync(give_orders, child, orders(broken))
        await anyio.to_thread.run_sync(end, child)
        stderr.seek(0)

        assert address is None
        assert b"these weights are broken" in stderr.read()
    assert exit_code(child) not in (0, None)


def test_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_process, "runtime_installed", lambda: False)

    with pytest.raises(ConfigError, match=r"`local/x` needs llama\.cpp, which is not installed"):
        require_runtime("local/x")
