"""When a client that names no time itself is answered: its row, then the configuration."""

from __future__ import annotations

import pytest

from atlas_mcp.config.settings import DEFAULT_RESPOND_WITHIN, ServerSettings
from atlas_mcp.server.clients import KNOWN_CLIENTS, KnownClient, respond_within

PATIENCE = {
    "claude-ai": 60,
    "claude-code": 120,
    "Visual Studio Code": 300,
    "jcode": 30,
    "opencode": 60,
    "qwen-code": 600,
    "gemini-cli-mcp-client": 600,
    "codex-mcp-client": 120,
}
"""Seconds after which clients give a call up, or put it aside, by the name they give themselves."""


@pytest.mark.parametrize("name", PATIENCE)
def test_a_known_client_is_answered_well_before_it_gives_up(name: str) -> None:
    assert respond_within(ServerSettings(), name) <= PATIENCE[name] - 10


def test_every_known_client_is_tested_and_says_where_it_comes_from() -> None:
    assert {client.name for client in KNOWN_CLIENTS} == {name.lower() for name in PATIENCE}
    for client in KNOWN_CLIENTS:
        assert client.name == client.name.lower()
        assert "read 20" in client.source


@pytest.mark.parametrize("name", ["Visual Studio Code - Insiders", "visual studio code", "VS Code"])
def test_a_client_is_known_by_how_its_name_begins(name: str) -> None:
    known = name.lower().startswith("visual studio code")

    assert respond_within(ServerSettings(), name) == (240 if known else DEFAULT_RESPOND_WITHIN)


@pytest.mark.parametrize("name", [None, "", "somebody", "my claude-ai"])
def test_a_client_nobody_knows_is_answered_as_configured(name: str | None) -> None:
    assert respond_within(ServerSettings(), name) == DEFAULT_RESPOND_WITHIN
    assert respond_within(ServerSettings(respond_within_s=7), name) == 7
    assert respond_within(ServerSettings(respond_within_s=700), name) == 700


def test_what_nobody_knows_is_answered_below_the_most_common_time_out() -> None:
    """The TypeScript SDK gives up after 60 s, and most clients are written with it."""
    assert DEFAULT_RESPOND_WITHIN <= 55


@pytest.mark.parametrize("client", KNOWN_CLIENTS)
def test_an_operator_can_have_a_known_client_answered_sooner_and_not_later(
    client: KnownClient,
) -> None:
    soon, late = ServerSettings(respond_within_s=5), ServerSettings(respond_within_s=3_000)

    assert respond_within(soon, client.name) == 5
    assert respond_within(late, client.name) == client.respond_within_s
