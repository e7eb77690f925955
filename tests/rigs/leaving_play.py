"""The models of the leaving rig, and what it can tell of the calls that they got.

A run makes `CALLS` calls. Each reply depends on the request alone and takes up to `SLOWEST`
seconds. The API takes several keys and knows with which of them each problem was asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random
from typing import Any

from crash_play import ANSWER, Key, key_of
from typing_extensions import override

from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.loopback import Exchange
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Asked, MessagesApi

TURNS = 2
"""Turns of the orchestrator that ask for one explore more, before the one that synthesizes."""

CALLS = 2 + TURNS * 2 + 1
"""Calls of an undisturbed run: two solvers at once, then turns and the explores they ask for."""

QUICKEST, SLOWEST = 0.05, 0.7
"""Seconds that a reply takes."""

MARGIN = 0.05
"""Seconds for which a reply must have been complete before a kill to be safe from it."""

OTHER_KEY = "another-test-key"

SENT_KEY = "x-sent-key"


def reply_to(body: dict[str, Any]) -> ApiReply:
    key = key_of(body)
    if key.turn is None:
        said = ApiReply(text=candidate_text(ANSWER, approach=f"By {key.directive!r}."))
    elif key.turn < TURNS:
        said = explores({"instruction": f"This is attempt {key.turn}."})
    else:
        said = ApiReply(text=synthesis_text(ANSWER), thinking="Weighing.")
    latency = Random(str(key)).uniform(QUICKEST, SLOWEST)
    return ApiReply(said.text, said.calls, said.thinking, latency=latency)


class LeavingApi(MessagesApi):
    """The API.

    Attributes:
        keys_used: The keys with which each problem was asked.
    """

    def __init__(self) -> None:
        super().__init__(reply_to)
        self.keys_used: defaultdict[int, set[str]] = defaultdict(set)

    @override
    async def route(self, exchange: Exchange, method: str, path: str) -> None:
        sent = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        exchange.headers[SENT_KEY] = sent
        if sent == OTHER_KEY:
            exchange.headers["authorization"] = f"Bearer {API_KEY}"
        await super().route(exchange, method, path)

    @override
    def take(self, exchange: Exchange, body: dict[str, Any]) -> Asked:
        self.keys_used[key_of(body).problem].add(exchange.headers[SENT_KEY])
        return super().take(exchange, body)

    def calls_of(self, problem: int) -> list[Asked]:
        """Return the calls for one problem, in order of arrival."""
        return [asked for asked in list(self.asked) if key_of(asked.body).problem == problem]


def again(calls: Iterable[Asked], *, before: float | None = None) -> list[Key]:
    """Return the calls that were made a second time.

    Args:
        calls: Calls for one problem.
        before: A call is excused unless its reply was complete at this time, `MARGIN` excepted;
            `None` excuses none.
    """
    if before is None:
        return [
            key for key, count in Counter(key_of(one.body) for one in calls).items() if count > 1
        ]
    found: list[Key] = []
    complete: set[Key] = set()
    for asked in calls:
        key = key_of(asked.body)
        if key in complete:
            found.append(key)
        if asked.replied_at is not None and (
            asked.replied_at < before - MARGIN or asked.at > before
        ):
            complete.add(key)
    return found
