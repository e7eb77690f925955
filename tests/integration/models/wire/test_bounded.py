"""What endpoints send without end, packed or not, is read within bounds, and nobody else waits."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE, Price
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.wire import bounded
from atlas_mcp.models.wire.bounded import MAX_ERROR_BYTES
from tests.support.claude_models import claude_model
from tests.support.raw_servers import Answer, answering, endless, heading, in_bytes, once

ASK = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=100)
RATES = Price(Decimal(1), Decimal(1), Decimal(1))

MODELS: dict[str, Callable[[str], Any]] = {
    "claude": lambda url: claude_model("claude-x", base_url=url, api_key="k", price=RATES),
    "chat": lambda url: OpenAICompatible(
        ModelSpec("openai/m", endpoint={"base_url": f"{url}/v1"}), api_key="k", price=RATES
    ),
}

both = pytest.mark.parametrize("adapter", MODELS)
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


async def failure(
    adapter: str, answer: Answer, *, look: bool = False, least: int = 1
) -> ModelError:
    """Return how a call fails, having seen that others had their turn meanwhile."""
    turns = 0
    caught: list[ModelError] = []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    with answering(answer) as url:
        model = MODELS[adapter](url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(others)
            with anyio.fail_after(15):
                try:
                    await (model.is_there() if look else model.generate(ASK))
                except ModelError as error:
                    caught.append(error)
            tasks.cancel_scope.cancel()
        await model.aclose()
    assert turns >= least
    (error,) = caught
    assert len(error.message) < 2_000
    return error


@pytest.fixture(autouse=True)
def lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of what is read in earnest, so that the tests take an eighth of the time."""
    monkeypatch.setattr(bounded, "MAX_STREAM_BYTES", 8_000_000)


@cache
def bomb(piece: bytes, times: int, wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join([*(packing.compress(piece) for _ in range(times)), packing.flush()])


COMMENTS = b": keep-alive\n\n" * 70_000
"""A million bytes that say nothing."""


def packed(encoding: str, wbits: int) -> Answer:
    """Send a hundred times as many of them, which are packed once somebody asks."""

    def answer(connection: socket.socket) -> None:
        once(heading(content_encoding=encoding), bomb(COMMENTS, 100, wbits))(connection)

    return answer


@both
@on_asyncio
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (packed("gzip", zlib.MAX_WBITS | 16), "longer than 8,000,000 bytes"),
        (packed("deflate", zlib.MAX_WBITS), "longer than 8,000,000 bytes"),
        (packed("deflate", -zlib.MAX_WBITS), "longer than 8,000,000 bytes"),
        (once(heading(content_encoding="br"), b"x"), "packed as 'br'"),
        (once(heading(content_encoding="zstd"), b"x"), "packed as 'zstd'"),
        (once(heading(content_encoding="gzip, gzip"), b"x"), "packed as 'gzip, gzip'"),
        (once(heading(content_encoding="gzip"), b"no gzip"), "cannot be unpacked"),
        (endless(heading(), COMMENTS), "longer than 8,000,000 bytes"),
        (endless(heading(), b"data: " + b"x" * 100_000), "a line of it is longer than 4,000,000"),
    ],
    ids=[
        "gzip", "deflate", "raw deflate", "br", "zstd", "twice", "no gzip", "comments", "line",
    ],
)  # fmt: skip
@pytest.mark.every_day(1)
@pytest.mark.requirement("HANG-3")
async def test_a_stream_without_end_is_given_up(adapter: str, answer: Answer, says: str) -> None:
    error = await failure(adapter, answer, least=200 if "longer" in says else 1)

    assert isinstance(error, ModelRejected)
    assert says in error.message


@pytest.mark.every_day(1)
@both
@on_asyncio
async def test_others_get_a_turn_however_small_the_pieces_are(
    adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "TURN_SECONDS", 0.0)
    pieces = in_bytes(COMMENTS[:1_000])

    await failure(adapter, once(heading(transfer_encoding="chunked"), pieces), least=1_000)


@on_asyncio
async def test_a_reply_in_one_piece_is_given_up_too() -> None:
    error = await failure("chat", endless(heading(kind="application/json"), b"[" * 100_000))

    assert "longer than 4,000,000 bytes" in error.message


@on_asyncio
async def test_a_list_of_models_without_end_is_given_up() -> None:
    error = await failure(
        "chat", endless(heading(kind="application/json"), b'["x"],' * 10_000), look=True
    )

    assert "longer than 4,000,000 bytes" in error.message


@both
@on_asyncio
@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize("head", [{}, {"content_encoding": "gzip"}], ids=["as it is", "packed"])
async def test_of_an_error_only_the_beginning_is_read(
    adapter: str, status: int, head: dict[str, str]
) -> None:
    beginning = heading(status, "application/json", **head)
    piece = b'{"error": "' + b"x" * MAX_ERROR_BYTES
    answer = once(beginning, bomb(piece, 500)) if head else endless(beginning, piece)

    error = await failure(adapter, answer)

    assert isinstance(error, ModelRejected if status == 400 else ModelUnavailable)
    assert (error.charge or NO_CHARGE).cost == 0


@both
@on_asyncio
async def test_an_error_whose_body_never_ends_is_known_by_its_status(
    adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(connection: Any) -> None:
        connection.sendall(heading(400, "application/json") + b'{"error": {"message": "no"')
        connection.recv(1)

    monkeypatch.setattr(bounded, "ERROR_SECONDS", 0.1)

    error = await failure(adapter, drip)

    assert isinstance(error, ModelRejected)


@both
@on_asyncio
async def test_replies_are_asked_for_unpacked(adapter: str) -> None:
    heads: list[bytes] = []
    with answering(once(heading(404, "application/json"), b"{}"), heads) as url:
        model = MODELS[adapter](url)
        with pytest.raises(ModelError):
            await model.generate(ASK)
        await model.aclose()

    (head,) = heads
    assert b"\r\naccept-encoding: identity\r\n" in head.lower()
