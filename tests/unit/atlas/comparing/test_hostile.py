"""Answers that are written to cost time and memory: each is read, or refused, within bounds."""

from __future__ import annotations

import tracemalloc

import pytest

from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked

MAX_BYTES = 4_000_000
"""Memory that the reading of one answer may take: some megabytes."""

QUESTIONS = ("", "Simplify.", "Round to two decimal places.", "Solve for x.")

HOSTILE = {
    "powers of Python": "9**9**9**9",
    "powers": "9^9^9^9",
    "brackets": "(" * 1_000 + ")" * 1_000,
    "digits": "7" * 1_990,
    "digits of a fraction": "1/" + "7" * 190,
    "an exponent of ten": "1 × 10^" + "9" * 100,
    "fraction bars": r"\frac{" * 300,
    "fractions": r"\frac{1}{" * 40 + "x" + "}" * 40,
    "roots in LaTeX": r"\sqrt{1+" * 30 + "x" + "}" * 30,
    # The prime factors of a base each carry the exponent.
    "a tower of two primes": "6^" * 22 + "x",
    "a tower of two primes over a root": "6^" * 30 + "√2",
    "a tower of three primes": "30^" * 30 + "x",
    "a tower of four primes": "210^" * 30 + "(x+y)",
    "a tower of mixed numbers": "½^2" * 30,
    "a tower of fractions": "⅔^" * 30 + "(1/2)",
    "a tower of names": "(xyz)^" * 30 + "x",
    "a tower of sums": "(x+y)^" * 30 + "(x+y)",
    "a tower of quotients": "(x/y)^" * 30 + "(x/y)",
    "a tower of numbers and names": "(6π)^" * 30 + "x",
    "a tower of exponentials": "e^(" * 30 + "iπ/7" + ")" * 30,
    "a tower in both exponents": "6^(6^x+6^y+" * 20 + "1" + ")" * 20,
    "powers of powers": "(" * 30 + "6x" + ")^y" * 30,
    "squares of sums": "(" * 30 + "x" + "+1)^2" * 30,
    "roots of roots": "√(1+" * 35 + "x" + ")" * 35,
    "factorials": "(" * 30 + "3" + "!)" * 30,
    "factorials of a name": "(" * 30 + "x" + "!)" * 30,
    "choices": "binom(" * 30 + "9" + ",3)" * 30,
    "choices of names": "binom(x," * 30 + "y" + ")" * 30,
    "logarithms": "ln(6" * 30 + "x" + ")" * 30,
    "logarithms with a base": "log_6(" * 30 + "30" + ")" * 30,
    "sines": "sin(6*" * 30 + "x" + ")" * 30,
    "sines of sums": "sin(x+" * 30 + "1" + ")" * 30,
    "absolute values": "abs(x-" * 30 + "1" + ")" * 30,
    "calls": "f(x," * 35 + "x" + ")" * 35,
    "many names to a power": "(a+b+c+d+f+g+h+k+m+n+p)^9",
    "a long product": "*".join(f"(x_{place}+1)" for place in range(40)),
    "a long sum of fractions": "+".join(f"1/(x_{place}+1)" for place in range(30)),
    "a long sum of roots": "(" + "+".join(f"√(x+{place})" for place in range(30)) + ")^8",
    "one over roots": "1/(" + "+".join(f"√{place}" for place in range(2, 60)) + ")",
    "large fractions": "+".join(f"9^{900 + place}/7^{900 + place}" for place in range(20)),
    "large multiples": "lcm(9^900," * 30 + "8^900" + ")" * 30,
    "small exponents": "(" * 25 + "x" + "^(1/9^900))" * 25,
    "a line below towers": "y = " + "6^" * 30 + "x",
    "a set above towers": "x > " + "6^" * 30 + "2",
    "a point of towers": "(" + "6^" * 30 + "x, 6^x)",
    "growth": "O(" + "2^" * 30 + "n)",
    "growth of logarithms": "O(" + "log(" * 60 + "n" + ")" * 61,
    "negations": "¬" * 300 + "p",
    "statements": " ∧ ".join(f"(p_{place} ∨ q_{place})" for place in range(60)),
    "number words": "one hundred thousand " * 90,
    "units": "5 " + "km/" * 300 + "s",
}


@pytest.mark.every_day(60)
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_answer_takes_some_megabytes_at_most(text: str, question: str) -> None:
    asked = Asked(question)
    answer_key("x^2 + 1", asked)
    tracemalloc.start()
    try:
        key = answer_key(text, asked)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MAX_BYTES
    assert key == answer_key(text, asked)


def test_an_answer_for_which_the_memory_does_not_suffice_equals_what_is_written_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(text: str, asked: Asked) -> str:
        raise MemoryError

    monkeypatch.setattr("atlas_mcp.atlas.comparing.answers.text_key", read)

    assert answer_key("x + 1", Asked()) == answer_key(" x + 1", Asked())
    assert answer_key("x + 1", Asked()) != answer_key("1 + x", Asked())
