"""The policy of a run whose workflow this version does not know: it can be shown, not carried on.

A newer version, or an edited file, may name a workflow that is not in the registry. Such a run's
evidence and money are shown like any other's; nothing is decided for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from atlas_mcp.atlas.commands import Command
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.base import Workflow


@dataclass(frozen=True)
class Unknown(Workflow):
    """Decides nothing.

    Attributes:
        why_unknown: Why the workflow is not known, in words.
    """

    why_unknown: str = ""

    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return nothing: a run with this policy is never carried out."""
        return ()
