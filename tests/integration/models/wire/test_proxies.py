"""Making the client is part of the call: proxies and certificates, both adapters and both doors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import anyio.to_thread
import pytest
from mcp import Client

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.wire.proxies import proxy_of, socks_fault, tls
from atlas_mcp.program import main
from atlas_mcp.server.app import make_server
from tests.support.claude_models import claude_model
from tests.support.networks import Authority, speaking_tls, tunnelling
from tests.support.odd_endpoints import ASK, CHAT, CLAUDE, KEY
from tests.support.raw_servers import answering, once

AnyModel: TypeAlias = Claude | OpenAICompatible

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


def claude(url: str) -> AnyModel:
    return claude_model("claude-opus-5-5", base_url=url, api_key=KEY)


def chat(url: str) -> AnyModel:
    return OpenAICompatible(ModelSpec("openai/m", endpoint={"base_url": f"{url}/v1"}), api_key=KEY)


both = pytest.mark.parametrize("make", [claude, chat])


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Generator[pytest.MonkeyPatch]:
    """Leave nothing of the network in the environment."""
    for name in list(os.environ):
        if name.upper().endswith(("_PROXY", "_CA_BUNDLE", "_CA_CERTS")) or "SSL_CERT" in name:
            monkeypatch.delenv(name)
    tls.cache_clear()
    yield monkeypatch
    tls.cache_clear()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def answer(path: str) -> str:
    return CLAUDE if path.startswith("/v1/messages") else CHAT


async def failure_of(model: AnyModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.generate(ASK)
    await model.aclose()
    return caught.value


def is_refused_for_nothing(error: ModelError) -> bool:
    """Return whether a call is over at once, and nobody can have been paid for it."""
    return (
        isinstance(error, ModelRejected) and error.complete and not (error.charge or NO_CHARGE).cost
    )


# Certificates


@both
@on_asyncio
async def test_an_authority_of_ones_own_is_trusted_once_it_is_named(
    make: Callable[[str], AnyModel], authority: Authority, bare: pytest.MonkeyPatch
) -> None:
    with speaking_tls(authority.context(), answer) as url:
        unknown = await failure_of(make(url))
        bare.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        elsewhere = await failure_of(make(url))
        bare.setenv("SSL_CERT_FILE", str(authority.file))
        tls.cache_clear()
        model = make(url)
        reply = await model.generate(ASK)
        await model.aclose()

    for error in (unknown, elsewhere):
        assert is_refused_for_nothing(error)
        for words in ("certificate is not trusted", "set SSL_CERT_FILE", url):
            assert words in error.message
    assert "REQUESTS_CA_BUNDLE is set, which is not read here" in elsewhere.message
    assert reply.turn.text == "42"


@both
@on_asyncio
async def test_a_certificate_for_another_host_or_time_is_told_as_that(
    make: Callable[[str], AnyModel], authority: Authority, bare: pytest.MonkeyPatch
) -> None:
    bare.setenv("SSL_CERT_FILE", str(authority.file))
    with speaking_tls(authority.context("example.org"), answer) as url:
        other = await failure_of(make(url))
    with speaking_tls(authority.context(days=-1), answer) as url:
        old = await failure_of(make(url))

    assert is_refused_for_nothing(other)
    assert is_refused_for_nothing(old)
    assert "check the address" in other.message
    assert "check the clock" in old.message


def unusable(folder: Path) -> dict[str, tuple[str, Path]]:
    """Return what a variable of certificates may name and should not."""
    (folder / "empty").write_text("")
    (folder / "words").write_text("hello")
    (folder / "folder").mkdir()
    return {
        "missing": ("SSL_CERT_FILE", folder / "none.pem"),
        "empty": ("SSL_CERT_FILE", folder / "empty"),
        "no PEM": ("SSL_CERT_FILE", folder / "words"),
        "a folder": ("SSL_CERT_FILE", folder / "folder"),
        "no folder": ("SSL_CERT_DIR", folder / "none"),
        "a file": ("SSL_CERT_DIR", folder / "words"),
        "an empty folder": ("SSL_CERT_DIR", folder / "folder"),
    }


@both
@on_asyncio
async def test_certificates_that_cannot_be_read_are_told_by_their_variable(
    make: Callable[[str], AnyModel], tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    for variable, path in unusable(tmp_path).values():
        with bare.context() as context:
            context.setenv(variable, str(path))
            tls.cache_clear()
            error = await failure_of(make("https://example.org"))

        assert is_refused_for_nothing(error)
        assert variable in error.message
        assert "correct it, or unset it" in error.message


# Proxies


@both
@on_asyncio
async def test_calls_go_through_a_proxy_to_whoever_is_trusted(
    make: Callable[[str], AnyModel], authority: Authority, bare: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    with (
        speaking_tls(authority.context("example.org"), answer) as url,
        tunnelling(url.removeprefix("https://"), seen) as proxy,
    ):
        bare.setenv("https_proxy", proxy)
        unknown = await failure_of(make("https://example.org"))
        bare.setenv("SSL_CERT_FILE", str(authority.file))
        tls.cache_clear()
        model = make("https://example.org")
        reply = await model.generate(ASK)
        await model.aclose()

    assert seen[-1].startswith(b"CONNECT example.org:443 ")
    assert is_refused_for_nothing(unknown)
    assert "through the proxy that https_proxy names: its certificate" in unknown.message
    assert reply.turn.text == "42"


def saying(status: str, body: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n"
    return f"{head}{body}".encode()


PAGE = "<!doctype html><html><title>Sign in</title></html>"


@both
@on_asyncio
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (saying("407 Proxy Authentication Required"), "asks for a name and a password"),
        (saying("407 Who are you", PAGE), "asks for a name and a password (407 Who are you)"),
        (saying("403 Blocked by policy", PAGE), "not let the call through (403 Blocked by policy)"),
        # By which of its packets comes first.
        (saying("200 OK", PAGE), "does not speak TLS|check that the proxy is running"),
        (b"", "check that the proxy is running"),
        (b"hello\r\n\r\n", "check that the proxy is running"),
    ],
    ids=["407", "407 page", "403", "page", "closes", "no HTTP"],
)
async def test_a_proxy_that_lets_no_call_through_is_told_at_once(
    make: Callable[[str], AnyModel], bare: pytest.MonkeyPatch, said: bytes, words: str
) -> None:
    with answering(once(said)) as proxy:
        bare.setenv("HTTPS_PROXY", proxy)
        error = await failure_of(make("https://example.org"))

    assert is_refused_for_nothing(error)
    assert any(one in error.message for one in words.split("|"))
    assert "HTTPS_PROXY" in error.message


@both
@on_asyncio
async def test_a_proxy_that_finds_nobody_for_now_is_asked_again(
    make: Callable[[str], AnyModel], bare: pytest.MonkeyPatch
) -> None:
    with answering(once(saying("503 Service Unavailable"))) as proxy:
        bare.setenv("HTTPS_PROXY", proxy)
        error = await failure_of(make("https://example.org"))

    assert isinstance(error, ModelUnavailable)
    assert "503 Service Unavailable" in error.message
    assert error.complete


@both
@on_asyncio
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://proxy.invalid:3128"])
async def test_a_proxy_that_is_not_there_is_told_at_once(
    make: Callable[[str], AnyModel], bare: pytest.MonkeyPatch, proxy: str
) -> None:
    bare.setenv("ALL_PROXY", proxy)

    error = await failure_of(make("https://example.org"))

    assert is_refused_for_nothing(error)
    assert "check that the proxy is running, ALL_PROXY" in error.message


def test_a_fault_of_the_package_that_talks_to_socks_proxies_is_one_of_the_proxy() -> None:
    made = type("ProtocolError", (Exception,), {"__module__": "socksio.exceptions"})

    assert socks_fault(made("Malformed reply")) == "it does not speak SOCKS: Malformed reply"
    assert socks_fault(OSError("cut")) is None


@pytest.mark.parametrize(
    ("no_proxy", "address", "direct"),
    [
        ("example.org", "https://example.org/v1", True),
        ("example.org", "https://api.example.org/v1", True),
        (".example.org", "https://api.example.org/v1", True),
        (".example.org", "https://example.org/v1", True),
        ("*.example.org", "https://api.example.org/v1", True),
        ("EXAMPLE.ORG", "https://api.example.org/v1", True),
        ("example.org.", "https://example.org/v1", True),
        ("example.org", "https://myexample.org/v1", False),
        ("example.org:8443", "https://example.org:8443/v1", True),
        ("example.org:8443", "https://example.org/v1", False),
        ("example.org:443", "https://example.org/v1", True),
        ("https://example.org/", "https://example.org/v1", True),
        ("a.test b.test", "https://b.test/v1", True),
        ("a.test, b.test", "https://b.test/v1", True),
        ("a.test,*", "https://b.test/v1", True),
        ("*", "https://b.test/v1", True),
        ("", "https://b.test/v1", False),
        (",", "https://b.test/v1", False),
        (".", "https://b.test/v1", False),
        ("10.0.0.0/8", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8:80", "http://10.1.2.3/v1", True),
        ("10.1.2.3", "http://10.1.2.3:8000/v1", True),
        ("10.1.2.3:8000", "http://10.1.2.3:8000/v1", True),
        ("10.1.2.3:8001", "http://10.1.2.3:8000/v1", False),
        ("10.0.0.0/99", "http://10.1.2.3/v1", False),
        ("fd00::1", "http://[fd00::1]:8000/v1", True),
        ("[fd00::1]", "http://[fd00::1]/v1", True),
        ("[fd00::1]:8000", "http://[fd00::1]:8000/v1", True),
        ("fd00::/8", "http://[fd00::1]/v1", True),
    ],
)
def test_no_proxy_is_read_in_all_its_forms(
    bare: pytest.MonkeyPatch, no_proxy: str, address: str, direct: bool
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        bare.setenv(name, "http://proxy.test:3128")
    bare.setenv("NO_PROXY", no_proxy)

    assert (proxy_of(address) is None) == direct


# Both doors

CONFIG = """\
[orchestrator]
model = "s"
[solvers.s]
model = "{model}"
base_url = "{url}"
api_key_env = "MY_KEY"
price = {{ input = 1, output = 1 }}
"""


def configured(folder: Path, bare: pytest.MonkeyPatch, model: str, url: str) -> None:
    (folder / "atlas.toml").write_text(CONFIG.format(model=model, url=url))
    bare.setenv("ATLAS_CONFIG", str(folder / "atlas.toml"))
    bare.setenv("ATLAS_HOME", str(folder / "home"))
    bare.setenv("MY_KEY", KEY)


WRONG: dict[str, tuple[dict[str, str], bytes | None]] = {
    "SSL_CERT_FILE": ({"SSL_CERT_FILE": "/nonexistent.pem"}, None),
    "SSL_CERT_DIR": ({"SSL_CERT_DIR": "/nonexistent"}, None),
    "ALL_PROXY": ({"ALL_PROXY": "socks://127.0.0.1:7890"}, None),
    "HTTPS_PROXY": ({}, saying("407 Proxy Authentication Required")),
}

BAD_WORDS = ("Traceback", "may have been billed", "is gone", "died", "gave up after")


@pytest.mark.parametrize("model", ["openai/m", "anthropic/claude-opus-5-5"])
@pytest.mark.parametrize("variable", WRONG)
def test_the_command_line_says_what_is_wrong_with_the_network_in_one_line(
    tmp_path: Path,
    bare: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    model: str,
) -> None:
    configured(tmp_path, bare, model, "https://example.org/v1")
    variables, said = WRONG[variable]
    for name, value in variables.items():
        bare.setenv(name, value)
    with answering(once(said or b"")) as proxy:
        if said is not None:
            bare.setenv(variable, proxy)
        code = main(["solve", "6 * 7?", "--json"])
    captured = capfd.readouterr()
    told = captured.err + captured.out

    assert code in {1, 2}
    assert variable in told
    assert not [words for words in BAD_WORDS if words in told]


@on_asyncio
@pytest.mark.parametrize("variable", WRONG)
async def test_a_client_is_told_the_same(
    tmp_path: Path, bare: pytest.MonkeyPatch, variable: str
) -> None:
    configured(tmp_path, bare, "openai/m", "https://example.org/v1")
    variables, said = WRONG[variable]
    for name, value in variables.items():
        bare.setenv(name, value)
    with answering(once(said or b"")) as proxy:
        if said is not None:
            bare.setenv(variable, proxy)
        settings = await anyio.to_thread.run_sync(load_settings, dict(os.environ))
        async with Client(make_server(settings)) as client:
            result = await client.call_tool("solve_with_atlas", {"problem": "6 * 7?"})
    told = json.dumps(result.model_dump(mode="json"))

    assert variable in told
    assert not [words for words in BAD_WORDS if words in told]
