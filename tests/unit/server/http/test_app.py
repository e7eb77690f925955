"""Clients ask for the server by an allowed name, with any port or with the one that is named."""

from __future__ import annotations

from atlas_mcp.server.http.app import host_rules


def test_loopback_is_always_allowed_and_other_names_as_they_are_configured() -> None:
    rules = host_rules(["solver.example", "solver.example:8443", "[fd00::1]"])

    for name in ("127.0.0.1", "localhost", "[::1]", "solver.example", "[fd00::1]"):
        assert name in rules.allowed_hosts
        assert f"{name}:*" in rules.allowed_hosts
        assert f"http://{name}:*" in rules.allowed_origins
    assert "solver.example:8443" in rules.allowed_hosts
    assert "solver.example:8443:*" not in rules.allowed_hosts
    assert "other.example" not in rules.allowed_hosts
