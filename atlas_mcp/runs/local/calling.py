"""One attempt of a call: the model asked, and whatever comes of it handed over as a value.

Owns the boundary at which a model's errors, and bugs, become a `NoReply`. Whether there is another
attempt, and what this one may have cost beyond its counts, is decided in `atlas.calls`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from atlas_mcp.atlas.calls import Cause, NoReply
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE, Charge
from atlas_mcp.errors import AtlasError, ModelDown, ModelError, ModelUnavailable
from atlas_mcp.models.pictures.fitting import fitted
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.live import LiveRun

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempt:
    """One attempt of a call.

    Attributes:
        live: The run, told of tokens and notices.
        pool: Where its model comes from.
        name: The call's name in the ledger.
        spec: The model.
        request: What it is asked.
        has_left: Whether it is under way at its endpoint, and may be billed.
        counted: What the vendor has counted so far.
    """

    live: LiveRun
    pool: Pool
    name: str
    spec: ModelSpec
    request: ModelRequest
    has_left: bool = False
    counted: Charge = NO_CHARGE

    async def make(self) -> Reply | NoReply:
        """Ask the model; every end of that but a cancellation becomes a value."""
        try:
            model = await self.pool.loaded(self.spec, self.live.tell)
            request = await fitted(self.request, self.spec)
            return await model.generate(request, on_tokens=self._on_tokens, on_usage=self._on_usage)
        except ModelError as error:
            return _no_reply(error)
        except AtlasError as error:
            return NoReply("rejected", str(error))
        except Exception as error:
            # A bug, or a body that a client library trips over. It may have been billed, so it is
            # not asked for again.
            logger.exception("run %s: the call to %s failed", self.live.run_id, self.spec.model)
            what = f"the call failed in a way that is not foreseen ({type(error).__name__})"
            return self._broken_off("bug", f"{what}; the log says where")
        finally:
            self.live.tokens.pop(self.name, None)

    def aborted(self) -> NoReply:
        """Return the end of an attempt that was broken off from here."""
        return self._broken_off("aborted", "")

    def _broken_off(self, cause: Cause, message: str) -> NoReply:
        return NoReply(cause, message, charge=self.counted, complete=not self.has_left)

    def _on_tokens(self, count: int) -> None:
        self.live.tokens[self.name] = count

    def _on_usage(self, charge: Charge) -> None:
        self.has_left, self.counted = True, charge


def _no_reply(error: ModelError) -> NoReply:
    cause: Cause = "rejected"
    retry_after = None
    if isinstance(error, ModelUnavailable):
        cause = "down" if isinstance(error, ModelDown) else "unavailable"
        retry_after = error.retry_after
    return NoReply(
        cause,
        error.message,
        error.model,
        error.request_id,
        error.charge or NO_CHARGE,
        error.complete,
        retry_after,
    )
