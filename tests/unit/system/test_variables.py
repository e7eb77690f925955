from __future__ import annotations

import sys

import pytest

from atlas_mcp.system.variables import lookup
from tests.support.systems import posix


def test_a_variable_is_found_by_its_name_and_one_that_is_not_set_is_empty() -> None:
    environ = {"https_proxy": "http://127.0.0.1:1", "EMPTY": ""}

    assert lookup(environ, "https_proxy") == "http://127.0.0.1:1"
    assert lookup(environ, "EMPTY") == lookup(environ, "unset") == ""


@posix
@pytest.mark.parametrize(("system", "found"), [("win32", "set"), ("linux", "")])
def test_only_on_windows_a_name_has_no_case(
    system: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)

    assert lookup({"HTTPS_PROXY": "set"}, "https_proxy") == found
