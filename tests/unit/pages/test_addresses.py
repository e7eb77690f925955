"""What is at an address, and how it is asked for."""

from __future__ import annotations

import pytest

from atlas_mcp.pages import addresses
from atlas_mcp.pages.addresses import is_in_json, kind_of

PAGES = (
    addresses.HOME,
    addresses.RUNS,
    addresses.STATS,
    addresses.COMPARISON,
    addresses.RUN,
    addresses.TRANSCRIPT,
)
DOCUMENTS = (
    addresses.RUNS_DOCUMENT,
    addresses.STATS_DOCUMENT,
    addresses.COMPARISON_DOCUMENT,
    addresses.RUN_DOCUMENT,
)


def at(address: str) -> str:
    """Return a path at an address."""
    return address.format(run_id="r1", other="r2", action="cancel")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_may_be_gone_to(address: str) -> None:
    assert kind_of(at(address)) == "page"
    assert not is_in_json(at(address))


@pytest.mark.parametrize("address", DOCUMENTS)
def test_a_document_is_read_by_a_page(address: str) -> None:
    assert kind_of(at(address)) == "document"
    assert is_in_json(at(address))


def test_a_file_is_kept_and_an_action_is_done() -> None:
    assert kind_of(at(addresses.FILE)) == "file"
    assert kind_of(at(addresses.ACTION)) == "action"


@pytest.mark.parametrize("path", ["/x", "/runs/r1/x", "/runs/r1/x/file", "//runs", ""])
def test_where_nothing_is_a_page_says_so(path: str) -> None:
    assert kind_of(path) == "page"


@pytest.mark.parametrize("path", ["/api/x", "/api/runs/r1/x/cancel", "/api/"])
def test_where_no_document_is_a_script_is_told(path: str) -> None:
    assert kind_of(path) == "document"
