"""Claude models as a vendor: from an entry to a model behind the Messages API.

Owns the choice of the key and the address for a Claude model. `models.claude.families` lists the
features that each family accepts.
"""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from atlas_mcp.addresses import is_same_origin
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.feature_values import SchemaMode
from atlas_mcp.models.claude.connection import OWN_ADDRESS, ClaudeConnection
from atlas_mcp.models.claude.facts import FACTS, KEY_VARIABLE, VENDOR
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.claude.spec import claude_spec
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.findings import MESSAGES_FEATURES, Feature
from atlas_mcp.models.http_vendor import HttpVendor
from atlas_mcp.models.vendor import Trust

NO_ANTHROPIC_KEY = f"no key: set {KEY_VARIABLE}"


def open_vendor(settings: Settings, *, trust: Trust) -> ClaudeVendor:
    """Return the vendor under a configuration."""
    return ClaudeVendor(settings, trust=trust)


class ClaudeVendor(HttpVendor[ClaudeConnection, Claude]):
    """The vendor of the Messages API, and gateways that speak it."""

    own_address: ClassVar[str] = OWN_ADDRESS
    own_keys: ClassVar[tuple[str, ...]] = (*FACTS.key_variables, *FACTS.token_variables)
    facts: ClassVar[VendorFacts] = FACTS
    schema_modes: ClassVar[tuple[SchemaMode, ...]] = ("strict", "prompt")

    @override
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        own = self.environment_address(model)
        return claude_spec(model, entry, home=self.settings.home, own=own)

    @override
    def askable(self, model: str, entry: EndpointSettings) -> frozenset[Feature]:
        address = entry.base_url or self.environment_address(model)
        if address is None or is_same_origin(address, OWN_ADDRESS):
            # The vendor's own API accepts the features in the table of families.
            return frozenset()
        return super().askable(model, entry) & MESSAGES_FEATURES

    @override
    def key_variable(self, spec: ModelSpec) -> str | None:
        """Return the variable of the key.

        An address that an entry names is a gateway of the operator's own: it gets the key that the
        entry names, and Anthropic's if the entry names none.
        """
        endpoint = endpoint_of(spec)
        if endpoint.api_key_env is None and endpoint.base_url is not None:
            return KEY_VARIABLE
        return endpoint.api_key_env

    @override
    def no_key(self, spec: ModelSpec) -> str | None:
        variable = self.key_variable(spec)
        if variable is None:
            return None if VENDOR in self.settings.credentials else NO_ANTHROPIC_KEY
        if variable in self.settings.keys:
            return None
        named = endpoint_of(spec).api_key_env is not None
        other = "" if named else ", or name another variable in `api_key_env`"
        return f"no key: set {variable}{other}"

    @override
    def make_connection(self, spec: ModelSpec) -> ClaudeConnection:
        endpoint = endpoint_of(spec)
        return ClaudeConnection(
            base_url=endpoint.base_url,
            # Without a key, the vendor's client looks for other credentials of its own.
            api_key=self.settings.keys.get(self.key_variable(spec) or KEY_VARIABLE),
            own_address=self.environment_address(spec.model),
            key_variable=endpoint.api_key_env,
        )

    @override
    def make_model(self, spec: ModelSpec, connection: ClaudeConnection) -> Claude:
        return Claude(spec, price=self.price_override(spec), connection=connection)
