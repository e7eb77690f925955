"""Variables of the system and of other programs, which rooms below the configuration ask for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import atlas_mcp
from atlas_mcp.config import system_variables
from atlas_mcp.config.system_variables import (
    AUTHORITIES,
    UNREAD_AUTHORITIES,
    authorities,
    child_environment,
    proxy_variable,
    unread_authorities,
    uv_program,
)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*AUTHORITIES, *UNREAD_AUTHORITIES, "UV", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_the_first_variable_of_certificates_that_is_set_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert authorities() is None
    monkeypatch.setenv("SSL_CERT_DIR", "/certificates")
    folder = authorities()
    assert folder is not None
    assert folder.is_folder
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates.pem")
    file = authorities()
    assert file is not None
    assert (file.variable, file.path, file.is_folder) == (
        "SSL_CERT_FILE",
        "/certificates.pem",
        False,
    )


def test_a_variable_of_certificates_that_is_not_read_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert unread_authorities() is None
    monkeypatch.setenv("CURL_CA_BUNDLE", "/certificates.pem")
    assert unread_authorities() == "CURL_CA_BUNDLE"


def test_the_variable_of_a_proxy_in_small_letters_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_variable("https") == "HTTPS_PROXY"
    monkeypatch.setenv("https_proxy", "http://proxy")
    expected = "HTTPS_PROXY" if sys.platform == "win32" else "https_proxy"
    assert proxy_variable("https").lower() == expected.lower()


def test_the_program_uv_is_the_one_that_started_us(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uv_program() == "uv"
    monkeypatch.setenv("UV", "/programs/uv")
    assert uv_program() == "/programs/uv"


def test_a_child_imports_the_package_from_where_we_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    environ = child_environment(MORE="yes")

    root = str(Path(*atlas_mcp.__path__).resolve().parent)
    assert environ["PYTHONPATH"] == os.pathsep.join((root, str(tmp_path)))
    assert environ["MORE"] == "yes"
    code = "import atlas_mcp; print(*atlas_mcp.__path__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).resolve() == Path(root, "atlas_mcp")


def test_a_proxy_of_the_environment_is_found_by_its_scheme(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert system_variables.proxies()["https"] == "http://proxy:3128"
