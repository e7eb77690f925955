"""What a problem and its pictures must be, before anything is spent."""

from __future__ import annotations

import base64

import pytest

from atlas_mcp.atlas.problem import (
    MAX_IMAGE_BYTES,
    MAX_IMAGES,
    MAX_PROBLEM_BYTES,
    image_from_bytes,
    make_problem,
)
from atlas_mcp.errors import InvalidInput

PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP....",
}


def as_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def test_a_problem_keeps_its_text_as_it_is() -> None:
    assert make_problem("  What?\n") == make_problem("  What?\n")
    assert make_problem("  What?\n").text == "  What?\n"


@pytest.mark.parametrize("text", ["", " \n\t", "é" * (MAX_PROBLEM_BYTES // 2 + 1), "a\udfffb"])
def test_a_text_that_cannot_be_asked_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="`problem`"):
        make_problem(text)


def test_the_longest_text_is_taken() -> None:
    assert make_problem("x" * MAX_PROBLEM_BYTES)


@pytest.mark.parametrize("media_type", PICTURES)
def test_a_picture_is_told_by_its_content_and_not_by_its_label(media_type: str) -> None:
    [image] = make_problem("x", images=[as_url(PICTURES[media_type], "image/bmp")]).images

    assert image.media_type == media_type
    assert base64.b64decode(image.data or "") == PICTURES[media_type]


def test_a_picture_of_the_web_is_passed_on_unread() -> None:
    [image] = make_problem("x", images=["https://example.com/a.png"]).images

    assert (image.url, image.data, image.media_type) == ("https://example.com/a.png", None, None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://example.com/a.png",
        "data:image/png,plain",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        as_url(b"<svg/>", "image/svg+xml"),
        as_url(PICTURES["image/png"] + bytes(MAX_IMAGE_BYTES)),
    ],
)
def test_what_is_no_picture_is_refused_by_its_place(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"`images\[1\]`"):
        make_problem("x", images=["https://example.com/a.png", url])


def test_too_many_pictures_are_refused() -> None:
    with pytest.raises(InvalidInput, match="`images`"):
        make_problem("x", images=["https://example.com/a.png"] * (MAX_IMAGES + 1))


def test_the_bytes_of_a_picture_become_its_url() -> None:
    url = image_from_bytes(PICTURES["image/gif"], "--image a.gif")

    assert url == as_url(PICTURES["image/gif"], "image/gif")
    with pytest.raises(InvalidInput, match="--image b"):
        image_from_bytes(b"text", "--image b")
