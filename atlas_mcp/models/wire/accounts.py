"""The state of an API key at its address: unknown, accepted or refused.

Owns which calls wait for the first answer to a key, and which are not made at all: one call is
enough to find out that a key is refused or that an account has no credit.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

FIRST_ANSWER = 2.0
"""Seconds for which other calls wait for the first answer to a key, so that a bad key is refused
only once. Our own choice: vendors refuse a key within a few hundred milliseconds, and calls with a
good key should not wait longer."""

REFUSED_FOR = 60.0
"""Seconds for which a refused key, or an account without credit, is not tried again. Our own
choice: credit is added within a minute, and a call of the same run never helps."""


class RouteClosed(Exception):
    """A call is not made, or is given up.

    Attributes:
        message: The reason and the remedy, for a person to read.
        requests: Requests that were made before the call was given up.
        request_id: The vendor's id of the call that gave the reason.
    """

    def __init__(self, message: str, *, requests: int = 0, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.requests = requests
        self.request_id = request_id


@dataclass(slots=True, eq=False)
class _First:
    """The call that finds out whether a key is accepted.

    Attributes:
        until: Time of the event loop's clock until which the other calls wait for this one.
        ended: Set when the other calls need not wait any longer.
        answered: Whether the call was answered, whatever the answer means for the key.
    """

    until: float
    ended: anyio.Event = field(default_factory=anyio.Event)
    answered: bool = False


@dataclass(slots=True)
class Account:
    """One key at one address."""

    _accepted: bool = False
    _first: _First | None = None
    _refusals: dict[str | None, tuple[RouteClosed, float]] = field(
        default_factory=dict[str | None, tuple[RouteClosed, float]]
    )

    @asynccontextmanager
    async def calling(self, model: str) -> AsyncGenerator[None]:
        """Make one call in a block, after waiting for the first call with the key to be answered.

        Raises:
            RouteClosed: The key, or the model with it, was refused not long ago.
        """
        first = await self._enter(model)
        try:
            yield
        finally:
            if first is not None:
                # If this call got no answer, the next one becomes the first.
                first.ended.set()

    async def _enter(self, model: str) -> _First | None:
        """Return a new `_First` if this call is the first; else wait for the first one's answer."""
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
        """Record that the key is accepted."""
        self._accepted = True
        self._refusals.pop(None, None)
        self.answered()

    def refuse(self, refusal: RouteClosed, model: str | None) -> None:
        """Record that the key is refused, or that the account has no credit for a model."""
        # A key that was accepted before counts as refused after two refusals in a row.
        if model is not None or not self._accepted:
            self._refusals[model] = (refusal, anyio.current_time() + REFUSED_FOR)
        if model is None:
            self._accepted = False
        self.answered()

    def answered(self) -> None:
        """Record an answer, or a failure to get one, that shows nothing about the key."""
        if self._first is not None:
            self._first.answered = True
            self._first.ended.set()

    def _check(self, model: str) -> None:
        for known in (None, model):
            refusal, until = self._refusals.get(known, (None, 0.0))
            if refusal is not None and anyio.current_time() < until:
                raise RouteClosed(refusal.message, request_id=refusal.request_id)
