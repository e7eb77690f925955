"""Loading all that a driver may need before its first paid call."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)


def preload(libraries: Sequence[str]) -> None:
    """Import libraries; one that cannot be imported is logged, and its calls say why.

    Args:
        libraries: Their modules.
    """
    for library in libraries:
        try:
            importlib.import_module(library)
        except Exception as error:  # noqa: BLE001 - it is not ours, and may not be needed
            logger.warning("the library %s cannot be imported: %r", library, error)
