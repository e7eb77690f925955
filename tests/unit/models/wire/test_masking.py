"""Which headers of a request hold a secret."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from atlas_mcp.models.wire.masking import Secrets


@pytest.mark.parametrize("name", ["maker-beta", "Maker-Beta", "HTTP-Referer", "X-Title"])
def test_a_header_that_says_nothing_to_keep_leaves_an_answer_as_it_is(name: str) -> None:
    secrets = Secrets(frozenset({"maker-beta"}))
    secrets.add_headers({name: "interleaved-thinking-2025-05-14"})

    assert secrets.mask("interleaved-thinking-2025-05-14 is a beta") == (
        "interleaved-thinking-2025-05-14 is a beta"
    )


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "cookie", "x-gateway"])
def test_what_any_other_header_holds_is_masked(name: str) -> None:
    secrets = Secrets()
    secrets.add_headers({name: "s3cr3t-of-a-gateway"})

    assert secrets.mask("it was s3cr3t-of-a-gateway") == "it was ***"


KEY = "sk-ant-api03-s3cr3t-of-ours"
SIGNATURE = "Eq8BCkYIAxABGAIiQ" * 40

SEALED: dict[str, dict[str, Any]] = {
    "thinking": {"type": "thinking", "thinking": "{}", "signature": SIGNATURE},
    "redacted thinking": {"type": "redacted_thinking", "data": SIGNATURE, "x": "{}"},
    "a thought": {"extra": {"thought_signature": SIGNATURE, "x": ["{}"]}},
    "a detail": {"type": "reasoning.text", "text": "{}", "signature": SIGNATURE, "index": 0},
    "an encrypted detail": {"type": "reasoning.encrypted", "data": SIGNATURE, "x": {"{}": 1}},
}


def sealed(name: str, said: str) -> dict[str, Any]:
    return json.loads(json.dumps(SEALED[name]).replace("{}", said))


def with_masks(parts: list[Any]) -> list[Any]:
    secrets = Secrets()
    secrets.add(KEY)
    return secrets.mask_value({"content": parts}, shortest=16)["content"]


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("said", ["so be it", "their keys begin with sk-ant-api03", "%2573k-ant"])
def test_what_is_sealed_stays_byte_for_byte(name: str, said: str) -> None:
    part = sealed(name, said)

    assert with_masks([part, {"type": "text", "text": "42"}])[0] == part


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("said", [KEY, f"<{KEY.upper()}>", quote(quote(KEY.replace("-", "%2D")))])
def test_what_is_sealed_with_a_secret_in_it_is_left_out_whole(name: str, said: str) -> None:
    text = {"type": "text", "text": f"The key is {KEY}."}

    *found, last = with_masks([sealed(name, said), text])

    assert last == {"type": "text", "text": "The key is ***."}
    # Of a part that is sealed within, the rest stays.
    assert found == ([{}] if name == "a thought" else [])


def test_a_seal_that_repeats_a_secret_is_none() -> None:
    assert with_masks([{"type": "thinking", "thinking": "hm", "signature": KEY}]) == []
