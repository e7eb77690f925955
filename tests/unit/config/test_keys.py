"""Keys and headers as they stand in variables."""

from __future__ import annotations

import pytest

from atlas_mcp.config.keys import OWN_HEADERS, clean_key, headers_fault, key_fault, looks_like_key


@pytest.mark.parametrize(
    "given",
    [
        "sk-x",
        "sk-x\n",
        " sk-x\r\n",
        "'sk-x'",
        '"sk-x"\n',
        "\ufeffsk-x",
        "Bearer sk-x",
        "bearer  sk-x",
    ],
)
def test_a_key_is_freed_of_what_surrounds_it(given: str) -> None:
    assert clean_key(given) == "sk-x"
    assert key_fault(clean_key(given)) is None


@pytest.mark.parametrize(
    "given", ["sk x", "sk\nx", "skéx", '"sk-x', "sk\x00x", "“sk-x”", "Basic a b"]
)
def test_a_character_that_no_key_has_is_told_without_the_key(given: str) -> None:
    fault = key_fault(clean_key(given))

    assert fault is not None
    assert "set it again" in fault
    assert given not in fault


def test_a_login_is_a_key_too() -> None:
    assert key_fault(clean_key(" Basic dXNlcjpwYXNz\n")) is None
    assert clean_key("Basic dXNlcjpwYXNz") == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(
    "given",
    [
        "",
        " \n",
        "x-company: secret",
        "x-company: secret\r\nUser-Agent: mine\r\n",
        "anthropic-beta:a,b\n\nAuthorization: Bearer secret",
        "X-Api-Key: secret",
        "x-empty:",
        "x-name: Zoë\tB: c",
    ],
)
def test_headers_that_add_to_a_request_are_taken(given: str) -> None:
    assert headers_fault(given) is None


@pytest.mark.parametrize("name", [*sorted(OWN_HEADERS), "Content-Length", "HOST"])
def test_a_header_that_would_break_requests_is_refused_by_name(name: str) -> None:
    fault = headers_fault(f"x-company: secret\n{name} : secret")

    assert fault == f"names `{name}`, which every request has of its own; leave it out"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("secret", "lines of `Name: value`"),
        (": secret", "lines of `Name: value`"),
        ("x company: secret", "lines of `Name: value`"),
        ("Zoë: secret", "lines of `Name: value`"),
        ('{"x-company": "secret"}', "lines of `Name: value`"),
        ("x-company: secret\rHost: secret", "`x-company` a value with a control character"),
        ("x-company: secret\udc80", "`x-company` a value with a control character"),
        ("x-api-key:", "`x-api-key` no value"),
        ("x-company: secret\nAuthorization: ", "`Authorization` no value"),
    ],
)
def test_headers_that_no_request_can_have_are_told_without_their_values(
    given: str, words: str
) -> None:
    fault = headers_fault(given)

    assert words in (fault or "")
    assert "secret" not in (fault or "")


def test_a_key_in_the_place_of_its_variable_is_known() -> None:
    for key in ("sk-secret", "gsk_a1b2c3d4e5f6g7h8i9j0", "hf_AbCdEfGhIjKlMnOpQ1rStUv", "a b", "é"):
        assert looks_like_key(key)
    for name in ("QWEN_API_KEY", "qwen_key", "KEY_2", "MY_GATEWAY_KEY_FOR_PROJECT_12"):
        assert not looks_like_key(name)
