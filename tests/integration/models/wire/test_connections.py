"""What goes to which address, and what an answer that is no reply means: both adapters alike."""

from __future__ import annotations

import base64
import json
from functools import partial
from urllib.parse import quote

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.chat.connection import ChatConnection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude import connection as claude_connection
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.wire import proxies
from atlas_mcp.models.wire.connections import RouteClosed
from atlas_mcp.models.wire.proxies import Proxy, check_proxy, proxy_of, tls
from tests.support.claude_models import claude_model
from tests.support.odd_endpoints import ASK, JSON, KEY, Make, Place, always, failure_of, good

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

    with pytest.raises(RouteClosed, match=says):
        await connection.client()


async def test_the_environments_own_address_gets_all_that_it_holds_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "env-key \r\n")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-company: env-secret")
    place = Place(good)
    with place.serving() as here:
        connection = ClaudeConnection(own_address=f"{here}/v1/")
        await claude_model("claude-opus-5-5", connection=connection).generate(ASK)
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
        error = await failure_of(claude_model("claude-opus-5-5", base_url=here))

    assert "no credentials" in str(error)
    assert not place.asked


async def test_the_query_of_an_address_comes_behind_the_path_of_every_call() -> None:
    place = Place(good)
    with place.serving() as here:
        chat = OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{here}/d?api-version=1"})
        )
        claude = claude_model("m", base_url=f"{here}?api-version=2", api_key=KEY)
        # The way to ask some gateways for their newest version.
        empty = claude_model("m", base_url=f"{here}?api-version=", api_key=KEY)
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
            model = claude_model("claude-opus-5-5", base_url=address, api_key=f" {KEY}\n")
            await model.generate(ASK)
            await model.aclose()

    of_vendor, of_gateway = (headers for _, _, headers in place.asked)
    assert of_vendor["x-api-key"] == KEY
    assert of_gateway["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in of_vendor
    assert not {"x-api-key", "x-company"} & of_gateway.keys()
    assert "x-company" not in of_vendor


@pytest.mark.every_day(16)
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
    with pytest.raises(RouteClosed):
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


CHARSETS = ("nonsense", "hex", "idna", "undefined", "utf-16", "utf-7", "", '"', "punycode")


@pytest.mark.every_day(8)
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
