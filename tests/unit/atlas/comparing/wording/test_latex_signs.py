"""The table of LaTeX's commands: each command has one meaning, and each sign its look."""

from __future__ import annotations

from itertools import combinations

from atlas_mcp.atlas.comparing.wording import latex_signs


def test_no_command_is_of_two_kinds() -> None:
    kinds = [
        latex_signs.SPACES,
        latex_signs.IGNORED,
        latex_signs.SKIPPED,
        latex_signs.STYLES,
        latex_signs.ACCENTS,
        latex_signs.FRACTIONS,
        latex_signs.BINOMIALS,
        latex_signs.FUNCTIONS,
    ]

    assert not [one & other for one, other in combinations(kinds, 2) if one & other]


def test_each_sign_stands_beside_its_command() -> None:
    assert {name: latex_signs.SIGNS[name] for name in ("pi", "times", "le", "ne", "}")} == {
        "pi": "π",
        "times": "×",
        "le": "≤",
        "ne": "≠",
        "}": "}",
    }


def test_letters_of_the_same_name_are_different_signs() -> None:
    pairs = [("phi", "varphi"), ("epsilon", "varepsilon"), ("theta", "vartheta"), ("Pi", "pi")]

    for one, other in pairs:
        assert latex_signs.SIGNS[one] != latex_signs.SIGNS[other]
