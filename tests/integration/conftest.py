"""Fixtures of the tests with servers and APIs."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from tests.support.shared_work import schemas_made_once
from tests.support.systems import POSIX

if TYPE_CHECKING:
    from tests.support.gated_models import Mode


@pytest.fixture(scope="session", autouse=True)
def schemas() -> Generator[None]:
    with schemas_made_once():
        yield


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each era of the protocol."""
    return request.param


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> None:
    """Fail every test here in which the package holds up the event loop, but for `may_block`.

    On POSIX alone: what stands in for Windows asks the system in ways of its own.
    """
    if POSIX and request.node.get_closest_marker("may_block") is None:
        request.getfixturevalue("no_blocking")
