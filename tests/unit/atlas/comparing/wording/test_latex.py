"""LaTeX as plain mathematical text."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.wording.latex import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\tfrac37", "3/7"),
        (r"\dfrac{p}{q}", "p/q"),
        (r"4\frac{2}{3}", "4 2/3"),
        (r"\frac{x^3}{5}", "(x^3)/5"),
        (r"\frac{x}{5}^3", "(x/5)^3"),
        (r"\frac{2}{5} y", "(2/5) y"),
        (r"\frac{2}{5}\text{ km}", "2/5 km"),
        (r"y\frac25", "y(2/5)"),
        (r"-\frac{2}{5}", "-2/5"),
        (r"\frac{\frac12}{3}", "(1/2)/3"),
        (r"\sqrt7", "√7"),
        (r"\sqrt{7}x", "√(7)x"),
        (r"\sqrt{y}^3", "(√y)^3"),
        (r"\sqrt[3]{y+1}", "∛(y+1)"),
        (r"\sqrt[5]{y}", "root_5(y)"),
        (r"y^{12}", "y^12"),
        (r"y^{1}2", "y^(1)2"),
        (r"y^{a+b}", "y^(a+b)"),
        (r"y_{12}", "y_12"),
        (r"\log_5 25", "log_5 25"),
        (r"\log_52", "log_(5)2"),
        (r"y\cos y", "y cos y"),
        (r"\sin^2\theta", "sin^2θ"),
        (r"\left\{3, 4\right\}", "{3, 4}"),
        (r"\mathbb{Z}\setminus\{3\}", "ℤ∖{3}"),
        (r"ℤ\{3}", "ℤ∖{3}"),
        (r"$$y^2$$", "y^2"),
        (r"\(y\)", "y"),
        (r"$7$ km", "7 km"),
        (r"70\%", "70%"),
        (r"30^{\circ}", "30°"),
        (r"7{,}000", "7,000"),
        (r"\binom{7}{2}", "binom(7, 2)"),
        (r"{7 \choose 2}", "binom(7, 2)"),
        (r"3 \leq y < 7", "3 ≤ y < 7"),
        (r"\mathrm{H_2O}", "H_2O"),
        (r"\displaystyle\mathbf{v}", "v"),
        (r"a \not= b", "a ≠ b"),
    ],
)
def test_latex_becomes_one_line_of_mathematics(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        r"C:\new\folder",
        r"\d{3}",
        "[a-z]{3}",
        "{3, 4}",
        "x_1",
        "x < 3",
        r"\overline{z}",
        r"\dot{x}",
        r"\frac{1",
        r"\frac",
        "a}b^{2}",
        r"\unknown{3}",
        r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}",
        "x" * 3000 + r"\pi",
        r"\frac{" * 300,
        "{" * 500 + "^{",
    ],
)
def test_what_is_no_dress_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("first", "second"), [(r"\bar z", r"\bar{z}"), (r"$\vec v$", r"\(\vec{v}\)")]
)
def test_an_accent_is_kept_in_one_spelling(first: str, second: str) -> None:
    assert plain(first) == plain(second) != "z"
