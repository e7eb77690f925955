"""Finding out what an endpoint takes: by asking, within bounds, and believing no bare yes."""

from __future__ import annotations

import base64
import json
import random
import re
import threading
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import anyio.to_thread
import pytest
from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.models.findings import FEATURES, NOTHING, Finding, finding
from atlas_mcp.models.probing import calls
from atlas_mcp.models.probing import probe as probing
from atlas_mcp.models.probing.calls import PROBE_CAP_USD
from atlas_mcp.models.probing.pictures import COLOURS
from atlas_mcp.models.probing.probe import Probed, probe
from atlas_mcp.program import main
from atlas_mcp.testing.chat_api import (
    API_KEY,
    BARE,
    DEAF,
    DEEPSEEK,
    GOOGLE,
    OPENAI,
    ApiReply,
    Call,
    ChatApi,
    ChatEndpoint,
    Fault,
    Tokens,
    serve,
    status,
    truncated,
)
from atlas_mcp.testing.chat_shapes import instance, schema_of
from atlas_mcp.testing.loopback import Exchange

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
RATES = Price(Decimal(1), Decimal(10))
SPEC = ModelSpec("openai/m", price=RATES, tools=False, schema_mode="prompt")
PLAIN = ChatEndpoint()
WISE = replace(OPENAI, efforts=("low", "high"))


def colour_of(url: str) -> str:
    """Look at a picture, as a model would."""
    png = base64.b64decode(url.partition("base64,")[2])
    start = png.index(b"IDAT") + 4
    size = int.from_bytes(png[start - 8 : start - 4], "big")
    pixel = tuple(zlib.decompress(png[start : start + size])[1:4])
    return next(name for name, colour in COLOURS.items() if colour == pixel)


def model_of(body: dict[str, Any]) -> ApiReply:
    """Play a model that does what it is asked, by what it is shown; what it cannot see it guesses.

    It has a fence around its JSON wherever nothing holds it.
    """
    last = body["messages"][-1]
    content: Any = last["content"]
    parts = cast("list[dict[str, Any]]", content if isinstance(content, list) else [])
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    text = content if isinstance(content, str) else parts[-1]["text"]
    schema = schema_of(body)
    if "password" in text:
        [system] = [one["content"] for one in body["messages"] if one["role"] == "system"] or [""]
        return ApiReply(text=system[len("The password is ") :].partition(".")[0] or "None.")
    if last["role"] == "tool":
        return ApiReply(text=f"The word is {content}.")
    if schema is not None:
        return ApiReply(text=json.dumps(instance(schema)))
    if "response_format" in body:
        return ApiReply(text='{"capital": "Paris"}')
    if body.get("tools"):
        number = int(re.findall(r"\d+", text)[0])
        return ApiReply(calls=(Call("notebook", {"number": number}),), thinking="I look.")
    if pictures:
        return ApiReply(text=", then ".join(colour_of(url).capitalize() for url in pictures))
    if "pictures" in text:
        return ApiReply(text="Red, blue.")
    if "JSON" in text:
        return ApiReply(text='```json\n{"capital": "Paris"}\n```')
    return ApiReply(text="YES" if "YES" in text else "Ready.")


async def probed(
    endpoint: ChatEndpoint,
    responder: Callable[[dict[str, Any]], ApiReply | Fault] = model_of,
    *,
    spec: ModelSpec = SPEC,
    seed: int = 1,
    wanted: tuple[Any, ...] = FEATURES,
) -> tuple[Probed, ChatApi]:
    api = ChatApi(endpoint, responder)
    with serve(api) as url:
        spec = with_endpoint(spec, base_url=f"{url}/v1")
        model = OpenAICompatible(spec, api_key=endpoint.api_key, price=spec.price)
        found = await probe(spec, model.with_spec, wanted, chance=random.Random(seed))
        await model.aclose()
    return found, api


TAKES_ALL = Finding(stream_options=True, system_role=True)


def without_day(found: Finding) -> Finding:
    return found.model_copy(update={"checked": None})


@on_asyncio
@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        (
            OPENAI,
            Finding(
                schema_mode="strict",
                tools=True,
                images=True,
                efforts=("low", "medium", "high", "xhigh"),
                max_tokens_field="max_completion_tokens",
            ),
        ),
        (
            GOOGLE,
            Finding(
                schema_mode="strict", tools=True, images=True, efforts=("low", "medium", "high")
            ),
        ),
        (DEEPSEEK, Finding(schema_mode="json", tools=True, images=False, efforts=())),
        (BARE, Finding(schema_mode="prompt", tools=False, images=False, efforts=())),
        # Accepts everything: what it does not do is not believed.
        (
            replace(DEAF, efforts=None),
            Finding(schema_mode="prompt", tools=False, images=False, efforts=()),
        ),
        (
            replace(OPENAI, images="ignored", json_schema="ignored", efforts=None),
            Finding(
                schema_mode="json",
                tools=True,
                images=False,
                efforts=(),
                max_tokens_field="max_completion_tokens",
            ),
        ),
    ],
    ids=["openai", "google", "deepseek", "bare", "deaf", "blind"],
)
async def test_each_kind_of_endpoint_is_found_to_take_what_it_does(
    endpoint: ChatEndpoint, found: Finding
) -> None:
    result, api = await probed(endpoint)

    # It thinks where it calls tools, and all of them want that back.
    echoed = Finding(echo_reasoning="tool_calls" if found.tools else None)
    assert without_day(result.found) == echoed.over(found.over(TAKES_ALL))
    assert result.found.checked is not None
    assert result.problem is None
    assert result.usage == api.reported
    assert result.usage.requests <= 17


async def test_only_what_is_wanted_is_asked() -> None:
    result, api = await probed(PLAIN, wanted=("tools",))

    assert without_day(result.found) == Finding(tools=True)
    assert len(api.bodies) == 3
    assert not any("response_format" in body or "reasoning_effort" in body for body in api.bodies)


@on_asyncio
async def test_two_pictures_must_be_named_right_in_their_order() -> None:
    seen: set[tuple[str, ...]] = set()

    def names(body: dict[str, Any], order: int) -> ApiReply:
        reply = model_of(body)
        pictured = isinstance(body["messages"][-1]["content"], list)
        if not pictured:
            return reply
        colours = re.findall(r"[a-z]+", reply.text.lower().replace("then", ""))
        seen.add(tuple(colours))
        return ApiReply(text=" and ".join(colours[::order]))

    sighted = PLAIN
    for seed in range(6):
        right, _ = await probed(sighted, lambda body: names(body, 1), seed=seed, wanted=("images",))
        wrong, _ = await probed(
            sighted, lambda body: names(body, -1), seed=seed, wanted=("images",)
        )

        assert (right.found.images, wrong.found.images) == (True, False)
    assert len(seen) > 3
    assert all(set(pair) - {"red", "green", "blue"} for pair in seen), "those are guessed first"


@on_asyncio
@pytest.mark.parametrize("word", ["I cannot see pictures.", "red green blue yellow purple", "Red."])
async def test_a_model_that_talks_its_way_around_does_not_see(word: str) -> None:
    result, _ = await probed(
        PLAIN,
        lambda body: ApiReply(text=word),
        wanted=("images",),
    )

    assert result.found.images is False


@on_asyncio
@pytest.mark.parametrize(
    "reply",
    [
        ApiReply(text="The word is kingfisher."),
        ApiReply(calls=(Call("notebook", {"number": 7}),)),
        ApiReply(calls=(Call("notebook", "{"),)),
    ],
)
async def test_a_model_that_gets_its_call_wrong_has_no_tools(reply: ApiReply) -> None:
    result, _ = await probed(
        PLAIN,
        lambda body: reply if body.get("tools") else ApiReply(text="Ready."),
        wanted=("tools",),
    )

    assert result.found.tools is False


@on_asyncio
async def test_a_model_that_does_not_hear_what_its_tool_says_has_none() -> None:
    def deaf(body: dict[str, Any]) -> ApiReply:
        told = body["messages"][-1]["role"] == "tool"
        return ApiReply(text="I do not know.") if told else model_of(body)

    result, _ = await probed(PLAIN, deaf, wanted=("tools",))

    assert result.found.tools is False


@on_asyncio
async def test_a_reply_that_was_cut_off_settles_nothing() -> None:
    """A model that thinks may come to its ceiling first."""
    result, _ = await probed(WISE, lambda body: truncated("Hm, so"))

    found = result.found
    assert (found.schema_mode, found.tools, found.images) == (None, None, None)
    assert found.efforts == ("low", "high"), "that one is taken needs no answer"


# Bounds, and what goes wrong


@on_asyncio
@pytest.mark.parametrize("code", [401, 403, 404])
async def test_an_endpoint_that_answers_nothing_is_found_to_take_nothing_and_costs_nothing(
    code: int,
) -> None:
    result, api = await probed(PLAIN, lambda body: status(code))

    assert result.found == NOTHING
    assert result.problem
    assert result.cost_usd == FREE
    # By either name of the ceiling, with counts and without, unless the key is refused.
    assert api.requests == (1 if code == 401 else 4)


@on_asyncio
async def test_what_was_refused_for_want_of_credit_is_not_taken_for_an_inability() -> None:
    asked = 0

    def runs_dry(body: dict[str, Any]) -> ApiReply | Fault:
        nonlocal asked
        asked += 1
        return model_of(body) if asked < 3 else status(402)

    result, _ = await probed(PLAIN, runs_dry)

    assert result.found == NOTHING
    assert "no credit" in str(result.problem)


@on_asyncio
async def test_an_overload_ends_the_questions_and_what_was_found_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "RETRIES", RetryPolicy(attempts=2, first_delay=0))
    result, api = await probed(
        PLAIN, lambda body: status(503) if body.get("tools") else model_of(body)
    )

    assert without_day(result.found) == Finding(
        schema_mode="strict", stream_options=True, system_role=True
    )
    assert "status 503" in str(result.problem)
    assert result.usage == api.reported


@on_asyncio
async def test_a_silence_ends_the_questions_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PROBE_SECONDS", 0.5)
    silence = Fault("stall", seconds=3_600)
    result, _ = await probed(PLAIN, lambda body: silence if body.get("tools") else model_of(body))

    assert without_day(result.found) == Finding(
        schema_mode="strict", stream_options=True, system_role=True
    )
    assert "took longer" in str(result.problem)


@on_asyncio
@pytest.mark.parametrize(
    ("output_rate", "calls"), [("1000", 0), ("200", 1), ("20", 15)], ids=["dear", "less", "cheap"]
)
async def test_questions_never_cost_more_than_the_cap(output_rate: str, calls: int) -> None:
    spec = replace(SPEC, price=Price(Decimal(1), Decimal(output_rate)))
    tokens = Tokens(input=50, output=1_000)
    result, api = await probed(
        PLAIN, lambda body: replace(model_of(body), tokens=tokens), spec=spec
    )

    assert api.requests == calls
    assert result.cost_usd is not None
    assert result.cost_usd < PROBE_CAP_USD
    assert (result.problem is None) == (output_rate == "20")


@on_asyncio
async def test_a_price_nobody_knows_is_told_as_such() -> None:
    result, _ = await probed(BARE, spec=replace(SPEC, price=None))

    assert result.cost_usd is None
    assert result.problem is None


# On the command line


@pytest.fixture
def stack() -> Any:
    with ExitStack() as stack:
        yield stack


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, **entries: str) -> None:
    """Write a configuration in which each entry has the lines that are given."""
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("ATLAS_CONFIG", str(folder / "atlas.toml"))
    monkeypatch.setenv("MY_KEY", API_KEY)
    text = "\n".join(f"[solvers.{name}]\n{lines}" for name, lines in entries.items())
    (folder / "atlas.toml").write_text(text)


def rows_of(capfd: pytest.CaptureFixture[str], *options: str) -> tuple[dict[str, Any], str]:
    assert main(["solvers", "--json", *options]) == 0
    out, err = capfd.readouterr()
    return {row["name"]: row for row in json.loads(out)}, err


def test_the_pool_is_asked_whether_it_is_there_at_no_cost(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stack: ExitStack,
) -> None:
    api = ChatApi(OPENAI)
    url = stack.enter_context(serve(api))
    here = f'base_url = "{url}/v1"\napi_key_env = "MY_KEY"\n'
    configure(
        tmp_path,
        monkeypatch,
        there=f'model = "openai/m"\n{here}',
        unknown=f'model = "openai/n"\n{here}',
        unkeyed=f'model = "openai/m"\nbase_url = "{url}/v1"\n',
        gone='model = "ollama/m"\nbase_url = "http://127.0.0.1:9/v1"\n',
        keyless='model = "mistral/m"\n',
    )

    rows, err = rows_of(capfd)

    states = {name: rows[name]["ready"] for name in rows if "/" not in name}
    assert states["there"] == "ready"
    assert states["unknown"] == "no such model there"
    assert "key is refused" in states["unkeyed"]
    assert states["gone"].startswith("not reachable: no connection to http://127.0.0.1:9")
    assert states["keyless"] == "no key: set MISTRAL_API_KEY"
    assert (api.requests, err) == (0, "")
    assert api.lookups > 0


def test_probing_tells_what_was_found_and_what_it_cost_and_keeps_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stack: ExitStack,
) -> None:
    api = ChatApi(WISE, model_of)
    url = stack.enter_context(serve(api))
    entry = f'model = "openai/m"\nbase_url = "{url}/v1"\napi_key_env = "MY_KEY"\n'
    configure(
        tmp_path,
        monkeypatch,
        priced=entry + "price = { input = 1, output = 10 }\n",
        again=entry,
        gone='model = "ollama/m"\nbase_url = "http://127.0.0.1:9/v1"\n',
    )
    before, _ = rows_of(capfd)
    after, err = rows_of(capfd, "--probe")
    later, silence = rows_of(capfd)

    def of(row: dict[str, Any]) -> list[Any]:
        return [row[key] for key in ("schema", "tools", "images", "efforts")]

    assert of(before["priced"]) == of(before["again"]) == ["prompt", False, False, []]
    found = ["strict", True, True, ["low", "high"]]
    assert of(after["priced"]) == of(after["again"]) == of(later["priced"]) == found
    assert (
        "openai/m: schema strict, tools yes, images yes, efforts low high, "
        "max_tokens_field max_completion_tokens, stream_options yes, system_role yes, "
        "echo_reasoning tool_calls\n"
    ) in err
    assert "ollama/m: nothing found out (not reachable: " in err
    assert re.search(rf"\n{api.requests} calls, \$0\.0\d+\.\n", err)
    assert API_KEY not in err
    assert silence == ""
    assert finding(tmp_path / "atlas", f"{url}/v1", "openai/m").checked is not None


def test_what_is_found_of_several_models_at_once_is_all_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stack: ExitStack,
) -> None:
    names = ("a", "b", "c", "d")
    url = stack.enter_context(serve(ChatApi(replace(BARE, models=names), model_of)))
    entries = {one: f'model = "openai/{one}"\nbase_url = "{url}/v1"\n' for one in names}
    configure(tmp_path, monkeypatch, **entries)

    rows_of(capfd, "--probe")

    found = [finding(tmp_path / "atlas", f"{url}/v1", f"openai/{one}") for one in names]
    assert [one.tools for one in found] == [False] * len(names)


def test_a_pool_with_nothing_to_find_out_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, monkeypatch, x='model = "scripted/demo"\n')

    rows, err = rows_of(capfd, "--probe")

    assert rows["x"]["ready"] == "ready"
    assert "nothing to find out" in err


def test_all_of_the_pool_is_asked_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stack: ExitStack,
) -> None:
    both = threading.Barrier(2)

    class Meeting(ChatApi):
        """An endpoint that answers once the other one has been asked too."""

        @override
        async def route(self, exchange: Exchange, method: str, path: str) -> None:
            await anyio.to_thread.run_sync(both.wait, 3)
            await super().route(exchange, method, path)

    urls = [stack.enter_context(serve(Meeting(PLAIN))) for _ in range(2)]
    entry = 'model = "openai/m"\napi_key_env = "MY_KEY"\nbase_url = '
    configure(
        tmp_path, monkeypatch, **{f"x{n}": f'{entry}"{url}/v1"' for n, url in enumerate(urls)}
    )

    rows, _ = rows_of(capfd)

    assert [rows[name]["ready"] for name in ("x0", "x1")] == ["ready", "ready"]
