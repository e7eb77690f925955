"""Checks of replies: their content, their counts, and the conversation that goes on from them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

from jsonschema import validate

from atlas_mcp.atlas.messages import EFFORTS, Effort, Image, Text, ToolResult, UserTurn
from atlas_mcp.atlas.usage import Charge
from atlas_mcp.errors import ModelRejected
from atlas_mcp.testing.model_conformance import (
    EXPLORE,
    LONG,
    PICTURE,
    SCHEMA,
    Check,
    Stand,
    asking,
    checks_of,
    error_of,
    needs,
    opened,
)
from atlas_mcp.testing.replies import ApiReply, Call, refusal, truncated


async def check_01_a_model_is_called_by_vendor_and_name(stand: Stand) -> None:
    """Before it has been asked anything, and after."""
    async with opened(stand) as model:
        assert model.name == stand.name
        vendor, slash, name = model.name.partition("/")
        assert all((vendor, slash, name))


async def check_02_a_reply_has_text_an_end_and_counts(stand: Stand) -> None:
    """One request, and tokens both ways."""
    stand.script(ApiReply(text="Blue. ✓\u2028So."))
    async with opened(stand) as model:
        reply = await model.generate(asking())

        assert reply.turn.text
        assert reply.charge.usage.requests == 1
        assert reply.charge.usage.input_tokens > 0
        assert reply.charge.usage.output_tokens > 0
        if stand.abilities.scripted:
            assert reply.turn.text == "Blue. ✓\u2028So."
            assert reply.end == "end"
            assert reply.turn.tool_calls == ()


async def check_03_a_reply_to_a_schema_comes_whether_it_is_held_or_not(stand: Stand) -> None:
    """A model that holds replies to a schema gives a value that fits it, and no other text."""
    stand.script(ApiReply(text=json.dumps({"colour": "red", "percent": 7})))
    async with opened(stand) as model:
        reply = await model.generate(replace(asking(), schema=SCHEMA))

        assert reply.end == "end"
        if stand.abilities.schema:
            validate(json.loads(reply.turn.text), SCHEMA)


async def check_04_a_text_without_end_is_a_value_and_was_paid_for(stand: Stand) -> None:
    """A reply cut off at its ceiling has its text so far, and its counts."""
    stand.script(truncated("One, two, "))
    async with opened(stand) as model:
        request = replace(asking("Tell me a long story."), max_tokens=2, temperature=0.0)
        reply = await model.generate(request)

        assert reply.end == "max_tokens"
        assert reply.turn.text
        assert reply.charge.usage.output_tokens > 0


@needs("refuses")
async def check_05_a_refusal_is_a_value_with_what_is_said_of_it(stand: Stand) -> None:
    """A refusal raises nothing: it was paid for, and has a meaning."""
    stand.script(refusal("cyber", "It may harm."))
    async with opened(stand) as model:
        reply = await model.generate(asking())

        assert reply.end == "refusal"
        assert "It may harm." in reply.detail
        assert reply.charge.usage.requests == 1


async def check_06_tools_are_called_with_their_arguments_or_refused_by_name(stand: Stand) -> None:
    """Each call has an id of its own, and its arguments as they were written."""
    calls = (Call("explore", {"strategy": "diréct"}), Call("explore"))
    request = replace(asking(), tools=(EXPLORE,))
    if not stand.abilities.tools:
        async with opened(stand) as model:
            assert isinstance(await error_of(model.generate(request)), ModelRejected)
        return
    stand.script(ApiReply(text="Two of them.", calls=calls))
    async with opened(stand) as model:
        reply = await model.generate(request)

        assert reply.end == "tool_calls"
        assert [call.name for call in reply.turn.tool_calls] == ["explore", "explore"]
        assert [call.arguments for call in reply.turn.tool_calls] == [{"strategy": "diréct"}, {}]
        assert len({call.id for call in reply.turn.tool_calls}) == 2
        assert not any(call.fault for call in reply.turn.tool_calls)


@needs("tools")
async def check_07_what_was_said_goes_back_as_it_came(stand: Stand) -> None:
    """Thinking included, then the results of its tool calls: vendors refuse edited messages."""
    turn = ApiReply(text="More.", thinking="Hm.", calls=(Call("explore"), Call("explore")))
    stand.script(turn, turn, ApiReply(text="Done."))
    async with opened(stand) as model:
        request = replace(asking(), tools=(EXPLORE,))
        for _ in range(2):
            reply = await model.generate(request)
            results = [ToolResult(call.id, "It is 7.") for call in reply.turn.tool_calls]
            more = UserTurn((*results, Text("3 explores left.")))
            request = replace(request, turns=(*request.turns, reply.turn, more))
        reply = await model.generate(request)

        assert reply.turn.text == "Done."
    sent, written = stand.conversations(), stand.written()
    for number, (shorter, longer) in enumerate(pairwise(sent)):
        assert longer[: len(shorter)] == shorter
        assert longer[len(shorter)] == written[number]


async def check_08_a_conversation_in_words_only_grows(stand: Stand) -> None:
    """An empty turn stays in the conversation."""
    stand.script(ApiReply(text="Blue."), ApiReply(), ApiReply(text="Red."))
    async with opened(stand) as model:
        request = asking()
        texts: list[str] = []
        for _ in range(3):
            reply = await model.generate(request)
            texts.append(reply.turn.text)
            more = UserTurn((Text("Pick another."),))
            request = replace(request, turns=(*request.turns, reply.turn, more))

        if stand.abilities.scripted:
            assert texts == ["Blue.", "", "Red."]
    for shorter, longer in pairwise(stand.conversations()):
        assert longer[: len(shorter)] == shorter


@needs("caches")
async def check_09_input_includes_what_was_read_from_a_cache(stand: Stand) -> None:
    """The same prompt has the same count, whether it was read from a cache or not."""
    async with opened(stand) as model:
        stand.script(ApiReply(text="a"), ApiReply(text="a"))
        first = (await model.generate(asking(LONG))).charge.usage
        second = (await model.generate(asking(LONG))).charge.usage

        assert first.cache_read_tokens == 0
        assert 0 < second.cache_read_tokens <= second.input_tokens
        assert first.input_tokens == second.input_tokens
        assert first.cache_write_tokens <= first.input_tokens


async def check_10_a_cost_is_unknown_only_where_its_price_is(stand: Stand) -> None:
    """A free model costs 0, which is not unknown."""
    stand.script(ApiReply(text="Blue."))
    async with opened(stand) as model:
        cost = (await model.generate(asking())).charge.cost

        match stand.abilities.billing:
            case "priced":
                assert cost is not None
                assert cost > 0
            case "free":
                assert cost == 0
            case "unknown":
                assert cost is None


async def check_11_progress_rises_and_is_told_before_the_end(stand: Stand) -> None:
    """Progress never exceeds the final count."""
    stand.script(ApiReply(text="a story " * 200, deltas=20))
    async with opened(stand) as model:
        heard: list[int] = []
        request = replace(asking("Tell me a long story."), max_tokens=128)
        reply = await model.generate(request, on_tokens=heard.append)

        assert heard
        assert heard == sorted(heard)
        assert 0 < heard[-1] <= reply.charge.usage.output_tokens


async def check_12_usage_that_is_told_on_the_way_is_the_one_in_the_end(stand: Stand) -> None:
    """The usage of an aborted call is known from these reports alone."""
    stand.script(ApiReply(text="Blue."))
    async with opened(stand) as model:
        heard: list[Charge] = []
        reply = await model.generate(asking(), on_usage=heard.append)

        for usage in (charge.usage for charge in heard):
            assert usage.requests == 1
            assert usage.input_tokens == reply.charge.usage.input_tokens
            assert usage.output_tokens <= reply.charge.usage.output_tokens


async def check_19_pictures_arrive_unchanged_or_are_refused(stand: Stand) -> None:
    """A model that cannot see never ignores a picture."""
    picture = Image("image/png", PICTURE)
    request = replace(asking(), turns=(UserTurn((picture, Text("What is it?"))),))
    async with opened(stand) as model:
        if not stand.abilities.images:
            assert isinstance(await error_of(model.generate(request)), ModelRejected)
            return
        stand.script(ApiReply(text="A dot."))

        assert (await model.generate(request)).end == "end"
        assert PICTURE in repr(stand.conversations()[-1])


async def check_20_an_effort_arrives_or_is_left_out(stand: Stand) -> None:
    """A call never fails for its effort, not even on a model that does not take that effort."""
    efforts: tuple[Effort, ...] = ("low", "max")
    stand.script(*[ApiReply(text="Blue.")] * len(efforts))
    async with opened(stand) as model:
        for effort in efforts:
            assert (await model.generate(asking(effort=effort))).turn.text

    low, high = stand.efforts()
    assert low == ("low" if stand.abilities.efforts else None)
    assert (high in EFFORTS) == stand.abilities.efforts
    assert (high != low) == stand.abilities.efforts


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
