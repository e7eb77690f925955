"""Facts about vendors of Chat Completions for the configuration."""

from __future__ import annotations

from atlas_mcp.config.vendor_facts import HTTP_KEYS, AddressVariable, VendorFacts
from atlas_mcp.models.chat.presets import PRESETS

FACTS = VendorFacts(
    key_variables=tuple(preset.key_env for preset in PRESETS if preset.key_env is not None),
    addresses={"openai": AddressVariable("OPENAI_BASE_URL")},
    header_variables={"openai": "OPENAI_CUSTOM_HEADERS"},
    keys=HTTP_KEYS | {"max_tokens_field", "stream_options"},
    why_refused="is for embedded models alone",
    library="openai",
)
