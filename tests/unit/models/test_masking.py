"""Which headers of a request hold a secret."""

from __future__ import annotations

import pytest

from atlas_mcp.models.masking import Secrets


@pytest.mark.parametrize("name", ["anthropic-beta", "Anthropic-Beta", "HTTP-Referer", "X-Title"])
def test_a_header_that_says_nothing_to_keep_leaves_an_answer_as_it_is(name: str) -> None:
    secrets = Secrets()
    secrets.add_headers({name: "interleaved-thinking-2025-05-14"})

    assert secrets.blot("interleaved-thinking-2025-05-14 is a beta") == (
        "interleaved-thinking-2025-05-14 is a beta"
    )


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "cookie", "x-gateway"])
def test_what_any_other_header_holds_is_blotted_out(name: str) -> None:
    secrets = Secrets()
    secrets.add_headers({name: "s3cr3t-of-a-gateway"})

    assert secrets.blot("it was s3cr3t-of-a-gateway") == "it was ***"
