"""Checks of calls at once, of calls that are cancelled, and of models that are closed."""

from __future__ import annotations

from functools import partial

import anyio

from atlas_mcp.atlas.messages import Reply
from atlas_mcp.testing.model_conformance import (
    STALLS,
    TOGETHER,
    Check,
    Stand,
    asking,
    checks_of,
    endless,
    opened,
)
from atlas_mcp.testing.replies import ApiReply


async def check_16_a_cancelled_call_ends_at_once_and_the_model_works_on(stand: Stand) -> None:
    """The endpoint notices it, so that nothing more is written and billed."""
    stand.script(STALLS, ApiReply(text="Blue."))
    async with opened(stand) as model:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(model.generate, endless()))
            await stand.under_way(1)
            tasks.cancel_scope.cancel()
        await stand.left(1)

        assert (await model.generate(asking())).turn.text


async def check_17_many_calls_are_open_at_once(stand: Stand) -> None:
    """No call waits for another."""
    stand.script(*[STALLS] * TOGETHER)
    async with opened(stand) as model:
        async with anyio.create_task_group() as tasks:
            for _ in range(TOGETHER):
                tasks.start_soon(partial(model.generate, endless()))
            await stand.under_way(TOGETHER)
            tasks.cancel_scope.cancel()
        await stand.left(TOGETHER)


async def check_18_calls_that_come_together_are_all_answered(stand: Stand) -> None:
    """Also the first calls, while the model is being made ready."""
    stand.script(*[ApiReply(text="Blue.")] * TOGETHER)
    async with opened(stand) as model:
        replies: list[Reply] = []

        async def call() -> None:
            replies.append(await model.generate(asking()))

        async with anyio.create_task_group() as tasks:
            for _ in range(TOGETHER):
                tasks.start_soon(call)

        assert [bool(reply.turn.text) for reply in replies] == [True] * TOGETHER


async def check_21_closing_is_harmless_twice_and_before_any_call(stand: Stand) -> None:
    """The owner of a model closes it in any case, so that it may be closed twice or unused."""
    model = stand.open()
    await model.aclose()
    await model.aclose()


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
