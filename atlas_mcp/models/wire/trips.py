"""One call to an endpoint, and the removal of secrets from its answer.

Owns the one path by which errors and replies of an endpoint leave `models/wire`: each passes
through a `Trip`.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeVar

from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Usage
from atlas_mcp.errors import ModelError
from atlas_mcp.models.wire.masking import SHORTEST, SHORTEST_IN_REPLIES, Secrets

LONGEST_ID = 200
"""Characters of an endpoint's id of a call. Our own choice: five times the usual length."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Trip:
    """One call, whose error or reply is passed on without secrets.

    Attributes:
        secrets: The secrets to remove.
        moves: Redirects that were followed; each was a request of its own.
        sent: Whether the sending of a request has begun.
    """

    secrets: Secrets
    moves: int = 0
    sent: bool = False

    def failed(self, error: ModelError) -> ModelError:
        """Return an error without secrets, with all requests counted in its charge."""
        error.message = self.secrets.mask(error.message, shortest=SHORTEST)
        error.args = (error.model, error.message)
        error.request_id = self._label(error.request_id)
        if self.moves:
            error.charge = (error.charge or NO_CHARGE) + Charge(Usage(requests=self.moves))
        return error

    def masked(self, reply: Reply) -> Reply:
        """Return a reply without secrets, with all requests counted in its charge.

        Signed thinking is sent back byte for byte, or not at all: see `Secrets.mask_value`.
        """

        def mask(value: _T) -> _T:
            return self.secrets.mask_value(value, shortest=SHORTEST_IN_REPLIES)

        turn = reply.turn
        calls = tuple(replace(one, arguments=mask(one.arguments)) for one in turn.tool_calls)
        return replace(
            reply,
            turn=AssistantTurn(mask(turn.text), calls, mask(turn.verbatim)),
            charge=reply.charge + Charge(Usage(requests=self.moves)),
            detail=self.secrets.mask(reply.detail, shortest=SHORTEST),
            request_id=self._label(reply.request_id),
        )

    def _label(self, request_id: str | None) -> str | None:
        if request_id is None:
            return None
        return self.secrets.mask(request_id)[:LONGEST_ID]


CURRENT_TRIP: ContextVar[Trip | None] = ContextVar("trip", default=None)
"""The trip that a request belongs to, for the hooks of a client, which get only the request."""


def note_sent() -> None:
    """Record that the request of the current trip is being sent."""
    if trip := CURRENT_TRIP.get():
        trip.sent = True
