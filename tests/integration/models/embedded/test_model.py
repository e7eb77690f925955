import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from jsonschema import validate
from platformdirs import user_cache_path

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    Json,
    ModelRequest,
    Reply,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.errors import ModelFileError, ModelRejected, ModelUnavailable
from atlas_mcp.models.embedded.catalogue import find
from atlas_mcp.models.embedded.model import DEFAULT_PARALLEL, EmbeddedModel
from atlas_mcp.models.embedded.weights import ensure

pytestmark = [pytest.mark.weights, pytest.mark.slow, pytest.mark.timeout(180)]

SMALLEST = find("smollm2-135m")

SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
        "reason": {"type": "string", "maxLength": 80},
    },
    "required": ["colour", "percent", "reason"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def weights() -> Path:
    """The smallest model's weights, pulled once per machine."""
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    folder = os.environ.get("ATLAS_TEST_MODELS")

    async def pull() -> Path:
        return await ensure(
            SMALLEST,
            Path(folder) if folder else user_cache_path("atlas-mcp") / "models",
            on_progress=lambda _: None,
        )

    try:
        return anyio.run(pull)
    except ModelFileError as error:
        pytest.skip(f"REAL MODEL NOT TESTED: {error}")


def made(
    weights: Path, *, parallel: int = DEFAULT_PARALLEL, use: Path | None = None
) -> EmbeddedModel:
    return EmbeddedModel(
        SMALLEST.name,
        weights,
        context_tokens=SMALLEST.context_tokens,
        parallel=parallel,
        use=use or weights.with_name("use"),
    )


@pytest.fixture
async def local(weights: Path) -> AsyncGenerator[EmbeddedModel]:
    model = made(weights)
    yield model
    await model.aclose()


def asking(
    text: str = "Tell me a story about a fox.",
    *,
    system: str = "You are terse.",
    max_tokens: int = 32,
    seed: int | None = 7,
    temperature: float | None = 0.9,
    schema: dict[str, Json] | None = None,
) -> ModelRequest:
    return ModelRequest(
        system=system,
        turns=(UserTurn((Text(text),)),),
        max_tokens=max_tokens,
        seed=seed,
        temperature=temperature,
        schema=schema,
    )


DIGITS = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}}
ENDLESS = asking("Give me numbers.", max_tokens=2_000, schema={**DIGITS, "minItems": 900})
"""Nothing ends a reply to this before its ceiling; three of them fit the context."""


async def test_a_reply_under_a_schema_fits_it(local: EmbeddedModel) -> None:
    for seed in range(3):
        reply = await local.generate(asking("Pick one.", schema=SCHEMA, seed=seed, max_tokens=200))

        validate(json.loads(reply.turn.text), SCHEMA)
        assert reply.end == "end"


async def test_a_reply_says_what_it_used_and_costs_nothing(local: EmbeddedModel) -> None:
    reply = await local.generate(asking(max_tokens=20))

    assert reply.end == "max_tokens"
    assert reply.charge.usage.requests == 1
    assert reply.charge.usage.output_tokens == 20
    assert reply.charge.usage.input_tokens > 10
    assert reply.charge.cost == FREE


async def test_a_prompt_asked_before_is_read_from_the_cache(local: EmbeddedModel) -> None:
    await local.generate(asking())

    reply = await local.generate(asking(seed=8))

    assert 0 < reply.charge.usage.cache_read_tokens < reply.charge.usage.input_tokens


async def test_the_same_seed_gives_the_same_reply_and_others_differ(local: EmbeddedModel) -> None:
    texts = [(await local.generate(asking(seed=seed))).turn.text for seed in (1, 1, 2, 3)]

    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


async def test_tokens_are_reported_as_they_come(local: EmbeddedModel) -> None:
    heard: list[int] = []

    reply = await local.generate(asking(max_tokens=20), on_tokens=heard.append)

    assert heard == list(range(1, len(heard) + 1))
    assert 10 < len(heard) <= reply.charge.usage.output_tokens


async def test_a_conversation_is_told_in_order(local: EmbeddedModel) -> None:
    turns = (
        UserTurn((Text("My name is Ada."), Text("Remember it."))),
        AssistantTurn("Your name is Ada."),
        UserTurn((ToolResult("1", "Say it back."),)),
    )

    reply = await local.generate(ModelRequest(system="", turns=turns, max_tokens=16, temperature=0))

    assert "Ada" in reply.turn.text


async def test_several_calls_are_in_flight_at_once(local: EmbeddedModel) -> None:
    """Each call waits, at its first token, for the first token of all others."""
    started: set[int] = set()
    all_started = anyio.Event()
    replies: dict[int, Reply] = {}

    async def call(number: int) -> None:
        def on_tokens(_: int) -> None:
            started.add(number)
            if len(started) == 3:
                all_started.set()

        with anyio.CancelScope() as scope:
            scopes[number] = scope
            replies[number] = await local.generate(ENDLESS, on_tokens=on_tokens)

    scopes: dict[int, anyio.CancelScope] = {}
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(call, number)
        await all_started.wait()
        assert not replies
        for scope in scopes.values():
            scope.cancel()


async def test_calls_that_fill_the_context_together_do_not_break_each_other_off(
    weights: Path,
) -> None:
    """With all four at once, llama.cpp ends every one of them when its context is full."""
    local = EmbeddedModel("local/x", weights, context_tokens=384)
    long = asking("Give me numbers.", max_tokens=160, schema={**DIGITS, "minItems": 60})
    replies: list[Reply] = []

    async def call() -> None:
        replies.append(await local.generate(long))

    try:
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(call)
    finally:
        await local.aclose()

    assert len(replies) == 4
    assert all(reply.charge.usage.output_tokens > 100 for reply in replies)


async def test_a_cancelled_call_frees_its_place(weights: Path) -> None:
    local = made(weights, parallel=1)
    writing = anyio.Event()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: local.generate(ENDLESS, on_tokens=lambda _: writing.set()))
            await writing.wait()
            group.cancel_scope.cancel()

        # The only place would be taken for a minute more.
        with anyio.fail_after(20):
            reply = await local.generate(asking(max_tokens=4))
    finally:
        await local.aclose()

    assert reply.charge.usage.output_tokens == 4


async def test_a_cancel_while_the_model_loads_leaves_nothing_behind(weights: Path) -> None:
    local = made(weights)
    with anyio.move_on_after(0):
        await local.generate(asking())

    reply = await local.generate(asking(max_tokens=4))

    assert reply.charge.usage.output_tokens == 4
    await local.aclose()


async def test_calls_that_start_together_load_the_model_once(local: EmbeddedModel) -> None:
    replies: list[Reply] = []

    async def call() -> None:
        replies.append(await local.generate(asking(max_tokens=4)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)

    assert len(replies) == 3
    assert len(children_of(os.getpid())) == 1


async def test_a_child_that_dies_fails_the_call_and_the_next_one_starts_another(
    local: EmbeddedModel,
) -> None:
    failures: list[ModelUnavailable] = []
    writing = anyio.Event()

    async def call() -> None:
        try:
            await local.generate(ENDLESS, on_tokens=lambda _: writing.set())
        except ModelUnavailable as error:
            failures.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await writing.wait()
        (child,) = children_of(os.getpid())
        os.kill(child, 9)

    assert "process" in str(failures[0])
    assert isinstance(failures[0], ModelUnavailable)
    assert (await local.generate(asking(max_tokens=4))).charge.usage.output_tokens == 4


async def test_closing_breaks_calls_off_and_refuses_new_ones(local: EmbeddedModel) -> None:
    failures: list[ModelUnavailable] = []
    writing = anyio.Event()

    async def call() -> None:
        try:
            await local.generate(ENDLESS, on_tokens=lambda _: writing.set())
        except ModelUnavailable as error:
            failures.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await writing.wait()
        await local.aclose()

    assert "closed" in str(failures[0])
    assert children_of(os.getpid()) == []
    with pytest.raises(ModelUnavailable, match="closed"):
        await local.generate(asking())


async def test_closing_while_the_model_loads_does_not_wait_for_it(weights: Path) -> None:
    local = made(weights)
    failures: list[ModelUnavailable] = []

    async def call() -> None:
        try:
            await local.generate(asking())
        except ModelUnavailable as error:
            failures.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        while not children_of(os.getpid()):
            await anyio.lowlevel.checkpoint()
        await local.aclose()

    assert "closed" in str(failures[0])
    assert children_of(os.getpid()) == []


async def test_a_prompt_longer_than_the_context_is_refused_with_both_lengths(
    local: EmbeddedModel,
) -> None:
    with pytest.raises(ModelRejected, match=r"the prompt has \d+ tokens.*holds 8192"):
        await local.generate(asking("word " * 9_000))


async def test_a_schema_llama_cpp_cannot_hold_is_refused(local: EmbeddedModel) -> None:
    schema: dict[str, Json] = {"type": "object", "properties": {"a": {"$ref": "elsewhere"}}}

    with pytest.raises(ModelRejected, match="elsewhere"):
        await local.generate(asking(schema=schema))


async def test_pictures_and_tools_are_refused_before_the_model_loads(weights: Path) -> None:
    local = made(weights)
    picture = ModelRequest(
        system="", turns=(UserTurn((Image("image/png", data="aaaa"),)),), max_tokens=8
    )
    tool = Tool("explore", "explores", {"type": "object"})
    tools = ModelRequest(system="", turns=(UserTurn((Text("x"),)),), max_tokens=8, tools=(tool,))

    with pytest.raises(ModelRejected, match="cannot see images"):
        await local.generate(picture)
    with pytest.raises(ModelRejected, match="have no tools"):
        await local.generate(tools)

    assert children_of(os.getpid()) == []


async def test_missing_weights_are_named_with_the_command_that_pulls_them(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    local = made(tmp_path / "none.gguf")

    with pytest.raises(ModelRejected, match=r"atlas-mcp models pull local/smollm2-135m"):
        await local.generate(asking())


async def test_weights_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF but no more")
    local = made(file)

    with pytest.raises(ModelRejected, match="could not be loaded"):
        await local.generate(asking())

    assert children_of(os.getpid()) == []


SCRIPT = """
import os
import sys
from pathlib import Path
import anyio
from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.models.embedded.model import EmbeddedModel

async def main():
    local = EmbeddedModel("local/test", Path(sys.argv[1]), context_tokens=8_192)
    request = ModelRequest(system="", turns=(UserTurn((Text("Count."),)),), max_tokens=6000)
    writing = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: local.generate(request, on_tokens=lambda _: writing.set()))
        await writing.wait()
        if sys.argv[2] == "close":
            group.cancel_scope.cancel()
            await local.aclose()
        elif sys.argv[2] == "leave":
            group.cancel_scope.cancel()
        else:
            os.kill(os.getpid(), 9)

anyio.run(main)
"""


@pytest.mark.parametrize("way", ["close", "leave", "kill"])
async def test_a_process_ends_at_once_during_a_call_and_prints_nothing(
    weights: Path, way: str
) -> None:
    """The pipes are the child's too: they would stay open if it outlived its parent."""
    with anyio.fail_after(60):
        ended = await anyio.run_process(
            [sys.executable, "-c", SCRIPT, str(weights), way], check=False
        )

    assert (ended.stdout, ended.stderr) == (b"", b"")
    assert ended.returncode == (-9 if way == "kill" else 0)


def children_of(process: int) -> list[int]:
    """Return the live children that `process` has started for a model."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,stat=,args=", "--ppid", str(process)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [
        int(row[0])
        for row in rows
        if "atlas_mcp.models.embedded.llama_process" in row[2] and row[1][0] != "Z"
    ]
