"""The seam to a vendor of models: five verbs, the same for every vendor.

Owns the interface that `models.registry` opens a vendor's folder by, and the defaults of its
optional parts. Knows no vendor.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias, get_args

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.feature_values import SchemaMode
from atlas_mcp.models.base import Model, OnNotice
from atlas_mcp.models.findings import Feature

Trust: TypeAlias = Literal["user", "client"]
"""How far a caller that names models is trusted.

`user`: a person at the command line, who may name any file of the machine. `client`: a client of a
server, which may name models that are offered, and those that the operator configured or fetched.
"""

READY = "ready"
"""The readiness of a model that can be called now."""

ModelWith: TypeAlias = Callable[[ModelSpec], Model]
"""Returns the model as used if its endpoint accepts the features in a spec."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A model that can be called.

    Attributes:
        model: The model, one object for all specs with the same `key`.
        key: Identifies the model among the vendor's models.
        endpoint: Identifies the endpoint; all its models share rate limits and outages.
        parallel: Calls in flight at once; `None` for no bound.
        lasting: Whether the same spec means this model for as long as the process lives.
    """

    model: Model
    key: Hashable
    endpoint: Hashable
    parallel: int | None
    lasting: bool = True


class Vendor(Protocol):
    """One vendor, or several that are asked in the same way.

    Every vendor has five verbs: `spec`, `missing`, `connect`, `check` and `prepare`. The first
    three must be written; all others have defaults, which suit a vendor with an API and a fixed set
    of models.

    Args:
        settings: The configuration.
        trust: How far callers that name models are trusted.
    """

    loads_ahead: ClassVar[bool] = False
    """Whether its models take so long to load that a server may do it before the first call."""

    schema_modes: ClassVar[tuple[SchemaMode, ...]] = get_args(SchemaMode)
    """The ways in which a reply of its models can get its shape."""

    settings: Settings
    trust: Trust

    def __init__(self, settings: Settings, *, trust: Trust = "client") -> None:
        self.settings = settings
        self.trust = trust

    @abstractmethod
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        """Return the spec of a model, made from its entry.

        Args:
            model: The model as `vendor/name`.
            entry: The model's entry; an empty one where a caller names the model itself.

        Raises:
            InvalidInput: There is no such model, or it cannot be used as declared.
        """

    @abstractmethod
    def missing(self, spec: ModelSpec) -> str | None:
        """Return why the model cannot be used, with the command that helps; `None` if it can."""

    @abstractmethod
    def connect(self, spec: ModelSpec) -> Connected:
        """Return the model that a spec names. May read files; opens no connection.

        Raises:
            ModelRejected: There is no such model.
        """

    async def check(self, spec: ModelSpec) -> str:
        """Return `READY`, or why there is no such model. Asks its endpoint, which costs nothing."""
        return READY

    async def prepare(self, spec: ModelSpec, on_notice: OnNotice) -> None:
        """Put in place all that the model needs before its first call.

        Raises:
            AtlasError: Something cannot be obtained; the message gives the remedy.
        """

    def readiness(self, spec: ModelSpec) -> str:
        """Return `READY`, or the next thing that the model needs, without asking an endpoint."""
        return self.missing(spec) or READY

    def offered(self) -> tuple[str, ...]:
        """Return models that any caller may name, besides those of the configuration."""
        return ()

    def why_unnameable(self, model: str) -> str | None:
        """Return why no caller may name a model that is not in the configuration.

        Returns:
            The rule, as the end of a sentence that begins with the model; `None` if it may be
            named.
        """
        return None

    async def look_up(self, models: Sequence[str]) -> None:
        """Find out the facts that `spec` needs about models that are named for the first time.

        Raises:
            AtlasError: A model does not exist, or its source cannot be asked.
        """

    def askable(self, model: str, entry: EndpointSettings) -> frozenset[Feature]:
        """Return the features that `entry` does not declare and a probe can find out."""
        return frozenset()

    def address(self, spec: ModelSpec) -> str | None:
        """Return the address under which findings about the model are kept."""
        return None

    def probing(self, spec: ModelSpec) -> ModelWith:
        """Return a function that makes the model with other specs, for askable models only."""
        model = self.connect(spec).model
        return lambda _: model

    async def close_idle(self) -> None:
        """Close connections that had no call for too long."""

    async def aclose(self) -> None:
        """Close all connections. No call may follow."""
