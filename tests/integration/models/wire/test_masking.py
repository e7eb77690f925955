"""A secret that an endpoint repeats is told to nobody, wherever and however it is written."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.errors import ModelError
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.wire import decoding
from atlas_mcp.models.wire.masking import Secrets, guard_logs
from tests.support.claude_models import claude_model
from tests.support.drawing import draws
from tests.support.raw_servers import Answer, answering, heading, once

ASK = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=100)
KEY = "sk-Secret/of+ours-42=="
PLAIN_KEY = "sk-Secret-of-ours-42"
"""One that may stand in the name of a host."""

AnyModel: TypeAlias = Claude | OpenAICompatible
Encoding: TypeAlias = Callable[[str], str]


def claude(url: str, key: str = KEY) -> AnyModel:
    return claude_model("claude-x", base_url=url, api_key=key)


def chat(url: str, key: str = KEY) -> AnyModel:
    return OpenAICompatible(ModelSpec("openai/m", endpoint={"base_url": f"{url}/v1"}), api_key=key)


MODELS = {"claude": claude, "chat": chat}


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ENCODINGS: dict[str, Encoding] = {
    "as it is": str,
    "with its scheme": lambda key: f"Bearer {key}",
    "in capitals": str.upper,
    "in small letters": str.lower,
    "of an address": lambda key: quote(key, safe=""),
    "of an address, in small digits": lambda key: re.sub(
        "%..", lambda found: found[0].lower(), quote(key, safe="")
    ),
    "of an address, all of it": lambda key: "".join(f"%{one:02x}" for one in key.encode()),
    "of an address, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "of a form": quote_plus,
    "base64": in_base64,
    "base64 of an address": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64, escaped": lambda key: quote(in_base64(key), safe=""),
    "a login": lambda key: f"Basic {in_base64(f'user:{key}')}",
    "within base64": lambda key: in_base64(f"a{key}bcd"),
    "JSON": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON, escaped": lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    "JSON, in capitals": lambda key: "".join(f"\\u{ord(one):04X}" for one in key),
    "a program, in braces": lambda key: "".join(f"\\u{{{ord(one):x}}}" for one in key),
    "a program, in eight": lambda key: "".join(f"\\U{ord(one):08x}" for one in key),
    "a page, unended": lambda key: "".join(f"&#{ord(one)}" for one in key),
    "JSON in JSON": lambda key: "".join(f"\\\\u{ord(one):04x}" for one in key),
    "a program": lambda key: "".join(f"\\x{one:02x}" for one in key.encode()),
    "a web page": lambda key: html.escape(key).replace("/", "&#x2F;").replace("+", "&plus;"),
    "a web page, all of it": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal, in capitals": lambda key: key.encode().hex().upper(),
}


RARE: dict[str, Encoding] = {
    "a mail": lambda key: "".join(f"={one:02X}" for one in key.encode()),
    "a mail, over lines": lambda key: f"{key[:9]}=\n{key[9:]}",
    "a program, in eights": lambda key: "".join(f"\\{one:03o}" for one in key.encode()),
    "a program, over lines": lambda key: json.dumps(f"{key[:9]}\n{key[9:]}")[1:-1],
    "two bytes a character": lambda key: key.encode("utf-16-le").decode(),
    "four bytes a character": lambda key: key.encode("utf-32-be").decode("latin-1"),
    "with what is not seen": lambda key: "\u200b".join(key),
    "base64, twice": lambda key: in_base64(in_base64(key)),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "within base32": lambda key: base64.b32encode(f"ab{key}c".encode()).decode(),
    "numbers": lambda key: str(list(key.encode())),
    "hexadecimal numbers": lambda key: ", ".join(map(hex, key.encode())),
    "hexadecimal, apart": lambda key: key.encode().hex(":"),
    "hexadecimal, far apart": lambda key: key.encode().hex(" "),
}
"""Those that no place is tried with."""

ALL = ENCODINGS | RARE

CASED = {"a web page", "a web page, all of it", "a program, in eight"}
"""Those of which a change of case makes something else."""


def error_of(status: int, value: object) -> Answer:
    return once(heading(status, "application/json"), json.dumps(value).encode())


PLACES: dict[str, Callable[[str], Answer]] = {
    "id": lambda text: once(
        heading(400, "application/json", x_request_id=text, request_id=text), b"{}"
    ),
    "id of a stream that breaks off": lambda text: once(
        heading(x_request_id=text, request_id=text)
    ),
    "content type": lambda text: once(heading(200, text), b"x"),
    "content type of an error": lambda text: once(heading(500, text), b"x"),
    "coding": lambda text: once(heading(content_encoding=text), b"x"),
    "host of a redirect": lambda text: once(heading(307, location=f"https://{text}.example.org/x")),
    "path of a redirect": lambda text: once(heading(307, location=f"https://x.org/{text}")),
    "words": lambda text: error_of(400, {"error": {"message": f"got {text}"}}),
    "words of a server": lambda text: error_of(503, {"error": {"message": f"got {text}"}}),
    "words, forbidden": lambda text: error_of(403, {"detail": [{"loc": [text], "msg": "no"}]}),
    "code": lambda text: error_of(404, {"error": {"code": text}}),
    "plain words": lambda text: once(heading(418, "text/plain"), f"got {text}".encode()),
    "words far behind": lambda text: error_of(400, {"error": f"{' ' * 1_990}{text}"}),
    "words at their end": lambda text: error_of(400, {"error": f"{'x' * 490}{text}"}),
    "title": lambda text: once(
        heading(502, "text/html"), f"<html><title>got {text}</title>".encode()
    ),
    "JSON in place of a stream": lambda text: once(
        heading(200, "application/json"), json.dumps({"error": text}).encode()
    ),
    "a stream of chat": lambda text: once(
        heading(), b'data: {"error": {"message": %s}}\n\n' % json.dumps(text).encode()
    ),
    "a stream of messages": lambda text: once(
        heading(),
        b'event: error\ndata: {"type": "error", "error": {"type": "x", "message": %s}}\n\n'
        % json.dumps(text).encode(),
    ),
    "garbage": lambda text: once(heading(), f"event: x\ndata: {text}\n\n".encode()),
}


def shows(text: str, shown: str) -> bool:
    """Return whether a secret stands in what is shown, as it was written or as it is."""
    forms = (text, KEY, KEY[4:-4], PLAIN_KEY, PLAIN_KEY[4:-4])
    return any(form.lower() in shown.lower() for form in forms)


@pytest.mark.parametrize("adapter", MODELS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.every_day(2)
@pytest.mark.requirement("CONF-8")
async def test_no_place_of_an_answer_gives_a_key_away(
    adapter: str, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name, encode in ENCODINGS.items():
        key = PLAIN_KEY if "redirect" in place else KEY
        text = encode(key)
        for look in (False, True) if name in ("as it is", "base64") else (False,):
            with answering(PLACES[place](text)) as url:
                model = MODELS[adapter](url, key)
                try:
                    await (model.is_there() if look else model.generate(ASK))
                except ModelError as error:
                    told = f"{error} {error!r} {error.request_id} {error.__cause__!r}"
                    assert not shows(text, told), (name, told)
                await model.aclose()
        assert not shows(text, caplog.text), name
        caplog.clear()


REPLY = """\
data: {"id": "x", "choices": [{"index": 0, "delta": {"content": %s}, "finish_reason": "stop"}]}

data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}

"""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_key_that_a_reply_repeats_is_not_kept() -> None:
    answer = once(heading(x_request_id=KEY), (REPLY % json.dumps(f"It is {KEY}.")).encode())
    with answering(answer) as url:
        model = MODELS["chat"](url)
        reply = await model.generate(ASK)
        await model.aclose()

    assert reply.turn.text == "It is ***."
    assert KEY not in repr(reply)


@settings(max_examples=draws(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(secret="000000\\0", layers=["JSON"], before="", behind="")
@example(secret="00000000=1", layers=["a program, over lines"], before="", behind="")
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
    layers=st.lists(st.sampled_from(sorted(ALL)), max_size=2),
    before=st.text(max_size=40),
    behind=st.text(max_size=40),
)
def test_a_secret_is_found_under_two_encodings_upon_each_other(
    secret: str, layers: list[str], before: str, behind: str
) -> None:
    secrets = Secrets()
    secrets.add(secret)
    # What is packed as a whole hides what is within; one such is looked for, and only inside.
    packs = ("base64", "base32", "login", "hex", "numbers", "bytes")
    whole = [name for name in layers if any(pack in name for pack in packs)]
    written = secret
    if "of a form" in layers and any("apart" in name or "numbers" in name for name in layers):
        # The spaces between them are signs of plus there.
        return
    # Lines are broken before anything is escaped: a break within an escape makes another of it.
    order = sorted(set(layers) - set(whole[1:]), key=lambda it: ("lines" not in it, it))
    for name in sorted(order, key=lambda it: it not in whole):
        written = ALL[name](written)
    if set(layers) & {"in capitals", "in small letters"} and len(set(layers) & CASED) > 0:
        return

    told = secrets.mask(f"{before} {written} {behind}")

    assert written not in told
    assert secret not in told


@settings(max_examples=draws(200), deadline=None)
@given(text=st.text(max_size=200))
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    secrets = Secrets()
    secrets.add("sk-that-is-not-in-it", "Bearer sk-that-is-not-in-it")

    assert secrets.mask(text) == text


def test_a_value_of_any_depth_is_searched() -> None:
    secrets = Secrets()
    secrets.add(KEY)
    deep: Any = {"it": KEY}
    for _ in range(5_000):
        deep = [deep]

    found: Any = secrets.mask_value(deep)
    for _ in range(5_000):
        [found] = found

    assert found == {"it": "***"}


def test_a_short_key_is_masked_where_it_stands_alone() -> None:
    secrets = Secrets()
    secrets.add("k")

    assert secrets.mask("a key, k, is unknown") == "a key, ***, is unknown"


def test_of_a_proxys_address_name_and_password_are_secrets() -> None:
    secrets = Secrets()
    secrets.add_address("http://someone:p%40ssw0rd@proxy.example.org:8080")

    said = secrets.mask(f"p@ssw0rd p%40ssw0rd {in_base64('someone:p@ssw0rd')} proxy.example.org")

    assert said == "*** *** ***A== proxy.example.org"


def test_a_secret_in_which_a_text_breaks_off_is_masked() -> None:
    secrets = Secrets()
    secrets.add(KEY)

    assert secrets.mask(f"it got {KEY[:-3]}") == "it got ***"
    assert secrets.mask(f"it got {KEY[:5]}") == f"it got {KEY[:5]}"


def test_a_log_of_a_vendors_client_with_a_format_that_does_not_fit_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("httpcore2.tests")
    secrets = Secrets()
    secrets.add(KEY)
    guard_logs()

    with caplog.at_level(logging.DEBUG, logger=log.name):
        log.warning("%d bytes", KEY)

    assert "%d bytes" in caplog.text
    assert KEY not in caplog.text


@settings(max_examples=draws(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    layers=st.lists(st.lists(st.sampled_from(sorted(ALL)), max_size=2), max_size=4),
    between=st.text(st.sampled_from("%25\\u0041&#65;= \r\n\u200b\0abÂ\xad{}"), max_size=40),
    size=st.integers(1, 40),
)
def test_a_text_is_told_alike_whatever_it_is_cut_into(
    layers: list[list[str]], between: str, size: int
) -> None:
    secrets = Secrets()
    secrets.add(KEY)
    text = between
    for names in layers:
        written = KEY
        for name in names:
            written = ALL[name](written)
        text += written + between
    whole = secrets.mask(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PIECE", size)

        assert secrets.mask(text) == whole


@pytest.mark.every_day(1)
@pytest.mark.parametrize("unit", ["word and ", "%41", "%2525252541"])
def test_a_long_text_with_a_secret_in_it_takes_little_memory(unit: str) -> None:
    secrets = Secrets()
    secrets.add(KEY)
    text = unit * (400_000 // len(unit)) + KEY
    tracemalloc.start()
    try:
        told = secrets.mask(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert told == text.removesuffix(KEY) + "***"
    assert peak < 60 * len(text)
