"""A caller hears of its own mistakes, in both eras, and they leave nothing in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, PromptReference, ResourceTemplateReference
from typing_extensions import override

from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalError
from atlas_mcp.server.app import make_server
from atlas_mcp.server.faults import BUG
from atlas_mcp.server.host import Host
from tests.support.gated_models import Mode, connected

RUN = ResourceTemplateReference(type="ref/resource", uri="atlas://runs/{run_id}")


async def get_prompt(client: Client, name: str, arguments: dict[str, str] | None = None) -> None:
    await client.get_prompt(name, arguments)


async def read(client: Client, uri: str) -> None:
    await client.read_resource(uri)


async def call(client: Client, name: str) -> None:
    await client.call_tool(name, {})


async def list_page(client: Client, cursor: str) -> None:
    await client.list_tools(cursor=cursor)


FAULTS: Mapping[str, tuple[Any, str]] = {
    "a prompt with an argument too many": (
        (get_prompt, "atlas", {"problem": "x", "problme": "y"}),
        "`problme`",
    ),
    "an unknown prompt": ((get_prompt, "nope"), "'nope'"),
    "a tool of a megabyte": ((call, "n" * 1_000_000), "nnn'…"),
    "an unknown resource": ((read, "atlas://nope"), "atlas://nope"),
    "no resource at all": ((read, "?"), "?"),
    "an unknown run": ((read, "atlas://runs/nope"), "'nope'"),
    "a page that there is not": ((list_page, "nope"), "`cursor`"),
}


@pytest.mark.every_day(10)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("case", FAULTS)
async def test_a_callers_fault_is_invalid_params_and_nothing_is_logged(
    tmp_path: Path, mode: Mode, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    (ask, *arguments), names = FAULTS[case]
    async with connected(tmp_path, mode) as session:
        with anyio.fail_after(5), pytest.raises(MCPError) as raised:
            await ask(session.client, *arguments)

    assert raised.value.error.code == INVALID_PARAMS
    assert names in raised.value.error.message
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


NO_NUMBERS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "explores": ("solve_with_atlas", {"max_explores": True}, "`max_explores`: takes a number, not"),
    "money": ("solve_with_atlas", {"max_cost_usd": False}, "`max_cost_usd`: takes a number, not"),
    "time": ("solve_with_atlas", {"time_limit_s": True}, "`time_limit_s`: takes a number, not"),
    "a wait": ("solve_with_atlas", {"wait_s": True}, "`wait_s`: takes a number, not true"),
    "a count": ("explore", {"count": True}, "`count`: takes a number, not true"),
}


@pytest.mark.every_day(6)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("case", NO_NUMBERS)
async def test_what_is_no_number_is_refused_by_its_argument_before_anything_is_run(
    tmp_path: Path, mode: Mode, case: str
) -> None:
    tool, arguments, words = NO_NUMBERS[case]
    async with connected(tmp_path, mode) as session:
        with anyio.fail_after(5):
            result = await session.client.call_tool(tool, {"problem": "Q?", **arguments})

    assert result.is_error
    (said,) = result.content
    assert words in getattr(said, "text", "")
    assert "Nothing was run." in getattr(said, "text", "")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.requirement("ERR-2")
async def test_a_bug_is_logged_once_and_told_without_its_words(
    tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(Settings(home=tmp_path))

    @server.prompt()
    def broken() -> str:
        raise KeyError("ours alone")

    async with Client(server, mode=mode) as client:
        with anyio.fail_after(5), pytest.raises(MCPError) as raised:
            await client.get_prompt("broken")

    assert raised.value.error.code == INTERNAL_ERROR
    assert raised.value.error.message == BUG
    (record,) = caplog.records
    assert record.exc_info is not None


class LockedService:
    """A service whose journal cannot be read."""

    driven: tuple[str, ...] = ()

    async def list_runs(self, *, limit: int) -> None:
        raise JournalError("the journal is locked")

    async def stop_all(self, *, grace: float) -> None:
        """There is nothing to stop."""


class LockedHost(Host):
    @override
    async def service(self) -> Any:
        return LockedService()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_journal_that_cannot_be_read_completes_nothing_and_is_no_bug(
    tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    host = LockedHost(Settings(home=tmp_path))
    async with Client(make_server(None, host=host), mode=mode) as client:
        with anyio.fail_after(5):
            result = await client.complete(RUN, {"name": "run_id", "value": "x"})

    assert result.completion.values == []
    assert caplog.records == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    "ref",
    [PromptReference(type="ref/prompt", name="nope"), RUN.model_copy(update={"uri": "nope"})],
    ids=["prompt", "template"],
)
async def test_what_is_not_known_completes_to_nothing(
    tmp_path: Path, mode: Mode, ref: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(make_server(Settings(home=tmp_path)), mode=mode) as client:
        with anyio.fail_after(5):
            result = await client.complete(ref, {"name": "run_id", "value": "x"})

    assert result.completion.values == []
    assert caplog.records == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_unknown_tool_is_a_failed_result_that_names_it(
    tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(make_server(Settings(home=tmp_path)), mode=mode) as client:
        with anyio.fail_after(5):
            result = await client.call_tool("nope", {})

    assert result.is_error
    assert "nope" in str(result.content)
    assert not [record for record in caplog.records if record.exc_info]
