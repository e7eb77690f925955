"""The models that are open in this process, each behind the gate of its endpoint.

Owns the gates: which calls share rate limits, outages and call slots. Never makes a model: its
vendor does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.closing import close_all
from atlas_mcp.models.base import Model
from atlas_mcp.models.call_slots import CallSlots
from atlas_mcp.models.gate import CircuitPolicy, Gate, Gated
from atlas_mcp.models.vendor import Connected


@dataclass(slots=True)
class OpenModels:
    """Models behind their gates.

    Args:
        given: Models by name, used in place of the vendors' own. For tests.
        circuit: When an endpoint counts as down.
        calls: The call slots of this process.
    """

    given: Mapping[str, Model]
    circuit: CircuitPolicy
    calls: CallSlots
    _open: dict[Hashable, Gated] = field(init=False, default_factory=dict[Hashable, Gated])
    _gates: dict[Hashable, Gate] = field(init=False, default_factory=dict[Hashable, Gate])
    _known: dict[ModelSpec, Gated] = field(init=False, default_factory=dict[ModelSpec, Gated])
    # Keeps the invariant that a model is opened once: two would hold two connection pools, or two
    # copies of weights.
    _opening: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    async def get(self, spec: ModelSpec, connect: Callable[[ModelSpec], Connected]) -> Gated:
        """Return the model that `spec` names, behind its gate; the same object each time.

        Args:
            spec: The model.
            connect: Makes the model: `Vendor.connect` of its vendor.

        Raises:
            ModelRejected: There is no such model.
        """
        if (known := self._known.get(spec)) is not None:
            return known
        async with self._opening:
            own = spec.model not in self.given
            if own:
                connected = await anyio.to_thread.run_sync(connect, spec)
            else:
                connected = self._given(spec)
            gate = self._gates.setdefault(
                connected.endpoint,
                Gate(connected.parallel, self.circuit, self.calls if own else None),
            )
            gate.narrow(connected.parallel)
            gated = self._open.setdefault(connected.key, Gated(connected.model, gate))
            if connected.lasting:
                self._known[spec] = gated
            return gated

    async def aclose(self) -> None:
        """Close every model that was opened."""
        models, self._open, self._known = list(self._open.values()), {}, {}
        await close_all(one.aclose for one in models)

    def _given(self, spec: ModelSpec) -> Connected:
        key = (spec.model, repr(sorted(spec.endpoint.items())))
        return Connected(self.given[spec.model], key, key, spec.parallel)
