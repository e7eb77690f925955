"""The one action, explore, and its outcome: a candidate or a failure.

Owns the shapes of both and the reading of a solver's reply. The prompts of solvers are in
`atlas.solver_prompts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from atlas_mcp.atlas.answers import read_answer
from atlas_mcp.atlas.keyed import Keyed
from atlas_mcp.atlas.messages import Effort, Json, Reply
from atlas_mcp.atlas.storable import MAX_TEXT_CHARS, text_of
from atlas_mcp.atlas.written_json import read_object

Strategy: TypeAlias = Literal[
    "direct",
    "first_principles",
    "work_backwards",
    "decompose",
    "adversarial_check",
    "estimate_then_verify",
    "code_trace",
]
"""A named prompting strategy of one explore. Closed; its texts are in `atlas.solver_prompts`."""

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

SOLVER = "solver"
"""The role of a fresh solver, which sees the problem and nothing else."""

MAX_INSTRUCTION_CHARS = 2_000
"""Longest directed instruction, characters."""

FailureKind: TypeAlias = Literal[
    "timeout", "unavailable", "rejected", "refused", "truncated", "malformed", "cancelled"
]
"""Why a call gave nothing usable. Closed."""


@dataclass(frozen=True, slots=True)
class Explore:
    """One dispatch of a fresh solver on the original problem.

    Attributes:
        solver: Name of the pool's entry that attempts it.
        strategy: Named prompting strategy.
        effort: How hard it tries; `None` for the solver's own setting.
        instruction: A directed instruction that the orchestrator wrote, or `None`.
        role: The model's role in the prompt. A solver attempts the problem alone, so its candidate
            is a vote; the other roles belong to the workflow that plans them, and do not vote.
        shows: Numbers of earlier explores whose results the request shows; none to a solver.
    """

    solver: str
    strategy: Strategy = "direct"
    effort: Effort | None = None
    instruction: str | None = None
    role: str = SOLVER
    shows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate(Keyed):
    """One solver's usable answer.

    Attributes:
        answer: A string, or a value that fits the problem's `answer_schema`.
        reasoning: A justification a reader can check.
        approach: The method, in one sentence.
        confidence: The solver's own estimate, 0 to 1; badly calibrated. `None` if it states none.
    """

    answer: Json
    reasoning: str
    approach: str
    confidence: float | None
    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class SolverFailure:
    """An explore that gave no usable answer. It is evidence, and it used budget.

    Attributes:
        kind: The kind of the cause.
        message: The cause, for the orchestrator and for people. In records from before the fields
            below existed, it has their contents too.
        model: The model whose call failed; empty where the message names none.
        request_id: The vendor's id of that call; `None` if there was none.
        given_up: Why the call was not made again; empty where that goes without saying.
    """

    kind: FailureKind
    message: str
    status: Literal["failed"] = "failed"
    model: str = ""
    request_id: str | None = None
    given_up: str = ""

    @property
    def text(self) -> str:
        """The whole failure in a sentence, as people and the orchestrator read it."""
        named = f"`{self.model}`: " if self.model else ""
        because = f"; {self.given_up}" if self.given_up else ""
        labelled = f" (request {self.request_id})" if self.request_id else ""
        return f"{named}{self.message}{because}{labelled}"


@dataclass(frozen=True, slots=True)
class Remark:
    """The reply of a call that attempts no answer, such as a judgement of candidates.

    Attributes:
        text: The reply, for later calls that see it and for people.
        data: Facts from the reply, for the workflow that planned the call; no other code reads
            them.
    """

    text: str
    data: Json = None
    status: Literal["remark"] = "remark"


Outcome: TypeAlias = Candidate | SolverFailure | Remark


_CANDIDATE_KEYS = ("approach", "justification", "answer")

_ROOT_KEYWORDS = ("$schema", "$id", "$defs")

MAX_STATED_CHARS = 40
"""Characters of a stated confidence that are read."""

_PERCENTAGE = re.compile(
    r"(?:about|around|approximately|approx\.|roughly|~|≈)?\s*"
    r"(?P<number>[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)\s*"
    r"(?:(?P<unit>%|per ?cent)|/\s*(?P<of>100?)\b)?(?:\s*[(,;-].*|\s+[a-z][^0-9]*)?",
    re.I | re.S,
)
"""A number, its unit or the scale it is out of, and a remark after it."""


def candidate_schema(answer_schema: Mapping[str, Json] | None) -> dict[str, Json]:
    """Return the JSON Schema of a solver's reply.

    The order of the properties is the order in which a model under a grammar writes them: the
    justification comes before the answer it must lead to. Confidence is a whole percentage
    because grammars hold the bounds of integers only.
    """
    schema = {
        "type": "object",
        "properties": {
            "approach": {"type": "string", "description": "The method used, in one sentence."},
            "justification": {
                "type": "string",
                "description": "The steps that support the answer, for a reader to check.",
            },
            "answer": answer_property(answer_schema),
            "confidence_percent": {
                "type": "integer",
                "minimum": 0,
                "maximum": 100,
                "description": "How likely the answer is right, 0 to 100.",
            },
        },
        "required": ["approach", "justification", "answer", "confidence_percent"],
        "additionalProperties": False,
    }
    return with_definitions(schema, answer_schema)


def answer_property(answer_schema: Mapping[str, Json] | None) -> dict[str, Json]:
    """Return the schema of an answer inside a larger object."""
    if answer_schema is None:
        return {"type": "string", "description": "The final answer alone, as short as it can be."}
    return {key: value for key, value in answer_schema.items() if key not in _ROOT_KEYWORDS}


def with_definitions(
    schema: dict[str, Json], answer_schema: Mapping[str, Json] | None
) -> dict[str, Json]:
    """Return a schema that contains an answer's schema, with the definitions of the latter.

    References start at the root, so the definitions move there.
    """
    definitions = (answer_schema or {}).get("$defs")
    return schema if definitions is None else {**schema, "$defs": definitions}


def read_candidate(reply: Reply, answer_schema: Mapping[str, Json] | None) -> Outcome:
    """Return the candidate in a solver's reply, or the failure that its shape amounts to."""
    failure = incomplete(reply)
    if failure is not None:
        return failure
    found = read_object(reply.turn.text, _CANDIDATE_KEYS)
    if isinstance(found, str):
        return SolverFailure("malformed", f"{found}; {reply.detail}" if reply.detail else found)
    missing = [key for key in _CANDIDATE_KEYS if key not in found]
    if missing:
        return SolverFailure("malformed", f"the reply lacks {', '.join(missing)}")
    answer, wrong = read_answer(found["answer"], answer_schema)
    if wrong is not None:
        return SolverFailure("malformed", f"the answer does not fit the asked-for shape: {wrong}")
    if isinstance(answer, str) and not answer.strip():
        return SolverFailure("malformed", "the answer is empty")
    return Candidate(
        answer=answer,
        reasoning=text_of(found["justification"]),
        approach=text_of(found["approach"]),
        confidence=confidence_of(found),
    )


def incomplete(reply: Reply) -> SolverFailure | None:
    """Return the failure of a reply that is not whole; `None` if it is."""
    detail = f": {reply.detail}" if reply.detail else ""
    if reply.end == "refusal":
        return SolverFailure("refused", f"the model refused{detail}")
    if reply.end == "max_tokens":
        return SolverFailure(
            "truncated",
            f"cut off at its limit of output tokens ({reply.charge.usage.output_tokens}){detail}",
        )
    if reply.end == "too_long":
        return SolverFailure(
            "truncated", f"longer than the {MAX_TEXT_CHARS:,} characters that are kept of a reply"
        )
    if reply.end == "garbled":
        return SolverFailure("malformed", f"the reply is not understood{detail}")
    return None


def confidence_of(found: Mapping[str, Json]) -> float | None:
    """Return the confidence stated in a reply as 0 to 1; `None` for none, or for no number.

    The prompt asks for a whole percentage. Some models write a fraction, or a text, or leave the
    unit out of the key.
    """
    if "confidence_percent" in found:
        return confidence(found["confidence_percent"])
    stated = found.get("confidence")
    is_whole = not isinstance(stated, bool) and stated in (1, "1")
    return 1.0 if is_whole else confidence(stated)


def confidence(percent: object) -> float | None:
    """Return a stated percentage as 0 to 1, clipped to that range; `None` for no number.

    A number with decimals that is at most 1 is taken as a fraction, unless it has a unit. A whole 1
    is one percent, since the prompt asks for percents.
    """
    if isinstance(percent, bool) or not isinstance(percent, int | float | str):
        return None
    whole = isinstance(percent, int)
    if isinstance(percent, str):
        stated = _PERCENTAGE.fullmatch(percent.strip()[:MAX_STATED_CHARS])
        if stated is None:
            return None
        whole = stated["unit"] is not None or stated["number"].isdigit()
        percent = float(stated["number"].replace(",", "."))
        if stated["of"] is not None:
            return min(1.0, percent / max(percent, int(stated["of"]), 1))
    if not whole and 0 <= percent <= 1:
        return float(percent)
    return min(100, max(0, percent)) / 100
