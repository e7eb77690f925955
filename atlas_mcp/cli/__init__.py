"""The command line: argv in, exit code out. Data on stdout, everything for people on stderr."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 answered, 1 not, 2 usage, 130 interrupted.

    Clients start the server without arguments and wait for it, so that way in is kept short: it
    loads no command line at all.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        return serve()
    from atlas_mcp.cli.commands import run

    return run(arguments)


def serve() -> int:
    """Serve MCP over stdin and stdout until the input ends; return the exit code."""
    # Importing allocates a great deal and frees next to nothing, so collecting meanwhile only
    # makes the client wait for its handshake.
    gc.disable()
    from atlas_mcp.config import load_settings
    from atlas_mcp.errors import ConfigError
    from atlas_mcp.system.consoles import prepare_streams

    prepare_streams()
    try:
        settings = load_settings(os.environ)
    except ConfigError as error:
        sys.stderr.write(f"atlas-mcp: {error}\n")
        return 2
    from atlas_mcp.server.stdio import serve_stdio

    # What is imported so far stays: the collector need never look at it again.
    gc.freeze()
    gc.enable()
    return serve_stdio(settings)
