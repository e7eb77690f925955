"""The part of a vendor that is common to all vendors asked over HTTP.

Owns the connections and the models, and the rules for keys, addresses and the operator's own
prices. Never chooses a client library and never writes a request: each vendor does.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

import anyio.to_thread
from typing_extensions import override

from atlas_mcp.addresses import is_same_address
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.closing import close_all
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.errors import ModelError, ModelUnavailable
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.entries import declared_price
from atlas_mcp.models.findings import FEATURES, Feature
from atlas_mcp.models.http_model import HttpConnection, HttpModel
from atlas_mcp.models.vendor import READY, Connected, ModelWith, Trust, Vendor
from atlas_mcp.models.wire.connections import Route, RouteClosed

_Connection = TypeVar("_Connection", bound=HttpConnection)
_Model = TypeVar("_Model", bound=HttpModel[HttpConnection])


class HttpVendor(Vendor, Generic[_Connection, _Model]):
    """A vendor whose models are asked over HTTP.

    Holds one connection for each address and key, and one model for each spec.
    """

    facts: ClassVar[VendorFacts]
    """The vendor's variables, as the configuration reads them."""

    own_address: ClassVar[str]
    """The address of the vendor's own API, unless the environment sets another."""

    own_keys: ClassVar[tuple[str, ...]] = ()
    """Variables that hold credentials for the vendor's own API and need no mention in an entry."""

    def __init__(self, settings: Settings, *, trust: Trust = "client") -> None:
        super().__init__(settings, trust=trust)
        self._connections: dict[tuple[str | None, str | None], _Connection] = {}
        self._models: dict[ModelSpec, _Model] = {}

    @abstractmethod
    def key_variable(self, spec: ModelSpec) -> str | None:
        """Return the variable that holds the key for a model; `None` if the spec names none."""

    @abstractmethod
    def no_key(self, spec: ModelSpec) -> str | None:
        """Return the message for a missing key, `None` if no key is missing."""

    @abstractmethod
    def make_connection(self, spec: ModelSpec) -> _Connection:
        """Return a new connection to the address of a model, with the model's key."""

    @abstractmethod
    def make_model(self, spec: ModelSpec, connection: _Connection) -> _Model:
        """Return a new model behind a connection, which stays the vendor's to close."""

    @override
    def connect(self, spec: ModelSpec) -> Connected:
        endpoint = endpoint_of(spec)
        shared = (spec.model, endpoint.base_url, endpoint.api_key_env)
        return Connected(self._model(spec), spec, shared, spec.parallel)

    @override
    def probing(self, spec: ModelSpec) -> ModelWith:
        return self._model(spec).with_spec

    @override
    def missing(self, spec: ModelSpec) -> str | None:
        return self._fault(spec) or self.no_key(spec) or self._closed(spec)

    @override
    async def check(self, spec: ModelSpec) -> str:
        model = await anyio.to_thread.run_sync(self._model, spec)
        try:
            return READY if await model.is_there() else "no such model there"
        except ModelUnavailable as error:
            return f"not reachable: {error.message}"
        except ModelError as error:
            return error.message

    @override
    def askable(self, model: str, entry: EndpointSettings) -> frozenset[Feature]:
        return frozenset(one for one in FEATURES if getattr(entry, one) is None)

    @override
    def address(self, spec: ModelSpec) -> str | None:
        return endpoint_of(spec).base_url or self.environment_address(spec.model)

    def listed_address(self, model: str) -> str | None:
        """Return the address of a model whose entry names none; `None` for `own_address`."""
        return None

    def environment_address(self, model: str) -> str | None:
        """Return the address that the environment sets for the vendor's own API, or `None`."""
        return self.settings.base_urls.get(model.partition("/")[0])

    def price_override(self, spec: ModelSpec) -> Price | None:
        """Return the operator's own price of a model, `None` if the price tables hold.

        A run keeps the price it was opened with. Record versions 1 and 2 do not store whether a
        price was the operator's; for their runs the current configuration decides.
        """
        if spec.own_price:
            return spec.price
        own = self.listed_address(spec.model)
        used = endpoint_of(spec).base_url
        for entry in (*self.settings.solvers.values(), self.settings.orchestrator):
            if entry is None or entry.price is None or entry.model != spec.model:
                continue
            named = entry.base_url or own
            if named == used or is_same_address(named or "", used or ""):
                return declared_price(entry)
        return None

    @override
    async def close_idle(self) -> None:
        for connection in tuple(self._connections.values()):
            await connection.route.close_idle()

    @override
    async def aclose(self) -> None:
        await close_all(one.aclose for one in self._connections.values())

    def _model(self, spec: ModelSpec) -> _Model:
        # Not by its name and address alone: entries may declare different features of one endpoint.
        if spec not in self._models:
            self._models[spec] = self.make_model(spec, self._connection(spec))
        return self._models[spec]

    def _connection(self, spec: ModelSpec) -> _Connection:
        place = (endpoint_of(spec).base_url, self.key_variable(spec))
        if place not in self._connections:
            self._connections[place] = self.make_connection(spec)
        return self._connections[place]

    def _fault(self, spec: ModelSpec) -> str | None:
        """Return why a variable that the model needs cannot be used."""
        prefix = spec.model.partition("/")[0]
        key = self.key_variable(spec)
        needed = [key, *(self.own_keys if key is None else ())]
        if endpoint_of(spec).base_url is None:
            address = self.facts.addresses.get(prefix)
            needed += [address and address.name, self.facts.header_variables.get(prefix)]
        faults = self.settings.faults
        return next((faults[name] for name in needed if name and name in faults), None)

    def _closed(self, spec: ModelSpec) -> str | None:
        """Return why no call can go to the model's address."""
        own = self.environment_address(spec.model) or self.own_address
        try:
            Route(endpoint_of(spec).base_url, None, own).check()
        except RouteClosed as error:
            return error.message
        return None
