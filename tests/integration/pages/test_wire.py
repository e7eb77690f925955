"""What can be sent over a bare socket to the pages, and is not served."""

from __future__ import annotations

import logging
from pathlib import Path

import anyio
import pytest

from tests.support.page_browsers import Browser, browsing, opened

KEY = "{token}"
"""Stands for the token of the pages in the requests below."""

POST = "POST /api/runs/{run}/cancel HTTP/1.1\r\nhost: {host}\r\n"
AS_JSON = "content-type: application/json\r\ncontent-length: 2\r\n"
TOKEN = f"x-atlas-token: {KEY}\r\n"

REFUSED: dict[str, tuple[str, int]] = {
    "without a host": ("GET /runs/{run} HTTP/1.0\r\n\r\n", 421),
    "with two hosts": (
        "GET /runs/{run} HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\n\r\n", 400,
    ),
    "for a rebound name": ("GET /api/runs/{run} HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421),
    "for a whole address of another": (
        "GET http://evil.example/runs/{run} HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421,
    ),
    "for permission": (
        "OPTIONS /api/runs/{run}/cancel HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n"
        "access-control-request-method: POST\r\n\r\n", 405,
    ),
    "for a socket": (
        "GET /api/runs/{run} HTTP/1.1\r\nhost: {host}\r\norigin: http://evil.example\r\n"
        "connection: upgrade\r\nupgrade: websocket\r\n\r\n", 403,
    ),
    "as a form": (
        POST + "content-type: text/plain\r\ncontent-length: 2\r\n" + TOKEN + "\r\n{{}}", 415,
    ),
    "without the token": (POST + AS_JSON + "\r\n{{}}", 403),
    "with two tokens": (POST + AS_JSON + TOKEN + TOKEN + "\r\n{{}}", 403),
    "from another origin": (POST + AS_JSON + TOKEN + "origin: http://evil.com\r\n\r\n{{}}", 403),
    "from another port": (POST + AS_JSON + TOKEN + "origin: http://127.0.0.1:1\r\n\r\n{{}}", 403),
    "with another method inside": (
        "GET /api/runs/{run}/cancel HTTP/1.1\r\nhost: {host}\r\nx-http-method-override: POST\r\n"
        + TOKEN + "\r\n", 405,
    ),
    "in a packed body": (
        POST + TOKEN + "content-type: application/json\r\ncontent-encoding: gzip\r\n"
        "content-length: 2\r\n\r\n\x1f\x8b", 400,
    ),
    "in chunks that hold too much": (
        POST + TOKEN + "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        "30d40\r\n" + " " * 200_000 + "\r\n0\r\n\r\n", 400,
    ),
    "with a body without end": (
        POST + TOKEN + "content-type: application/json\r\ncontent-length: 9999999\r\n\r\n"
        + " " * 200_000, 400,
    ),
}  # fmt: skip


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


async def answer_to(browser: Browser, request: str, run_id: str) -> str:
    """Return the head of the answer to a request, and the first bytes of its body."""
    host = browser.server.origin.removeprefix("http://")
    port = int(host.rpartition(":")[2])
    filled = request.format(run=run_id, host=host, token=browser.server.pages.token)
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(filled.encode("latin-1"))
        return (await stream.receive(65_536)).decode("latin-1")


async def test_requests_that_no_page_of_ours_sends_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with browsing(tmp_path) as browser:
            run_id = await opened(browser)
            service = await browser.server.host.service()
            before = await service.look(run_id)
            answers = {
                name: await answer_to(browser, request, run_id)
                for name, (request, _) in REFUSED.items()
            }
            after = await service.look(run_id)

    statuses = {name: int(answer.split()[1]) for name, answer in answers.items()}
    assert statuses == {name: status for name, (_, status) in REFUSED.items()}
    for answer in answers.values():
        assert run_id not in answer.split("\r\n\r\n", 1)[1]
        assert "access-control-" not in answer
        assert "42" not in answer.split("\r\n\r\n", 1)[1]
    assert after.state.seq == before.state.seq
    assert browser.server.pages.token not in caplog.text
