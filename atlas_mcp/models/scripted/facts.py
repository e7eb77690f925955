"""Facts about scripted models for the configuration."""

from __future__ import annotations

from atlas_mcp.config.vendor_facts import VendorFacts

FACTS = VendorFacts(
    useless_keys=frozenset(
        {
            "effort",
            "efforts",
            "base_url",
            "api_key_env",
            "schema_mode",
            "max_image_px",
            "max_tokens",
            "max_tokens_field",
            "stream_options",
            "system_role",
            "echo_reasoning",
            "context_tokens",
        }
    ),
    why_useless="has no meaning for a scripted model, which reaches nothing",
)
