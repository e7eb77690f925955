"""The command line: argv in, exit code out. Data on stdout, everything for people on stderr."""

from __future__ import annotations

import os
import sys

from atlas_mcp.system.this_process import collect_seldom, is_held_up, leave, take_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = "the evidence of runs is kept, and `atlas-mcp runs list` shows them"
"""The last words of a process that a bug has ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 answered, 1 not, 2 usage, 130 interrupted.

    Clients start the server without arguments and wait for it, so that way in is kept short: it
    loads no command line at all.

    Args:
        argv: The arguments of a call from within another program; `None` for this process's own,
            whose streams and signals are then taken over.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    serving = arguments in ([], ["serve"])
    if argv is None:
        take_over(interrupted=None if serving else 130)
        collect_seldom()
    code = serve() if serving else _run(arguments)
    if argv is None and (serving or is_held_up()):
        # A thread may wait for ever: for a client that neither writes nor reads, or for a disk.
        leave(code)
    return code


def serve() -> int:
    """Serve MCP over stdin and stdout until the input ends; return the exit code.

    A configuration that cannot be used is told in each tool's result: a client shows its user that,
    and shows nothing of a server that does not start.
    """
    import gc

    # Importing allocates a great deal and frees next to nothing, so collecting meanwhile only
    # makes the client wait for its handshake.
    gc.disable()
    parent = os.getppid()
    from atlas_mcp.errors import AtlasError, ConfigError
    from atlas_mcp.models.configuration import load_settings

    settings, failure = None, None
    try:
        settings = load_settings(os.environ)
    except AtlasError as error:
        failure = error
        from atlas_mcp.texts import one_line

        sys.stderr.write(f"atlas-mcp: {one_line(str(error))}\n")
    except Exception as error:
        failure = ConfigError("the configuration could not be read, by a bug that the log shows")
        import logging

        logging.getLogger("atlas-mcp").critical("a bug", exc_info=error)
    from atlas_mcp.server.stdio.serving import serve_stdio

    # What is imported so far stays: the collector need never look at it again.
    gc.freeze()
    gc.enable()
    return serve_stdio(settings, failure=failure, parent=parent)


def _run(arguments: Sequence[str]) -> int:
    try:
        from atlas_mcp.cli.commands import run

        return run(arguments)
    except Exception as error:
        import logging

        from atlas_mcp.system.limits import too_few_files

        if (few := too_few_files(error)) is not None:
            sys.stderr.write(f"atlas-mcp: {few}\n")
            return 2
        logging.getLogger("atlas-mcp").critical("a bug", exc_info=error)
        sys.stderr.write(f"atlas-mcp: ended by a bug ({type(error).__name__}); {KEPT}\n")
        return 1
