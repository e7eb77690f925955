"""Which addresses are taken, in which form, and what of one is shown."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.addresses import (
    endpoint_address,
    host_name,
    is_same_address,
    is_this_machine,
    origin_of,
    place_of,
    query_of,
)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        (" http://h/v1/ \r\n", "http://h/v1"),
        ("http://h//", "http://h"),
        ("HTTPS://Example.org/V1", "https://example.org/V1"),
        ("http://h/v1/chat/completions", "http://h/v1"),
        ("http://h/v1/chat/completions/", "http://h/v1"),
        ("https://h/anthropic/v1/messages", "https://h/anthropic"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://my_service:8000/v1", "http://my_service:8000/v1"),
        ("http://Bücher.example/v1", "http://xn--bcher-kva.example/v1"),
        ("http://h:80/v1", "http://h/v1"),
        ("https://H:443", "https://h"),
        ("https://h:80", "https://h:80"),
        ("http://h:/v1", "http://h/v1"),
        ("http://Svc.cluster.local.:8000/v1", "http://svc.cluster.local.:8000/v1"),
        ("http://[0:0:0:0:0:0:0:1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://1.example:8000", "http://1.example:8000"),
        ("http://a1/v1", "http://a1/v1"),
        ("https://[2001:DB8::1]:443/v1", "https://[2001:db8::1]/v1"),
        ("https://h/openai/d?api-version=2024-10-21", "https://h/openai/d?api-version=2024-10-21"),
        ("https://h/d/chat/completions?api-version=1", "https://h/d?api-version=1"),
        ("https://h/d?api-version=", "https://h/d?api-version="),
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
        ("http://192.168.001.010:8000/v1", "zeros in front"),
        ("http://256.256.256.256/v1", "up to 255"),
        ("http://10.1/v1", "four of them"),
        ("http://2130706433/v1", "four of them"),
        ("http://0x7f.0.0.1/v1", "four of them"),
        ("http://a.0x7f/v1", "four of them"),
        ("http://1.2.3.4./v1", "four of them"),
        ("http://[::1]extra/v1", "host"),
        ("http://[::1]8000/v1", "host"),
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
        ("http://h/v1?api-version=1&api-version=2", "twice"),
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
    assert ("?" in address) == bool(query)


@pytest.mark.parametrize("version", ["2024-10-21", "", "a b&c"])
def test_the_query_of_an_address_is_used_as_it_was_given(version: str) -> None:
    address = endpoint_address(f"https://h/d?{urlencode({'api-version': version})}")

    assert query_of(address) == ("https://h/d", {"api-version": version})


@pytest.mark.parametrize(
    "address", ["http://[", "http://[::1", "//[x]/", "http://a]b", "http://h:x"]
)
def test_where_a_bad_address_leads_is_told_without_it(address: str) -> None:
    """A redirect may name one, and a run of an older version may have been opened with one."""
    assert place_of(address) in {"an address that cannot be read", "http://h"}


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
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.168.0.1", False),
        ("0.0.0.0", True),
        ("127.0.0.1.example.org", False),
        ("192.168.0.1", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(host: str | None, own: bool) -> None:
    assert is_this_machine(host) == own


ONE_PLACE = ["https://Bücher.Example:443/v1", "HTTPS://xn--bcher-kva.example/v1/"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ONE_PLACE[0], ONE_PLACE[1], True),
        ("http://h", "http://H:80/", True),
        ("http://[::1]", "http://[0:0:0:0:0:0:0:1]:80", True),
        ("http://h/v1", "http://h/V1", False),
        ("http://h/v1", "http://h/v1?api-version=1", False),
        ("http://h", "https://h", False),
        ("http://h:8000", "http://h", False),
        ("http://h", "http://g", False),
        # Without the dot, the search list of a resolver may lead to another host.
        ("http://h.example", "http://h.example.", False),
        ("http://h.example.", "http://H.example.:80", True),
        ("", "http://h", False),
    ],
)
def test_two_addresses_are_compared_by_where_they_lead(one: str, other: str, same: bool) -> None:
    assert is_same_address(one, other) == is_same_address(other, one) == same


def test_the_origin_is_one_however_it_is_written() -> None:
    assert {origin_of(one) for one in ONE_PLACE} == {("https", "xn--bcher-kva.example", 443)}


@pytest.mark.parametrize("host", ["", "a b", "ü/x", "ü@x", "1::2::3", "[::1]", "h:1", "☃.example"])
def test_what_is_no_host_is_none_by_any_name(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        host_name(host)
