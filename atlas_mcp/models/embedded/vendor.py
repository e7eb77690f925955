"""Embedded models as a vendor: settings for a file of weights, its pull, and its one instance.

Owns the defaults of embedded models and the one object per file of weights. Names are read in
`models.embedded.names`, weights fetched in `models.embedded.weights`, calls made in
`models.embedded.model`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import anyio.to_thread
from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.atlas.wording import megabytes_text
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput, ModelFileError, ModelRejected
from atlas_mcp.feature_values import SchemaMode
from atlas_mcp.installation import install_command
from atlas_mcp.models.base import Notice, OnNotice
from atlas_mcp.models.embedded.catalogue import CATALOGUE
from atlas_mcp.models.embedded.facts import VENDOR
from atlas_mcp.models.embedded.names import Embedded, kind_of, locate, pin, pulled
from atlas_mcp.models.vendor import READY, Connected, Trust, Vendor

if TYPE_CHECKING:
    from atlas_mcp.models.embedded.model import EmbeddedModel
    from atlas_mcp.models.embedded.weights import PullProgress

PARALLEL = 4
"""Calls served at once, unless an entry says otherwise: as many as a run starts by default. They
share one context, so more of them take no more memory."""

MOST_PARALLEL = 64
"""Most calls served at once: llama.cpp's own limit (`LLAMA_MAX_SEQ`, 64 or more)."""

CONTEXT_TOKENS = 16_384
"""Context of a model outside the catalogue, unless its entry says otherwise or it was made for
less. It takes memory beside the weights: about 1 GB with 7 billion parameters (28 layers, 4
key-value heads of 128, 16 bits)."""

LEAST_PROMPT_TOKENS = 1_024
"""Tokens of the context that no ceiling of a reply may take: the least that a problem needs."""

MAX_TOKENS = 4_096
"""Output tokens of one reply: three such calls fit the context at once."""

TEMPERATURE = 0.7
"""Sampling temperature of solvers: variety, since all of them are one model."""

SMALL_MAX_TOKENS = 1_024
"""Output tokens of one reply of a small model, which has no use for more."""

SMALL_STRING_CHARS = 600
"""Characters of one string in a reply of a small model: five of them fit `SMALL_MAX_TOKENS`. Under
a grammar small models write on and on: docs/local-models.md has the counts."""

FIXED: Mapping[str, object] = {
    "images": False,
    "tools": False,
    "efforts": (),
    "schema_mode": "strict",
}
"""The only values that an entry may have for these fields: embedded models have no others."""


def open_vendor(settings: Settings, *, trust: Trust) -> EmbeddedVendor:
    """Return the vendor under a configuration."""
    return EmbeddedVendor(settings, trust=trust)


class EmbeddedVendor(Vendor):
    """The vendor of embedded models.

    Args:
        settings: The configuration.
        trust: A user may name any file, and have any file of the hub fetched.
    """

    loads_ahead: ClassVar[bool] = True
    schema_modes: ClassVar[tuple[SchemaMode, ...]] = ("strict",)

    def __init__(self, settings: Settings, *, trust: Trust = "client") -> None:
        super().__init__(settings, trust=trust)
        self._models: dict[str, EmbeddedModel] = {}

    @property
    def folder(self) -> Path:
        """The models folder."""
        return self.settings.home / "models"

    @override
    def offered(self) -> tuple[str, ...]:
        """Return the models of the catalogue, then the files of the hub that are in place."""
        of_hub = (name for name in pulled(self.folder) if self._is_in_place(name))
        return (*(entry.name for entry in CATALOGUE), *of_hub)

    @override
    def why_unnameable(self, model: str) -> str | None:
        kind = kind_of(model)
        if (
            self.trust == "user"
            or kind == "catalogue"
            or (kind == "hub" and self._is_in_place(model))
        ):
            return None
        return (
            "files, and files of the model hub that have not been pulled, are used only where the "
            "configuration names them ([solvers.NAME] with model = … in atlas.toml)"
        )

    @override
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        """Return the spec of a model: its entry's settings, as far as its file allows them.

        Raises:
            InvalidInput: There is no such model, or it cannot be used with these settings.
        """
        _refuse_foreign(entry)
        if entry.parallel is not None and entry.parallel > MOST_PARALLEL:
            raise InvalidInput(
                "parallel", f"is {entry.parallel}; an embedded model takes {MOST_PARALLEL} at most"
            )
        try:
            found = locate(model, self.folder)
        except (ConfigError, ModelFileError) as error:
            raise InvalidInput("solvers", str(error)) from error
        context = _context(found, entry.context_tokens)
        return ModelSpec(
            found.name,
            price=Price(FREE, FREE),
            tools=False,
            max_tokens=_max_tokens(found, entry.max_tokens, context),
            temperature=TEMPERATURE,
            max_string_chars=SMALL_STRING_CHARS if found.is_small else None,
            parallel=entry.parallel or PARALLEL,
            guard=True,
            endpoint={} if context is None else {"context_tokens": context},
        )

    @override
    def missing(self, spec: ModelSpec) -> str | None:
        """Return the requirement of a model that no pull can meet; `None` if there is none."""
        from atlas_mcp.models.embedded.llama_process import runtime_installed

        if not runtime_installed():
            return f"llama.cpp is not installed: run {install_command('local')}"
        try:
            locate(spec.model, self.folder)
        except (ConfigError, ModelFileError) as error:
            return str(error)
        return None

    @override
    def readiness(self, spec: ModelSpec) -> str:
        missing = self.missing(spec)
        if missing is not None:
            return missing
        found = locate(spec.model, self.folder)
        if found.header is not None:
            return READY
        if found.files.weights.exists():
            return "checked at first use"
        size = "" if found.size_bytes is None else f" ({megabytes_text(found.size_bytes)})"
        return f"pulled at first use{size}"

    @override
    async def look_up(self, models: Sequence[str]) -> None:
        """Ask the model hub to describe those of its files that are not known here yet.

        Its answers are stored, so that each is asked for once. Names without a meaning are skipped.

        Raises:
            ConfigError: The hub has no such file, or does not give it to us.
            ModelFileError: The hub cannot be asked.
        """
        for model in models:
            if kind_of(model) != "hub":
                continue
            try:
                found = await anyio.to_thread.run_sync(locate, model, self.folder)
            except (ConfigError, ModelFileError):
                continue
            if found.pinned is None:
                from atlas_mcp.models.embedded.weights import sources_of

                await pin(found, sources_of(self.settings))

    @override
    async def prepare(self, spec: ModelSpec, on_notice: OnNotice) -> None:
        """Put the weights of `spec` in place, unless they are its user's own.

        Raises:
            ConfigError: llama.cpp is not installed, or the weights are not the expected ones.
            ModelFileError: The weights cannot be fetched.
        """
        from atlas_mcp.models.embedded.llama_process import require_runtime
        from atlas_mcp.models.embedded.weights import ensure, sources_of

        # Checked first: a gigabyte of weights is of no use without llama.cpp.
        require_runtime(spec.title)
        found = await anyio.to_thread.run_sync(locate, spec.model, self.folder)
        if found.kind != "file":

            def on_progress(progress: PullProgress) -> None:
                done, total = progress.done_bytes, progress.total_bytes
                of = f"{done / 1e6:,.0f} of {megabytes_text(total)}"
                text = f"{spec.model}: {progress.stage}, {of}"
                on_notice(Notice(text, done / total if total else None))

            sources = sources_of(self.settings)
            pinned = await pin(found, sources)
            await ensure(pinned, self.folder, on_progress=on_progress, sources=sources)
            found = await anyio.to_thread.run_sync(locate, spec.model, self.folder)
        try:
            _context(found, context_tokens_of(spec))
        except InvalidInput as error:
            raise ConfigError(f"`{spec.title}`: {error}") from error

    @override
    def connect(self, spec: ModelSpec) -> Connected:
        """Return the model that runs the file of `spec`; all entries with this file share it."""
        key = self._key(spec)
        if key not in self._models:
            self._models[key] = self._make(spec, key)
        # A name may mean another file later: a link is changed, or a model is pulled anew.
        return Connected(self._models[key], (VENDOR, key), key, self._parallel(spec), lasting=False)

    def _key(self, spec: ModelSpec) -> str:
        """Return the resolved path of the weights, the same for all their names."""
        return os.path.realpath(self._located(spec).files.weights)

    def _make(self, spec: ModelSpec, key: str) -> EmbeddedModel:
        from atlas_mcp.models.embedded.model import EmbeddedModel

        found = self._located(spec)
        uses = (spec, *self._entries_with(key))
        return EmbeddedModel(
            spec.title,
            found.files.weights,
            context_tokens=max(_context(found, context_tokens_of(use)) or 0 for use in uses),
            parallel=self._parallel(spec),
            use=None if found.kind == "file" else found.files.use,
        )

    def _parallel(self, spec: ModelSpec) -> int:
        """Return the calls that the file of `spec` serves at once, over all its entries."""
        uses = (spec, *self._entries_with(self._key(spec)))
        return max(use.parallel or PARALLEL for use in uses)

    def _is_in_place(self, name: str) -> bool:
        try:
            return locate(name, self.folder).header is not None
        except (ConfigError, ModelFileError):
            return False

    def _located(self, spec: ModelSpec) -> Embedded:
        try:
            return locate(spec.model, self.folder)
        except (ConfigError, ModelFileError) as error:
            raise ModelRejected(spec.title, str(error)) from error

    def _entries_with(self, key: str) -> Iterator[ModelSpec]:
        for entry in self.settings.solvers.values():
            if entry.model.partition("/")[0] == VENDOR:
                with suppress(AtlasError):
                    spec = self.spec(entry.model, entry)
                    if self._key(spec) == key:
                        yield spec


def context_tokens_of(spec: ModelSpec) -> int | None:
    """Return the context to run a model with, in tokens; `None` for its own."""
    tokens = spec.endpoint.get("context_tokens")
    return tokens if isinstance(tokens, int) else None


def _refuse_foreign(entry: EndpointSettings) -> None:
    for key, only in FIXED.items():
        if getattr(entry, key) not in (None, only):
            raise InvalidInput(
                EndpointSettings.model_fields[key].alias or key,
                "embedded models see no pictures, call no tools and take no efforts, and their "
                "replies always have the shape that was asked for; leave it out",
            )


def _context(found: Embedded, wanted: int | None) -> int | None:
    """Return the context to run a model with, in tokens; `None` while its file is missing.

    Raises:
        InvalidInput: The model was made for a shorter context than the entry wants.
    """
    longest = found.header.context_tokens if found.header is not None else None
    if wanted is not None:
        if longest is not None and wanted > longest:
            raise InvalidInput(
                "context_tokens", f"is {wanted:,}, and the model was made for {longest:,} at most"
            )
        return wanted
    if found.entry is not None:
        return found.entry.context_tokens
    if found.header is None:
        return None
    return CONTEXT_TOKENS if longest is None else min(CONTEXT_TOKENS, longest)


def _max_tokens(found: Embedded, wanted: int | None, context: int | None) -> int:
    """Return the ceiling of one reply.

    Raises:
        InvalidInput: The ceiling leaves no room for a prompt.
    """
    default = SMALL_MAX_TOKENS if found.is_small else MAX_TOKENS
    if context is None:
        return wanted or default
    if wanted is not None and wanted > context - LEAST_PROMPT_TOKENS:
        raise InvalidInput(
            "max_tokens",
            f"is {wanted:,}, and prompt and reply share a context of {context:,} tokens",
        )
    return wanted or min(default, context // 2)
