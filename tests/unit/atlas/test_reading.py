"""Reading problems, candidates and answers: what is taken, and what is refused by name."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from atlas_mcp.atlas.agreement import same_key
from atlas_mcp.atlas.explore import Candidate, SolverFailure, read_candidate
from atlas_mcp.atlas.messages import AssistantTurn, Reply, Stop
from atlas_mcp.atlas.problem import MAX_PROBLEM_BYTES, image_from_bytes, make_problem
from atlas_mcp.atlas.usage import FREE, Usage
from atlas_mcp.errors import InvalidInput

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
GOOD = {"approach": "a", "justification": "j", "answer": "42", "confidence_percent": 80}


def reply(text: str, stop: Stop = "end") -> Reply:
    return Reply(AssistantTurn(text), stop, Usage(1, 1, 7), FREE)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"Here it is:\n```json\n{json.dumps(GOOD)}\n```\nDone.",
        f"I weigh {{this}} first. {json.dumps(GOOD)}",
    ],
)
def test_a_candidate_is_read_with_or_without_prose_around_it(text: str) -> None:
    assert read_candidate(reply(text), None) == Candidate("42", "j", "a", 0.8)


@pytest.mark.parametrize(
    ("text", "stop", "kind", "words"),
    [
        ("", "end", "malformed", "empty"),
        ("no JSON here", "end", "malformed", "no JSON object"),
        ('{"approach": ', "end", "malformed", "not JSON"),
        (json.dumps({**GOOD, "answer": " "}), "end", "malformed", "empty"),
        (json.dumps({**GOOD, "answer": 42}), "end", "malformed", "shape"),
        (json.dumps({"answer": "42"}), "end", "malformed", "approach, justification"),
        (json.dumps(GOOD), "max_tokens", "truncated", "7"),
        (json.dumps(GOOD), "refusal", "refused", "refused"),
    ],
)
def test_an_unusable_reply_is_a_failure_that_says_why(
    text: str, stop: Stop, kind: str, words: str
) -> None:
    outcome = read_candidate(reply(text, stop), None)

    assert isinstance(outcome, SolverFailure)
    assert outcome.kind == kind
    assert words in outcome.message


def test_a_typed_answer_must_fit_its_schema() -> None:
    schema = {"type": "integer", "minimum": 0}
    fits = read_candidate(reply(json.dumps({**GOOD, "answer": 3})), schema)
    below = read_candidate(reply(json.dumps({**GOOD, "answer": -3})), schema)

    assert isinstance(fits, Candidate)
    assert fits.answer == 3
    assert isinstance(below, SolverFailure)


@pytest.mark.parametrize(
    ("stated", "read"), [(150, 1.0), (-3, 0.0), ("high", 0.0), (None, 0.0), (55.5, 0.555)]
)
def test_confidence_is_kept_between_0_and_1(stated: Any, read: float) -> None:
    outcome = read_candidate(reply(json.dumps({**GOOD, "confidence_percent": stated})), None)

    assert isinstance(outcome, Candidate)
    assert outcome.confidence == pytest.approx(read)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("42", " 42. "),
        ("42", 42),
        ("42.0", 42),
        ("1,000", "1000"),
        ("$\\boxed{7}$", "7"),
        ("**Paris**", "paris"),
        ("x  = 3", "X = 3"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_answers_that_say_the_same_are_counted_together(one: Any, other: Any) -> None:
    assert same_key(one) == same_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("42", "24"), ("x < 5", "x > 5"), ("50%", "50"), ("-3", "3"), (True, "1"), ("B", "A")],
)
def test_answers_that_differ_are_counted_apart(one: Any, other: Any) -> None:
    assert same_key(one) != same_key(other)


@pytest.mark.parametrize("text", ["", "  \n", "x" * (MAX_PROBLEM_BYTES + 1), "lone \ud800"])
def test_a_problem_that_cannot_be_asked_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="`problem`"):
        make_problem(text)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("integer", "JSON Schema object"),
        ({"type": "nope"}, "valid JSON Schema"),
        ({"$ref": "https://example.com/x.json"}, "https://example.com/x.json"),
        ({"enum": ["x" * 20_000]}, "bytes"),
        ({"const": object()}, "not JSON"),
    ],
)
def test_a_bad_answer_schema_is_refused_with_its_fault(schema: object, words: str) -> None:
    with pytest.raises(InvalidInput, match="`answer_schema`") as caught:
        make_problem("x", answer_schema=schema)

    assert words in str(caught.value)


def test_pictures_are_told_by_their_content() -> None:
    url = image_from_bytes(PNG, "--image x")

    [image] = make_problem("x", images=[url]).images

    assert image.media_type == "image/png"
    assert base64.b64decode(image.data or "") == PNG


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://example.com/x.png",
        "data:image/png;base64,???",
        "data:image/png;base64," + base64.b64encode(b"no picture").decode(),
    ],
)
def test_what_is_no_picture_is_refused_by_its_place(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"images\[1\]"):
        make_problem("x", images=["https://example.com/x.png", url])
