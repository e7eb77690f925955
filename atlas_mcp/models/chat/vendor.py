"""Models behind Chat Completions as a vendor: from an entry to a model at its endpoint.

Owns the choice of the key and the address for such a model. The known vendors and servers are data:
`models.chat.presets`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar

from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.installation import install_command
from atlas_mcp.models.chat.connection import OWN_ADDRESS, ChatConnection
from atlas_mcp.models.chat.facts import FACTS
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.chat.presets import preset_of
from atlas_mcp.models.chat.spec import chat_spec
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.http_vendor import HttpVendor
from atlas_mcp.models.vendor import Trust


def open_vendor(settings: Settings, *, trust: Trust) -> ChatVendor:
    """Return the vendors of `models.chat.presets` under a configuration."""
    return ChatVendor(settings, trust=trust)


class ChatVendor(HttpVendor[ChatConnection, OpenAICompatible]):
    """All vendors and servers that speak Chat Completions."""

    own_address: ClassVar[str] = OWN_ADDRESS
    facts: ClassVar[VendorFacts] = FACTS

    @override
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        preset = preset_of(model.partition("/")[0])
        assert preset is not None, "the registry has a line for each preset"
        own = self.environment_address(model)
        return chat_spec(model, preset, entry, home=self.settings.home, own=own)

    @override
    def missing(self, spec: ModelSpec) -> str | None:
        if find_spec("openai") is None:
            return f"the client library is not installed: run {install_command('openai')}"
        return super().missing(spec)

    @override
    def listed_address(self, model: str) -> str | None:
        preset = preset_of(model.partition("/")[0])
        return None if preset is None else preset.base_url

    @override
    def key_variable(self, spec: ModelSpec) -> str | None:
        """Return the variable of the key; an address that an entry names gets the entry's own."""
        return endpoint_of(spec).api_key_env

    @override
    def no_key(self, spec: ModelSpec) -> str | None:
        variable = self.key_variable(spec)
        if variable is None or variable in self.settings.keys:
            return None
        return f"no key: set {variable}"

    @override
    def make_connection(self, spec: ModelSpec) -> ChatConnection:
        key = self.settings.keys.get(self.key_variable(spec) or "")
        own = self.environment_address(spec.model)
        return ChatConnection(endpoint_of(spec).base_url, key, own)

    @override
    def make_model(self, spec: ModelSpec, connection: ChatConnection) -> OpenAICompatible:
        return OpenAICompatible(spec, price=self.price_override(spec), connection=connection)
