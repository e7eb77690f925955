"""The order of the commands on each run.

A stop comes after all submissions before it, and before all after it. It waits for no other
process: a submission that does is given up. Submissions among each other are the engine's to order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from atlas_mcp.runs.detached.messages import Stop, Submit
from atlas_mcp.runs.engine import OpenRun

PATIENCE_SECONDS = 1.0
"""Seconds that a stop leaves to earlier submissions before it has them given up. They take some
milliseconds, unless they wait for another process."""


@dataclass(slots=True, eq=False)
class Turn:
    """The turn of one command.

    Args:
        command: The command.
        before: The turns that come first.

    Attributes:
        scope: Of the work on a submission; cancelled where that is given up.
    """

    command: Submit | Stop
    before: tuple[Turn, ...]
    scope: anyio.CancelScope = field(init=False, default_factory=anyio.CancelScope)
    _passed: anyio.Event = field(init=False, default_factory=anyio.Event)

    async def comes(self) -> None:
        """Return once the command may be carried out."""
        if isinstance(self.command, Stop):
            with anyio.move_on_after(PATIENCE_SECONDS):
                await self._come()
                return
            for turn in self.before:
                turn.give_up()
        await self._come()

    def give_up(self) -> None:
        """Give a submission up. An opening is not: it waits for no other process."""
        if isinstance(self.command, Submit) and not isinstance(self.command.submission, OpenRun):
            self.scope.cancel("the run is to stop")

    def end(self) -> None:
        """Let those come that wait for this one."""
        self._passed.set()

    async def _come(self) -> None:
        for turn in self.before:
            await turn._passed.wait()


@dataclass(slots=True)
class Turns:
    """The turns that have not passed, by run, each in the order in which the commands came."""

    _waiting: dict[str, list[Turn]] = field(init=False, default_factory=dict[str, list[Turn]])

    def take(self, command: Submit | Stop) -> Turn:
        """Return the turn of a command; to be called in the order in which the commands came."""
        waiting = self._waiting.setdefault(command.run_id, [])
        before = tuple(turn for turn in waiting if type(turn.command) is not type(command))
        turn = Turn(command, before)
        waiting.append(turn)
        return turn

    def end(self, turn: Turn) -> None:
        """Let those come that wait for a turn."""
        turn.end()
        waiting = self._waiting[turn.command.run_id]
        waiting.remove(turn)
        if not waiting:
            del self._waiting[turn.command.run_id]
