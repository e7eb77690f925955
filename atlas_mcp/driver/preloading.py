"""Loading, before the first paid call, every module and file that a run may need.

The process outlives the installation that it was started from: an upgrade puts other modules in the
place of those that it has not loaded, or none. So nothing may be loaded later. A llama.cpp process
for an embedded model is the exception: it is started from what is installed by then.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from types import ModuleType

import anyio.to_thread

import atlas_mcp
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.config.endpoints import DEFAULT_MODEL
from atlas_mcp.models.prices import cost_of, load_prices
from atlas_mcp.models.registry import libraries_of, prefix_of
from atlas_mcp.models.wire.accounts import RouteClosed
from atlas_mcp.models.wire.proxies import tls

logger = logging.getLogger(__name__)

ELSEWHERE = ("__main__", "cli", "pages", "program", "server", "testing", "web")
"""The parts of this package that no run needs."""

LOADED_LATER = (
    # By the first loop, its threads and its connections.
    *("anyio._backends._asyncio", "concurrent.futures.thread", "resource", "urllib.request"),
    *("encodings.ascii", "encodings.idna", "encodings.latin_1", "httpcore2", "httpx2", "socksio"),
    # By pictures, of which each kind is a module, and by what a camera writes into them.
    *("PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"),
    *("PIL.PpmImagePlugin", "PIL.WebPImagePlugin"),
    *("PIL.ImageChops", "PIL.MpoImagePlugin", "PIL.TiffImagePlugin"),
)
"""Modules that are imported, by themselves or by a library, when they are first needed; some of
them are not installed everywhere. `tests/integration/driver` shows that none is missing here."""

PARTS = {
    "anthropic": ("anthropic.resources.messages", "opentelemetry.propagate"),
    "openai": ("openai.resources.chat",),
}
"""The same for a vendor's library: the parts of which its first call imports some."""


def preload(libraries: Sequence[str]) -> None:
    """Load all that runs need. Blocks for some seconds; call it in a thread.

    A library that cannot be loaded is told in the log: the call that needs it says why.

    Args:
        libraries: The vendors' client libraries, as `Pool.libraries` names them.
    """
    for name in _ours():
        importlib.import_module(name)
    _load_libraries(libraries)
    for name in LOADED_LATER:
        _load(name)
    load_prices()
    # The tables are read piece by piece, and the certificates with the first address that has TLS.
    cost_of(DEFAULT_MODEL, Usage(requests=1, input_tokens=1, output_tokens=1))
    with suppress(RouteClosed):
        tls()


async def preload_for(spec: RunSpec) -> None:
    """Load the libraries of the vendors that a run names, if its caller names further ones."""
    models = [entry.spec.model for entry in spec.solvers]
    if spec.orchestrator is not None:
        models.append(spec.orchestrator.model)
    libraries = [name for name in libraries_of(map(prefix_of, models)) if name not in sys.modules]
    if libraries:
        await anyio.to_thread.run_sync(_load_libraries, libraries)


def _load_libraries(names: Iterable[str]) -> None:
    for library in names:
        _load(library)
        for part in PARTS.get(library, ()):
            _load_whole(part)


def _ours() -> Iterator[str]:
    """Yield the names of this package's modules, but for those of `ELSEWHERE`."""
    for found in pkgutil.iter_modules(atlas_mcp.__path__):
        if found.name not in ELSEWHERE:
            name = f"{atlas_mcp.__name__}.{found.name}"
            yield name
            if found.ispkg:
                yield from _below(importlib.import_module(name))


def _below(package: ModuleType) -> Iterator[str]:
    """Yield the names of the modules below a package."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=_tell):
        yield found.name


def _load_whole(name: str) -> None:
    """Import a module and, if it is a package, all below it."""
    module = _load(name)
    if module is not None and hasattr(module, "__path__"):
        for part in _below(module):
            _load(part)


def _load(name: str) -> ModuleType | None:
    """Import a module that is not ours; `None` if that cannot be done."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        logger.debug("the module %s is not installed: %s", name, error)
    except Exception as error:  # noqa: BLE001 - it is not ours, and may not be needed
        _tell(name, error)
    return None


def _tell(name: str, error: Exception | None = None) -> None:
    logger.warning("the module %s cannot be imported: %r", name, error or sys.exc_info()[1])
