"""What goes to which address, and what an answer that is no reply means: both adapters alike."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import quote

import anyio
import httpx2
import pytest
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.connection import Connection as ChatConnection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude import connection as claude_connection
from atlas_mcp.models.claude.connection import Connection as ClaudeConnection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.wire import accounts, connections, proxies
from atlas_mcp.models.wire.connections import WayClosed, check_redirect
from atlas_mcp.models.wire.proxies import Proxy, check_proxy, proxy_of, tls

KEY = "sk-secret-of-ours-42"
ASK = ModelRequest("", (UserTurn((Text("What is 6 * 7?"),)),), max_tokens=100)

Answer: TypeAlias = tuple[int, dict[str, str], str]
AnyModel: TypeAlias = Claude | OpenAICompatible

CHUNKS: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "delta": {"content": "42"}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
)
EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {"content": [], "usage": {"input_tokens": 1, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "42"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 1},
    },
    {"type": "message_stop"},
)
CHAT = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS)
CLAUDE = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}


@dataclass
class Place:
    """A server that gives what `answer` says, and remembers what it was asked."""

    answer: Callable[[str, str], Answer]
    asked: list[tuple[str, str, dict[str, str]]] = field(
        default_factory=list[tuple[str, str, dict[str, str]]]
    )
    url: str = ""

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    @contextmanager
    def serving(self) -> Generator[str]:
        place = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                place.asked.append((self.command, self.path, headers))
                status, given, body = place.answer(self.command, self.path)
                data = body.encode()
                self.send_response(status)
                for name, value in {**given, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_POST = _reply
            do_GET = _reply

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self.url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def good(command: str, path: str) -> Answer:
    return 200, STREAM, CLAUDE if path.startswith("/v1/messages") else CHAT


def always(status: int, headers: dict[str, str], body: str) -> Callable[[str, str], Answer]:
    return lambda command, path: (status, headers, body)


Make: TypeAlias = Callable[..., AnyModel]


@pytest.fixture(params=["claude", "chat"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a model at an address, of either adapter."""

    def claude(url: str, key: str | None = KEY) -> AnyModel:
        return Claude("claude-opus-5-5", base_url=url, api_key=key)

    def chat(url: str, key: str | None = KEY) -> AnyModel:
        return OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{url}/chat/v1"}), api_key=key
        )

    return claude if request.param == "claude" else chat


async def failure_of(model: AnyModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.generate(ASK)
    await model.aclose()
    return caught.value


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_a_problem_to_another_address(make: Make, status: int) -> None:
    elsewhere = Place(good)
    with elsewhere.serving() as there:
        place = Place(always(status, {"location": f"{there}/secret-path?x=1"}, ""))
        with place.serving() as here:
            error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert not elsewhere.asked
    assert there in str(error)
    assert f"status {status}" in str(error)
    assert "base_url" in str(error)
    assert "secret-path" not in str(error)
    assert (error.charge or NO_CHARGE).usage.requests == 1


async def test_nor_does_one_take_the_question_whether_a_model_is_there(make: Make) -> None:
    elsewhere = Place(good)
    with (
        elsewhere.serving() as there,
        Place(always(308, {"location": there}, "")).serving() as here,
    ):
        model = make(here)
        with pytest.raises(ModelRejected, match="sends calls on to"):
            await model.is_there()
        await model.aclose()

    assert not elsewhere.asked


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1:{port}/", "//[::1]:1/", "http://[", "ftp://x/"]
)
async def test_a_redirect_to_another_scheme_or_to_nowhere_is_told(make: Make, target: str) -> None:
    place = Place(good)
    with place.serving() as here:
        port = here.rpartition(":")[2]
        place.answer = always(307, {"location": target.format(port=port)}, "")
        error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert len(place.asked) == 1


async def test_a_redirect_within_the_address_is_followed_with_the_whole_call(make: Make) -> None:
    def moved(command: str, path: str) -> Answer:
        if path.endswith("/"):
            return good(command, path)
        return 307, {"location": f"{path}/"}, ""

    place = Place(moved)
    with place.serving() as here:
        model = make(here)
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()

    assert [command for command, _, _ in place.asked] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("target", "elsewhere"),
    [
        ("/next", False),
        ("HTTP://H.Example:80/next", False),
        # Where a resolver has a search list, another host may be found without the dot.
        ("http://h.example./next", True),
        ("http://h.example:8000/next", True),
        ("https://h.example/next", True),
        ("http://h.example.org/next", True),
        ("http://h,example/next", True),
    ],
)
def test_a_place_is_the_same_however_a_redirect_writes_it(target: str, elsewhere: bool) -> None:
    request = httpx2.Request("POST", "http://h.example/v1/messages")
    response = httpx2.Response(307, headers={"location": target}, request=request)

    with pytest.raises(WayClosed) if elsewhere else nullcontext():
        check_redirect(response)


async def test_a_redirect_in_circles_is_an_address_that_is_wrong(make: Make) -> None:
    place = Place(always(307, {"location": "/again"}, ""))
    with place.serving() as here:
        error = await failure_of(make(here))

    assert isinstance(error, ModelRejected)
    assert "in circles; check base_url" in str(error)


# What goes where

ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "env-key",
    "ANTHROPIC_AUTH_TOKEN": "env-token",
    "ANTHROPIC_CUSTOM_HEADERS": "x-company: env-secret\nUser-Agent: env-agent\nHost: env-host",
    "OPENAI_API_KEY": "env-key",
    "OPENAI_ORG_ID": "env-org",
    "OPENAI_PROJECT_ID": "env-project",
    "OPENAI_CUSTOM_HEADERS": "x-company: env-secret\nAccept: env-accept",
}

READ_BY_CLIENTS = (
    *("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
    *("OPENAI_WEBHOOK_SECRET", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"),
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_WEBHOOK_SIGNING_KEY"),
    *("ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROFILE"),
    *("ANTHROPIC_CONFIG_DIR", "ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_ORGANIZATION_ID"),
    *("ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE", "ANTHROPIC_WORKSPACE_ID"),
    *("ANTHROPIC_SERVICE_ACCOUNT_ID", "ANTHROPIC_SCOPE"),
)
"""Sources: openai 3.57 (`lib/_client_auth.py`), anthropic 2.14 (`_client.py`,
`lib/credentials/_constants.py`)."""


@pytest.mark.parametrize("key", [KEY, "Basic dXNlcjpodW50ZXIy"])
async def test_an_address_gets_what_its_entry_names_and_nothing_of_the_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    place = Place(good)
    with place.serving() as here:
        model = make(here, key)
        await model.generate(ASK)
        await model.aclose()

    [(_, _, headers)] = place.asked
    assert headers["authorization"] == (key if key.startswith("Basic") else f"Bearer {KEY}")
    assert not [value for value in headers.values() if "env-" in value]


@pytest.mark.parametrize("value", ["org é", "x\ny", "\r\n", "é: é\nname\x00: x"])
async def test_what_a_header_cannot_hold_does_not_keep_an_address_from_its_calls(
    make: Make, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """All that the vendors' clients look for by themselves: none of it belongs to this address."""
    for name in READ_BY_CLIENTS:
        monkeypatch.setenv(name, value.replace("\x00", "\x01"))
    place = Place(good)
    with place.serving() as here:
        model = make(here, KEY)
        reply = await model.generate(ASK)
        await model.aclose()

    [(_, _, headers)] = place.asked
    assert reply.turn.text == "42"
    assert headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("OPENAI_ORG_ID", "OPENAI_ORG_ID in the environment holds"),
        ("OPENAI_PROJECT_ID", "OPENAI_PROJECT_ID in the environment holds"),
        ("OPENAI_CUSTOM_HEADERS", "the variable of custom headers in the environment holds"),
    ],
)
async def test_what_a_header_cannot_hold_is_told_by_its_variable_at_the_environments_own_address(
    monkeypatch: pytest.MonkeyPatch, variable: str, says: str
) -> None:
    monkeypatch.setenv(variable, "a: é")
    connection = ChatConnection(None, KEY)

    with pytest.raises(WayClosed, match=says):
        await connection.client()


async def test_the_environments_own_address_gets_all_that_it_holds_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "env-key \r\n")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-company: env-secret")
    place = Place(good)
    with place.serving() as here:
        connection = ClaudeConnection(own_address=f"{here}/v1/")
        await Claude("claude-opus-5-5", connection=connection).generate(ASK)
        await connection.aclose()

    [(_, path, headers)] = place.asked
    assert path == "/v1/messages"
    assert headers["authorization"] == "Bearer env-key"
    assert headers["x-company"] == "env-secret"


@pytest.mark.parametrize("empty", ["", " "])
async def test_an_address_that_is_set_and_empty_is_an_unset_one(
    monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", empty)
    connection = ClaudeConnection(api_key=KEY)

    assert str((await connection.client()).base_url) == "https://api.anthropic.com"

    await connection.aclose()


async def test_a_gateway_without_a_key_of_its_own_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "env-token")
    place = Place(good)
    with place.serving() as here:
        error = await failure_of(Claude("claude-opus-5-5", base_url=here))

    assert "no credentials" in str(error)
    assert not place.asked


async def test_the_query_of_an_address_comes_behind_the_path_of_every_call() -> None:
    place = Place(good)
    with place.serving() as here:
        chat = OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{here}/d?api-version=1"})
        )
        claude = Claude("m", base_url=f"{here}?api-version=2", api_key=KEY)
        # The way to ask some gateways for their newest version.
        empty = Claude("m", base_url=f"{here}?api-version=", api_key=KEY)
        for model in (chat, claude, empty):
            await model.generate(ASK)
            await model.aclose()

    assert place.paths == [
        "/d/chat/completions?api-version=1",
        "/v1/messages?api-version=2",
        "/v1/messages?api-version=",
    ]


@pytest.mark.parametrize("path", ["", "/", "/v1"])
async def test_an_entry_that_names_the_vendors_own_address_shows_its_key_as_the_vendor_wants_it(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-company: env-secret")
    place = Place(good)
    with place.serving() as here, place.serving() as gateway:
        monkeypatch.setattr(claude_connection, "OWN_ADDRESS", here)
        for address in (f"{here}{path}", gateway):
            model = Claude("claude-opus-5-5", base_url=address, api_key=f" {KEY}\n")
            await model.generate(ASK)
            await model.aclose()

    of_vendor, of_gateway = (headers for _, _, headers in place.asked)
    assert of_vendor["x-api-key"] == KEY
    assert of_gateway["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in of_vendor
    assert not {"x-api-key", "x-company"} & of_gateway.keys()
    assert "x-company" not in of_vendor


# A key that is refused

EMPTY = json.dumps({"error": {"type": "x", "message": "Your credit balance is too low."}})
REFUSALS: dict[str, tuple[int, str, str]] = {
    "a refused key": (401, '{"error": "no"}', "key is refused"),
    "no credit": (402, "{}", "no credit is left"),
    "no credit in words": (400, EMPTY, "no credit is left: Your credit balance"),
    "a quota": (429, '{"error": {"code": "insufficient_quota"}}', "no credit is left"),
    "billing": (429, '{"error": {"code": "billing_not_active"}}', "no credit is left"),
    "arrears": (403, '{"code": "Arrearage", "message": "No."}', "no credit is left"),
    "a closed account": (403, '{"error": {"code": "account_deactivated"}}', "key is refused"),
    "an old key": (403, '{"error": {"code": "key_expired"}}', "the API key is refused"),
    "no credit, forbidden": (403, '{"error": "You have no credits left"}', "no credit is left"),
    "an invalid key": (
        400,
        '{"error": {"message": "m", "details": [{"reason": "API_KEY_INVALID"}]}}',
        "key is refused",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_key_that_is_refused_is_refused_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    status, body, cause = REFUSALS[name]
    place = Place(always(status, JSON, body))
    errors: list[ModelError] = []

    async def ask(model: AnyModel) -> None:
        with pytest.raises(ModelRejected, match=cause) as caught:
            await model.generate(ASK)
        errors.append(caught.value)

    # However busy the machine is that this runs on, the first answer is waited for.
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 15.0)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(ask, model)
                group.start_soon(ask, model)
            await ask(model)
        await model.aclose()

    assert len(place.asked) == 1, "two at once, and one afterwards"
    assert len({str(error) for error in errors}) == 1
    assert sorted((error.charge or NO_CHARGE).usage.requests for error in errors) == [0, 0, 1]


async def test_an_account_that_is_found_empty_inside_a_stream_is_too() -> None:
    body = 'data: {"error": {"code": 402, "message": "no money"}}\n\n'
    place = Place(always(200, STREAM, body))
    with place.serving() as here:
        model = OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{here}/v1"}), api_key=KEY
        )
        for _ in range(3):
            with pytest.raises(ModelRejected, match="no money"):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 1


@pytest.mark.parametrize(("status", "asked"), [(401, 1), (402, 2)])
async def test_a_refused_key_is_refused_to_all_models_and_missing_credit_to_one(
    status: int, asked: int
) -> None:
    """What an account has no credit for may stand beside models that cost nothing."""
    place = Place(always(status, JSON, "{}"))
    with place.serving() as here:
        connection = ChatConnection(f"{here}/v1", KEY)
        for name in ("openai/a", "openai/b", "openai/a", "openai/b"):
            model = OpenAICompatible(ModelSpec(name), connection=connection)
            with pytest.raises(ModelRejected):
                await model.generate(ASK)
        await connection.aclose()

    assert len(place.asked) == asked


async def test_after_a_while_a_refused_key_is_tried_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "REFUSED_FOR", 0.0)
    answers = [(401, JSON, "{}")]
    place = Place(lambda command, path: answers.pop() if answers else good(command, path))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelRejected):
            await model.generate(ASK)
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()


async def test_a_key_that_was_accepted_is_doubted_when_it_is_refused_twice(make: Make) -> None:
    place = Place(good)
    with place.serving() as here:
        model = make(here)
        await model.generate(ASK)
        place.answer = always(401, JSON, "{}")
        for _ in range(4):
            with pytest.raises(ModelRejected):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 3


async def test_a_refusal_of_one_call_says_nothing_of_the_next(make: Make) -> None:
    place = Place(always(400, JSON, '{"error": "too long"}'))
    with place.serving() as here:
        model = make(here)
        for _ in range(2):
            with pytest.raises(ModelRejected, match="too long"):
                await model.generate(ASK)
        await model.aclose()

    assert len(place.asked) == 2


async def test_that_a_list_of_models_is_forbidden_says_nothing_of_calls(make: Make) -> None:
    place = Place(lambda command, path: (401, JSON, "{}") if command == "GET" else good("", path))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelRejected):
            await model.is_there()
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()


async def test_calls_wait_only_briefly_for_an_endpoint_that_is_slow_to_answer_the_first(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is answered before all of them are in flight."""
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 0.01)
    all_of_them = threading.Barrier(4)

    def together(command: str, path: str) -> Answer:
        all_of_them.wait(10)
        return good(command, path)

    place = Place(together)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(partial(model.generate, ASK))
        await model.aclose()

    assert len(place.asked) == 4


async def test_a_first_call_that_leaves_unanswered_leaves_it_to_the_next_to_find_out(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 15.0)
    arrived, may_answer = threading.Event(), threading.Event()
    first = anyio.CancelScope()

    def refused(command: str, path: str) -> Answer:
        arrived.set()
        if len(place.asked) == 1:
            may_answer.wait(10)
        return 401, JSON, "{}"

    async def leave(model: AnyModel) -> None:
        with first:
            await model.generate(ASK)

    async def ask(model: AnyModel) -> None:
        with pytest.raises(ModelRejected, match="key is refused"):
            await model.generate(ASK)

    place = Place(refused)
    with place.serving() as here:
        model = make(here)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(leave, model)
                await anyio.to_thread.run_sync(arrived.wait)
                for _ in range(3):
                    group.start_soon(ask, model)
                first.cancel()
        may_answer.set()
        await model.aclose()

    assert len(place.asked) == 2


async def test_the_wait_for_the_first_answer_begins_when_there_is_a_client_to_ask_with(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making the first one takes seconds on a cold start, in which nobody is asked."""
    events: list[str] = []
    calling, options = accounts.Account.calling, connections.Way.client_options

    def enter(account: accounts.Account, model: str) -> Any:
        events.append("call")
        return calling(account, model)

    def make_client(way: connections.Way) -> dict[str, Any]:
        events.append("client")
        return options(way)

    monkeypatch.setattr(accounts.Account, "calling", enter)
    monkeypatch.setattr(connections.Way, "client_options", make_client)
    with Place(good).serving() as here:
        model = make(here)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(model.generate, ASK)
        await model.aclose()

    assert events == ["client", "call", "call", "call", "call"]


async def test_calls_with_an_accepted_key_wait_for_nobody(make: Make) -> None:
    """Both must be in flight before either is answered."""
    both = threading.Barrier(2)

    def together(command: str, path: str) -> Answer:
        if len(place.asked) > 1:
            both.wait(10)
        return good(command, path)

    place = Place(together)
    with place.serving() as here:
        model = make(here)
        await model.generate(ASK)
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                group.start_soon(partial(model.generate, ASK))
                group.start_soon(partial(model.generate, ASK))
        await model.aclose()


# An endpoint's own words

WORDS: dict[str, object] = {
    "a string": {"error": "the reason"},
    "a message": {"message": "the reason"},
    "the usual": {"error": {"message": "the reason", "type": "t", "code": None}},
    "a message in a message": {"error": {"message": {"message": "the reason"}}},
    "JSON in a string": {"error": {"message": json.dumps({"error": {"message": "the reason"}})}},
    "a detail": {"detail": "the reason"},
    "details": {"detail": [{"loc": ["body", "n"], "msg": "the reason", "type": "t"}]},
    "errors": {"errors": [{"message": "the reason"}]},
    "errors as strings": {"errors": ["the reason"]},
    "a problem": {"type": "about:blank", "title": "Bad", "status": 400, "detail": "the reason"},
    "OAuth": {"error": "invalid", "error_description": "the reason"},
    "of OpenRouter": {
        "error": {
            "message": "Provider returned error",
            "metadata": {"raw": '{"error": "the reason"}', "provider_name": "P"},
        }
    },
    "of Google": [{"error": {"code": 400, "message": "the reason", "status": "INVALID"}}],
}


@pytest.mark.parametrize("name", WORDS)
async def test_an_endpoints_own_words_are_told_in_whatever_shape(make: Make, name: str) -> None:
    with Place(always(400, JSON, json.dumps(WORDS[name]))).serving() as here:
        error = await failure_of(make(here))

    assert "refuses the request" in str(error)
    assert "the reason" in str(error)
    assert "{" not in str(error)


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", "17", '"', "[" * 5_000, '{"error": {"error": {}}}', "\x00"]
)
async def test_an_answer_without_words_is_an_answer(make: Make, body: str) -> None:
    for status in (400, 403, 418, 503):
        with Place(always(status, JSON, body)).serving() as here:
            await failure_of(make(here))


async def test_a_long_text_is_cut(make: Make) -> None:
    with Place(always(400, {"content-type": "text/plain"}, "x" * 300_000)).serving() as here:
        error = await failure_of(make(here))

    assert "xxx…" in str(error)
    assert len(str(error)) < 1_000


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(f"Bearer {KEY}"),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
        base64.urlsafe_b64encode(f"u:{KEY}:more".encode()).decode(),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 503])
async def test_a_key_is_not_repeated_in_any_form(make: Make, form: str, status: int) -> None:
    with Place(always(status, JSON, json.dumps({"error": f"got {form}"}))).serving() as here:
        error = await failure_of(make(here))

    assert "got" in str(error)
    assert "***" in str(error)
    for part in (form, KEY, base64.b64encode(KEY.encode()).decode()[4:-4]):
        assert part not in str(error)


PAGE = "<!DOCTYPE html>\n<html><head><title>Blocked by the firewall</title></head>…</html>"


@pytest.mark.parametrize("status", [200, 401, 402, 403, 404, 429, 502])
async def test_a_web_page_is_told_as_one_whatever_its_status(make: Make, status: int) -> None:
    place = Place(always(status, HTML, PAGE))
    with place.serving() as here:
        model = make(here)
        with pytest.raises(ModelError, match="web page") as caught:
            await model.generate(ASK)
        with pytest.raises(ModelError, match="web page"):
            await model.generate(ASK)
        await model.aclose()

    error = caught.value
    assert isinstance(error, ModelUnavailable) == (status in {429, 502})
    for part in ("'Blocked by the firewall'", "proxy", "firewall", "base_url", here):
        assert part in str(error)
    assert "key" not in str(error)
    assert len(place.asked) == 2, "it says nothing of the key"


async def test_plain_words_with_403_may_be_a_firewalls(make: Make) -> None:
    with Place(always(403, {"content-type": "text/plain"}, "denied by policy")).serving() as here:
        error = await failure_of(make(here))

    assert "denied by policy" in str(error)
    assert "firewall" in str(error)


# Proxies


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "socks://x:1"])
async def test_this_machine_is_asked_without_a_proxy_or_certificates(
    make: Make, no_proxies: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        no_proxies.setenv(name, proxy)
    no_proxies.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    tls.cache_clear()
    with Place(good).serving() as here:
        model = make(here)
        assert (await model.generate(ASK)).turn.text == "42"
        await model.aclose()


async def test_certificates_that_are_not_there_are_named_by_their_variable(
    make: Make, no_proxies: pytest.MonkeyPatch
) -> None:
    no_proxies.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    tls.cache_clear()

    error = await failure_of(make("https://example.org"))

    assert "SSL_CERT_FILE" in str(error)


@pytest.mark.parametrize(
    ("variables", "address", "found"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://example.org/v1", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://example.org/v1", None),
        ({"ALL_PROXY": "p:1"}, "http://example.org/v1", "ALL_PROXY"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "example.org"}, "http://a.example.org/v1", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3/v1", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "*"}, "http://example.org/v1", None),
        ({"ALL_PROXY": "p:1"}, "http://localhost:8000/v1", None),
        ({"ALL_PROXY": "p:1"}, "http://[::1]:8000/v1", None),
        ({"ALL_PROXY": "p:1"}, "http://127.1.2.3/v1", None),
    ],
)
def test_the_proxy_of_an_address_is_told_by_its_variable(
    no_proxies: pytest.MonkeyPatch, variables: dict[str, str], address: str, found: str | None
) -> None:
    for name, value in variables.items():
        no_proxies.setenv(name, value)

    proxy = proxy_of(address)

    assert (None if proxy is None else proxy.variable) == found


def nothing_installed(name: str) -> None:
    return None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks5://u:secret@p:1", "`socksio`"),
        ("socks://u:secret@p:1", "socks5://"),
        ("http://u:secret@p:99999", "http://HOST:PORT"),
        ("http://u:secret@[::1", "http://HOST:PORT"),
        ("http://u:secret@", "http://HOST:PORT"),
        ("u:secret@a b", "http://HOST:PORT"),
        ("http://u:secret\x07@p:1", "http://HOST:PORT"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_told_before_any_call(
    make: Make, no_proxies: pytest.MonkeyPatch, url: str, words: str
) -> None:
    no_proxies.setenv("ALL_PROXY", url)
    no_proxies.setattr(proxies, "find_spec", nothing_installed)

    error = await failure_of(make("http://example.org"))

    assert isinstance(error, ModelRejected)
    assert "ALL_PROXY" in str(error)
    assert words in str(error)
    assert "secret" not in str(error)
    with pytest.raises(WayClosed):
        check_proxy(Proxy(url, "ALL_PROXY"))


async def test_what_a_proxy_asks_for_is_told_without_the_login_that_it_was_shown(
    make: Make, no_proxies: pytest.MonkeyPatch
) -> None:
    login = "someone:p%40ss-word"
    shown = base64.b64encode(b"someone:p@ss-word").decode()
    proxy = Place(always(407, JSON, json.dumps({"error": f"Basic {shown}, {login}, p@ss-word"})))
    with proxy.serving() as here:
        no_proxies.setenv("HTTP_PROXY", here.replace("//", f"//{login}@"))
        error = await failure_of(make("http://example.org"))

    [(_, _, headers)] = proxy.asked
    assert headers["proxy-authorization"] == f"Basic {shown}"
    assert "asks for a name and a password" in str(error)
    for secret in (shown[:-4], "p%40ss", "p@ss", "someone"):
        assert secret not in f"{error} {error!r}"


# Requests


async def test_redirects_that_are_followed_are_requests(make: Make) -> None:
    def moved(command: str, path: str) -> Answer:
        return good(command, path) if path.endswith("//") else (307, {"location": f"{path}/"}, "")

    place = Place(moved)
    with place.serving() as here:
        model = make(here)
        reply = await model.generate(ASK)
        place.answer = always(307, {"location": "/again"}, "")
        circles = await failure_of(model)
        place.answer = lambda command, path: (
            (400, JSON, "{}") if path.endswith("/") else (307, {"location": f"{path}/"}, "")
        )
        refused = await failure_of(make(here))

    assert reply.charge.usage.requests == 3
    made = [(error.charge or NO_CHARGE).usage.requests for error in (circles, refused)]
    assert made[1] == 2
    assert reply.charge.usage.requests + sum(made) == len(place.asked)


# Lists of models

LISTS: dict[str, tuple[dict[str, str], str]] = {
    "broken JSON": (JSON, '{"data": [{"id": "m'),
    "deep JSON": (JSON, '{"data": ' + "[" * 100_000),
    "nothing": (JSON, ""),
    "no JSON": ({"content-type": "text/plain"}, "hello"),
    "a web page": (HTML, "<!doctype html><html><title>Sign in</title></html>"),
}
FRAGMENTS = ("[]", "null", "17", '"m"', '{"data": 17}', '{"data": {"id": 1}}', '[{"id": "m"}]')
CHARSETS = ("nonsense", "hex", "idna", "undefined", "utf-16", "utf-7", "", '"', "punycode")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_list_of_models_that_cannot_be_read_is_told_as_what_it_is(
    make: Make, name: str, status: int
) -> None:
    headers, body = LISTS[name]
    with Place(always(status, headers, body)).serving() as here:
        model = make(here)
        with pytest.raises(ModelError, match=r"answers with|status 500"):
            await model.is_there()
        await model.aclose()


@pytest.mark.parametrize("body", FRAGMENTS)
async def test_a_list_of_another_shape_is_no_fault_of_ours(make: Make, body: str) -> None:
    with Place(always(200, JSON, body)).serving() as here:
        model = make(here)
        try:
            assert await model.is_there() in {True, False}
        except ModelRejected as error:
            assert "answers with" in str(error)  # noqa: PT017 - either will do
        await model.aclose()


@pytest.mark.parametrize("charset", CHARSETS)
async def test_an_answer_in_a_character_set_that_is_none_is_read_all_the_same(
    make: Make, charset: str
) -> None:
    headers = {"content-type": f"application/json; charset={charset}"}
    place = Place(always(200, headers, '{"id": "m", "data": [{"id": "m"}]}'))
    with place.serving() as here:
        model = make(here)
        assert await model.is_there()
        place.answer = always(400, headers, '{"error": "the reason"}')
        for ask in (model.is_there, partial(model.generate, ASK)):
            with pytest.raises(ModelRejected, match="the reason"):
                await ask()
        await model.aclose()
