"""The vendors that are in use in this process, each opened once, when a model of it is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.registry import VENDORS, is_named_alone
from atlas_mcp.models.vendor import Trust, Vendor


@dataclass(slots=True)
class OpenVendors:
    """The vendors in use.

    Args:
        settings: The configuration.
        trust: How far callers that name models are trusted.
    """

    settings: Settings
    trust: Trust = "client"
    _open: dict[str, Vendor] = field(init=False, default_factory=dict[str, Vendor])

    def of(self, model: str) -> Vendor:
        """Return the vendor of a model.

        Raises:
            InvalidInput: The name has no known vendor, or only a vendor.
        """
        prefix, _, name = model.partition("/")
        folder = VENDORS.get(prefix)
        if folder is None or not (name or is_named_alone(prefix)):
            raise InvalidInput(
                "solvers",
                f"{model!r} is of no known vendor; a model is one of "
                + ", ".join(f"'{vendor}/…'" for vendor in VENDORS),
            )
        if folder not in self._open:
            opener: Callable[..., Vendor] = import_module(f"{folder}.vendor").open_vendor
            self._open[folder] = opener(self.settings, trust=self.trust)
        return self._open[folder]

    def find(self, model: str) -> Vendor | None:
        """Return the vendor of a model, `None` if the name has none."""
        try:
            return self.of(model)
        except InvalidInput:
            return None

    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        """Return the spec of a model; see `Vendor.spec`.

        Whether an orchestrator is helped is said by its entry, for models of every vendor alike.
        """
        spec = self.of(model).spec(model, entry)
        return spec if entry.guard is None else replace(spec, guard=entry.guard)

    def alone(self) -> tuple[Vendor, ...]:
        """Return the vendors whose prefix alone names a model."""
        return tuple(self.of(name) for name in VENDORS if is_named_alone(name))

    def opened(self) -> tuple[Vendor, ...]:
        """Return the vendors that have been used so far."""
        return tuple(self._open.values())
