"""Matrices in their ways of writing."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import matrices

ASKED = Asked("Find the inverse matrix A.")


def key(text: str) -> str | None:
    return matrices.read(text, ASKED, lambda part: f"<{part}>")


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
        "[[1,2],[3,4]]",
        "np.array([[1, 2], [3, 4]])",
        "A = [[1, 2], [3, 4]]",
    ],
)
def test_a_matrix_has_one_key(text: str) -> None:
    assert key(text) == key("[[1, 2], [3, 4]]") is not None


@pytest.mark.parametrize("text", ["[[1, 3], [2, 4]]", "[[1, 2, 3, 4]]"])
def test_rows_and_columns_count(text: str) -> None:
    assert key(text) != key("[[1, 2], [3, 4]]")


@pytest.mark.parametrize("text", ["[[1, 2], [3]]", "[1, 2", "x + 1"])
def test_what_is_no_matrix_is_not_read(text: str) -> None:
    assert key(text) is None
