"""The evidence on a run's page: its explores, remarks, groups of answers, and their matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.call_names import solver_call
from atlas_mcp.atlas.explore import Candidate, Remark, SolverFailure
from atlas_mcp.atlas.judgement import confirming
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import counted
from atlas_mcp.views.facts import agreement_text, failure_text
from atlas_mcp.views.page.bounded import REPEATED, Bound, name
from atlas_mcp.views.page.evidence_shapes import (
    CandidateState,
    MatrixCell,
    PageAgreement,
    PageCandidate,
    PageGroup,
    PageRemark,
)
from atlas_mcp.views.rendering import view_candidate, view_remark
from atlas_mcp.views.status import own_votes

COMPARED_CHARS = 10_000
"""Characters by which two methods are told apart."""


def candidate_texts(state: RunState) -> Iterator[str]:
    """Yield the long texts of a run's candidates and remarks."""
    for explore in state.done:
        if isinstance(explore.outcome, Candidate):
            yield explore.outcome.reasoning
        elif isinstance(explore.outcome, Remark):
            yield explore.outcome.text


def page_candidates(
    run: RunSnapshot,
    groups: Sequence[Group],
    changed: Mapping[int, int],
    bound: Bound,
    *,
    since: int,
) -> list[PageCandidate]:
    """Return the explores of a run that attempt an answer, in the order of their numbers.

    Args:
        run: The run.
        groups: Its candidates, grouped by answer.
        changed: Number of the record that changed an explore last, by explore.
        bound: The bound of texts.
        since: Number of the record up to which all is known; those that have changed since are
            returned, and those at work, since tokens arrive without a record.
    """
    place = {number: i for i, group in enumerate(groups, 1) for number in group.explore_ids}
    return [
        _candidate(run, explore, place.get(explore.id), changed.get(explore.id, 1), bound)
        for explore in run.state.explores.values()
        if not isinstance(explore.outcome, Remark)
        and (changed.get(explore.id, 1) > since or _state_of(explore) == "running")
    ]


def page_remarks(
    state: RunState, changed: Mapping[int, int], bound: Bound, *, since: int
) -> list[PageRemark]:
    """Return the replies of a run that attempt no answer: see `page_candidates`."""
    found: list[PageRemark] = []
    for explore in state.done:
        if not isinstance(explore.outcome, Remark) or changed.get(explore.id, 1) <= since:
            continue
        view = view_remark(state, explore, explore.outcome)
        found.append(
            PageRemark(
                explore_id=view.explore_id,
                solver=name(view.solver),
                model=name(view.model),
                effort=view.effort,
                role=name(view.role),
                about=view.about,
                text=bound.shown(view.text),
                usage=view.usage,
                cost_usd=view.cost_usd,
                elapsed_s=view.elapsed_s,
                changed=changed.get(explore.id, 1),
            )
        )
    return found


def page_agreement(
    state: RunState, groups: Sequence[Group], matrix: Sequence[MatrixCell]
) -> PageAgreement:
    """Return how far the candidates of a run agree."""
    confirmed = confirming(state)
    return PageAgreement(
        sentence=_sentence(state, groups, matrix),
        paths=_paths(groups, matrix, confirmed),
        groups=[
            PageGroup(
                number=number,
                answer=REPEATED.value(group.answer),
                text=REPEATED.answer(group.answer),
                explore_ids=list(group.explore_ids),
                by=group.by,
                chosen=not confirmed.isdisjoint(group.explore_ids),
                solvers=_distinct(name(vote.solver) for vote in group.votes),
                models=_distinct(_model(state, vote.solver) for vote in group.votes),
                approaches=_distinct(one.approach for one in matrix if one.group == number),
            )
            for number, group in enumerate(groups, 1)
        ],
    )


def page_matrix(state: RunState, groups: Sequence[Group]) -> list[MatrixCell]:
    """Return who came to which answer by which method, answer by answer.

    A method is written as the first candidate wrote it, in every cell.
    """
    cells: list[MatrixCell] = []
    written: dict[str, str] = {}
    for number, group in enumerate(groups, 1):
        found: dict[tuple[str, str], list[int]] = {}
        for vote in group.votes:
            approach = vote.candidate.approach
            path = method_key(approach)
            written.setdefault(path, approach)
            found.setdefault((path, _model(state, vote.solver)), []).append(vote.explore_id)
        cells += (
            MatrixCell(
                group=number,
                approach=REPEATED.shown(written[path]),
                model=model,
                explore_ids=numbers,
            )
            for (path, model), numbers in found.items()
        )
    return cells


def method_key(approach: str) -> str:
    """Return what is the same for two methods that differ in case and spaces alone."""
    return " ".join(approach[:COMPARED_CHARS].split()).casefold()


def _candidate(
    run: RunSnapshot, explore: ExploreState, group: int | None, changed: int, bound: Bound
) -> PageCandidate:
    view = view_candidate(run.state, explore)
    outcome = explore.outcome
    answer = outcome.answer if isinstance(outcome, Candidate) else None
    begun = explore.started_at is not None
    where = _state_of(explore)
    return PageCandidate(
        explore_id=explore.id,
        solver=name(view.solver),
        model=name(view.model or view.solver),
        effort=view.effort,
        strategy=view.strategy,
        role=name(view.role),
        instruction=bound.optional(view.instruction),
        status=None if outcome is None else view.status,
        answer=bound.value(answer),
        answer_text=bound.answer(answer) if isinstance(outcome, Candidate) else None,
        approach=bound.optional(view.approach),
        reasoning=bound.optional(view.reasoning),
        confidence=view.confidence,
        error=bound.shown(failure_text(outcome)) if isinstance(outcome, SolverFailure) else None,
        usage=view.usage if outcome is not None else None,
        cost_usd=view.cost_usd if outcome is not None else None,
        elapsed_s=view.elapsed_s if begun and explore.finished_at is not None else None,
        changed=changed,
        origin=explore.origin,
        group=group,
        started_at=explore.started_at,
        ended_at=explore.finished_at,
        state=where,
        received_tokens=run.tokens.get(solver_call(explore.id)) if where == "running" else None,
        skipped=bound.optional(explore.skipped),
    )


def _state_of(explore: ExploreState) -> CandidateState:
    if explore.skipped is not None:
        return "skipped"
    if explore.outcome is not None:
        return "ok" if isinstance(explore.outcome, Candidate) else "failed"
    # A reply that has not been read yet is under way still.
    return "planned" if explore.waiting else "running"


def _sentence(state: RunState, groups: Sequence[Group], matrix: Sequence[MatrixCell]) -> str:
    """Return how many of the candidates agree, and along how many paths."""
    found = sum(len(group.votes) for group in groups)
    if found == 0:
        return "There is no candidate." if state.finished else "There is no candidate yet."
    if found == 1:
        return "One candidate gave an answer: nothing confirms it."
    top = groups[0]
    own = own_votes(state, top)
    text = agreement_text(len(top.votes), found, top.by_rule, own)
    if len(top.votes) == 1:
        return f"{counted(found, 'candidate')}: {text}."
    cells = [one for one in matrix if one.group == 1]
    models, paths = len({one.model for one in cells}), len({one.approach for one in cells})
    who = "they" if own is None else f"those {len(top.votes)}"
    return f"{text}; {who} come from {counted(models, 'model')} by {counted(paths, 'method')}."


def _paths(
    groups: Sequence[Group], matrix: Sequence[MatrixCell], confirmed: Set[int]
) -> str | None:
    """Return along how many paths the answer was found, or the most common one without an answer.

    A path is a model with a method.
    """
    if not groups:
        return None
    chosen = [at for at, one in enumerate(groups) if not confirmed.isdisjoint(one.explore_ids)]
    at = chosen[0] if chosen else 0
    whose = "The answer" if chosen else "The most common answer"
    votes = len(groups[at].votes)
    cells = sum(cell.group == at + 1 for cell in matrix)
    if votes == 1:
        return f"{whose} has one candidate behind it."
    behind = f"{whose} has {votes} candidates behind it"
    if cells == 1:
        return f"{behind}, all of one model by one method: they are one path, taken {votes} times."
    if cells < votes:
        return (
            f"{behind}, on {cells} different paths: candidates of one path share a model and a "
            "method."
        )
    return f"{behind}, each on a path of its own."


def _model(state: RunState, solver: str) -> str:
    """Return a solver's model; its name, where the settings of the run are lost."""
    return name(state.spec.solver(solver).spec.title or solver)


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
