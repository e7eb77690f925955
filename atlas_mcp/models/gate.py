"""The gate before one endpoint, shared by all its callers of this process.

Owns three things that no single call can know: the number of calls in flight, the time until which
the vendor asks all calls to wait, and whether the endpoint has failed so often in a row that
another call only costs time. It never retries a call: `atlas.calls` decides on that.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

import anyio
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelDown, ModelError, ModelUnavailable
from atlas_mcp.models.base import Model, OnNotice, OnTokens, OnUsage
from atlas_mcp.models.call_slots import CallSlots, slot_of

OPENS_AFTER = 6
"""Failures in a row after which an endpoint counts as down. As many as one call has attempts."""

OPENS_AFTER_SECONDS = 20.0
"""Seconds that these failures must span, since calls that fail together are one failure."""

COOL_DOWN = 30.0
"""Seconds for which an endpoint that is down is not asked; then one call may try."""

SPREAD = 0.25
"""Fraction of a shared wait by which each caller's wait is lengthened at most, at random."""

LONGEST_WAIT = 300.0
"""Seconds of the longest wait that all calls share. A longer `retry_after` concerns only the call
that received it: one answer should not hold up all other calls for so long."""


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When an endpoint counts as down, and for how long.

    Attributes:
        opens_after: Failures in a row.
        opens_after_seconds: Seconds that these failures must span.
        cool_down: Seconds for which the endpoint is then not asked.
    """

    opens_after: int = OPENS_AFTER
    opens_after_seconds: float = OPENS_AFTER_SECONDS
    cool_down: float = COOL_DOWN


@dataclass(slots=True)
class Gate:
    """The gate of one endpoint: call slots, waits that a vendor asks for, and a circuit breaker.

    Args:
        parallel: Calls in flight at once; `None` for no bound.
        circuit: When the endpoint counts as down.
        calls: All calls of this process that take a connection; `None` for calls that take none.
        random: Gives numbers from 0 to 1.
    """

    parallel: int | None = None
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    calls: CallSlots | None = None
    random: Callable[[], float] = field(default=random.random, repr=False)
    _slots: anyio.CapacityLimiter = field(init=False, repr=False)
    _not_before: float = field(init=False, default=0.0)
    _failures: int = field(init=False, default=0)
    _failing_since: float = field(init=False, default=0.0)
    _closed_until: float = field(init=False, default=0.0)
    _trying: bool = field(init=False, default=False)
    _last_words: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._slots = anyio.CapacityLimiter(
            float("inf") if self.parallel is None else self.parallel
        )

    @property
    def is_down(self) -> bool:
        """Whether the endpoint has failed so often in a row that it is not asked."""
        return self._failures >= self.circuit.opens_after and self._closed_until > 0

    def narrow(self, parallel: int | None) -> None:
        """Let no more calls through at once than `parallel`, if that is fewer than so far."""
        if parallel is not None:
            self._slots.total_tokens = min(self._slots.total_tokens, parallel)

    @asynccontextmanager
    async def passing(self, model: str) -> AsyncGenerator[None]:
        """Hold a slot for the length of a block that makes one call, once it may be made.

        Args:
            model: The model that is called, for errors.

        Raises:
            ModelDown: The endpoint is not asked at present.
        """
        self._refuse_if_down(model)
        async with slot_of(self._slots):
            await self._wait_with_the_others()
            trial = self._refuse_if_down(model)
            self._trying = self._trying or trial
            try:
                async with nullcontext() if self.calls is None else self.calls.one():
                    yield
            except ModelUnavailable as error:
                self._failed(error)
                raise
            except ModelError:
                # The endpoint answers; the refusal of this call means nothing for others.
                self._answered()
                raise
            finally:
                if trial:
                    self._trying = False
        self._answered()

    def _refuse_if_down(self, model: str) -> bool:
        """Let a call pass, or raise; return whether it is the trial of an endpoint that is down."""
        if not self.is_down:
            return False
        left = self._closed_until - anyio.current_time()
        if left <= 0 and not self._trying:
            return True
        raise ModelDown(
            model,
            self._last_words,
            given_up=f"not asked for {max(1.0, left):.0f} s, since it failed {self._failures} "
            "times in a row",
        )

    async def _wait_with_the_others(self) -> None:
        """Wait until the latest time to which the vendor has asked any caller to wait."""
        while (left := self._not_before - anyio.current_time()) > 0:  # noqa: ASYNC110 - it may grow
            await anyio.sleep(left * (1 + SPREAD * self.random()))

    def _failed(self, error: ModelUnavailable) -> None:
        now = anyio.current_time()
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        self._last_words = error.message
        if error.retry_after is not None and error.retry_after <= LONGEST_WAIT:
            self._not_before = max(self._not_before, now + error.retry_after)
        lasting = now - self._failing_since >= self.circuit.opens_after_seconds
        if self._failures >= self.circuit.opens_after and lasting:
            self._closed_until = now + self.circuit.cool_down

    def _answered(self) -> None:
        self._failures = 0
        self._closed_until = 0.0


@dataclass(slots=True)
class Gated(Model):
    """A model whose calls pass a gate.

    Args:
        model: The model that is called.
        gate: Shared with all other models of the same endpoint.
    """

    model: Model
    gate: Gate

    @property
    @override
    def name(self) -> str:
        return self.model.name

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call once the gate lets it pass; see `Model.generate`.

        `on_usage` gets one request when the call passes; before that nothing can be billed.

        Raises:
            ModelDown: The endpoint is not asked at present.
        """
        async with self.gate.passing(self.name):
            if on_usage is not None:
                on_usage(Charge(Usage(requests=1)))
            return await self.model.generate(request, on_tokens=on_tokens, on_usage=on_usage)

    @override
    async def load(self, on_notice: OnNotice) -> None:
        await self.model.load(on_notice)

    @override
    async def aclose(self) -> None:
        await self.model.aclose()
