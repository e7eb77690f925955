"""Which answers of a run a computer algebra system is to look at.

Owns the choice of answers and of pairs; `atlas.policy` says when. Answers that it was given
together are not given to it again, so every comparison brings a run further.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.commands import CompareAnswers
from atlas_mcp.atlas.comparing.algebra.nodes import Node, names_in
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.trees import asks_for_a_form, tree_of
from atlas_mcp.atlas.run_facts import RunFacts

MOST_COMPARED = 12
"""Answers that are compared together: 66 pairs, which take about 0.5 s (2026-11)."""

_KINDS = ("expression:", "equation:", "number:", "blake2b:")
"""How keys of expressions, equations and numbers begin; the last one is that of any long key."""


class _Expression(NamedTuple):
    """An answer that is an expression, with its group and the explore that it came from."""

    group: Group
    explore_id: int
    node: Node


def due_comparison(state: RunFacts) -> CompareAnswers | None:
    """Return the comparison that is due before anything is decided by the groups of a run.

    Only answers that are several ones by rule, and that are expressions in the same names, can
    turn out to be the same.
    """
    if not state.problem.takes_free_text or asks_for_a_form(state.asked.question):
        return None
    found = [one for group in state.groups if (one := _expression(group, state.asked)) is not None]
    pairs = [
        (a, b)
        for a, b in combinations(range(len(found[:MOST_COMPARED])), 2)
        if _may_be_same(found[a].node, found[b].node)
        and not _were_compared(state, found[a].group, found[b].group)
    ]
    if not pairs:
        return None
    given = sorted({place for pair in pairs for place in pair})
    return CompareAnswers(
        tuple(found[place].explore_id for place in given),
        tuple(found[place].node for place in given),
        tuple((given.index(a), given.index(b)) for a, b in pairs),
    )


def _expression(group: Group, asked: Asked) -> _Expression | None:
    """Return the first answer of a group that is an expression."""
    if not any(key.startswith(_KINDS) for key in group.keys):
        return None
    for vote in group.votes:
        answer = vote.candidate.answer
        node = tree_of(answer, asked) if isinstance(answer, str) else None
        if node is not None:
            return _Expression(group, vote.explore_id, node)
    return None


def _may_be_same(a: Node, b: Node) -> bool:
    # Two numbers that are several by rule are never the same.
    return {a[0], b[0]} != {"number"} and names_in(a) == names_in(b)


def _were_compared(state: RunFacts, a: Group, b: Group) -> bool:
    first, second = ({vote.explore_id for vote in group.votes} for group in (a, b))
    return any(
        first.intersection(one.explore_ids) and second.intersection(one.explore_ids)
        for one in state.comparisons
    )
