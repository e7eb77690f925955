"""The groups as people see them: by rule, and at the end also by the orchestrator's judgement.

Judgement is for words: it makes no two values of a schema one, and no two numbers. Nothing is
decided on it; what is decided on agreement is decided on `RunFacts.groups`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from atlas_mcp.atlas.agreement import Group, key_of, merged_groups
from atlas_mcp.atlas.comparing.forms import is_number
from atlas_mcp.atlas.joined import joined_sets
from atlas_mcp.atlas.run_facts import RunFacts
from atlas_mcp.atlas.same_answers import OWN_ANSWER


def judged_groups(state: RunFacts) -> tuple[Group, ...]:
    """Return the groups by rule, those made one that are said to give the same answer."""
    return merged_groups(state.groups, _same(state), by="judgement")


def confirming(state: RunFacts) -> frozenset[int]:
    """Return the explores whose candidates give the run's answer, by rule or judgement."""
    own = (numbers for numbers in _same(state) if OWN_ANSWER in numbers)
    return frozenset[int]().union(*own) - {OWN_ANSWER}


def _same(state: RunFacts) -> tuple[frozenset[int], ...]:
    """Return sets of explores with the same answer; `OWN_ANSWER` is in that of the run's answer."""
    finished = state.finished
    if finished is None:
        return ()
    groups = state.groups
    keys = {number: one.keys for one in groups for number in one.explore_ids}
    by_rule: list[tuple[int, ...]] = []
    if finished.answer is not None:
        key = key_of(finished, state.asked)
        keys[OWN_ANSWER] = frozenset({key})
        by_rule = [(OWN_ANSWER, *one.explore_ids) for one in groups if key in one.keys]
    named = finished.same_answers if state.problem.takes_free_text else ()
    same = joined_sets([*named, *by_rule])
    if all(_at_most_one_number(one, keys) for one in same):
        return same
    return joined_sets(by_rule)


def _at_most_one_number(explores: Collection[int], keys: Mapping[int, frozenset[str]]) -> bool:
    """Return whether the answers of some explores are one number at most, besides words."""
    found = {key for one in explores for key in keys.get(one, ()) if is_number(key)}
    return len(found) < 2
