"""Facts about scripted models for the configuration."""

from __future__ import annotations

from atlas_mcp.config.vendor_facts import COMMON_KEYS, VendorFacts

FACTS = VendorFacts(
    keys=COMMON_KEYS | {"price"},
    why_refused="has no meaning for a scripted model, which reaches nothing",
)
