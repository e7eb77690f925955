"""Lists, sets, points and matrices, read as whole answers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key

SOLVE = "Find all solutions of the equation."
ORDER = "In which order did the trains arrive?"
TERMS = "List the first five terms in order."
FACTORS = "Find all prime factors of the number."
VERTEX = "What are the coordinates of the vertex?"


def is_same(one: str, other: str, question: str) -> bool:
    """Return whether two answers to a question are one."""
    asked = Asked(question)
    return text_key(one, asked) == text_key(other, asked)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("4, 7, 9", "9, 4, 7", SOLVE),
        ("4 and 7", "7, 4", SOLVE),
        ("4, 7 and 9", "{9, 7, 4}", SOLVE),
        ("4, 7, and 9", "4; 7; 9", SOLVE),
        ("4 or 7", "{4, 7}", SOLVE),
        ("The solutions are 4 and 7", "4, 7", SOLVE),
        ("{x = 4, x = 7}", "{4, 7}", "Solve for x."),
        ("(1, 4, 9)", "1, 4, 9", "List the first three squares."),
        ("{4}", "4", SOLVE),
        ("4, 7, or 9", "4, 7 or 9", SOLVE),
        ("4, 7 or 9", "9, 7, 4", SOLVE),
        ("S = {4, 7}", "7, 4", SOLVE),
        ("1/4, 2", "2 and 0.25", SOLVE),
        ("2, 2, 7", "7, 2, 2", FACTORS),
        ("{c, d}", "{d, c}", ""),
        (r"\{3, 8\}", "{8,3}", ""),
        (r"\left\{ 3, 8 \right\}", "{3, 8}", ""),
        ("{{1, 2}, 5}", "{5, {2, 1}}", ""),
        ("{oak, elm}", "{elm, oak}", ""),
        ("(1, 2), (3, 4)", "(3, 4) and (1, 2)", "Find all integer solutions (x, y)."),
        ("3 ± √2", "3 - √2, 3 + √2", "Find both roots."),
        ("2, 3, 5, 8", "2 3 5 8", TERMS),
        ("[2, 3, 5, 8]", "2, 3, 5, 8", TERMS),
        ("C → A → B", "C, A, B", ORDER),
        ("C -> A -> B", "C; A; B", ORDER),
        ("oak, elm, ash", "oak; elm; ash", "Name the trees in the order of their age."),
        ("oak, elm and ash", "oak\nelm\nash", "Name the trees in the order of their age."),
        ("oak, elm", "elm and oak", "Which of these trees lose their leaves?"),
        ("red, blue", "- blue\n- red", "Which of these colours are there?"),
        ("4, 7, 9", "4; 7; 9", ""),
        ("5,6", "5, 6", SOLVE),
        ("1,5; 2,5", "2,5; 1,5", "Löse die Gleichung."),
        ("1,000 and 2,000", "2000, 1000", SOLVE),
        ("A B C", "A–B–C", "Which path does the search take?"),
        ("oak, elm", "elm and oak", "Which two trees lose their leaves?"),
    ],
)
def test_lists_of_the_same_parts_have_one_key(one: str, other: str, question: str) -> None:
    assert is_same(one, other, question)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("4, 7", "4, 7, 9", SOLVE),
        ("4, -4", "4", SOLVE),
        ("4, 7", "47", SOLVE),
        ("4 or 7", "4, 7", ""),
        ("4, 7 or 9", "4, 7, 9", ""),
        ("(4, 7)", "(7, 4)", SOLVE),
        ("{4, 7}", "[4, 7]", "What is the range?"),
        ("{{4}, 7}", "{4, 7}", ""),
        ("{4}", "4", ""),
        ("2, 7", "2, 2, 7", FACTORS),
        ("{2, 7}", "{2, 2, 7}", FACTORS),
        ("9, 7, 4", "4, 7, 9", ""),
        ("9, 7, 4", "4, 7, 9", TERMS),
        ("{9, 7, 4}", "{4, 7, 9}", "Sort the numbers in ascending order."),
        ("1, 12", "1 1 2", TERMS),
        ("1, 2, 3", "1, 23", TERMS),
        ("A, C, B", "A, B, C", ORDER),
        ("A → B → C", "C → B → A", ""),
        ("A → B → C", "A, B, C", ""),
        ("oak, elm", "elm, oak", "Name the trees in the order of their age."),
        ("oak, elm", "elm, oak", ""),
        ("4, 7", "7, 4", "Find the values of a and b."),
        ("4, 7", "7, 4", "What are the mean and the median?"),
        ("4, 7", "7, 4", "Which numbers fill the gaps?"),
        ("5,6", "5, 6", ""),
        ("5,6", "5, 6", "Solve it, to two decimal places."),
        ("1,5; 2,5", "5,1; 2,5", SOLVE),
        ("2, 1", "1, 2", "Solve the system x + y = 3, x - y = 1."),
        ("2, 1", "1, 2", "Solve 2x + y = 5 where y = 2x - 3."),
        ("A or B", "A and B", SOLVE),
        ("12,345", "12, 345", "List the two numbers."),
        ("{4, 4, 7}", "{4, 7}", "Find all roots with their multiplicity."),
        ("T, F, T", "T, T, F", "Which of the following statements are true?"),
        ("5, 7", "7, 5", "Give two numbers p, q with p - q = 2."),
        ("5, 7", "7, 5", "Solve for the number of adults and children."),
        ("5, 7", "7, 5", "Which two words stand for 'left' and 'right'?"),
        ("(1, 2), (3, 4)", "(3, 4), (1, 2)", "Find the points A and B."),
        ("oak, elm", "elm, oak", "Which of the trees grows first, and which second?"),
        ("1 000", "1, 000", TERMS),
        ("1, 2, ..., 9", "1, 2, 9", SOLVE),
        ("{x | x > 2}", "{x, x > 2}", ""),
        ("1 and 1/2", "1, 1/2", ""),
        ("Paris, France", "France, Paris", "Where was the treaty signed?"),
        ("Yes, it is", "it is, yes", ""),
    ],
)
def test_lists_of_other_parts_or_in_another_order_stay_apart(
    one: str, other: str, question: str
) -> None:
    assert not is_same(one, other, question)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("(3, 4)", "( 3 ,4 )", ""),
        ("(3; 4)", "(3, 4)", VERTEX),
        ("\uff083\uff0c4\uff09", "(3, 4)", VERTEX),
        (r"\left(\frac{1}{4}, 2\right)", "(0.25, 2)", ""),
        ("(3, 4)", "3, 4", VERTEX),
        (r"\langle 3, 4\rangle", "⟨3,4⟩", ""),
        ("<3, 4, 5>", "(3, 4, 5)", "Find a vector that is normal to the plane."),
        ("[3, 4, 5]", "(3, 4, 5)", "Find a vector that is normal to the plane."),
        (r"\begin{pmatrix}3\\4\end{pmatrix}", "(3, 4)", "Find the vector v."),
        ("P = (3, 4)", "(3, 4)", "Find the point P."),
        ("v = (3, 4)", "(3, 4)", ""),
        ("A(3, 4)", "(3, 4)", "What are the coordinates of A?"),
    ],
)
def test_points_of_the_same_coordinates_have_one_key(one: str, other: str, question: str) -> None:
    assert is_same(one, other, question)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("(3, 4)", "(4, 3)", VERTEX),
        ("(3, 4)", "(3, 4, 0)", VERTEX),
        ("(3, 4)", "{3, 4}", ""),
        ("(3, 4)", "3, 4", ""),
        ("(0, 0)", "0", ""),
        ("⟨3, 4⟩", "(3, 4)", ""),
        (r"\begin{pmatrix}3\\4\end{pmatrix}", "(3, 4)", ""),
        ("(3, 4)", "34", ""),
        ("A(3, 4)", "B(3, 4)", "What are the coordinates of the point?"),
        ("(1,5; 2)", "(1; 5; 2)", ""),
        ("x = (1, 2, 3, 4)", "x = (1, 3, 2, 4)", ""),
        ("P = (3, 4)", "Q = (3, 4)", "Which of the two lies on the line?"),
    ],
)
def test_points_of_other_coordinates_stay_apart(one: str, other: str, question: str) -> None:
    assert not is_same(one, other, question)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\begin{bmatrix}5 & 6\\7 & 8\end{bmatrix}", "[[5, 6], [7, 8]]"),
        (r"\begin{pmatrix} 5&6 \\ 7&8 \\ \end{pmatrix}", "[[5,6],[7,8]]"),
        (r"\left[\begin{array}{cc}5&6\\7&8\end{array}\right]", "[[5,6],[7,8]]"),
        (r"\begin{bmatrix}\frac12 & 0\\0 & 1\end{bmatrix}", "[[0.5, 0], [0, 1]]"),
        ("[5 6; 7 8]", "[5, 6; 7, 8]"),
        ("[5 6; 7 8]", "[[5, 6], [7, 8]]"),
        ("[[5, 6], [7, 8]]", "[[5,6],[7,8]]"),
        ("[[1, 2, 3]]", r"\begin{pmatrix}1&2&3\end{pmatrix}"),
    ],
)
def test_matrices_of_the_same_cells_have_one_key(one: str, other: str) -> None:
    assert is_same(one, other, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[[5, 6], [7, 8]]", "[[5, 7], [6, 8]]"),
        ("[[5, 6], [7, 8]]", "[5, 6, 7, 8]"),
        ("[[5, 6], [7, 8]]", "[[5, 6, 7, 8]]"),
        ("[[5], [6]]", "[[5, 6]]"),
        (r"\begin{vmatrix}5&6\\7&8\end{vmatrix}", r"\begin{pmatrix}5&6\\7&8\end{pmatrix}"),
        ("[[5, 6], [7]]", "[[5, 6], [7, 0]]"),
    ],
)
def test_matrices_of_other_cells_stay_apart(one: str, other: str) -> None:
    assert not is_same(one, other, "")


@pytest.mark.parametrize("answer", ["((5, 6), (7, 8))", "{{5, 6}, {7, 8}}", "A = [[5,6],[7,8]]"])
def test_rows_in_other_brackets_are_a_matrix_where_one_is_asked_for(answer: str) -> None:
    assert is_same(answer, "[[5, 6], [7, 8]]", "Find the matrix A.")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + ")" * 900,
        "{" * 900 + "1" + "}" * 900,
        ",".join(["1"] * 900),
        "[" * 900,
        "1, " * 600,
        " and ".join(["a"] * 300),
        "(a) " * 400,
        "\u00b1" * 900,
        "3 cats, " * 200,
    ],
)
def test_a_hostile_list_has_a_key(text: str) -> None:
    for question in ("", SOLVE, TERMS):
        assert text_key(text, Asked(question))
