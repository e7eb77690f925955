"""The key and the JSON of an answer are kept beside it, and are no part of it."""

from __future__ import annotations

from dataclasses import fields, replace

from atlas_mcp.atlas.events import RunFinished
from tests.support.played_runs import found


def test_nothing_is_kept_before_it_has_been_worked_out() -> None:
    assert (found().key_under(None), found().json) == (None, None)


def test_an_answer_keeps_its_key_and_its_json() -> None:
    for answered in (found(), RunFinished("answered", "decided", "42")):
        answered.keep_key("42")
        answered.keep_json('"42"')

        assert (answered.key_under("any"), answered.json) == ("42", '"42"')

        answered.keep_key("43", "this question")
        assert answered.key_under("this question") == "43"
        assert answered.key_under("another") is None


def test_kept_texts_make_no_difference_to_a_value_and_are_not_copied() -> None:
    one, other = found(), found()
    one.keep_key("k")
    one.keep_json("j")

    assert one == other
    assert hash(one.answer) == hash(other.answer)
    assert repr(one) == repr(other)
    assert (replace(one, answer="43").key_under(None), replace(one, answer="43").json) == (
        None,
        None,
    )
    assert {one.name for one in fields(one)} == {one.name for one in fields(other)}
    assert not {"json", "_key", "_json"} & {each.name for each in fields(one)}
