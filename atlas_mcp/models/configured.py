"""Sections of the configuration that name models, as specs.

Owns the rules for an orchestrator that is one of the solvers, the section and key that an error
names, and the list of models with undeclared features that a probe can find out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings, OrchestratorSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.findings import Feature
from atlas_mcp.models.open_vendors import OpenVendors
from atlas_mcp.models.registry import vendor_facts

_OWN_KEYS = ("effort", "max_tokens", "guard")
"""Keys of `[orchestrator]` that may differ from those of the solver that it names."""


def spec_of_section(
    section: str, model: str, entry: EndpointSettings, vendors: OpenVendors
) -> ModelSpec:
    """Return the spec of the model that a section of the configuration names.

    Raises:
        ConfigError: There is no such model, or it cannot be used as declared; the message names the
            section and the key.
    """
    try:
        return vendors.spec(model, entry)
    except InvalidInput as error:
        key = "model" if error.argument == "solvers" else error.argument
        raise ConfigError(f"[{section}] {key}: {error.rule}") from error


def orchestrator_spec(
    settings: Settings, configured: OrchestratorSettings, vendors: OpenVendors
) -> ModelSpec:
    """Return the spec of the orchestrator: one of the solvers by its name, or a model of its own.

    Raises:
        ConfigError: The section cannot be used, or repeats keys that belong to the solver's.
    """
    entry = settings.solvers.get(configured.model)
    if entry is None:
        return spec_of_section("orchestrator", configured.model, configured, vendors)
    given = configured.model_fields_set
    own = {key: getattr(configured, key) for key in _OWN_KEYS if key in given}
    section = "orchestrator" if own else f"solvers.{configured.model}"
    spec = spec_of_section(section, entry.model, _with_own(entry, own), vendors)
    wrong = given - {"model", *_OWN_KEYS}
    if wrong:
        raise ConfigError(
            f"[orchestrator] {min(wrong)}: belongs to [solvers.{configured.model}], which "
            "the orchestrator is"
        )
    return spec


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A model that can be asked about features that its entries do not declare.

    Attributes:
        spec: The model.
        address: Its address; `None` for its vendor's own.
        features: The features that any of its entries leaves open.
    """

    spec: ModelSpec
    address: str | None
    features: frozenset[Feature]


def undeclared(
    settings: Settings, vendors: OpenVendors, missing: Callable[[ModelSpec], str | None]
) -> tuple[Undeclared, ...]:
    """Return the configured models that can be asked about undeclared features.

    One for each model of each address, though several entries may name it.

    Args:
        settings: The configuration.
        vendors: The vendors.
        missing: Returns why a model cannot be used; such models are left out.
    """
    found: dict[tuple[str, str | None], Undeclared] = {}
    for section, entry in _entries(settings):
        vendor = vendors.find(entry.model)
        features = vendor.askable(entry.model, entry) if vendor else frozenset[Feature]()
        if vendor is None or not features:
            continue
        spec = spec_of_section(section, entry.model, entry, vendors)
        if missing(spec) is None:
            key = (entry.model, vendor.address(spec))
            known = found.get(key, Undeclared(spec, key[1], frozenset()))
            found[key] = replace(known, features=known.features | features)
    return tuple(found.values())


def _entries(settings: Settings) -> Iterator[tuple[str, SolverSettings | OrchestratorSettings]]:
    for name, entry in settings.solvers.items():
        yield f"solvers.{name}", entry
    configured = settings.orchestrator
    if configured is not None and configured.model not in settings.solvers:
        yield "orchestrator", configured


def _with_own(entry: SolverSettings, own: Mapping[str, object]) -> SolverSettings:
    """Return a solver's entry with the settings that the orchestrator has of its own.

    Raises:
        ConfigError: The settings contradict the rest of the entry.
    """
    if not own:
        return entry
    whole = {**entry.model_dump(exclude_unset=True, by_alias=True), **own}
    try:
        return SolverSettings.model_validate(whole, context=vendor_facts())
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"[orchestrator] {fault}") from None
