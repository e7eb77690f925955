"""Which addresses are taken, in which form, and what of one is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.addresses import (
    endpoint_address,
    is_this_machine,
    place_of,
    query_of,
)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        (" http://h/v1/ \r\n", "http://h/v1"),
        ("http://h//", "http://h"),
        ("HTTPS://Example.org/v1", "https://Example.org/v1"),
        ("http://h/v1/chat/completions", "http://h/v1"),
        ("http://h/v1/chat/completions/", "http://h/v1"),
        ("https://h/anthropic/v1/messages", "https://h/anthropic"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://my_service:8000/v1", "http://my_service:8000/v1"),
        ("http://bücher.example/v1", "http://bücher.example/v1"),
        ("https://h/openai/d?api-version=2024-10-21", "https://h/openai/d?api-version=2024-10-21"),
        ("https://h/d/chat/completions?api-version=1", "https://h/d?api-version=1"),
    ],
)
def test_an_address_is_taken_in_the_form_in_which_it_is_used(given: str, taken: str) -> None:
    assert endpoint_address(given) == taken
    assert endpoint_address(taken) == taken


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nonsense", "is no address"),
        ("", "is no address"),
        ("ftp://h/v1", "is no address"),
        ("http://", "is no address"),
        ("http://h:0/v1", "is no address"),
        ("http://h:65536/v1", "is no address"),
        ("http://h:8000:80/v1", "is no address"),
        ("http://h:eighty/v1", "is no address"),
        ("http://[::1", "is no address"),
        ("http:\\\\h\\v1", "backslash"),
        ("http://h/v 1", "white space"),
        ("http://h/v1\u200b", "control character"),
        ("http://h/v1#part", "`#`"),
        ("http://h/v1#", "`#`"),
        ("http://a..b/v1", "host"),
        ("http://-a/v1", "host"),
        ("http://a,b/v1", "host"),
        (f"http://{'a' * 64}.org/v1", "host"),
        ("http://☃.example/v1", "host"),
        ("http://user:hunter2@h/v1", "`api_key_env`"),
        ("http://hunter2@h/v1", "user name or a password"),
        ("http://@h/v1", "user name or a password"),
        ("http://h/v1?key=hunter2", "`api_key_env`"),
        ("http://h/v1?api-version=1&sig=hunter2", "query"),
        ("http://h/v1?hunter2", "query"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        endpoint_address(given)

    assert "hunter2" not in str(caught.value)
    assert len(given) < 8 or given not in str(caught.value)


@given(
    st.text(max_size=40)
    | st.text(alphabet="htp:/@?#[]%. \\1a\t", max_size=20).map("http://".__add__)
)
def test_whatever_is_given_is_an_address_or_refused(text: str) -> None:
    try:
        address = endpoint_address(text)
    except ValueError:
        return
    assert endpoint_address(address) == address
    assert "@" not in place_of(address)
    bare, query = query_of(address)
    assert "?" not in bare
    assert set(query) <= {"api-version"}


def test_a_place_is_shown_without_anything_that_may_be_secret() -> None:
    """Also of an address that a run of an older version was opened with."""
    assert place_of("http://user:hunter2@h:1/path?key=x") == "http://h:1"
    assert place_of("https://[::1]:1/v1") == "https://[::1]:1"


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("127.0.0.1.example.org", False),
        ("192.168.0.1", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(host: str | None, own: bool) -> None:
    assert is_this_machine(host) == own
