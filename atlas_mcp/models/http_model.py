"""The part of a model that is common to all models asked over HTTP.

Owns the features that its endpoint accepts: those declared, and those learnt from refused calls.
Never writes a request and never reads a reply: each vendor's model does.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from typing import Generic, Protocol, Self, TypeVar

from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.traits import AcceptedFeatures, RefusedFeatures, accepted_features
from atlas_mcp.models.wire.connections import Route


class HttpConnection(Protocol):
    """One address with one key, and the vendor's client for it."""

    @property
    def route(self) -> Route:
        """The address and the key."""
        ...

    @property
    def learnt(self) -> RefusedFeatures:
        """The features that the endpoint has refused."""
        ...

    async def aclose(self) -> None:
        """Close the client's connections. No call may follow."""
        ...


_Connection = TypeVar("_Connection", bound=HttpConnection, covariant=True)


class HttpModel(Model, Generic[_Connection]):
    """One model of one endpoint.

    Args:
        spec: The model, and the features that its endpoint accepts.
        connection: The way to the endpoint.
        price: The operator's own price; wins over the tables.
        read_timeout: Seconds without a byte after which a stream is given up.
        owns_connection: Whether the model closes the connection; otherwise other models share it.
    """

    def __init__(
        self,
        spec: ModelSpec,
        connection: _Connection,
        *,
        price: Price | None,
        read_timeout: float,
        owns_connection: bool,
    ) -> None:
        self._spec = spec
        self._connection = connection
        self._price = price
        self._read_timeout = read_timeout
        self._owned = owns_connection
        self._learns = True

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._spec.model!r})"

    @property
    @override
    def name(self) -> str:
        """The model as `vendor/name`."""
        return self._spec.model

    @abstractmethod
    async def call(
        self,
        request: ModelRequest,
        takes: AcceptedFeatures,
        *,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        """Make one call with the features that the endpoint accepts; see `Model.generate`."""

    @abstractmethod
    async def is_there(self) -> bool:
        """Return whether the endpoint has the model, as far as it tells. Costs nothing.

        Raises:
            ModelError: The endpoint does not answer, or refuses this key.
        """

    @property
    def takes(self) -> AcceptedFeatures:
        """The features that the endpoint is known to accept."""
        return accepted_features(self._spec)

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return its reply; see `Model.generate`.

        If the endpoint refuses a feature that can be left out, the call is repeated without it, and
        later calls leave it out from the start.
        """

        async def call(takes: AcceptedFeatures) -> Reply:
            return await self.call(request, takes, on_tokens=on_tokens, on_usage=on_usage)

        if not self._learns:
            # No probe asks about thinking, so only that may be dropped.
            return await RefusedFeatures().ask(
                self.name, self.takes, request, call, asks_for=("thinking",)
            )
        return await self._connection.learnt.ask(self.name, self.takes, request, call)

    def with_spec(self, spec: ModelSpec) -> Self:
        """Return the same model, used as if its endpoint accepted the features in `spec`.

        The new model shares this one's connection, which this one closes. It learns nothing: its
        callers want to see the refusals.
        """
        other = copy(self)
        other._spec, other._owned, other._learns = spec, False, False
        return other

    @override
    async def aclose(self) -> None:
        """Close the connection, unless it is shared. No call may follow."""
        if self._owned:
            await self._connection.aclose()
