"""Facts about vendors that reading the configuration depends on: their variables and their keys.

Owns the form of these facts. Each vendor states its own in `facts.py`, in its folder of `models/`,
and `models.configuration` passes them in. No vendor is named in this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from atlas_mcp.addresses import endpoint_address

COMMON_KEYS = frozenset({"guard", "images", "parallel", "tools"})
"""The keys of an entry that every vendor reads."""

HTTP_KEYS = COMMON_KEYS | {
    "api_key_env",
    "base_url",
    "echo_reasoning",
    "effort",
    "efforts",
    "max_image_px",
    "max_tokens",
    "price",
    "schema_mode",
    "system_role",
}
"""The keys of an entry whose model is asked over HTTP, whatever its API."""


def _none(_: Mapping[str, str]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class AddressVariable:
    """A variable that holds an address of a vendor.

    Attributes:
        name: The variable.
        read: Returns the address in the form in which it is used; raises a `ValueError` with the
            fault, as the end of a sentence that begins with the variable.
    """

    name: str
    read: Callable[[str], str] = endpoint_address


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """The variables of a vendor, and the keys of entries that have an effect on its models.

    A vendor's folder may stand for several first parts of models' names, called prefixes here.

    Attributes:
        key_variables: Variables of keys that are read without being named by an entry.
        token_variables: Variables of other credentials, which the vendor's client reads itself
            where no key is set; they are only checked here.
        addresses: The variable in which the vendor's own client looks for its address, by prefix.
        header_variables: The variable of which the vendor's own client makes headers of every
            request, by prefix.
        request_headers: Headers that such a variable may not name, in small letters, besides those
            that every request has of its own.
        has_credentials: Returns whether an environment holds credentials for the vendor's own API,
            or leads to some.
        keys: Keys of an entry, by the names of their fields, that have an effect on its models. Any
            other key is refused by name.
        why_refused: Why other keys are refused, as the end of a sentence that begins with the key.
        refused_values: Values that a key of an entry does not take for its models, each with the
            whole message, by the name of the key's field.
        named_alone: Whether the prefix alone names a model, without `/NAME`.
        library: The vendor's client library, imported ahead of the first call; `None` for none.
    """

    key_variables: tuple[str, ...] = ()
    token_variables: tuple[str, ...] = ()
    addresses: Mapping[str, AddressVariable] = field(default_factory=dict[str, AddressVariable])
    header_variables: Mapping[str, str] = field(default_factory=dict[str, str])
    request_headers: frozenset[str] = frozenset()
    has_credentials: Callable[[Mapping[str, str]], bool] = _none
    keys: frozenset[str] = COMMON_KEYS
    why_refused: str = "has no meaning for a model of this vendor"
    refused_values: Mapping[str, Mapping[object, str]] = field(
        default_factory=dict[str, Mapping[object, str]]
    )
    named_alone: bool = False
    library: str | None = None
