"""Errors become answers: those that somebody can act on are told, and a bug is not."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from atlas_mcp.errors import (
    AtlasError,
    ConfigError,
    HomeUnusable,
    InvalidInput,
    JournalBusy,
    JournalInUse,
    ModelUnavailable,
    UnknownRun,
)
from atlas_mcp.pages.answers import BUG, answered, as_json, error_answer, failed


def error_of(body: bytes | memoryview[Any]) -> str:
    return json.loads(bytes(body))["error"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("count", "is 0"), 400),
        (UnknownRun("abc"), 404),
        (JournalBusy("abc"), 409),
        (ConfigError("no key"), 409),
        (ModelUnavailable("vendor/model", "503"), 409),
        (AtlasError("later"), 409),
        (HomeUnusable("no disk"), 503),
        (JournalInUse("an older one", {"a": "1-x"}), 503),
    ],
)
def test_an_error_is_told_with_its_status(error: AtlasError, status: int) -> None:
    answer = error_answer(error, in_json=True)

    assert answer.status_code == status
    assert error_of(answer.body) == str(error)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = error_answer(KeyError("secret"), in_json=True)

    assert (answer.status_code, error_of(answer.body)) == (500, BUG)
    assert "KeyError: 'secret'" in caplog.text


def test_a_text_is_short_and_steers_no_reader() -> None:
    answer = failed("\x1b[31m\u202e" + "x" * 9_000, 400, in_json=False)
    text = bytes(answer.body).decode()

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(text) < 2_100
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_method_that_is_not_served_is_told_of_those_that_are() -> None:
    assert failed("no", 405, in_json=True, allow="POST").headers["allow"] == "POST"


def test_every_answer_has_the_headers_of_a_policy() -> None:
    for answer in (
        answered("", "text/html"),
        as_json({}),
        as_json(b"{}"),
        failed("", 404, in_json=True),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
