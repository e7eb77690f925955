"""The document of two runs side by side: what differs in them, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from atlas_mcp.atlas.agreement import Group, Vote, group_answers, key_of, merged_groups
from atlas_mcp.atlas.judgement import confirming, judged_groups
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import cost_text
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import counted, one_line
from atlas_mcp.views.page.bounded import Bound, bound_of
from atlas_mcp.views.page.endings import state_text
from atlas_mcp.views.page.evidence import candidate_texts, method_key, page_agreement, page_matrix
from atlas_mcp.views.page.lists import (
    ComparedAnswer,
    ComparedMethod,
    CompareDocument,
    ComparedRun,
    ComparedSetting,
)
from atlas_mcp.views.rendering import view_of

_APART = 1_000_000
"""Added to the numbers of the second run's explores while the answers of both are grouped."""


def compare_document(a: RunSnapshot, b: RunSnapshot) -> CompareDocument:
    """Return two runs side by side.

    Candidates are compared by rule, and by what a computer algebra system proved in either run.
    """
    same_problem = a.state.problem == b.state.problem
    bounds = [bound_of(run.run_id, candidate_texts(run.state)) for run in (a, b)]
    bound = min(bounds, key=lambda one: one.chars)
    same_answer = _same_answer(a.state, b.state) if same_problem else None
    return CompareDocument(
        at=max(a.now, b.now),
        a=_compared(a, bounds[0]),
        b=_compared(b, bounds[1]),
        same_problem=same_problem,
        same_answer=same_answer,
        summary=_summary(a.state, b.state, same_problem=same_problem, same_answer=same_answer),
        settings=list(_settings(a.state, b.state)),
        answers=_answers(a.state, b.state, bound, together=same_problem),
        methods=_methods(a.state, b.state, bound),
    )


def _compared(run: RunSnapshot, bound: Bound) -> ComparedRun:
    state, view = run.state, view_of(run)
    groups = judged_groups(state)
    agreement = page_agreement(state, groups, page_matrix(state, groups))
    return ComparedRun(
        run_id=run.run_id,
        title=one_line(state.problem.text, 120),
        problem=bound.shown(state.problem.text),
        status=view.status,
        stop_reason=view.stop_reason,
        state=state_text(view.status, view.stop_reason),
        started_at=state.opened_at,
        elapsed_s=view.elapsed_s,
        answer_text=None if view.answer is None else bound.answer(view.answer),
        confidence=view.confidence,
        agreement=agreement.sentence,
        explores=state.used_explores,
        failed=sum(one.status == "failed" for one in view.candidates),
        cost_usd=view.cost_usd,
        orchestrator_usd=view.cost_split.orchestrator,
        solvers_usd=view.cost_split.solvers,
        usage=view.usage,
    )


def _same_answer(a: RunState, b: RunState) -> bool | None:
    """Return whether two runs of one problem have the same answer; `None` where one has none."""
    ends = [state.finished for state in (a, b)]
    if any(end is None or end.answer is None for end in ends):
        return None
    keys = {key_of(end, a.asked) for end in ends if end is not None}
    if len(keys) == 1:
        return True
    return any(
        not confirming(a).isdisjoint(_own(group)) and not confirming(b).isdisjoint(_others(group))
        for group in _groups(a, b)
    )


def _summary(a: RunState, b: RunState, *, same_problem: bool, same_answer: bool | None) -> str:
    if not same_problem:
        return "The two runs were asked different problems, so their answers are not compared."
    answers = {
        True: "Both runs give the same answer.",
        False: "The two runs give different answers.",
        None: "At least one of the runs has no answer.",
    }[same_answer]
    return f"{answers} {_side(a, 'first')}, {_side(b, 'second')}."


def _side(state: RunState, which: str) -> str:
    lead = "The" if which == "first" else "the"
    explores = counted(state.used_explores, "explore")
    return f"{lead} {which} took {explores} and {cost_text(state.cost_usd)}"


def _settings(a: RunState, b: RunState) -> Iterable[ComparedSetting]:
    """Yield the settings that differ."""
    ours, theirs = _setting_texts(a), _setting_texts(b)
    for name in dict.fromkeys((*ours, *theirs)):
        pair = ours.get(name), theirs.get(name)
        if pair[0] != pair[1]:
            yield ComparedSetting(name=name, a=pair[0], b=pair[1])


def _setting_texts(state: RunState) -> Mapping[str, str | None]:
    spec, budget = state.spec, state.budget
    solvers = ", ".join(
        f"{entry.name} ({_model_text(entry.spec)})"
        + ("" if entry.quota is None else f", at most {entry.quota}")
        for entry in spec.solvers
    )
    cap = budget.max_cost_usd
    texts = {
        "workflow": spec.workflow,
        "orchestrator": None if spec.orchestrator is None else _model_text(spec.orchestrator),
        "solvers": solvers,
        "explore effort": spec.explore_effort,
        "most explores": str(budget.max_explores),
        "at once": str(budget.max_parallel),
        "cap": "none" if cap is None else cost_text(cap),
        "time limit": f"{budget.time_limit_s:g} s",
        "seed": None if spec.seed is None else str(spec.seed),
    }
    return {name: None if text is None else one_line(text) for name, text in texts.items()}


def _model_text(spec: ModelSpec) -> str:
    return spec.title if spec.effort is None else f"{spec.title}, effort {spec.effort}"


def _answers(a: RunState, b: RunState, bound: Bound, *, together: bool) -> list[ComparedAnswer]:
    groups = _groups(a, b) if together else (*a.groups, *_moved(b.groups))
    chosen_a, chosen_b = confirming(a), confirming(b)
    found: list[ComparedAnswer] = []
    for group in groups:
        own, others = _own(group), _others(group)
        found.append(
            ComparedAnswer(
                answer_text=bound.answer(group.answer),
                a=own,
                b=others,
                chosen_in_a=not chosen_a.isdisjoint(own),
                chosen_in_b=not chosen_b.isdisjoint(others),
            )
        )
    return found


def _groups(a: RunState, b: RunState) -> tuple[Group, ...]:
    """Return the candidates of both runs by answer; those of the second have other numbers."""
    problem = a.problem
    votes = (*a.votes, *(_moved_vote(vote) for vote in b.votes))
    groups = group_answers(votes, schema=problem.answer_schema, question=problem.text)
    moved = (frozenset(number + _APART for number in one) for one in b.proved)
    return merged_groups(groups, (*a.proved, *moved))


def _moved(groups: Iterable[Group]) -> list[Group]:
    return [replace(group, votes=tuple(map(_moved_vote, group.votes))) for group in groups]


def _moved_vote(vote: Vote) -> Vote:
    return replace(vote, explore_id=vote.explore_id + _APART)


def _own(group: Group) -> list[int]:
    return [number for number in group.explore_ids if number < _APART]


def _others(group: Group) -> list[int]:
    return [number - _APART for number in group.explore_ids if number >= _APART]


def _methods(a: RunState, b: RunState, bound: Bound) -> list[ComparedMethod]:
    """Return the methods of both runs, those of most candidates first."""
    written: dict[str, str] = {}
    found: dict[str, tuple[list[int], list[int]]] = {}
    for side, votes in enumerate((a.votes, b.votes)):
        for vote in votes:
            approach = vote.candidate.approach
            path = method_key(approach)
            written.setdefault(path, approach)
            found.setdefault(path, ([], []))[side].append(vote.explore_id)
    rows: Sequence[tuple[str, tuple[list[int], list[int]]]] = sorted(
        found.items(), key=lambda row: -len(row[1][0]) - len(row[1][1])
    )
    return [
        ComparedMethod(approach=bound.shown(written[path]), a=own, b=others)
        for path, (own, others) in rows
    ]
