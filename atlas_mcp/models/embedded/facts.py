"""Facts about embedded models and the model hub for the configuration."""

from __future__ import annotations

from atlas_mcp.addresses import endpoint_address
from atlas_mcp.config.vendor_facts import COMMON_KEYS, AddressVariable, VendorFacts

VENDOR = "local"
"""The part before the slash in an embedded model's name; alone, it means the first model."""

HUB_URL, HUB_TOKEN = "HF_ENDPOINT", "HF_TOKEN"
"""The variables in which the model hub's own tools look for its address, and for a token."""


def hub_address(given: str) -> str:
    """Return the address of a model hub in the form in which it is used.

    Raises:
        ValueError: It is not the address of a model hub.
    """
    try:
        address = endpoint_address(given)
    except ValueError:
        address = "?"
    if "?" in address:
        raise ValueError(
            "is no address of a model hub; one looks like 'https://huggingface.co', with no name, "
            f"password or query in it (a token belongs in {HUB_TOKEN})"
        )
    return address


FACTS = VendorFacts(
    key_variables=(HUB_TOKEN,),
    addresses={VENDOR: AddressVariable(HUB_URL, hub_address)},
    keys=COMMON_KEYS | {"context_tokens", "efforts", "max_tokens", "schema_mode"},
    why_refused="has no meaning for an embedded model",
    named_alone=True,
)
