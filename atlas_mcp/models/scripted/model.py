"""A model that plays a script: for tests, demonstrations and trying a client's wiring.

It spends nothing and reaches nothing. `scripted/demo` plays a short run with a disagreement in it,
for every problem; its replies are not about the problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
from typing_extensions import override

from atlas_mcp.atlas.explore import Strategy
from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, Text, ToolCall
from atlas_mcp.atlas.solver_prompts import STRATEGY_TEXTS
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.atlas.workflows.self_refine import CRITIC_SYSTEM, REFINER_DIRECTIVE
from atlas_mcp.errors import ModelError
from atlas_mcp.models.base import Model, OnTokens, OnUsage

CHARS_PER_TOKEN = 4
"""Characters counted as one token; a script has no tokenizer."""


@dataclass(frozen=True, slots=True)
class Says:
    """One scripted reply.

    Attributes:
        text: The text, or a value written as JSON.
        explores: Arguments of the `explore` calls it makes.
        seconds: How long it takes.
        error: Raised instead of replying.
        end: Why it ends; by default what the rest implies.
        detail: The explanation of a refusal.
    """

    text: object = ""
    explores: Sequence[dict[str, Any]] = ()
    seconds: float = 0.0
    error: ModelError | None = None
    end: str | None = None
    detail: str = ""


Script: TypeAlias = Callable[[ModelRequest], Says]
"""From a request to the reply; called once a request, in the order of arrival."""


@dataclass(slots=True)
class Scripted(Model):
    """A `Model` that plays `script`.

    Attributes:
        script: What it says.
        label: Its name behind `scripted/`.
        sent: Requests it was sent so far. It keeps none of them: a server lives for long.
        in_flight: Requests open now.
        most_in_flight: Most requests open at once so far.
    """

    script: Script
    label: str = "test"
    sent: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    @override
    def name(self) -> str:
        return f"scripted/{self.label}"

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.sent += 1
        number = self.sent
        says = self.script(request)
        text = says.text if isinstance(says.text, str) else json.dumps(says.text)
        tokens = max(1, len(text) // CHARS_PER_TOKEN)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await _take(says.seconds, tokens, on_tokens)
        finally:
            self.in_flight -= 1
        if says.error is not None:
            raise says.error
        calls = tuple(
            ToolCall(f"call-{number}-{i}", "explore", arguments)
            for i, arguments in enumerate(says.explores)
        )
        return Reply(
            turn=AssistantTurn(text, calls),
            end=_end(says, calls),
            charge=Charge(Usage(1, input_tokens=_input_tokens(request), output_tokens=tokens)),
            detail=says.detail,
        )

    @override
    async def aclose(self) -> None:
        """Nothing is held."""


def demo() -> Scripted:
    """Return the scripted model that users can try: `scripted/demo`."""
    return Scripted(_play_demo, label="demo")


def _candidate(answer: str, approach: str, percent: int, seconds: float) -> Says:
    return Says(
        {
            "approach": approach,
            "justification": "Scripted: shows where a justification stands.",
            "answer": answer,
            "confidence_percent": percent,
        },
        seconds=seconds,
    )


_DEMO_CANDIDATES: Mapping[Strategy, Says] = {
    "direct": _candidate("17", "Adds the parts in the order given.", 70, 2.0),
    "first_principles": _candidate("19", "Counts every pair once from the definition.", 85, 3.0),
    "adversarial_check": _candidate(
        "19", "Checks both earlier counts against a small case.", 90, 2.5
    ),
}

_DEMO_OTHERS = _candidate("19", "Repeats the count another way.", 80, 1.0)

_DEMO_MENDED = _candidate("19", "Counts again, each pair once, as the feedback asks.", 90, 2.0)

_DEMO_FEEDBACK = Says(
    {"feedback": "The second step counts one pair twice.", "satisfied": False}, seconds=1.0
)

_DEMO_SATISFIED = Says({"feedback": "Each pair is counted once.", "satisfied": True}, seconds=1.0)

_DEMO_FIRST_TURN = Says(
    "The two candidates part where pairs are counted; one check on a small case would settle it.",
    explores=[
        {
            "strategy": "adversarial_check",
            "instruction": "Test the counting step on a small case first.",
        }
    ],
    seconds=1.0,
)

_DEMO_LAST_TURN = Says(
    {
        "explanation": "This is a scripted demonstration, not an answer to the problem. "
        "Candidates 2 and 3 reach 19 by different methods; candidate 1 counts twice.",
        "answer": "19",
        "supported": True,
        "confidence_percent": 88,
        "dissent": "Candidate 1 answers 17; its second step counts one pair twice.",
        "same_answers": [],
    },
    seconds=1.0,
)


def _play_demo(request: ModelRequest) -> Says:
    """Return the reply to a request, chosen by its text, as several runs may be played at once."""
    if request.tools:
        first = not any(isinstance(turn, AssistantTurn) for turn in request.turns)
        return _DEMO_FIRST_TURN if first else _DEMO_LAST_TURN
    text = _text_of(request)
    if request.system == CRITIC_SYSTEM:
        return _DEMO_FEEDBACK if '"answer": "17"' in text else _DEMO_SATISFIED
    if REFINER_DIRECTIVE in text:
        return _DEMO_MENDED
    return next(
        (says for strategy, says in _DEMO_CANDIDATES.items() if STRATEGY_TEXTS[strategy] in text),
        _DEMO_OTHERS,
    )


async def _take(seconds: float, tokens: int, on_tokens: OnTokens | None) -> None:
    steps = 10 if seconds else 1
    for step in range(1, steps + 1):
        await anyio.sleep(seconds / steps)
        if on_tokens is not None:
            on_tokens(tokens * step // steps)


def _end(says: Says, calls: Sequence[ToolCall]) -> Any:
    return says.end or ("tool_calls" if calls else "end")


def _input_tokens(request: ModelRequest) -> int:
    return max(1, len(_text_of(request)) // CHARS_PER_TOKEN)


def _text_of(request: ModelRequest) -> str:
    texts = [request.system]
    for turn in request.turns:
        if isinstance(turn, AssistantTurn):
            texts.append(turn.text)
        else:
            texts += [part.text for part in turn.parts if isinstance(part, Text)]
    return "".join(texts)
