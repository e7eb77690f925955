"""The values that a configuration holds, each with its own rule.

Types for the fields of the sections: an address, the name of a variable, a list of paths. Each
brings a value into its usual form, or refuses it and names the accepted values. `faults` adds the
place of the faulty value.
"""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from atlas_mcp.addresses import USUAL_PORTS, endpoint_address, host_name
from atlas_mcp.config.keys import looks_like_key

LONGEST_LIMIT = 10_000_000.0
"""Seconds. A longer limit is a mistake, and no clock takes an infinite one."""

LONGEST_NAME = 64
"""Characters of a solver's name. Our own choice: it stands in tables, prompts and schemas."""

LONGEST_TEXT = 8_192
"""Characters of any value. Our own choice: twice the longest path, and more than any address."""

MOST_USD = 1_000_000_000
"""US dollars of a cap. Our own choice: more is a mistake, and cannot be counted in every place."""

EffortName = Literal["low", "medium", "high", "xhigh", "max"]


class Section(BaseModel):
    """A table of the file: frozen, and without keys that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Refuse `true` where a number belongs: it would be read as one."""
        kind = cast("object", cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, bool) and kind not in {bool, bool | None}:
            raise PydanticCustomError("truth", "does not take true or false")
        return value


def _no_cap(value: object) -> object:
    return None if value == "none" else value


def _paths(value: object) -> object:
    """Read several paths out of one string, as `PATH` has them."""
    return value.split(os.pathsep) if isinstance(value, str) else value


def _absolute(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the paths with the home folder in place of `~`; each must then be absolute."""
    found = tuple(Path(os.path.expanduser(path)) for path in paths)  # noqa: PTH111 - never raises
    if not all(path.is_absolute() for path in found):
        # A client starts a server in any folder, and an empty name would mean that folder.
        raise ValueError("it takes absolute paths, or paths that start with ~/")
    return found


def _address(value: str) -> str:
    """Return an address of an endpoint as it is used."""
    try:
        return endpoint_address(value)
    except ValueError as error:
        raise PydanticCustomError("address", "{fault}", {"fault": str(error)}) from None


def _key_variable(value: str) -> str:
    """Return the name of a variable; refuse the key itself."""
    name = value.strip()
    if looks_like_key(name):
        raise PydanticCustomError("secret", "takes the name of a variable, never the key itself")
    return name


def _model_name(value: str) -> str:
    """Return the name of a model without white space around it."""
    name = value.strip()
    if not name or not name.isprintable():
        raise ValueError("it takes the name of a model, such as 'openai/qwen3-32b'")
    return name


def _in_order(efforts: tuple[EffortName, ...]) -> tuple[EffortName, ...]:
    """Return efforts from the least to the most, each once."""
    return tuple(effort for effort in get_args(EffortName) if effort in efforts)


def _host_names(value: object) -> object:
    """Read several names out of one string, with commas between them."""
    return [name for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _host_name(value: str) -> str:
    """Return the name of a host as a `Host` header has it, and a port that is not the usual one."""
    name = value.strip()
    host, _, port = name.rpartition(":") if re.search(r"[^:]:[\d*]+$|\]:", name) else (name, "", "")
    try:
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        found = host_name(bare).removesuffix(".")
        if (":" in found) != (bare != host) or not re.fullmatch(r"(\d{1,5}|\*)?", port):
            raise ValueError
    except ValueError:
        fault = "it takes names of hosts, such as 'atlas.example.org' or 'atlas:8000'"
        raise ValueError(fault) from None
    where = f"[{found}]" if ":" in found else found
    # Clients leave the usual ports out; a name without a port goes with any.
    usual = not port or (port.isdigit() and int(port) in USUAL_PORTS.values())
    return where if usual else f"{where}:{port}"


Rate: TypeAlias = Annotated[Decimal, Field(ge=0, le=1_000_000)]
"""US dollars per million tokens; a dearer one is a mistake."""

Cap: TypeAlias = Annotated[
    Annotated[Decimal, Field(gt=0, le=MOST_USD)] | None, BeforeValidator(_no_cap)
]
"""US dollars, `None` (written `"none"`) for no cap."""

Seconds: TypeAlias = Annotated[float, Field(gt=0, lt=LONGEST_LIMIT)]
"""A limit of time."""

EndpointAddress: TypeAlias = Annotated[str, AfterValidator(_address)]
"""Address of an endpoint, as `atlas_mcp.addresses` writes it."""

KeyVariable: TypeAlias = Annotated[str, AfterValidator(_key_variable)]
"""Name of the variable that holds a key, never the key."""

ModelName: TypeAlias = Annotated[str, AfterValidator(_model_name)]
"""Name of a model, as `vendor/model`."""

Efforts: TypeAlias = Annotated[tuple[EffortName, ...], AfterValidator(_in_order)]
"""Efforts from the least to the most, each once."""

Folders: TypeAlias = Annotated[tuple[Path, ...], BeforeValidator(_paths), AfterValidator(_absolute)]
"""Absolute folders; one string may hold several, as in `PATH`."""

HostNames: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...], BeforeValidator(_host_names)
]
"""Names of hosts as a `Host` header has them; one string may hold several."""
