"""An application served to the clients of a socket, and the ways in which that ends."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from atlas_mcp.web.listening import listen
from atlas_mcp.web.serving import Web


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """It stands on uvicorn, which runs on asyncio."""
    return request.param


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def test_it_answers_until_it_is_stopped_and_then_lets_nobody_in() -> None:
    listeners = listen("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    web = Web(Starlette(routes=[Route("/", hello)]), listeners, clients=4)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(web.serve)
            async with httpx2.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{port}/")
            assert (answer.status_code, answer.text) == (200, "hello")
            assert answer.headers["date"]
            web.stop()
        await web.empty()
        await web.close()
        with pytest.raises(OSError, match=r"."):
            await anyio.connect_tcp("127.0.0.1", port)


async def test_an_application_that_does_not_open_is_not_served() -> None:
    async def fails(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("it does not open")

    listeners = listen("127.0.0.1", 0)
    web = Web(fails, listeners, clients=4)

    with pytest.raises(RuntimeError, match="the application does not open"):
        await web.serve()
    web.stop()
