"""Pictures of one colour, and replies that name colours."""

from __future__ import annotations

from base64 import b64decode

import pytest

from atlas_mcp.models.pictures.files import image_type
from atlas_mcp.models.pictures.fitting import fault_in
from atlas_mcp.models.probing.pictures import COLOURS, GUESSED, colours_in, picture


@pytest.mark.parametrize("name", COLOURS)
def test_each_picture_is_a_whole_png(name: str) -> None:
    content = b64decode(picture(COLOURS[name]))

    assert image_type(content) == "image/png"
    assert fault_in(content, "image/png") is None


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("Red, then BLUE.", ["red", "blue"]),
        ("the first is violet", ["purple"]),
        ("I see nothing", []),
    ],
)
def test_colours_are_read_in_the_order_of_a_reply(text: str, colours: list[str]) -> None:
    assert colours_in(text) == colours


def test_a_guess_is_not_enough() -> None:
    assert COLOURS.keys() - GUESSED
