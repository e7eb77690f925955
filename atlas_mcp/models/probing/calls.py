"""The calls of a probe: paid, retried while the endpoint is busy, and within a cap.

Owns the probe's spending. `models.probing.probe` chooses the questions.
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from itertools import count

import anyio

from atlas_mcp.atlas.holds import hold_for
from atlas_mcp.atlas.messages import Effort, ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.retrying import RetryPolicy, why_no_further_attempt
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.errors import ModelDown, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.feature_values import SchemaMode
from atlas_mcp.models.vendor import ModelWith

PROBE_CAP_USD = Decimal("0.50")
"""US dollars for all questions to one model. Our own choice: a hundred times the usual cost."""

RETRIES = RetryPolicy(attempts=3, longest_retry_after=30.0)
"""The policy for retrying a call that failed for want of an answer."""


class ProbeCapReached(Exception):
    """Another question might cost more than the cap; the message says so."""


class ProbeCalls:
    """The calls of one probe.

    Args:
        make: Returns the model as used under a spec.

    Attributes:
        charge: The consumption of all calls so far.
        any_refused: Whether a request was refused.
    """

    def __init__(self, make: ModelWith) -> None:
        self.charge = NO_CHARGE
        self.any_refused = False
        self._make = make
        self._left_usd = PROBE_CAP_USD

    async def ask(
        self,
        request: ModelRequest,
        spec: ModelSpec,
        *,
        schema_mode: SchemaMode = "prompt",
        efforts: tuple[Effort, ...] = (),
    ) -> Reply | None:
        """Return the reply under a spec that declares some features; `None` if it is refused.

        Raises:
            ModelError: The endpoint cannot be asked.
            ProbeCapReached: The call might exceed the cap.
        """
        spec = replace(spec, schema_mode=schema_mode, efforts=efforts)
        try:
            return await self.reply(request, spec)
        except ModelRejected:
            self.any_refused = True
            return None

    async def reply(self, request: ModelRequest, spec: ModelSpec) -> Reply:
        """Return the reply to a request, which is retried while the model is unavailable.

        Raises:
            ModelError: The endpoint refuses the request, or cannot be asked.
            ProbeCapReached: The call might exceed the cap.
        """
        model = self._make(spec)
        for attempt in count(1):
            hold = hold_for(spec, request, self._left_usd)
            if hold is None:
                raise ProbeCapReached(f"asking on might cost more than {money_text(PROBE_CAP_USD)}")
            asked = replace(request, max_tokens=min(hold.max_tokens, spec.max_tokens))
            try:
                reply = await model.generate(asked)
            except ModelError as error:
                self._count(error.charge or NO_CHARGE, FREE if error.complete else hold.amount)
                wait = _wait(error, attempt)
                if wait is None:
                    raise
            else:
                self._count(reply.charge, hold.amount)
                return reply
            await anyio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover - see above

    def _count(self, charge: Charge, at_most: Decimal) -> None:
        self.charge += charge
        self._left_usd -= at_most if charge.cost is None else charge.cost


def _wait(error: ModelError, attempt: int) -> float | None:
    """Return the seconds to wait before a failed attempt is repeated; `None` for never."""
    if not isinstance(error, ModelUnavailable) or isinstance(error, ModelDown):
        return None
    wait = RETRIES.delay(attempt, error.retry_after, chance=random.random())
    left = anyio.current_effective_deadline() - anyio.current_time()
    reason = why_no_further_attempt(
        RETRIES, attempt, retry_after=error.retry_after, wait=wait, left=left
    )
    return wait if reason is None else None
