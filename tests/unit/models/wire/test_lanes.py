"""Connections that calls have for themselves, over a network that is a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx2
import pytest
from typing_extensions import override

from atlas_mcp.models.wire import lanes as lanes_module
from atlas_mcp.models.wire.lanes import IDLE_SECONDS, Lanes

ADDRESS = "https://models.example/v1"


class Body(httpx2.AsyncByteStream):
    """Says one thing."""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        await anyio.lowlevel.checkpoint()
        yield b"said"


class Wire(httpx2.AsyncBaseTransport):
    """Stands for a pool of one connection."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.requests = 0
        self.closed = False
        self.stuck = False
        self.slow = False
        self.gone: bool | Exception = False
        self._failure = failure

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert not self.closed, "a closed connection is used"
        self.requests += 1
        await anyio.lowlevel.checkpoint()
        if self._failure is not None:
            raise self._failure
        return httpx2.Response(200, stream=Body(), extensions={"network_stream": self})

    def get_extra_info(self, info: str) -> object:
        assert info == "is_readable"
        if isinstance(self.gone, Exception):
            raise self.gone
        return self.gone

    @override
    async def aclose(self) -> None:
        if self.slow:
            self.slow = False
            await anyio.sleep_forever()
        if self.stuck:
            raise OSError("it cannot be closed")
        self.closed = True


class Network:
    """Makes wires and remembers them."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.failure: Exception | None = None

    def __call__(self) -> Wire:
        self.wires.append(Wire(self.failure))
        return self.wires[-1]


@pytest.fixture
def network() -> Network:
    return Network()


async def open_at_once(client: httpx2.AsyncClient, number: int) -> None:
    """Have so many answers open, then read and close them one after the other."""
    opened = [
        await client.send(client.build_request("GET", ADDRESS), stream=True) for _ in range(number)
    ]
    for response in opened:
        assert await response.aread() == b"said"
        await response.aclose()


async def test_one_call_after_the_other_takes_one_connection(network: Network) -> None:
    async with httpx2.AsyncClient(transport=Lanes(network, idle=4)) as client:
        for _ in range(5):
            await open_at_once(client, 1)

    assert [(wire.requests, wire.closed) for wire in network.wires] == [(5, True)]


async def test_no_more_connections_are_open_than_there_were_calls_at_once(
    network: Network,
) -> None:
    async with httpx2.AsyncClient(transport=Lanes(network, idle=10)) as client:
        for _ in range(5):
            await open_at_once(client, 3)

        assert len(network.wires) == 3
        assert not any(wire.closed for wire in network.wires)


async def test_what_is_too_much_to_keep_is_closed_the_oldest_first(network: Network) -> None:
    async with httpx2.AsyncClient(transport=Lanes(network, idle=2)) as client:
        await open_at_once(client, 5)

        assert [wire.closed for wire in network.wires] == [True, True, True, False, False]


async def test_what_was_idle_for_too_long_is_closed_when_the_next_is_given_back(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(anyio, "current_time", lambda: now)
    async with httpx2.AsyncClient(transport=Lanes(network, idle=9)) as client:
        await open_at_once(client, 3)
        now = IDLE_SECONDS + 1
        await open_at_once(client, 1)

        # The one that was used last is the one that is used again.
        assert [wire.closed for wire in network.wires] == [True, True, False]
        assert network.wires[2].requests == 2


async def test_what_is_idle_for_too_long_is_closed_though_no_call_ends(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(anyio, "current_time", lambda: now)
    lanes = Lanes(network, idle=9)
    async with httpx2.AsyncClient(transport=lanes) as client:
        await open_at_once(client, 3)
        now = IDLE_SECONDS
        await lanes.close_idle()
        assert not any(wire.closed for wire in network.wires)

        held = await client.send(client.build_request("GET", ADDRESS), stream=True)
        now = IDLE_SECONDS + 1
        await lanes.close_idle()

        assert [wire.closed for wire in network.wires] == [True, True, False]
        await held.aclose()
        await open_at_once(client, 1)
        assert len(network.wires) == 3


@pytest.mark.parametrize("gone", [True, ValueError("file descriptor cannot be negative")])
async def test_what_either_end_has_closed_is_closed_here(
    network: Network, gone: bool | Exception
) -> None:
    lanes = Lanes(network, idle=9)
    async with httpx2.AsyncClient(transport=lanes) as client:
        await open_at_once(client, 3)
        network.wires[1].gone = gone
        await lanes.close_idle()

        assert [wire.closed for wire in network.wires] == [False, True, False]
        await open_at_once(client, 2)
        assert len(network.wires) == 3


async def test_an_idle_one_that_cannot_be_closed_keeps_no_other_open(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(anyio, "current_time", lambda: now)
    lanes = Lanes(network, idle=9)
    async with httpx2.AsyncClient(transport=lanes) as client:
        await open_at_once(client, 3)
        network.wires[1].stuck = True
        now = IDLE_SECONDS + 1
        await lanes.close_idle()

        assert [wire.closed for wire in network.wires] == [True, False, True]


async def test_one_that_takes_too_long_to_close_is_given_up(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "CLOSE_SECONDS", 0.0)
    client = httpx2.AsyncClient(transport=Lanes(network, idle=0))
    response = await client.send(client.build_request("GET", ADDRESS), stream=True)
    network.wires[0].slow = True

    with anyio.fail_after(30):
        await response.aclose()

    await client.aclose()


async def test_a_connection_that_failed_is_used_by_nobody(network: Network) -> None:
    network.failure = httpx2.ReadError("gone")
    async with httpx2.AsyncClient(transport=Lanes(network, idle=9)) as client:
        network.failure = None
        with pytest.raises(httpx2.ReadError):
            await client.get(ADDRESS)
        await open_at_once(client, 1)

    assert [(wire.requests, wire.closed) for wire in network.wires] == [(1, True), (1, True)]


async def test_a_call_that_is_cancelled_leaves_no_connection_open(network: Network) -> None:
    client = httpx2.AsyncClient(transport=Lanes(network, idle=9))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.get(ADDRESS)

    assert [wire.closed for wire in network.wires] == [True]
    await client.aclose()


async def test_closing_closes_what_is_in_use_and_takes_nothing_back(network: Network) -> None:
    client = httpx2.AsyncClient(transport=Lanes(network, idle=9))
    response = await client.send(client.build_request("GET", ADDRESS), stream=True)
    await client.aclose()
    await response.aclose()

    assert [wire.closed for wire in network.wires] == [True]


async def test_one_that_cannot_be_closed_leaves_no_other_open(network: Network) -> None:
    client = httpx2.AsyncClient(transport=Lanes(network, idle=9))
    await open_at_once(client, 3)
    network.wires[1].stuck = True

    with pytest.raises(OSError, match="cannot be closed"):
        await client.aclose()

    assert [wire.closed for wire in network.wires] == [True, False, True]
