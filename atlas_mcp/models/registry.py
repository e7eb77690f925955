"""The registry of vendors: one line each.

Owns the vendors' prefixes and the one place in `models/` that lists vendors. A new vendor is one
folder, with `FACTS` in its `facts.py` and an `open_vendor` in its `vendor.py`, and one line here.
The configuration is read by the facts before a server answers, so this module imports little.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.models.chat.presets import PRESETS

VENDORS: dict[str, str] = {
    "anthropic": "atlas_mcp.models.claude",
    **{preset.vendor: "atlas_mcp.models.chat" for preset in PRESETS},
    "local": "atlas_mcp.models.embedded",
    "scripted": "atlas_mcp.models.scripted",
}
"""The folder of each vendor's code, by the first part of its models' names, in the order in which
people see them. A folder has `facts.py`, which imports no library and is read at the start, and
`vendor.py`, which is imported when a model is named."""

NO_WAY_TO_A_MODEL = (
    "no model can be reached: there is no Anthropic key and nothing is configured. Three ways on: "
    "set ANTHROPIC_API_KEY; or name another vendor's model, or an OpenAI-compatible endpoint of "
    'your own, in atlas.toml ([solvers.NAME] with model = "openai/MODEL" and base_url); or ask for '
    "the embedded model by name, with `--solver local` or solvers=['local'] (small and not clever, "
    "it shows the machinery)"
)
"""The error where nothing is configured and the default model has no credentials."""


def prefix_of(model: str) -> str:
    """Return the first part of a model's name, which names its vendor."""
    return model.partition("/")[0]


@cache
def facts_of(folder: str) -> VendorFacts:
    """Return the facts that a folder of `VENDORS` states."""
    return import_module(f"{folder}.facts").FACTS


def vendor_facts() -> dict[str, VendorFacts]:
    """Return the facts of all vendors, by the first part of their models' names."""
    return {prefix: facts_of(folder) for prefix, folder in VENDORS.items()}


def libraries_of(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return the installed client libraries of vendors, unknown ones left out."""
    folders = {VENDORS[prefix] for prefix in prefixes if prefix in VENDORS}
    wanted = {facts_of(folder).library for folder in folders} - {None}
    return tuple(sorted(name for name in wanted if name and find_spec(name) is not None))


def is_named_alone(prefix: str) -> bool:
    """Return whether a vendor's prefix alone names a model, without `/NAME`."""
    return prefix in VENDORS and facts_of(VENDORS[prefix]).named_alone


def nameable() -> str:
    """Return a text for errors: the names that work without being in the configuration."""
    alone = [name for name in VENDORS if is_named_alone(name)]
    return ", ".join(["any 'VENDOR/MODEL'", *(f"'{one}' and '{one}/NAME'" for one in alone)])
