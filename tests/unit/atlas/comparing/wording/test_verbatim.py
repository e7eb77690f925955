"""Answers of which every character counts."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key
from atlas_mcp.atlas.comparing.wording.exactness import Exactness, exactness_asked


@pytest.mark.parametrize(
    ("question", "exactness"),
    [
        ("Which Python function sorts a list?", "code"),
        ("Which file has to be edited?", "code"),
        ("Which regular expression matches digits?", "code"),
        ("Which CSS selector is it?", "code"),
        ("Write a Python program that adds two numbers.", "code"),
        ("What does the following code return?", "code"),
        ("What exactly does the program print?", "output"),
        ("Qu'affiche exactement le programme ?", "output"),
        ("What is the password?", "secret"),
        ("Decode this message.", "secret"),
        ("Which character is missing?", "character"),
        ("What is White's best move?", "move"),
        ("What is Black's best reply to 1. d4?", "move"),
        ("Which note comes next?", "note"),
        ("Which Python version is needed?", "version"),
        ("What is the phone number of the office?", "phone"),
        ("What is the ZIP code?", "mark"),
        ("What is the genotype of the child?", "mark"),
        ("What is the symbol of iron?", "mark"),
        ("Give the number as written.", "mark"),
        ("", None),
        ("Which function has the derivative 2x?", None),
        ("What is the value of x after the program ends?", None),
        ("How many files are there?", None),
        ("What is the simplified expression?", None),
        ("Bob writes a program. He has 5 apples. How many apples are left?", None),
        ("Which element has the symbol Fe?", None),
    ],
)
def test_the_question_says_whether_every_character_counts(
    question: str, exactness: Exactness | None
) -> None:
    assert exactness_asked(question) == exactness


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("`sorted`", "sorted", "Which Python function sorts a list?"),
        ("The answer is `sorted`.", "sorted", "Which Python function sorts a list?"),
        ("**sorted**", "sorted", "Which Python function sorts a list?"),
        ("`**kwargs`", "**kwargs", "What has to be written in the parameter list?"),
        ("```sh\nls -a\n```", "ls -a", "Which command lists hidden files?"),
        ("a = 1\r\nb = 2", "a = 1\nb = 2", "Write the Python program."),
        ("def f():\n    return 1  ", "def f():\n    return 1", ""),
        ("Python 3.12", "3.12", "Which Python version is needed?"),
        ("v2.1", "2.1", "In which version was it fixed?"),
        ("version 2.1.", "2.1", "In which version was it fixed?"),
        ("1. d4", "d4", "What is White's best first move?"),
        ("1... d5", "d5", "What is Black's best reply to 1. d4?"),
        ("O-O-O", "0-0-0", "Which move is best for White?"),
        ("Nf3!", "♘f3", "Which move is best for White?"),
        ("E♭", "Eb", "Which note is it?"),
        ("F sharp", "F#", "Which note is it?"),
        (r"$\lambda$", "λ", "Which symbol stands for the wavelength?"),
        ("**Rr**", "Rr", "What is the genotype of the child?"),
        ("(555) 123-4567", "555 123 4567", "What is the phone number?"),
        ('{"a": 1, "b": 2}', '{"b": 2.0, "a": 1}', ""),
        ('```json\n{"a": 1}\n```', '{"a":1}', ""),
        ("Hamlet", "*hamlet*", "Which character is the prince?"),
    ],
)
def test_exact_answers_that_are_the_same(one: str, other: str, question: str) -> None:
    assert text_key(one, Asked(question)) == text_key(other, Asked(question))


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("List", "list", "Which class is imported from typing?"),
        ("'7'", "7", "What does repr(x) print in Python?"),
        ("7.0", "7", "What does the program print?"),
        ("True", "true", "What does the Python function return?"),
        ("\tx", "x", "What exactly does the program print?"),
        ("a  b", "a b", "What exactly does the program print?"),
        ("print('b')", "print('B')", "Write the Python statement."),
        ("if a:\n    b()\nc()", "if a:\n    b()\n    c()", ""),
        (r"\w", r"\W", "Which regular expression matches?"),
        ("grep -i x", "grep -I x", "Which command is it?"),
        ("lib/A.java", "lib/a.java", ""),
        ("https://a.org", "http://a.org", ""),
        ("_path", "path", "Which attribute is private?"),
        ("__len__", "len", ""),
        ("3.20", "3.2", "In which version was it fixed?"),
        ("06120", "6120", "What is the ZIP code?"),
        ("aBC", "ABC", "What is the password?"),
        ("abc.", "abc", "What is the password?"),
        (",", ";", "Which character separates the fields?"),
        ("Bxd5", "bxd5", "Which move is best for White?"),
        ("O-O", "O-O-O", "Which move is best for White?"),
        ("Am", "AM", "Which chord is it?"),
        ("B♭", "B", "Which note is it?"),
        ("Rr", "RR", "What is the genotype of the child?"),
        ("**a**", "a", "Which Markdown makes it bold?"),
        ("x = 'a b'", "x = 'a  b'", ""),
        ("12.10", "12.1", "An welchem Tag war es?"),
        ('{"a": 1}', '{"A": 1}', ""),
        ('{"a": 1, "a": 2}', '{"a": 2}', ""),
        ("4", "4.0", "What does float(4) return?"),
        ("ab", "AB", "What does 'ab'.upper() return?"),
        ("Pear", "pear", "What does names[2] contain?"),
        ("Total", "total", "What is the value of s after the loop?"),
        ("Tools", "tools", "What is the package called?"),
        ("Orders", "orders", "Which table is queried?"),
        ("Develop", "develop", "Which branch is checked out?"),
        ("Long", "long", "Which type does the variable have?"),
        ("Left", "left", "Which of the two counters is never reset?"),
        ("a+b", "b+a", "Which formula is on the card?"),
        ("\ufb01", "fi", "Which ligature is it?"),
        ("k", "K", "Which letter stands for the constant?"),
    ],
)
def test_exact_answers_that_differ_in_a_character(one: str, other: str, question: str) -> None:
    assert text_key(one, Asked(question)) != text_key(other, Asked(question))
