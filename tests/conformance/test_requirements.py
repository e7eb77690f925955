"""Every promise has a test that shows it, and every mark names a promise."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conformance.requirements import REQUIREMENTS

TESTS = Path(__file__).parents[1]
MARK = "pytest.mark.requirement"


def marked() -> dict[str, list[str]]:
    """Return the tests that bear the mark of a promise, by its id."""
    tests: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if MARK not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == MARK:
                    [name] = [ast.literal_eval(one) for one in mark.args]
                    tests.setdefault(str(name), []).append(f"{path.name}::{node.name}")
    return tests


def test_every_promise_is_shown_by_a_test() -> None:
    assert {one.id for one in REQUIREMENTS} - set(marked()) == set()


def test_every_mark_names_a_promise() -> None:
    assert set(marked()) - {one.id for one in REQUIREMENTS} == set()


def test_a_promise_stands_once_and_is_a_sentence() -> None:
    sentences = [one.sentence for one in REQUIREMENTS]

    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith(".") for sentence in sentences)
