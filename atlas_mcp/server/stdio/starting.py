"""The start of a server on stdin and stdout: the handshake first, then everything that is slow.

Clients start this process and wait for its handshake, so nothing else is imported at the top.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from atlas_mcp.config.settings import Settings


def serve_this_process() -> int:
    """Serve MCP over stdin and stdout until the input ends; return the exit code.

    A configuration that cannot be used is told in each tool's result: a client shows its user that,
    and shows nothing of a server that does not start. A person at a terminal is told at once.
    """
    # Importing allocates a great deal and frees next to nothing, so collecting meanwhile only
    # makes the client wait for its handshake.
    gc.disable()
    parent = os.getppid()
    from atlas_mcp.server.configuration import Configuration
    from atlas_mcp.server.stdio.serving import serve_stdio

    configuration = Configuration(_read)
    if sys.stdin.isatty():
        _ = configuration.failure
    # The modules imported so far stay: the collector need never look at them again.
    gc.freeze()
    gc.enable()
    return serve_stdio(configuration, parent=parent)


def _read() -> Settings:
    """Return the settings of this process; a fault of theirs is told on stderr, too.

    Raises:
        AtlasError: They cannot be used.
    """
    from atlas_mcp.errors import AtlasError, ConfigError
    from atlas_mcp.models.configuration import load_settings

    try:
        return load_settings(os.environ)
    except AtlasError as error:
        from atlas_mcp.texts import one_line

        sys.stderr.write(f"atlas-mcp: {one_line(str(error))}\n")
        raise
    except Exception as error:
        import logging

        logging.getLogger("atlas-mcp").critical("a bug", exc_info=error)
        raise ConfigError(
            "the configuration could not be read, by a bug that the log shows"
        ) from error
