"""`atlas-mcp view`: the pages of runs on a port of this machine, until a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
import click

from atlas_mcp.cli.service import with_service
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.cli.terminal import tell
from atlas_mcp.system.browsers import open_in_browser

if TYPE_CHECKING:
    from atlas_mcp.runs.service import RunService

HOST = "127.0.0.1"
"""The address that only this machine reaches."""


@click.command(short_help="Show the pages of runs in a browser.")
@click.argument("run_id", metavar="[ID]", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    metavar="N",
    help="Port of this machine. Default: any that is free.",
)
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
def view(run_id: str | None, *, port: int, no_open: bool) -> int:
    """Show the page of a run, or the list of all runs, in a browser, until Ctrl-C.

    Runs that other processes drive are shown live. A run that is continued from a page is driven by
    this command: if the command ends first, the run can be resumed.
    """

    async def work(service: RunService) -> int:
        from atlas_mcp.pages.viewing import pages_address, serve_pages
        from atlas_mcp.web.listening import listen

        if run_id is not None:
            await service.state(run_id)
        listeners = listen(HOST, port)
        address = pages_address(listeners, "/runs" if run_id is None else f"/runs/{run_id}")

        async def ready() -> None:
            tell(f"atlas-mcp: the pages are at {address} ; Ctrl-C ends them")
            if no_open:
                return
            opening = anyio.to_thread.run_sync(open_in_browser, address, abandon_on_cancel=True)
            if not await opening:
                tell("No browser could be opened: open that address in one.")

        await serve_pages(service, listeners, ready=ready)
        raise AssertionError("a signal ends the pages")

    try:
        return with_service(work, looks=True)
    except Interrupted as interrupted:
        if interrupted.driven:
            raise
        tell("atlas-mcp: the pages are closed")
        return 0
