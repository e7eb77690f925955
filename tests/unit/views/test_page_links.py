"""The way to the page of a run."""

from __future__ import annotations

from atlas_mcp.views.page_links import BY_COMMAND, PageLink


def test_a_process_that_serves_pages_gives_an_address_and_others_the_command() -> None:
    assert PageLink("http://127.0.0.1:8000").of("r1") == "http://127.0.0.1:8000/runs/r1"
    assert BY_COMMAND.of("r1") == "atlas-mcp runs show r1 --open"
