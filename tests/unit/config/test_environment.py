"""Start-up input that no shell of ours wrote: variables, files, keys and paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.config.environment import (
    OWN_HEADERS,
    clean_key,
    expanded,
    headers_fault,
    is_service_link,
    key_fault,
    looks_like_key,
    text_of,
)


@pytest.mark.parametrize("name", ["", "SERVER_", "JOURNAL_", "BUDGET_", "SOLVERS_QWEN_", "X_Y_"])
def test_the_variables_of_a_service_are_told_from_settings(name: str) -> None:
    for rest, value in {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_53_UDP_ADDR": "10.0.0.1",
        "ENV_PATH": "/bin",
        "NAME": "/web/atlas",
    }.items():
        assert is_service_link(f"ATLAS_{name}{rest}", value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ATLAS_SERVER_GRACE", "5"),
        ("ATLAS_SERVER_PORT", "8000"),
        ("ATLAS_SERVER_GRACE_S", "tcp://10.0.0.1:8000"),
        ("ATLAS_BUDGET_MAX_EXPLORES", "3"),
        ("ATLAS_SOLVERS_X_MODEL", "openai/m"),
        ("ATLAS_SERVER_NAME", "atlas"),
    ],
)
def test_a_setting_is_no_variable_of_a_service(variable: str, value: str) -> None:
    assert not is_service_link(variable, value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_read_in_the_encoding_its_first_bytes_name(encoding: str) -> None:
    assert text_of("model = 'größe'\r\n".encode(encoding)) == "model = 'größe'\r\n"


@pytest.mark.parametrize(
    "data", ["x = 1".encode("utf-16-le"), b"x = '\xe9'", b"\xff\xfe\x00", b"\x00"]
)
def test_a_file_that_is_no_text_is_told_with_what_to_do(data: bytes) -> None:
    with pytest.raises(ValueError, match="save it as UTF-8"):
        text_of(data)


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


def test_home_and_variables_in_a_path_are_written_out() -> None:
    environ = {"DATA": "/srv", "D": "/other"}

    assert expanded("X", "$DATA/atlas", environ) == "/srv/atlas"
    assert expanded("X", "${DATA}/$D", environ) == "/srv//other"
    assert expanded("X", "%DATA%/a", environ) == "/srv/a"
    assert expanded("X", "~/a", environ) == str(Path.home() / "a")
    assert expanded("X", "/plain/$/100%", environ) == "/plain/$/100%"


@pytest.mark.parametrize("path", ["$NOWHERE/a", "${NOWHERE}/a", "~nobody-of-this-name/a"])
def test_a_path_that_cannot_be_written_out_names_its_variable(path: str) -> None:
    with pytest.raises(ValueError, match=r"ATLAS_X: .*write the path out"):
        expanded("ATLAS_X", path, {})
