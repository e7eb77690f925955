from __future__ import annotations

import signal
import subprocess
import sys
import threading

import anyio
import pytest

from atlas_mcp.system.signals import ending_signals, open_signals
from tests.support.systems import BREAK, BREAK_NUMBER, GROUP

ASLEEP = """
import anyio, sys
from atlas_mcp.system.signals import ending_signals, open_signals

async def main():
    with open_signals(*ending_signals()) as signals:
        print("ready", flush=True)
        async for number in signals:
            print(int(number), flush=True)
            break

anyio.run(main, backend=sys.argv[1])
print("left", flush=True)
"""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_each_signal_is_received_once_and_in_order():
    with anyio.fail_after(5), open_signals(signal.SIGINT, signal.SIGTERM) as signals:
        signal.raise_signal(signal.SIGTERM)
        assert await anext(signals) == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
        assert await anext(signals) == signal.SIGINT


async def test_a_signal_that_another_thread_raises_is_received():
    thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGTERM,))
    with anyio.fail_after(5), open_signals(signal.SIGTERM) as signals:
        thread.start()
        assert await anext(signals) == signal.SIGTERM
    thread.join()


async def test_handlers_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with open_signals(signal.SIGTERM):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


async def test_waiting_for_a_signal_can_be_cancelled():
    with open_signals(signal.SIGTERM) as signals, anyio.move_on_after(0.01) as patience:
        await anext(signals)
    assert patience.cancelled_caught


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_sleeping_loop_wakes_up(backend: str):
    """Its process does nothing else: no timer and no other task would let a late handler run."""
    command = [sys.executable, "-c", ASLEEP, backend]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, text=True, creationflags=GROUP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(BREAK)
        assert process.stdout.read() == f"{BREAK_NUMBER}\nleft\n"
    assert process.returncode == 0


def test_a_process_is_ended_by_ctrl_c_and_by_being_told_to_end():
    assert {signal.SIGINT, signal.SIGTERM} <= set(ending_signals())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"])
def test_a_signal_counts_unless_it_is_ignored(name: str):
    if not hasattr(signal, name):
        pytest.skip("this system does not know it")
    number: signal.Signals = getattr(signal, name)
    before = signal.getsignal(number)
    try:
        signal.signal(number, signal.SIG_DFL)
        assert number in ending_signals()
        signal.signal(number, signal.SIG_IGN)
        assert number not in ending_signals()
    finally:
        signal.signal(number, before)
