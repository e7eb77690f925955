"""A message that cannot be served is refused with the id of its request."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import INVALID_REQUEST, PARSE_ERROR, JSONRPCNotification, JSONRPCRequest

from atlas_mcp.atlas.json_parts import MOST_PARTS
from atlas_mcp.server.messages import (
    HEAD_BYTES,
    MARK,
    MAX_MESSAGE_BYTES,
    TAIL_BYTES,
    RefusedMessage,
    read_message,
    too_long,
)

PYTHON = b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"x","arguments":%s}}'
"""A request as clients write it whose fields are in the order of the specification."""

TYPESCRIPT = b'{"method":"tools/call","params":{"name":"x","arguments":%s},"jsonrpc":"2.0","id":%s}'
"""A request as clients write it that put the id last."""


def refused(data: bytes) -> list[tuple[int, object]]:
    """Return the code and the id of each refusal."""
    given = read_message(data)
    assert isinstance(given, list)
    answers = [json.loads(refusal.as_json()) for refusal in given]
    assert all(answer["jsonrpc"] == "2.0" and answer["error"]["message"] for answer in answers)
    return [(answer["error"]["code"], answer["id"]) for answer in answers]


UNREADABLE = {
    "half a surrogate pair": (b'{"problem":"\\ud83d","id":9}', PARSE_ERROR),
    "bytes that are no UTF-8": (b'{"problem":"\xff","id":9}', PARSE_ERROR),
    "brackets ninety thousand deep": (
        b'{"id":9,"problem":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        INVALID_REQUEST,
    ),
    "a comma too many": (b'{"id":9,}', PARSE_ERROR),
    "a long text before the fault": (
        b'{"id":9,"problem":"' + b"x" * (2 * HEAD_BYTES) + b'\\ud83d"}',
        PARSE_ERROR,
    ),
    "more than is read": (
        b'{"id":9,"problem":"' + b"x" * MAX_MESSAGE_BYTES + b'"}',
        INVALID_REQUEST,
    ),
    "more parts than are read": (
        b'{"id":9,"problem":[' + b"1," * MOST_PARTS + b"1]}",
        INVALID_REQUEST,
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("id_", [b"7", b'"a \\"b\\" \xc3\xa9"', b"-3", b"1.5"])
def test_an_unreadable_request_is_refused_with_its_id_wherever_it_stands(
    case: str, id_: bytes
) -> None:
    arguments, code = UNREADABLE[case]

    assert refused(PYTHON % (id_, arguments)) == [(code, json.loads(id_))]
    assert refused(TYPESCRIPT % (arguments, id_)) == [(code, json.loads(id_))]


SHAPES: dict[str, tuple[bytes, object]] = {
    "params that are a list": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', 7),
    "a method that is a number": (b'{"jsonrpc":"2.0","id":7,"method":8}', 7),
    "no method": (b'{"jsonrpc":"2.0","id":7}', 7),
    "no version": (b'{"id":7,"method":"ping"}', 7),
    "another version": (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', 7),
    "an id that is a fraction": (b'{"jsonrpc":"2.0","id":7.5,"method":"ping"}', 7.5),
    "an id that is null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None),
    "an id that is a list": (b'{"jsonrpc":"2.0","id":[7],"method":"ping"}', None),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{"id":7},"method":"ping"}', None),
    "an id that is true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None),
    "a number": (b"7", None),
    "an empty object": (b"{}", None),
    "an empty batch": (b"[]", None),
    "a response that is none, whose id is ours": (b'{"jsonrpc":"2.0","id":7,"result":[1]}', None),
    "the same, id last": (b'{"error":[1],"jsonrpc":"2.0","id":7}', None),
}


@pytest.mark.parametrize("case", SHAPES)
def test_what_is_json_but_no_request_is_refused(case: str) -> None:
    data, id_ = SHAPES[case]

    assert refused(data) == [(INVALID_REQUEST, id_)]


NAMES = [b'"id"', b'"\\u0069d"', b'"i\\u0064"', b'"\\u0069\\u0064"']
"""Ways to write the name of the id."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", [b"", b'"id":8,', b'"\\u0069d":8,'], ids=repr)
def test_an_id_is_known_by_its_name_however_it_is_written_and_the_last_one_counts(
    name: bytes, before: bytes
) -> None:
    def message(rest: bytes, id_: bytes = b"7") -> bytes:
        return b"{" + before + name + b":" + id_ + b',"jsonrpc":"2.0",' + rest + b"}"

    served = read_message(message(b'"method":"ping"'))

    assert isinstance(served, JSONRPCRequest)
    assert served.id == 7
    assert refused(message(b'"method":8')) == [(INVALID_REQUEST, 7)]
    assert refused(message(b'"method":"ping","params":{"x":"\\ud83d"}')) == [(PARSE_ERROR, 7)]
    assert refused(message(b'"method":"ping"', b"[7]")) == [(INVALID_REQUEST, None)]
    assert refused(message(b'"\\u0072esult":[1]')) == [(INVALID_REQUEST, None)]
    last = b'{"params":{"x":"\\ud83d"},"method":"x",' + before + name + b':7,"jsonrpc":"2.0"}'
    assert refused(last) == [(PARSE_ERROR, 7)]


def test_what_is_no_id_is_refused_wherever_it_stands() -> None:
    far = b'{"jsonrpc":"2.0","method":"x","params":{"x":"' + b"x" * HEAD_BYTES + b'"},"id":[7]}'

    assert refused(far) == [(INVALID_REQUEST, None)]


NO_ID = {
    "no JSON": b"hello",
    "nothing": b"",
    "UTF-16": '{"jsonrpc":"2.0","id":5,"method":"ping"}'.encode("utf-16"),
    "an id within another field": b'{"params":{"id":7},"method":',
    "an id within a text": b'{"method":"x","params":{"problem":"\\"id\\":7}',
    "an id that is no text": b'{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}',
    "an id of five thousand digits": b'{"jsonrpc":"2.0","id":' + b"1" * 5_000 + b',"method":"p"}',
}


@pytest.mark.parametrize("case", NO_ID)
def test_an_id_that_cannot_be_told_for_sure_is_null(case: str) -> None:
    assert refused(NO_ID[case]) == [(PARSE_ERROR, None)]


def test_each_request_of_a_batch_is_refused_by_its_own_id() -> None:
    batch = b'[{"id":1,"method":"a"},{"method":"b"},{"id":"2","method":"c"},{"id":3,"result":{}},4]'

    assert refused(batch) == [(INVALID_REQUEST, 1), (INVALID_REQUEST, "2")]


@pytest.mark.parametrize("mark", [b"", MARK])
def test_a_byte_order_mark_is_passed_over(mark: bytes) -> None:
    request = read_message(mark + PYTHON % (b"7", b"{}"))
    told = read_message(mark + b'{"jsonrpc":"2.0","method":"notifications/x"}')

    assert isinstance(request, JSONRPCRequest)
    assert request.id == 7
    assert isinstance(told, JSONRPCNotification)


@given(st.binary())
def test_no_bytes_are_met_by_an_exception(data: bytes) -> None:
    found = read_message(data)

    assert not isinstance(found, list) or all(json.loads(each.as_json()) for each in found)


@given(st.binary(), st.binary(max_size=TAIL_BYTES))
def test_no_ends_of_a_long_message_are_met_by_an_exception(head: bytes, tail: bytes) -> None:
    refusal = too_long(head, tail)

    assert isinstance(refusal, RefusedMessage)
    assert json.loads(refusal.as_json())["error"]["code"] == INVALID_REQUEST


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("id"), inner),
    max_leaves=10,
)


@given(
    json_values, st.integers() | st.text(st.characters(exclude_categories=["Cs"])), st.booleans()
)
def test_the_id_that_is_found_in_a_broken_request_is_its_own(
    params: object, id_: int | str, last: bool
) -> None:
    fields = {"jsonrpc": "2.0", "id": id_, "method": "x", "params": {"given": params}}
    if last:
        fields["id"] = fields.pop("id")
    line = json.dumps(fields).replace('"given":', '"half": "\\ud83d", "given":').encode()

    (found,) = refused(line)

    assert found == (PARSE_ERROR, id_)


def test_each_of_several_messages_in_one_line_is_refused_by_its_id() -> None:
    ping = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}'

    assert refused(ping % 1 + ping % 2) == [(PARSE_ERROR, 1), (PARSE_ERROR, 2)]
    assert refused(ping % 1 + b" \t" + b'{"id":"b","method":"ping","params":{') == [
        (PARSE_ERROR, 1),
        (PARSE_ERROR, "b"),
    ]
    assert refused(ping % 1 + b" and more") == [(PARSE_ERROR, 1)]


def test_what_is_nested_too_deep_is_no_broken_json() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400

    given = read_message(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%s}' % deep)

    assert isinstance(given, list)
    assert [(one.code, one.id) for one in given] == [(INVALID_REQUEST, "7")]
    assert "nested deeper" in given[0].message


def test_no_text_of_a_message_is_kept_by_its_parser() -> None:
    first, second = (read_message(PYTHON % (b"1", b'{"problem":"6 * 7?"}')) for _ in range(2))

    assert isinstance(first, JSONRPCRequest)
    assert isinstance(second, JSONRPCRequest)
    assert first.params is not None
    assert second.params is not None
    texts = [one["arguments"]["problem"] for one in (first.params, second.params)]
    assert texts[0] == texts[1]
    assert texts[0] is not texts[1]
