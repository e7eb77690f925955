"""Who may ask for the pages: each way in which another page could try, one by one."""

from __future__ import annotations

import pytest

from atlas_mcp.pages.visitors import Request, Visitors

VISITORS = Visitors(("atlas.example", "proxy.example:8443"))

RUN, API, FILE = "/runs/abc", "/api/runs/abc", "/runs/abc/file"
CANCEL = "/api/runs/abc/cancel"

NAVIGATES = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def refused(
    path: str = RUN, method: str = "GET", host: str = "127.0.0.1:8000", **headers: str
) -> int | None:
    """Return the status with which a request is refused; `None` for one that is served."""
    given = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    refusal = VISITORS.refusal(Request(method, path, lines))
    return None if refusal is None else refusal.status


def posted(path: str = CANCEL, **changes: str) -> int | None:
    """Return the status with which an action is refused; `None` for one that is carried out."""
    given = {
        "origin": "http://127.0.0.1:8000",
        "x_atlas_token": VISITORS.token,
        "content_type": "application/json",
        "sec_fetch_site": "same-origin",
        **changes,
    }
    return refused(path, given.pop("method", "POST"), **given)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000", "127.0.0.1", "localhost:1", "LOCALHOST.:8000", "[::1]:8000",
        "atlas.example", "Atlas.Example:9", "proxy.example:8443",
    ],
)  # fmt: skip
def test_a_name_of_this_server_is_answered(host: str) -> None:
    assert refused(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "127.0.0.1.evil.example:8000", "localhost.evil.com",
        "127.0.0.2:8000", "0.0.0.0:8000", "proxy.example:80", "proxy.example", "", "[::1",
        "127.0.0.1:8000@evil.example", "evil.example/127.0.0.1", "xatlas.example", "127.0.0.1:x",
    ],
)  # fmt: skip
@pytest.mark.requirement("PAGES-3")
def test_a_name_that_was_led_here_reads_nothing(host: str) -> None:
    assert refused(host=host) == 421
    assert posted(host=host, origin=f"http://{host}") == 421


def test_two_names_or_none_are_no_name() -> None:
    two = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]

    for headers in (two, []):
        refusal = VISITORS.refusal(Request("GET", RUN, headers))
        assert refusal is not None
        assert refusal.status == 421


def test_a_long_name_is_not_repeated() -> None:
    refusal = VISITORS.refusal(Request("GET", RUN, [(b"host", b"\x1b[31m" + b"x" * 9_000)]))

    assert refusal is not None
    assert len(refusal.text) < 400
    assert "\x1b" not in refusal.text


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "http://127.0.0.1:3000", "http://localhost:8000", "null", "",
        "http://127.0.0.1", "https://127.0.0.1", "file://", "http://127.0.0.1:8000.evil.example",
        "http://evil.example#127.0.0.1:8000", "chrome-extension://127.0.0.1:8000",
        "127.0.0.1:8000",
    ],
)  # fmt: skip
@pytest.mark.requirement("PAGES-2")
def test_another_origin_reads_and_changes_nothing(origin: str) -> None:
    """Also another server of this machine is another origin."""
    assert refused(API, origin=origin) == 403
    assert posted(origin=origin) == 403


def test_the_origin_of_a_page_behind_a_proxy_is_its_own() -> None:
    for host, origin in (
        ("atlas.example", "https://atlas.example"),
        ("atlas.example:443", "https://atlas.example"),
        ("proxy.example:8443", "https://proxy.example:8443"),
        ("127.0.0.1:80", "http://127.0.0.1"),
    ):
        assert refused(API, host=host, origin=origin) is None
    assert refused(API, host="atlas.example", origin="https://atlas.example:444") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "same-origin, none", "x"])
def test_what_a_foreign_page_asks_for_is_refused(site: str) -> None:
    """An image, a script, a style, a frame, a preview: read or not, it is not served."""
    for path in (RUN, API, FILE, "/runs", "/runs/abc/transcript"):
        assert refused(path, sec_fetch_site=site) == 403
        framed = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}
        assert refused(path, sec_fetch_site=site, **framed) == 403
        assert refused(path, sec_fetch_site=site, sec_fetch_mode="no-cors") == 403


def test_a_link_from_elsewhere_leads_to_a_page_and_to_nothing_else() -> None:
    followed = {
        "sec_fetch_site": "cross-site",
        **{k.replace("-", "_"): v for k, v in NAVIGATES.items()},
    }

    assert refused(RUN, **followed) is None
    assert refused("/runs/abc/transcript", **followed) is None
    assert refused(FILE, **followed) == 403
    assert refused(API, **followed) == 403
    assert refused(RUN, "POST", **followed) == 403
    assert posted(**followed) == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_page_of_ours_and_a_person_are_answered(site: str) -> None:
    for path in (RUN, API, FILE):
        assert refused(path, sec_fetch_site=site) is None
        assert refused(path) is None


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (RUN, "POST"), (RUN, "PUT"), (RUN, "OPTIONS"), (RUN, "TRACE"), (RUN, "PROPFIND"),
        (API, "POST"), (API, "DELETE"), (API, "HEAD"), (API, "OPTIONS"),
        (CANCEL, "GET"), (CANCEL, "HEAD"), (CANCEL, "PUT"), (CANCEL, "OPTIONS"), (FILE, "HEAD"),
    ],
)  # fmt: skip
def test_a_method_is_served_where_it_belongs(path: str, method: str) -> None:
    headers = {"x_http_method_override": "POST", "x_atlas_token": VISITORS.token}

    assert refused(path, method, content_type="application/json", **headers) == 405


def test_the_head_of_a_page_may_be_asked_for() -> None:
    assert refused(RUN, "HEAD") is None


def test_an_action_of_a_page_is_carried_out() -> None:
    assert posted() is None
    assert posted(content_type="Application/JSON; charset=utf-8") is None


@pytest.mark.requirement("PAGES-4")
def test_an_action_without_the_token_is_refused() -> None:
    token = VISITORS.token
    for given in ("", "x", token[:-1], f"{token}x", token.swapcase(), "\xff" * 40):
        assert posted(x_atlas_token=given) == 403


def test_a_token_in_another_place_is_none() -> None:
    for name in ("authorization", "cookie", "x_token"):
        assert posted(x_atlas_token="", **{name: VISITORS.token}) == 403
    assert posted(f"{CANCEL}?token={VISITORS.token}", x_atlas_token="") == 403


def test_two_tokens_are_none() -> None:
    token = (b"x-atlas-token", VISITORS.token.encode())
    lines = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), token, token]
    refusal = VISITORS.refusal(Request("POST", CANCEL, lines))

    assert refusal is not None
    assert refusal.status == 403


@pytest.mark.parametrize(
    "kind",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "text/plain; application/json", "application/jsonp", "text/json",
    ],
)  # fmt: skip
def test_a_body_that_a_form_can_send_is_refused(kind: str) -> None:
    assert posted(content_type=kind) == 415


def test_each_process_has_a_token_of_its_own_that_is_not_shown() -> None:
    first, second = Visitors(), Visitors()

    assert first.token != second.token
    assert len(first.token) > 40
    assert first.token not in repr(first)
