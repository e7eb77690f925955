"""Our ends of the pipes to a process that outlives us, closed by a test."""

from __future__ import annotations

import os

from atlas_mcp.system.outliving import Outliving


class Ends:
    """The ends, each to be closed once.

    Args:
        process: The process.
    """

    def __init__(self, process: Outliving) -> None:
        self.commands = process.commands
        self.answers = process.answers
        self._open = {process.commands, process.answers}

    def end_commands(self) -> None:
        """Close the end that writes: the process finds the end of its input."""
        self._close(self.commands)

    def close(self) -> None:
        """Close both ends."""
        self._close(self.commands)
        self._close(self.answers)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)
