"""What is known of a key at its address: nothing, that it is accepted, or that it is not.

Owns which calls wait for the first answer to a key, and which are not made at all: a key that is
refused, or an account without credit, is found out by one call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

FIRST_ANSWER = 2.0
"""Seconds for which other calls wait for the first answer to a key: one that is refused is refused
once. Our own choice: vendors refuse a key within a few hundred milliseconds, and nobody should wait
longer for those that do not."""

REFUSED_FOR = 60.0
"""Seconds for which a refused key, or an account without credit, is not tried again. Our own
choice: credit is added within a minute, and a call of the same run never helps."""


class WayClosed(Exception):
    """A call that is not made, or not gone on with.

    Attributes:
        message: Why, in words for a person, with what to do.
        requests: Requests that were made all the same.
        request_id: The vendor's id of the call that gave the reason.
    """

    def __init__(self, message: str, *, requests: int = 0, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.requests = requests
        self.request_id = request_id


@dataclass(slots=True, eq=False)
class _First:
    """The call that finds out whether a key is taken.

    Attributes:
        until: Until when the others wait for it.
        ended: Set when they need not wait any longer.
        answered: Whether it was answered, whatever that says of the key.
    """

    until: float
    ended: anyio.Event = field(default_factory=anyio.Event)
    answered: bool = False


@dataclass(slots=True)
class Account:
    """One key at one address."""

    _accepted: bool = False
    _first: _First | None = None
    _refusals: dict[str | None, tuple[WayClosed, float]] = field(
        default_factory=dict[str | None, tuple[WayClosed, float]]
    )

    @asynccontextmanager
    async def calling(self, model: str) -> AsyncGenerator[None]:
        """Make one call in a block, once the first one has told whether the key is taken.

        Raises:
            WayClosed: The key, or the model with it, was refused not long ago.
        """
        first = await self._enter(model)
        try:
            yield
        finally:
            if first is not None:
                # One that leaves without an answer leaves it to the next to find out.
                first.ended.set()

    async def _enter(self, model: str) -> _First | None:
        """Wait for the first answer, if it is being asked for; return what to end if it is not."""
        while True:
            self._check(model)
            first = self._first
            if self._accepted:
                return None
            if first is None or first.ended.is_set():
                self._first = _First(anyio.current_time() + FIRST_ANSWER)
                return self._first
            with anyio.CancelScope(deadline=first.until) as waiting:
                await first.ended.wait()
            if first.answered or waiting.cancelled_caught:
                self._check(model)
                return None

    def accept(self) -> None:
        """Take note that the key is taken."""
        self._accepted = True
        self._refusals.pop(None, None)
        self.answered()

    def refuse(self, refusal: WayClosed, model: str | None) -> None:
        """Take note that it is not, or that the account has no credit for a model."""
        # A key that was accepted before is believed to be refused when it is so twice in a row.
        if model is not None or not self._accepted:
            self._refusals[model] = (refusal, anyio.current_time() + REFUSED_FOR)
        if model is None:
            self._accepted = False
        self.answered()

    def answered(self) -> None:
        """Take note of an answer that says nothing of the key, or of what keeps it from coming."""
        if self._first is not None:
            self._first.answered = True
            self._first.ended.set()

    def _check(self, model: str) -> None:
        for known in (None, model):
            refusal, until = self._refusals.get(known, (None, 0.0))
            if refusal is not None and anyio.current_time() < until:
                raise WayClosed(refusal.message, request_id=refusal.request_id)
