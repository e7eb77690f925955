"""From configured names to models: what each can do, what it costs, and how to reach it.

Owns the vendors' prefixes (`anthropic/`, those of `atlas_mcp.presets`, `local/`, `scripted/`) and
one object per endpoint. What an entry amounts to is `models.entries`' business. The vendors' own
code is imported when a model is first used.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TypeAlias

import anyio
from pydantic import ValidationError

from atlas_mcp.addresses import is_same_address, is_same_origin
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_spec import SolverSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.closing import close_all
from atlas_mcp.config.settings import (
    ANTHROPIC_KEY,
    BASE_URLS,
    CUSTOM_HEADERS,
    DEFAULT_MODEL,
    EndpointSettings,
    OrchestratorSettings,
    Settings,
    SolverSettings,
)
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput
from atlas_mcp.installation import install_command
from atlas_mcp.models.base import Model, OnNotice
from atlas_mcp.models.call_slots import Calls
from atlas_mcp.models.chat.model import OWN_ADDRESS as OPENAI_ADDRESS
from atlas_mcp.models.chat.model import Connection as ChatConnection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import OWN_ADDRESS as ANTHROPIC_ADDRESS
from atlas_mcp.models.claude.model import Claude, Connection
from atlas_mcp.models.embedded.vendor import LocalPool
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.entries import chat_spec, claude_spec, declared_price, scripted_spec
from atlas_mcp.models.findings import FEATURES, MESSAGES_FEATURES, Feature
from atlas_mcp.models.gate import CircuitPolicy, Gate, Gated
from atlas_mcp.models.scripted.model import demo
from atlas_mcp.models.traits import takes_of
from atlas_mcp.models.wire.connections import Way, WayClosed
from atlas_mcp.presets import PRESETS, preset_of

logger = logging.getLogger(__name__)

VENDORS = ("anthropic", *(preset.vendor for preset in PRESETS), "local", "scripted")

NO_ANTHROPIC_KEY = f"no key: set {ANTHROPIC_KEY}"

NO_WAY_TO_A_MODEL = (
    "no model can be reached: there is no Anthropic key and nothing is configured. Three ways on: "
    "set ANTHROPIC_API_KEY; or name another vendor's model, or an OpenAI-compatible endpoint of "
    'your own, in atlas.toml ([solvers.NAME] with model = "openai/MODEL" and base_url); or ask for '
    "the embedded model by name, with `--solver local` or solvers=['local'] (small and not clever, "
    "it shows the machinery)"
)

SWEEP_SECONDS = 1.0
"""Seconds between looks for connections that are idle for too long."""

_Endpoint: TypeAlias = tuple[str, str | None, str | None]
"""A model, its address and the variable of its key: what rate limits and outages are shared by."""


@dataclass(slots=True)
class Pool:
    """The models that runs can use.

    Args:
        settings: What is configured.
        models: Models by `vendor/name`, used in place of those the name would give. For tests.
        circuit: When an endpoint counts as down.
        any_file: Whether whoever asks may name any file as an embedded model, and have any file of
            the model hub fetched. The user of the command line may; a client gets what its operator
            has put into the configuration, or has pulled.
    """

    settings: Settings
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    any_file: bool = False
    calls: Calls = field(init=False, default_factory=Calls)
    _local: LocalPool = field(init=False)
    _open: dict[object, Gated] = field(init=False, default_factory=dict[object, Gated])
    _gates: dict[_Endpoint, Gate] = field(init=False, default_factory=dict[_Endpoint, Gate])
    _connections: dict[tuple[str | None, str | None], Connection] = field(
        init=False, default_factory=dict[tuple[str | None, str | None], Connection]
    )
    _chat_connections: dict[tuple[str | None, str | None], ChatConnection] = field(
        init=False, default_factory=dict[tuple[str | None, str | None], ChatConnection]
    )
    _preparing: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    def __post_init__(self) -> None:
        self._local = LocalPool(self.settings, self.any_file)

    def names(self) -> tuple[str, ...]:
        """Return the names of the pool's entries, those in use by default."""
        if self.settings.solvers:
            return tuple(self.settings.solvers)
        return (DEFAULT_MODEL,)

    def libraries(self) -> tuple[str, ...]:
        """Return the client libraries that runs will need, to be imported ahead of time."""
        named = [entry.model for entry in self.settings.solvers.values()]
        if self.settings.orchestrator is not None:
            named.append(self.settings.orchestrator.model)
        vendors = {name.partition("/")[0] for name in named}
        if self.settings.has_anthropic_credentials:
            vendors.add("anthropic")
        known = {"anthropic": "anthropic", **{preset.vendor: "openai" for preset in PRESETS}}
        wanted = {known[vendor] for vendor in vendors if vendor in known}
        return tuple(sorted(name for name in wanted if find_spec(name) is not None))

    def embedded(self) -> tuple[str, ...]:
        """Return the names of the embedded models that anybody may ask for."""
        return self._local.names()

    def solvers(self, names: Sequence[str] | None) -> tuple[SolverSpec, ...]:
        """Return the entries called `names`, or the pool's own where none are named.

        Raises:
            InvalidInput: A name is unknown, or stands twice.
            ConfigError: Nothing is named, and nothing can be reached.
        """
        if names is not None and not names:
            raise InvalidInput("solvers", f"is empty; leave it out or name some of {self._known()}")
        if names is None and not self.settings.solvers and not self._anthropic_reachable():
            raise ConfigError(NO_WAY_TO_A_MODEL)
        wanted = tuple(names) if names is not None else self.names()
        if len(set(wanted)) != len(wanted):
            raise InvalidInput("solvers", "names a solver twice")
        entries = tuple(self._entry(name) for name in wanted)
        if len({entry.name for entry in entries}) != len(entries):
            raise InvalidInput(
                "solvers", "names a file twice, or two of one name; give them entries in atlas.toml"
            )
        return entries

    async def look_up(self, names: Sequence[str] | None, *, orchestrator: bool) -> None:
        """Ask the model hub about the files of it that are named and not known here yet.

        What it says is kept, so it is asked once. A name that means nothing is left to `solvers`.

        Args:
            names: As for `solvers`.
            orchestrator: Whether the configured orchestrator is wanted too.

        Raises:
            ConfigError: The hub has no such file, or does not give it to us.
            ModelFileError: The hub cannot be asked.
        """
        configured = self.settings.solvers
        wanted = self.names() if names is None else names
        models = [
            configured[name].model if name in configured else name
            for name in wanted
            if name in configured or self._may_name(name)
        ]
        if orchestrator and self.settings.orchestrator is not None:
            models.append(self.settings.orchestrator.model)
        await self._local.look_up([model for model in models if _is_local(model)])

    def entries(self, names: Sequence[str]) -> tuple[SolverSpec, ...]:
        """Return the entries called `names`, also those that cannot be used yet."""
        return tuple(self._named(name) for name in names)

    def orchestrator(self, solvers: Sequence[SolverSpec]) -> ModelSpec:
        """Return the orchestrator for a run over `solvers`.

        Where none is configured and the default one cannot be reached, the first solver's model
        orchestrates too. So it does where that model costs nothing: whoever asks for a free
        solver has not asked for a paid orchestrator.
        """
        configured = self.settings.orchestrator
        if configured is not None:
            return self._orchestrator(configured)
        first = solvers[0].spec
        if first.price == Price(FREE, FREE) or not self._anthropic_reachable():
            return first
        return self._orchestrator(OrchestratorSettings())

    def readiness(self, spec: ModelSpec) -> str:
        """Return "ready", or what is missing before `spec` can be used."""
        vendor = spec.model.partition("/")[0]
        if vendor == "local":
            return self._local.readiness(spec)
        return self._missing(spec) or "ready"

    async def prepare(self, specs: Sequence[ModelSpec], *, on_notice: OnNotice) -> None:
        """Put in place what the models need before their first call: weights, clients, prices.

        Raises:
            AtlasError: Something cannot be had; the message says what to do.
        """
        for spec in specs:
            if _is_local(spec.model) and spec.model not in self.models:
                await self._local.pull(spec, on_notice)
            await self.model(spec)

    def undeclared(self) -> tuple[Undeclared, ...]:
        """Return the models that can be asked what they take.

        Those behind Chat Completions, and those of a gateway that speaks the Messages API. One for
        each model of each address, though several entries may name it, with what any of them
        leaves open.
        """
        entries: dict[str, tuple[str, EndpointSettings]] = {
            f"solvers.{name}": (entry.model, entry) for name, entry in self.settings.solvers.items()
        }
        configured = self.settings.orchestrator
        if configured is not None and configured.model not in self.settings.solvers:
            entries["orchestrator"] = (configured.model, configured)
        found: dict[tuple[str, str | None], Undeclared] = {}
        for section, (model, entry) in entries.items():
            features = self._features(model, entry)
            if not features:
                continue
            spec = self._configured(section, model, entry)
            if self._missing(spec) is None:
                key = (model, self._address(spec))
                known = found.get(key, Undeclared(spec, key[1], frozenset()))
                found[key] = replace(known, features=known.features | features)
        return tuple(found.values())

    def _features(self, model: str, entry: EndpointSettings) -> frozenset[Feature]:
        """Return what can be found out of a model and is not declared."""
        vendor = model.partition("/")[0]
        open_ones: frozenset[Feature] = frozenset(
            one for one in FEATURES if getattr(entry, one) is None
        )
        if preset_of(vendor) is not None:
            return open_ones
        address = entry.base_url or self.settings.base_urls.get(vendor)
        if vendor != "anthropic" or address is None or is_same_origin(address, ANTHROPIC_ADDRESS):
            # What the vendor's own API takes is known by family.
            return frozenset()
        return open_ones & MESSAGES_FEATURES

    def _address(self, spec: ModelSpec) -> str | None:
        """Return where a model is, `None` for its vendor's own address."""
        return endpoint_of(spec).base_url or self.settings.base_urls.get(
            spec.model.partition("/")[0]
        )

    async def model(self, spec: ModelSpec) -> Gated:
        """Return the model that `spec` names, behind its gate; the same object each time.

        Raises:
            ModelRejected: It is embedded, and its file cannot be used.
        """
        endpoint = (spec.model, endpoint_of(spec).base_url, endpoint_of(spec).api_key_env)
        # One object per endpoint: two would hold two connection pools, or two copies of weights.
        async with self._preparing:
            own_price = spec.price if spec.own_price else None
            takes = takes_of(spec)
            key: object = (endpoint, own_price, spec.schema_mode, spec.efforts, takes)
            if preset_of(spec.model.partition("/")[0]) is not None:
                # What is said of an endpoint may differ from entry to entry.
                key = spec
            elif _is_local(spec.model) and spec.model not in self.models:
                path = await anyio.to_thread.run_sync(self._local.key, spec)
                key = endpoint = (path, None, None)
            if key not in self._open:
                model = self.models.get(spec.model)
                parallel = spec.parallel
                if model is None:
                    model = await anyio.to_thread.run_sync(self._make, spec)
                    if _is_local(spec.model):
                        parallel = await anyio.to_thread.run_sync(self._local.parallel, spec)
                calls = self.calls if spec.model not in self.models else None
                gate = self._gates.setdefault(endpoint, Gate(parallel, self.circuit, calls))
                gate.narrow(parallel)
                self._open[key] = Gated(model, gate)
            return self._open[key]

    async def loaded(self, spec: ModelSpec, on_notice: OnNotice) -> Model:
        """Return the model that `spec` names; an embedded one is loaded first.

        Args:
            spec: The model.
            on_notice: Told while it is being loaded.

        Raises:
            ConfigError: What it runs on is not installed.
            ModelError: It cannot be loaded.
        """
        gated = await self.model(spec)
        if _is_local(spec.model):
            from atlas_mcp.models.embedded.model import Local

            if isinstance(gated.model, Local):
                await gated.model.load(on_notice)
        return gated

    async def warm_up(self) -> None:
        """Load the embedded models of the configured pool that are in place, one by one.

        Nothing is fetched for it. A model that cannot be loaded is left to the call that wants it,
        which says why.
        """
        for name, entry in self.settings.solvers.items():
            if not _is_local(entry.model):
                continue
            try:
                spec = (await anyio.to_thread.run_sync(self._entry, name)).spec
                ready = await anyio.to_thread.run_sync(self.readiness, spec)
                if ready == "ready":
                    logger.info("loading %s ahead of its first call", spec.title)
                    await self.loaded(spec, lambda _: None)
                    ready = "loaded"
                logger.info("solver %r is %s", name, ready)
            except (AtlasError, OSError) as error:
                logger.info("solver %r cannot be loaded ahead of its first call: %s", name, error)

    def price_override(self, spec: ModelSpec) -> Price | None:
        """Return the operator's own price of a model, `None` if the tables are to be asked.

        A run keeps the price it was opened with. Runs of older versions do not say whose theirs is.
        """
        if spec.own_price:
            return spec.price
        preset = preset_of(spec.model.partition("/")[0])
        own = None if preset is None else preset.base_url
        used = endpoint_of(spec).base_url
        entries = (*self.settings.solvers.values(), self.settings.orchestrator)
        for entry in entries:
            if entry is None or entry.price is None or entry.model != spec.model:
                continue
            named = entry.base_url or own
            if named == used or is_same_address(named or "", used or ""):
                return declared_price(entry)
        return None

    async def keep_few_connections(self) -> None:
        """Close connections that are idle for too long, until cancelled; calls go on meanwhile."""
        while True:
            await anyio.sleep(SWEEP_SECONDS)
            for connection in (*self._connections.values(), *self._chat_connections.values()):
                await connection.way.close_idle()

    async def aclose(self) -> None:
        """Close every model that was opened."""
        models, self._open = list(self._open.values()), {}
        connections, self._connections = list(self._connections.values()), {}
        chats, self._chat_connections = list(self._chat_connections.values()), {}
        await close_all(one.aclose for one in (*models, *connections, *chats))

    def _entry(self, name: str) -> SolverSpec:
        entry = self._named(name)
        missing = self._missing(entry.spec)
        if missing is not None:
            raise ConfigError(f"solver {name!r} cannot be used: {missing}")
        return entry

    def _named(self, name: str) -> SolverSpec:
        configured = self.settings.solvers.get(name)
        if configured is not None:
            spec = self._configured(f"solvers.{name}", configured.model, configured)
            return SolverSpec(name, spec, configured.quota)
        if name != "local" and "/" not in name:
            raise InvalidInput("solvers", f"there is no solver {name!r}; there are {self._known()}")
        if not self._may_name(name):
            raise InvalidInput(
                "solvers",
                f"{name!r}: files, and files of the model hub that have not been pulled, are "
                "used only where the configuration names them ([solvers.NAME] with model = … "
                f"in atlas.toml); there are {self._known()}",
            )
        spec = self._spec(name, EndpointSettings())
        return SolverSpec(spec.title if spec.title != spec.model else name, spec)

    def _known(self) -> str:
        names = ", ".join(repr(name) for name in self.names())
        return f"{names}, any 'VENDOR/MODEL', 'local' and 'local/NAME'"

    def _orchestrator(self, configured: OrchestratorSettings) -> ModelSpec:
        entry = self.settings.solvers.get(configured.model)
        if entry is None:
            spec = self._configured("orchestrator", configured.model, configured)
        else:
            given = configured.model_fields_set
            own = {
                key: getattr(configured, key) for key in ("effort", "max_tokens") if key in given
            }
            section = "orchestrator" if own else f"solvers.{configured.model}"
            spec = self._configured(section, entry.model, _checked(entry, own))
            wrong = given - {"model", "effort", "max_tokens"}
            if wrong:
                raise ConfigError(
                    f"[orchestrator] {min(wrong)}: belongs to [solvers.{configured.model}], which "
                    "the orchestrator is"
                )
        missing = self._missing(spec)
        if missing is not None:
            raise ConfigError(f"the orchestrator cannot be used: {missing}")
        return spec

    def _configured(self, section: str, model: str, entry: EndpointSettings) -> ModelSpec:
        try:
            return self._spec(model, entry)
        except InvalidInput as error:
            key = "model" if error.argument == "solvers" else error.argument
            raise ConfigError(f"[{section}] {key}: {error.rule}") from error

    def _spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        vendor, _, name = model.partition("/")
        if vendor == "local":
            return self._local.spec(model, entry)
        if vendor == "scripted":
            return scripted_spec(model, entry)
        preset = preset_of(vendor)
        if name and vendor == "anthropic":
            own = self.settings.base_urls.get(vendor)
            return claude_spec(model, entry, home=self.settings.home, own=own)
        if name and preset is not None:
            own = self.settings.base_urls.get(vendor)
            return chat_spec(model, preset, entry, home=self.settings.home, own=own)
        raise InvalidInput(
            "solvers",
            f"{model!r} is of no known vendor; a model is one of "
            + ", ".join(f"'{vendor}/…'" for vendor in VENDORS),
        )

    def _missing(self, spec: ModelSpec) -> str | None:
        """Return what a model lacks before it can be asked, and what mends it."""
        vendor = spec.model.partition("/")[0]
        if spec.model in self.models:
            return None
        if vendor == "local":
            return self._local.missing(spec)
        preset = preset_of(vendor)
        if preset is not None and find_spec("openai") is None:
            return f"the client library is not installed: run {install_command('openai')}"
        if preset is None and vendor != "anthropic":
            return None
        return self._fault(spec) or self._no_key(spec) or self._closed(spec)

    def _fault(self, spec: ModelSpec) -> str | None:
        """Return why a variable that a model needs cannot be used."""
        vendor = spec.model.partition("/")[0]
        needed = [_key_variable(spec)]
        if endpoint_of(spec).base_url is None:
            needed += [BASE_URLS.get(vendor), CUSTOM_HEADERS.get(vendor)]
        if vendor == "anthropic" and needed[0] is None:
            needed += [ANTHROPIC_KEY, "ANTHROPIC_AUTH_TOKEN"]
        faults = self.settings.faults
        return next((faults[name] for name in needed if name and name in faults), None)

    def _no_key(self, spec: ModelSpec) -> str | None:
        variable = _key_variable(spec)
        if variable is not None and variable not in self.settings.keys:
            named = endpoint_of(spec).api_key_env is not None
            other = "" if named else ", or name another variable in `api_key_env`"
            return f"no key: set {variable}{other}"
        if variable is not None:
            return None
        if spec.model.startswith("anthropic/") and not self._anthropic_reachable():
            return NO_ANTHROPIC_KEY
        return None

    def _closed(self, spec: ModelSpec) -> str | None:
        """Return why no call can go to where a model is."""
        vendor = spec.model.partition("/")[0]
        own = ANTHROPIC_ADDRESS if vendor == "anthropic" else OPENAI_ADDRESS
        try:
            Way(endpoint_of(spec).base_url, None, self.settings.base_urls.get(vendor, own)).check()
        except WayClosed as error:
            return error.message
        return None

    def _may_name(self, name: str) -> bool:
        return not _is_local(name) or self._local.may_name(name)

    def _anthropic_reachable(self) -> bool:
        return self.settings.has_anthropic_credentials or any(
            model.startswith("anthropic/") for model in self.models
        )

    def _make(self, spec: ModelSpec) -> Model:
        vendor, _, name = spec.model.partition("/")
        if vendor == "local":
            return self._local.make(spec)
        if vendor == "scripted":
            return demo()
        variable = _key_variable(spec)
        # Without a key, Anthropic's client looks for other credentials of its own.
        key = self.settings.keys.get(variable or (ANTHROPIC_KEY if vendor == "anthropic" else ""))
        own = self.settings.base_urls.get(vendor)
        endpoint = (endpoint_of(spec).base_url, variable)
        if preset_of(vendor) is not None:
            chat = self._chat_connections.setdefault(
                endpoint, ChatConnection(endpoint_of(spec).base_url, key, own)
            )
            return OpenAICompatible(spec, price=self.price_override(spec), connection=chat)
        connection = self._connections.setdefault(
            endpoint,
            Connection(
                base_url=endpoint_of(spec).base_url,
                api_key=key,
                own_address=own,
                key_variable=endpoint_of(spec).api_key_env,
            ),
        )
        return Claude(
            name,
            price=self.price_override(spec),
            holds_schema=spec.schema_mode == "strict",
            efforts=spec.efforts,
            takes=takes_of(spec),
            connection=connection,
        )


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A model, where it is, and what its entries do not declare of it."""

    spec: ModelSpec
    address: str | None
    features: frozenset[Feature]


def _key_variable(spec: ModelSpec) -> str | None:
    """Return the variable of the key that a model is asked with, `None` where it names none.

    An address that an entry names gets the key that the entry names; the Messages API at such an
    address is a gateway of the operator's own, and gets Anthropic's if the entry names none.
    """
    if endpoint_of(spec).api_key_env is None and endpoint_of(spec).base_url is not None:
        return ANTHROPIC_KEY if spec.model.startswith("anthropic/") else None
    return endpoint_of(spec).api_key_env


def _checked(entry: SolverSettings, own: Mapping[str, object]) -> SolverSettings:
    """Return an entry with what an orchestrator that is this solver has of its own.

    Raises:
        ConfigError: It does not go with the rest of the entry.
    """
    if not own:
        return entry
    whole = {**entry.model_dump(exclude_unset=True, by_alias=True), **own}
    try:
        return SolverSettings.model_validate(whole)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"[orchestrator] {fault}") from None


def _is_local(model: str) -> bool:
    return model.partition("/")[0] == "local"
