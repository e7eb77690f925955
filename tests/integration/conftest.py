"""Fixtures of the tests with servers and APIs."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.shared_work import schemas_made_once


@pytest.fixture(scope="session", autouse=True)
def schemas() -> Generator[None]:
    with schemas_made_once():
        yield
