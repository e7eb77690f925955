"""The agents of `agents`: where each is had, how it is started, and what API its model speaks.

Owns their versions, settings and switches, which age: all were read and run on 2026-11-29. What
each does without is switched off where it has a switch: updates, reports on its use, plugins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_models import ChatWire, GeminiWire, MessagesWire, ResponsesWire, Wire
from node import node_folder
from venvs import venv_folder

FRAMEWORKS = Path(__file__).with_name("frameworks")

KEY = "made-up"

SECOND = 1_000


@dataclass(frozen=True)
class Place:
    """Where one run of a program takes place.

    Attributes:
        folder: Its home, empty.
        url: Of its model.
        server: How it starts ours: `command`, `args`, `env`.
        prompt: The question it is asked.
        timeout: Seconds after which it gives up a tool call; `None` for its own.
    """

    folder: Path
    url: str
    server: dict[str, Any]
    prompt: str
    timeout: float | None


@dataclass(frozen=True)
class Start:
    """How a program is started: its arguments, and what it needs in its environment."""

    argv: list[str]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Program:
    """An agent.

    Attributes:
        name: For `--only`.
        packages: Its packages, as their index names them; the first is shown.
        wire: The API of its model.
        start: Settles it in a place, and says how it is started; told the folder of its programs.
        is_npm: Whether its index is npm.
        omitted: Scenes that it does not play, and why.
        patience: Seconds after which it gives a call up by itself; `None` for minutes.
    """

    name: str
    packages: tuple[str, ...]
    wire: type[Wire]
    start: Callable[[Place, Path], Start]
    is_npm: bool = False
    omitted: Mapping[str, str] = field(default_factory=dict[str, str])
    patience: float | None = None

    def installed(self) -> Path:
        """Return the folder of its programs, put there on first use."""
        if self.is_npm:
            return node_folder(*self.packages) / "node_modules" / ".bin"
        return venv_folder(*self.packages) / "bin"


def claude_code(place: Place, folder: Path) -> Start:
    config = place.folder / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"atlas": place.server}}))
    environ = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": place.url,
        "CLAUDE_CONFIG_DIR": str(place.folder / "claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    if place.timeout is not None:
        environ["MCP_TOOL_TIMEOUT"] = str(round(place.timeout * SECOND))
    argv = [f"{folder}/claude", "-p", place.prompt, "--mcp-config", str(config)]
    argv += ["--strict-mcp-config", "--allowedTools", "mcp__atlas", "--model", "claude-sonnet-5-5"]
    return Start([*argv, "--debug-file", str(place.folder / "client.log")], environ)


def codex(place: Place, folder: Path) -> Start:
    home = place.folder / "codex"
    home.mkdir()
    server = place.server
    # A string of JSON is one of TOML.
    settings = [
        'model = "gpt-5.5"',
        'model_provider = "rig"',
        'approval_policy = "never"',
        "[model_providers.rig]",
        'name = "rig"',
        f'base_url = "{place.url}/v1"',
        'env_key = "RIG_KEY"',
        'wire_api = "responses"',
        "[features]",
        "plugins = false",
        "[mcp_servers.atlas]",
        f"command = {json.dumps(server['command'])}",
        f"args = {json.dumps(server['args'])}",
        'default_tools_approval_mode = "approve"',
        *([] if place.timeout is None else [f"tool_timeout_sec = {place.timeout}"]),
        "[mcp_servers.atlas.env]",
        *(f"{name} = {json.dumps(value)}" for name, value in server["env"].items()),
    ]
    (home / "config.toml").write_text("\n".join(settings))
    argv = [f"{folder}/codex", "exec", "--skip-git-repo-check", "--color", "never", place.prompt]
    return Start(argv, {"CODEX_HOME": str(home), "RIG_KEY": KEY, "RUST_LOG": "warn"})


def gemini_cli(place: Place, folder: Path) -> Start:
    timeout = {} if place.timeout is None else {"timeout": round(place.timeout * SECOND)}
    settings = {
        "mcpServers": {"atlas": place.server | {"trust": True} | timeout},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False},
    }
    (place.folder / ".gemini").mkdir()
    (place.folder / ".gemini" / "settings.json").write_text(json.dumps(settings))
    environ = {
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": place.url,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    return Start([f"{folder}/gemini", "-p", place.prompt, "-m", "gemini-2.5-pro"], environ)


def framework(script: str, **more: object) -> Callable[[Place, Path], Start]:
    """Return how an agent is started that is a script of ours over a library.

    Args:
        script: Its file.
        more: Further orders to it.
    """

    def start(place: Place, folder: Path) -> Start:
        orders = {"server": place.server, "url": place.url, "prompt": place.prompt}
        told = json.dumps(orders | {"timeout": place.timeout} | more)
        return Start([f"{folder}/python", str(FRAMEWORKS / script), told], {})

    return start


LANGCHAIN = ("langchain-mcp-adapters==0.3.2", "langchain==1.5.2", "langchain-openai==1.7.4")

GIVES_UP_TOO = {"given_up": "its adapter raises where a call times out, and the agent ends with it"}


PROGRAMS = (
    Program(
        "claude-code",
        ("@anthropic-ai/claude-code@2.1.332",),
        MessagesWire,
        claude_code,
        is_npm=True,
    ),
    Program("codex", ("@openai/codex@0.171.0",), ResponsesWire, codex, is_npm=True),
    Program("gemini-cli", ("@google/gemini-cli@0.61.0",), GeminiWire, gemini_cli, is_npm=True),
    Program("fastmcp", ("fastmcp==4.1.6",), ChatWire, framework("fastmcp_client.py")),
    Program(
        "langchain",
        LANGCHAIN,
        ChatWire,
        framework("langchain_agent.py", each=False),
        omitted=GIVES_UP_TOO,
    ),
    Program(
        "langchain-each",
        LANGCHAIN,
        ChatWire,
        framework("langchain_agent.py", each=True),
        omitted=GIVES_UP_TOO,
    ),
    Program(
        "openai-agents",
        ("openai-agents==0.24.0",),
        ResponsesWire,
        framework("openai_agent.py"),
        patience=5.0,
    ),
    Program(
        "pydantic-ai",
        ("pydantic-ai-slim[mcp,openai]==2.68.0",),
        ChatWire,
        framework("pydantic_agent.py"),
    ),
)

QUICK = ("codex", "fastmcp")
"""Those that are soon installed: for every change. One is given the structure of a result by its
program, the other the text."""
