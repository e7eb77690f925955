"""From configured names to models: what each can do, what it costs, and how to reach it.

Owns the vendors' prefixes (`anthropic/`, `local/`, `scripted/`) and one object per endpoint. The
vendors' own code is imported when a model is first used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from atlas_mcp.atlas.messages import Effort
from atlas_mcp.atlas.pool import DEFAULT_MAX_TOKENS, ModelSpec, SolverSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config import DEFAULT_MODEL, OrchestratorSettings, Settings, SolverSettings
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.base import Model, Notice, OnNotice
from atlas_mcp.models.catalogue import find
from atlas_mcp.models.claude import Claude, Connection
from atlas_mcp.models.claude_families import family_of
from atlas_mcp.models.prices import price_of
from atlas_mcp.models.scripted import demo

VENDORS = ("anthropic", "local", "scripted")

LOCAL_MAX_TOKENS = 1_024
"""Output tokens of one reply of an embedded model; they fit its context beside the evidence."""

LOCAL_TEMPERATURE = 0.7
"""Sampling temperature of embedded solvers: variety, since all of them are one small model."""

LOCAL_STRING_CHARS = 600
"""Characters of one string in a reply of an embedded model: five of them fit `LOCAL_MAX_TOKENS`."""

NO_WAY_TO_A_MODEL = (
    "no model can be reached: there is no Anthropic key and nothing is configured. Three ways on: "
    "set ANTHROPIC_API_KEY; or name an endpoint of your own in atlas.toml ([solvers.NAME] with "
    'model = "anthropic/MODEL" and base_url); or ask for the embedded model by name, with '
    "`--solver local` or solvers=['local'] (small and not clever, it shows the machinery)"
)


@dataclass(slots=True)
class Pool:
    """The models that runs can use.

    Args:
        settings: What is configured.
        models: Models by `vendor/name`, used in place of those the name would give. For tests.
    """

    settings: Settings
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    _open: dict[tuple[str, str | None, str | None], Model] = field(
        init=False, default_factory=dict[tuple[str, str | None, str | None], Model]
    )
    _connections: dict[tuple[str | None, str | None], Connection] = field(
        init=False, default_factory=dict[tuple[str | None, str | None], Connection]
    )
    _preparing: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    def names(self) -> tuple[str, ...]:
        """Return the names of the pool's entries, those in use by default."""
        if self.settings.solvers:
            return tuple(self.settings.solvers)
        return (DEFAULT_MODEL,)

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
        return tuple(self._entry(name) for name in wanted)

    def orchestrator(self, solvers: Sequence[SolverSpec]) -> ModelSpec:
        """Return the orchestrator for a run over `solvers`.

        Where none is configured and the default one cannot be reached, the first solver's model
        orchestrates too. So it does where that model costs nothing: whoever asks for a free
        solver has not asked for a paid orchestrator.
        """
        configured = self.settings.orchestrator
        if configured is not None:
            return self._spec(
                configured.model, effort=configured.effort, max_tokens=configured.max_tokens
            )
        first = solvers[0].spec
        if first.model.startswith(("local/", "scripted/")) or not self._anthropic_reachable():
            return first
        default = OrchestratorSettings()
        return self._spec(default.model, effort=default.effort, max_tokens=default.max_tokens)

    def readiness(self, spec: ModelSpec) -> str:
        """Return "ready", or what is missing before `spec` can be used."""
        vendor = spec.model.partition("/")[0]
        if vendor == "local":
            from atlas_mcp.models.llama_server import INSTALL, runtime_installed

            entry = find(spec.model)
            if not runtime_installed():
                return f"not installed: run {INSTALL}"
            if (self._weights / entry.file).exists():
                return "ready"
            return f"pulled at first use ({entry.size_bytes / 1e6:,.0f} MB)"
        if vendor == "anthropic" and spec.api_key_env is None and not self._anthropic_reachable():
            return "no key: set ANTHROPIC_API_KEY"
        return "ready"

    async def prepare(self, specs: Sequence[ModelSpec], *, on_notice: OnNotice) -> None:
        """Put in place what the models need before their first call: weights, clients, prices.

        Raises:
            AtlasError: Something cannot be had; the message says what to do.
        """
        for spec in specs:
            if spec.model.startswith("local/"):
                await self._pull(spec.model, on_notice)
            await self.model(spec)

    async def model(self, spec: ModelSpec) -> Model:
        """Return the model that `spec` names; the same object each time."""
        key = (spec.model, spec.base_url, spec.api_key_env)
        if spec.model in self.models:
            return self.models[spec.model]
        # One object per endpoint: two would hold two connection pools, or two copies of weights.
        async with self._preparing:
            if key not in self._open:
                self._open[key] = await anyio.to_thread.run_sync(self._make, spec)
        return self._open[key]

    async def aclose(self) -> None:
        """Close every model that was opened."""
        models, self._open = list(self._open.values()), {}
        for model in models:
            await model.aclose()
        connections, self._connections = list(self._connections.values()), {}
        for connection in connections:
            await connection.aclose()

    def _entry(self, name: str) -> SolverSpec:
        configured = self.settings.solvers.get(name)
        if configured is not None:
            return SolverSpec(name, self._configured(name, configured), configured.quota)
        if name != "local" and "/" not in name:
            raise InvalidInput("solvers", f"there is no solver {name!r}; there are {self._known()}")
        return SolverSpec(name, self._spec(name))

    def _known(self) -> str:
        names = ", ".join(repr(name) for name in self.names())
        return f"{names}, any 'anthropic/MODEL', 'local' and 'local/NAME'"

    def _configured(self, name: str, entry: SolverSettings) -> ModelSpec:
        price = None
        if entry.price is not None:
            price = Price(entry.price.input, entry.price.output)
        try:
            spec = self._spec(
                entry.model,
                effort=entry.effort,
                max_tokens=entry.max_tokens,
                base_url=entry.base_url,
                api_key_env=entry.api_key_env,
                price=price,
            )
        except InvalidInput as error:
            raise ConfigError(f"[solvers.{name}] model: {error.rule}") from error
        return replace(
            spec,
            efforts=spec.efforts if entry.efforts is None else entry.efforts,
            images=spec.images if entry.images is None else entry.images,
        )

    def _spec(
        self,
        model: str,
        *,
        effort: Effort | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        base_url: str | None = None,
        api_key_env: str | None = None,
        price: Price | None = None,
    ) -> ModelSpec:
        vendor, _, name = model.partition("/")
        if vendor == "local":
            return _local_spec(model)
        if vendor == "scripted":
            return ModelSpec(model, price=Price(FREE, FREE), max_tokens=LOCAL_MAX_TOKENS)
        if vendor != "anthropic" or not name:
            raise InvalidInput(
                "solvers",
                f"{model!r} is of no known vendor; a model is one of "
                + ", ".join(f"'{vendor}/…'" for vendor in VENDORS),
            )
        family = family_of(name)
        return ModelSpec(
            model,
            price=price_of(model, override=price),
            effort=effort,
            efforts=family.efforts,
            images=True,
            max_tokens=min(max_tokens, family.max_output),
            base_url=base_url,
            api_key_env=api_key_env,
        )

    def _anthropic_reachable(self) -> bool:
        return self.settings.has_anthropic_credentials or any(
            model.startswith("anthropic/") for model in self.models
        )

    def _make(self, spec: ModelSpec) -> Model:
        vendor, _, name = spec.model.partition("/")
        if vendor == "local":
            return self._local(spec.model)
        if vendor == "scripted":
            return demo()
        key = self.settings.keys.get(spec.api_key_env) if spec.api_key_env else None
        endpoint = (spec.base_url, spec.api_key_env)
        connection = self._connections.get(endpoint)
        if connection is None:
            connection = Connection(base_url=spec.base_url, api_key=key)
            self._connections[endpoint] = connection
        return Claude(name, price=self._price_override(spec), connection=connection)

    def _price_override(self, spec: ModelSpec) -> Price | None:
        """Return the operator's own price of a model, `None` if the tables are to be asked."""
        for entry in self.settings.solvers.values():
            same = (entry.model, entry.base_url) == (spec.model, spec.base_url)
            if same and entry.price is not None:
                return Price(entry.price.input, entry.price.output)
        return None

    def _local(self, name: str) -> Model:
        from atlas_mcp.models.local import Local

        entry = find(name)
        return Local(entry, self._weights / entry.file)

    @property
    def _weights(self) -> Path:
        return self.settings.home / "models"

    async def _pull(self, name: str, on_notice: OnNotice) -> None:
        from atlas_mcp.models.llama_server import require_runtime
        from atlas_mcp.models.weights import PullProgress, ensure

        # Asked first: a gigabyte of weights is of no use without what runs them.
        require_runtime(name)
        entry = find(name)

        def on_progress(progress: PullProgress) -> None:
            done, total = progress.done_bytes, progress.total_bytes
            text = f"{entry.name}: {progress.stage}, {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            on_notice(Notice(text, done / total if total else None))

        await ensure(entry, self._weights, on_progress=on_progress)


def _local_spec(name: str) -> ModelSpec:
    try:
        model = find(name).name
    except ConfigError as error:
        raise InvalidInput("solvers", str(error)) from error
    return ModelSpec(
        model=model,
        price=Price(FREE, FREE),
        tools=False,
        max_tokens=LOCAL_MAX_TOKENS,
        temperature=LOCAL_TEMPERATURE,
        max_string_chars=LOCAL_STRING_CHARS,
    )
