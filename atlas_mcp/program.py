"""The program: argv in, exit code out. It chooses between the server and the command line.

Neither of the two knows the other. Clients start the server without arguments and wait for it, so
that way in is kept short: it loads no command line at all.
"""

from __future__ import annotations

import sys

from atlas_mcp.server.stdio.starting import serve_this_process
from atlas_mcp.system.this_process import collect_seldom, is_held_up, leave, take_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from atlas_mcp.config.settings import Settings

KEPT = "the evidence of runs is kept, and `atlas-mcp runs list` shows them"
"""The last words of a process that a bug has ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0 answered, 1 not, 2 usage, 130 interrupted.

    Args:
        argv: The arguments of a call from within another program; `None` for this process's own,
            whose streams and signals are then taken over.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    serving = arguments in ([], ["serve"])
    if argv is None:
        take_over(interrupted=None if serving else 130)
        collect_seldom()
    code = serve_this_process() if serving else _run(arguments)
    if argv is None and (serving or is_held_up()):
        # A thread may wait for ever: for a client that neither writes nor reads, or for a disk.
        leave(code)
    return code


def _run(arguments: Sequence[str]) -> int:
    """Run a command; a bug in it is told in one line, and logged with its traceback."""
    try:
        from atlas_mcp.cli.commands import Servers, run

        return run(arguments, Servers(stdio=serve_this_process, http=_serve_http))
    except Exception as error:
        import logging

        from atlas_mcp.system.limits import too_few_files

        if (few := too_few_files(error)) is not None:
            sys.stderr.write(f"atlas-mcp: {few}\n")
            return 2
        logging.getLogger("atlas-mcp").critical("a bug", exc_info=error)
        sys.stderr.write(f"atlas-mcp: ended by a bug ({type(error).__name__}); {KEPT}\n")
        return 1


def _serve_http(settings: Settings, *, host: str, port: int) -> NoReturn:
    from atlas_mcp.server.http.serving import serve_http

    serve_http(settings, host=host, port=port)
