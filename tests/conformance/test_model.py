"""Every model passes the suite that is shipped with the package.

The embedded model is played by a child that loads no weights: its binding of llama.cpp is a double
that serves at the address of a stand-in. With real weights it runs too, under the mark `weights`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from platformdirs import user_cache_path
from typing_extensions import override

from atlas_mcp.atlas.messages import AssistantTurn, Json, ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Charge, Price, Usage
from atlas_mcp.errors import ModelError, ModelFileError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.embedded import llama_process
from atlas_mcp.models.embedded.catalogue import find
from atlas_mcp.models.embedded.model import EmbeddedModel
from atlas_mcp.models.embedded.weights import ensure
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.testing.chat_api import API_KEY, BARE, LLAMA, OPENAI, ChatApi, ChatEndpoint
from atlas_mcp.testing.loopback import LoopbackApi, serve
from atlas_mcp.testing.messages_api import MessagesApi
from atlas_mcp.testing.model_conformance import Abilities, Check, Stand
from atlas_mcp.testing.model_conformance.suite import CHECKS, checks_for
from atlas_mcp.testing.replies import ApiReply, Fault
from atlas_mcp.testing.scripted import Recording
from tests.support.claude_models import claude_model
from tests.support.embedded_runtimes import import_first
from tests.support.waiting import pause

SMALLEST = find("smollm2-135m")

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])

BINDING = """
import os
from types import SimpleNamespace


def CommonParams():
    parts = {name: SimpleNamespace() for name in ("model", "cpuparams", "cpuparams_batch")}
    return SimpleNamespace(**parts)


def Server(settings):
    assert os.path.exists(settings.model.path)
    return SimpleNamespace(listening_address=os.environ["DOUBLE_OF_LLAMA_CPP"])
"""


def bare(value: Json) -> Json:
    """Return a message without its cache marks, which move."""
    if isinstance(value, list):
        return [bare(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items() if key != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    return value


@dataclass
class ApiStand(Stand):
    """A model behind a stand-in of its API."""

    api: LoopbackApi
    url: str

    @override
    def script(self, *outcomes: ApiReply | Fault) -> None:
        self.api.script(*outcomes)

    @override
    def conversations(self) -> Sequence[Sequence[Json]]:
        return [bare(body["messages"]) for body in self.api.bodies]

    @override
    def written(self) -> Sequence[Json]:
        return self.api.written

    @override
    async def under_way(self, count: int) -> None:
        await self._settled(lambda api: api.in_flight == count)

    @override
    async def left(self, count: int) -> None:
        await self._settled(lambda api: api.disconnects == count)

    async def _settled(self, condition: Callable[[LoopbackApi], bool]) -> None:
        assert await anyio.to_thread.run_sync(self.api.wait_for, condition)


class ClaudeStand(ApiStand):
    abilities = Abilities()
    name = "anthropic/claude-opus-5-5"

    @override
    def open(self) -> Model:
        return claude_model("claude-opus-5-5", base_url=self.url, api_key=API_KEY)

    @override
    def efforts(self) -> Sequence[str | None]:
        return [body.get("output_config", {}).get("effort") for body in self.api.bodies]


class ChatStand(ApiStand):
    abilities = Abilities()
    name = "openai/m"
    spec = ModelSpec(
        "openai/m", efforts=("low", "high"), endpoint={"max_tokens_field": "max_completion_tokens"}
    )
    price: Price | None = Price(Decimal(1), Decimal(10))

    @override
    def open(self) -> Model:
        spec = with_endpoint(self.spec, base_url=f"{self.url}/v1")
        assert isinstance(self.api, ChatApi)
        return OpenAICompatible(spec, api_key=self.api.endpoint.api_key, price=self.price)

    @override
    def efforts(self) -> Sequence[str | None]:
        return [body.get("reasoning_effort") for body in self.api.bodies]


class BareStand(ChatStand):
    abilities = Abilities(tools=False, schema=False, images=False, efforts=False, billing="unknown")
    spec = ModelSpec("openai/m", tools=False, schema_mode="prompt")
    price = None


class LocalStand(ApiStand):
    abilities = Abilities(tools=False, images=False, efforts=False, refuses=False, billing="free")
    name = SMALLEST.name
    weights = Path()

    @override
    def open(self) -> Model:
        return EmbeddedModel(self.name, self.weights, context_tokens=SMALLEST.context_tokens)

    @override
    def efforts(self) -> Sequence[str | None]:
        return [body.get("reasoning_effort") for body in self.api.bodies]


@dataclass
class Watched(Model):
    """A model whose replies and beginnings are noted."""

    model: Model
    writing: int = 0
    turns: list[AssistantTurn] = field(default_factory=list[AssistantTurn])

    @property
    @override
    def name(self) -> str:
        return self.model.name

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        begun = False

        def on_first(count: int) -> None:
            nonlocal begun
            self.writing += not begun
            begun = True
            if on_tokens is not None:
                on_tokens(count)

        reply = await self.model.generate(request, on_tokens=on_first, on_usage=on_usage)
        self.turns.append(reply.turn)
        return reply

    @override
    async def aclose(self) -> None:
        await self.model.aclose()


@dataclass
class ScriptedStand(Stand):
    outcomes: list[ApiReply | Fault] = field(default_factory=list[ApiReply | Fault])
    abilities = Abilities(caches=False, billing="free")
    name = "scripted/test"

    def __post_init__(self) -> None:
        self.model = Recording(self._says)
        self.watched = Watched(self.model)

    @override
    def open(self) -> Model:
        return self.watched

    @override
    def script(self, *outcomes: ApiReply | Fault) -> None:
        self.outcomes.extend(outcomes)

    @override
    def conversations(self) -> Sequence[Sequence[Json]]:
        return [request.turns for request in self.model.requests]

    @override
    def written(self) -> Sequence[Json]:
        return self.watched.turns

    @override
    def efforts(self) -> Sequence[str | None]:
        return [request.effort for request in self.model.requests]

    @override
    async def under_way(self, count: int) -> None:
        while self.model.in_flight < count:
            await pause()

    @override
    async def left(self, count: int) -> None:
        assert self.model.in_flight == 0

    def _says(self, request: ModelRequest) -> Says:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Fault):
            return self._fails(outcome)
        calls = [call.arguments for call in outcome.calls if not isinstance(call.arguments, str)]
        details = outcome.stop_details or {}
        return Says(
            outcome.text,
            explores=[dict(one) for one in calls],
            end=outcome.stop_reason,
            detail=str(details.get("explanation") or ""),
        )

    def _fails(self, fault: Fault) -> Says:
        if fault.kind == "stall":
            return Says(seconds=fault.seconds)
        kind: type[ModelError] = ModelUnavailable
        if fault.kind == "status" and fault.status < 429:
            kind = ModelRejected
        return Says(error=kind(self.name, fault.message, charge=Charge(Usage(requests=1))))


@dataclass
class RealStand(Stand):
    """The smallest real weights, which say what they like."""

    weights: Path
    abilities = Abilities(
        tools=False,
        images=False,
        efforts=False,
        refuses=False,
        billing="free",
        scripted=False,
        faulty=False,
    )
    name = SMALLEST.name

    def __post_init__(self) -> None:
        local = EmbeddedModel(self.name, self.weights, context_tokens=SMALLEST.context_tokens)
        self.watched = Watched(local)

    @override
    def open(self) -> Model:
        return self.watched

    @override
    def script(self, *outcomes: ApiReply | Fault) -> None:
        pass

    @override
    def conversations(self) -> Sequence[Sequence[Json]]:
        return []

    @override
    def written(self) -> Sequence[Json]:
        return self.watched.turns

    @override
    def efforts(self) -> Sequence[str | None]:
        return [None, None]

    @override
    async def under_way(self, count: int) -> None:
        while self.watched.writing < count:
            await pause()

    @override
    async def left(self, count: int) -> None:
        pass


SERVED: dict[type[ApiStand], ChatEndpoint | None] = {
    ClaudeStand: None,
    ChatStand: OPENAI,
    BareStand: BARE,
    LocalStand: replace(LLAMA, api_key=None),
}
IN_PROCESS = [
    pytest.param(kind, check, id=f"{kind.__name__}-{check.__name__}")
    for kind in (ClaudeStand, ChatStand, BareStand)
    for check in checks_for(kind.abilities)
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stand_of(kind: type[ApiStand], stack: ExitStack) -> ApiStand:
    endpoint = SERVED[kind]
    api = MessagesApi(api_key=API_KEY) if endpoint is None else ChatApi(endpoint)
    return kind(api, stack.enter_context(serve(api)))


@pytest.mark.parametrize(("kind", "check"), IN_PROCESS)
async def test_a_model_behind_an_api_conforms(
    kind: type[ApiStand], check: Check, stack: ExitStack
) -> None:
    await check(stand_of(kind, stack))


@pytest.mark.parametrize(
    "check", checks_for(ScriptedStand.abilities), ids=lambda check: check.__name__
)
async def test_the_scripted_model_conforms(check: Check) -> None:
    await check(ScriptedStand())


@on_asyncio
@pytest.mark.parametrize(
    "check", checks_for(LocalStand.abilities), ids=lambda check: check.__name__
)
async def test_the_embedded_model_conforms(
    check: Check, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text(BINDING)
    weights = tmp_path / "weights.gguf"
    weights.touch()
    import_first(tmp_path, monkeypatch)
    stand = stand_of(LocalStand, stack)
    monkeypatch.setenv("DOUBLE_OF_LLAMA_CPP", stand.url)
    monkeypatch.setattr(LocalStand, "weights", weights)
    # Where a reply breaks off, the child is waited for, which lives on here.
    monkeypatch.setattr(llama_process, "DEATH_GRACE", 0.05)

    await check(stand)


@pytest.fixture(scope="module")
def real_weights() -> Path:
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


@on_asyncio
@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("check", checks_for(RealStand.abilities), ids=lambda check: check.__name__)
async def test_an_embedded_model_with_real_weights_conforms(
    check: Check, real_weights: Path
) -> None:
    await check(RealStand(real_weights))


def test_every_check_is_passed_by_someone_and_its_number_says_its_place() -> None:
    passed = {check for kind in SERVED for check in checks_for(kind.abilities)}

    assert passed == set(CHECKS)
    assert [int(check.__name__.split("_")[1]) for check in CHECKS] == [*range(1, len(CHECKS) + 1)]
