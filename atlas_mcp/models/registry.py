"""The vendors of models: one line each, imported when a model of theirs is first named.

Owns the vendors' prefixes and the one place in `models/` that lists vendors. A new vendor is one
folder, with an `open_vendor` in its `vendor.py`, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.vendor import Vendor
from atlas_mcp.presets import PRESETS


@dataclass(frozen=True, slots=True)
class Wing:
    """The place of a vendor's code, and how it is loaded.

    Attributes:
        module: The module with its `open_vendor(settings, *, any_file)`.
        library: The vendor's client library, imported ahead of the first call; `None` for none.
        named_alone: Whether the prefix alone names a model, without `/NAME`.
    """

    module: str
    library: str | None = None
    named_alone: bool = False


_CHAT = Wing("atlas_mcp.models.chat.vendor", library="openai")

VENDORS: dict[str, Wing] = {
    "anthropic": Wing("atlas_mcp.models.claude.vendor", library="anthropic"),
    **{preset.vendor: _CHAT for preset in PRESETS},
    "local": Wing("atlas_mcp.models.embedded.vendor", named_alone=True),
    "scripted": Wing("atlas_mcp.models.scripted.vendor"),
}
"""The vendors by the first part of their models' names, in the order in which people see them."""

NO_WAY_TO_A_MODEL = (
    "no model can be reached: there is no Anthropic key and nothing is configured. Three ways on: "
    "set ANTHROPIC_API_KEY; or name another vendor's model, or an OpenAI-compatible endpoint of "
    'your own, in atlas.toml ([solvers.NAME] with model = "openai/MODEL" and base_url); or ask for '
    "the embedded model by name, with `--solver local` or solvers=['local'] (small and not clever, "
    "it shows the machinery)"
)
"""The error where nothing is configured and the default model has no credentials."""


def prefix_of(model: str) -> str:
    """Return the first part of a model's name, which names its vendor."""
    return model.partition("/")[0]


def nameable() -> str:
    """Return a text for errors: the names that work without being in the configuration."""
    alone = [name for name, wing in VENDORS.items() if wing.named_alone]
    return ", ".join(["any 'VENDOR/MODEL'", *(f"'{one}' and '{one}/NAME'" for one in alone)])


@dataclass(slots=True)
class Vendors:
    """The vendors in use, each opened once, when first needed.

    Args:
        settings: The configuration.
        any_file: Whether a caller may name any file of the machine as a model.
    """

    settings: Settings
    any_file: bool = False
    _open: dict[str, Vendor] = field(init=False, default_factory=dict[str, Vendor])

    def of(self, model: str) -> Vendor:
        """Return the vendor of a model.

        Raises:
            InvalidInput: The name has no known vendor, or only a vendor.
        """
        prefix, _, name = model.partition("/")
        wing = VENDORS.get(prefix)
        if wing is None or not (name or wing.named_alone):
            raise InvalidInput(
                "solvers",
                f"{model!r} is of no known vendor; a model is one of "
                + ", ".join(f"'{vendor}/…'" for vendor in VENDORS),
            )
        if wing.module not in self._open:
            opener: Callable[..., Vendor] = import_module(wing.module).open_vendor
            self._open[wing.module] = opener(self.settings, any_file=self.any_file)
        return self._open[wing.module]

    def find(self, model: str) -> Vendor | None:
        """Return the vendor of a model, `None` if the name has none."""
        try:
            return self.of(model)
        except InvalidInput:
            return None

    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        """Return the spec of a model; see `Vendor.spec`."""
        return self.of(model).spec(model, entry)

    def alone(self) -> tuple[Vendor, ...]:
        """Return the vendors whose prefix alone names a model."""
        return tuple(self.of(name) for name, wing in VENDORS.items() if wing.named_alone)

    def opened(self) -> tuple[Vendor, ...]:
        """Return the vendors that have been used so far."""
        return tuple(self._open.values())
