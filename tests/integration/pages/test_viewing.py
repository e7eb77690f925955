"""The pages alone are there until they are ended, and end promptly."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx2
import pytest

from atlas_mcp.pages.viewing import pages_address, serve_pages
from atlas_mcp.web.listening import close, listen
from tests.support.page_services import paged


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


async def test_pages_are_served_until_they_are_ended(tmp_path: Path) -> None:
    async with paged(tmp_path) as there, httpx2.AsyncClient(timeout=10) as http:
        run_id = await there.held()
        listeners = listen("127.0.0.1", 0)
        address = pages_address(listeners)
        ready, end, polled = anyio.Event(), anyio.CancelScope(), list[int]()
        shown: list[int] = []

        async def set_ready() -> None:
            ready.set()

        async def serve() -> None:
            with end:
                await serve_pages(there.service, listeners, ready=set_ready)

        async def poll(at: str) -> None:
            polled.append((await http.get(at)).status_code)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                await ready.wait()
                shown.append((await http.get(address)).status_code)
                at = f"{address.removesuffix('/runs')}/api/runs/{run_id}"
                seen = (await http.get(at)).json()
                tasks.start_soon(poll, f"{at}?since={seen['version']}&wait_s=30&live=true")
                await anyio.wait_all_tasks_blocked()
                await http.get(address)
                end.cancel("the end")
        with pytest.raises(httpx2.ConnectError):
            await http.get(address)

    assert (shown, polled) == ([200], [200])


def test_an_address_names_host_and_port() -> None:
    listeners = listen("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    address = pages_address(listeners, "/runs/a")
    close(listeners)

    assert address == f"http://127.0.0.1:{port}/runs/a"
