"""An alarm of one run: it rings at a time that may be moved until then."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio


@dataclass(slots=True)
class Alarm:
    """Rings at a time of the event loop, once for each time that is set."""

    _waiting: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)

    def set(self, at: float) -> None:
        """Let it ring at `at`, and at no earlier time that was set; infinity is never."""
        self._waiting.deadline = at

    async def rings(self) -> None:
        """Return when it rings; then it has no time until one is set."""
        with self._waiting:
            await anyio.sleep_forever()
        self._waiting = anyio.CancelScope()
