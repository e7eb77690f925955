"""The pool: the models that runs can use, by their names.

Owns the way from a configured or a given name to a spec, and from a spec to an open model. Names no
vendor: `models.registry` knows all differences between vendors.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_spec import SolverSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.closing import close_all
from atlas_mcp.config.endpoints import DEFAULT_MODEL, EndpointSettings, OrchestratorSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput
from atlas_mcp.models.base import Model, OnNotice
from atlas_mcp.models.call_slots import CallSlots
from atlas_mcp.models.configured import Undeclared, orchestrator_spec, spec_of_section, undeclared
from atlas_mcp.models.gate import CircuitPolicy, Gated
from atlas_mcp.models.open_models import OpenModels
from atlas_mcp.models.open_vendors import OpenVendors
from atlas_mcp.models.registry import (
    NO_WAY_TO_A_MODEL,
    is_named_alone,
    libraries_of,
    nameable,
    prefix_of,
)
from atlas_mcp.models.vendor import READY, Trust

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
"""Seconds between looks for connections that are idle for too long."""


@dataclass(slots=True)
class Pool:
    """The models that runs can use.

    Args:
        settings: The configuration.
        models: Models by `vendor/name`, used in place of those the name would give. For tests.
        circuit: When an endpoint counts as down.
        trust: How far callers that name models are trusted.
    """

    settings: Settings
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    trust: Trust = "client"
    calls: CallSlots = field(init=False, default_factory=CallSlots)
    vendors: OpenVendors = field(init=False)
    _open: OpenModels = field(init=False)

    def __post_init__(self) -> None:
        self.vendors = OpenVendors(self.settings, self.trust)
        self._open = OpenModels(self.models, self.circuit, self.calls)

    def names(self) -> tuple[str, ...]:
        """Return the names of the pool's entries, which runs use by default."""
        return tuple(self.settings.solvers) or (DEFAULT_MODEL,)

    def offered(self) -> tuple[str, ...]:
        """Return further models that any caller may name: those on this machine."""
        return tuple(name for vendor in self.vendors.alone() for name in vendor.offered())

    def libraries(self) -> tuple[str, ...]:
        """Return the client libraries that runs will need, to be imported ahead of time."""
        named = [entry.model for entry in self.settings.solvers.values()]
        if self.settings.orchestrator is not None:
            named.append(self.settings.orchestrator.model)
        if self._has_default():
            named.append(DEFAULT_MODEL)
        return libraries_of(map(prefix_of, named))

    def solvers(self, names: Sequence[str] | None) -> tuple[SolverSpec, ...]:
        """Return the entries called `names`, or the pool's own where none are named.

        Raises:
            InvalidInput: A name is unknown, or stands twice.
            ConfigError: Nothing is named, and nothing can be reached.
        """
        if names is not None and not names:
            raise InvalidInput("solvers", f"is empty; leave it out or name some of {self._known()}")
        if names is None and not self.settings.solvers and not self._can_use_default():
            raise ConfigError(NO_WAY_TO_A_MODEL)
        wanted = tuple(names) if names is not None else self.names()
        if len(set(wanted)) != len(wanted):
            raise InvalidInput("solvers", "names a solver twice")
        entries = tuple(self._usable(name) for name in wanted)
        if len({entry.name for entry in entries}) != len(entries):
            raise InvalidInput(
                "solvers", "names a file twice, or two of one name; give them entries in atlas.toml"
            )
        return entries

    def entries(self, names: Sequence[str]) -> tuple[SolverSpec, ...]:
        """Return the entries called `names`, also those that cannot be used yet."""
        return tuple(self._named(name) for name in names)

    def orchestrator(self, solvers: Sequence[SolverSpec]) -> ModelSpec:
        """Return the orchestrator for a run over `solvers`.

        Where none is configured and the default one cannot be reached, the first solver's model
        orchestrates too. The same holds where that model costs nothing: a caller who asks for a
        free solver has not asked for a paid orchestrator.
        """
        configured = self.settings.orchestrator
        if configured is None:
            first = solvers[0].spec
            if first.price == Price(FREE, FREE) or not self._can_use_default():
                return first
            configured = OrchestratorSettings()
        spec = orchestrator_spec(self.settings, configured, self.vendors)
        missing = self.missing(spec)
        if missing is not None:
            raise ConfigError(f"the orchestrator cannot be used: {missing}")
        return spec

    async def look_up(self, names: Sequence[str] | None, *, orchestrator: bool) -> None:
        """Find out the facts that a spec needs about models that are named for the first time.

        A source of models is asked once about each, as the answer is kept. Names without a model
        are ignored here, as `solvers` reports them.

        Args:
            names: As for `solvers`.
            orchestrator: Whether to look up the configured orchestrator too.

        Raises:
            ConfigError: The source has no such model, or denies access to it.
            ModelFileError: The source cannot be asked.
        """
        configured = self.settings.solvers
        wanted = self.names() if names is None else names
        models = [
            configured[name].model if name in configured else name
            for name in wanted
            if name in configured or self._why_unnameable(name) is None
        ]
        if orchestrator and self.settings.orchestrator is not None:
            models.append(self.settings.orchestrator.model)
        for model in models:
            vendor = self.vendors.find(model)
            if vendor is not None:
                await vendor.look_up([model])

    def missing(self, spec: ModelSpec) -> str | None:
        """Return why a model cannot be used, with the command that helps; `None` if it can."""
        if spec.model in self.models:
            return None
        vendor = self.vendors.find(spec.model)
        return "its vendor is not known" if vendor is None else vendor.missing(spec)

    def readiness(self, spec: ModelSpec) -> str:
        """Return "ready", or the next thing that `spec` needs before it can be used."""
        vendor = self.vendors.find(spec.model)
        if spec.model in self.models or vendor is None:
            return self.missing(spec) or READY
        return vendor.readiness(spec)

    async def check(self, spec: ModelSpec) -> str:
        """Return "ready", or why there is no such model. Asks its endpoint, which costs nothing."""
        if spec.model in self.models:
            return READY
        return await self.vendors.of(spec.model).check(spec)

    def undeclared(self) -> tuple[Undeclared, ...]:
        """Return the configured models that can be asked about undeclared features."""
        return undeclared(self.settings, self.vendors, self.missing)

    async def prepare(self, specs: Sequence[ModelSpec], *, on_notice: OnNotice) -> None:
        """Put in place all that the models need before their first call.

        Raises:
            AtlasError: Something cannot be obtained; the message gives the remedy.
        """
        for spec in specs:
            if spec.model not in self.models and (vendor := self.vendors.find(spec.model)):
                await vendor.prepare(spec, on_notice)
            await self.model(spec)

    async def model(self, spec: ModelSpec) -> Gated:
        """Return the model that `spec` names, behind its gate; the same object each time.

        Raises:
            InvalidInput: Its vendor is not known.
            ModelRejected: There is no such model.
        """
        return await self._open.get(spec, lambda one: self.vendors.of(one.model).connect(one))

    async def loaded(self, spec: ModelSpec, on_notice: OnNotice) -> Model:
        """Return the model that `spec` names, after loading it if it must be loaded.

        Args:
            spec: The model.
            on_notice: Called with messages while the model is being loaded.

        Raises:
            ConfigError: The model's runtime is not installed.
            ModelError: The model cannot be loaded.
        """
        model = await self.model(spec)
        await model.load(on_notice)
        return model

    async def warm_up(self) -> None:
        """Load the configured models that take long to load and are in place, one by one.

        Nothing is downloaded. If a model cannot be loaded, its first call reports the cause.
        """
        for name, entry in self.settings.solvers.items():
            vendor = self.vendors.find(entry.model)
            if vendor is None or not vendor.loads_ahead:
                continue
            try:
                spec = (await anyio.to_thread.run_sync(self._usable, name)).spec
                ready = await anyio.to_thread.run_sync(self.readiness, spec)
                if ready == READY:
                    logger.info("loading %s ahead of its first call", spec.title)
                    await self.loaded(spec, lambda _: None)
                    ready = "loaded"
                logger.info("solver %r is %s", name, ready)
            except (AtlasError, OSError) as error:
                logger.info("solver %r cannot be loaded ahead of its first call: %s", name, error)

    async def keep_few_connections(self) -> None:
        """Close connections that are idle for too long, until cancelled; calls go on meanwhile."""
        while True:
            await anyio.sleep(SWEEP_SECONDS)
            for vendor in self.vendors.opened():
                await vendor.close_idle()

    async def aclose(self) -> None:
        """Close every model that was opened, then the vendors' connections."""
        await close_all((self._open.aclose, *(one.aclose for one in self.vendors.opened())))

    def _usable(self, name: str) -> SolverSpec:
        entry = self._named(name)
        missing = self.missing(entry.spec)
        if missing is not None:
            raise ConfigError(f"solver {name!r} cannot be used: {missing}")
        return entry

    def _named(self, name: str) -> SolverSpec:
        configured = self.settings.solvers.get(name)
        if configured is not None:
            section = f"solvers.{name}"
            spec = spec_of_section(section, configured.model, configured, self.vendors)
            return SolverSpec(name, spec, configured.quota)
        if "/" not in name and not is_named_alone(name):
            raise InvalidInput("solvers", f"there is no solver {name!r}; there are {self._known()}")
        reason = self._why_unnameable(name)
        if reason is not None:
            raise InvalidInput("solvers", f"{name!r}: {reason}; there are {self._known()}")
        spec = self.vendors.spec(name, EndpointSettings())
        return SolverSpec(spec.title if spec.title != spec.model else name, spec)

    def _known(self) -> str:
        names = ", ".join(repr(name) for name in self.names())
        return f"{names}, {nameable()}"

    def _why_unnameable(self, name: str) -> str | None:
        vendor = self.vendors.find(name)
        return None if vendor is None else vendor.why_unnameable(name)

    def _has_default(self) -> bool:
        """Return whether there are credentials for the default model."""
        return prefix_of(DEFAULT_MODEL) in self.settings.credentials

    def _can_use_default(self) -> bool:
        given = any(prefix_of(model) == prefix_of(DEFAULT_MODEL) for model in self.models)
        return given or self._has_default()
