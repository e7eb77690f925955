"""What a caller may name as a picture, and what is refused by name before anything is spent."""

from __future__ import annotations

import base64
import os
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest

from atlas_mcp.atlas.messages import Image
from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.caller_images import (
    MAX_IMAGE_BYTES,
    MAX_IMAGES,
    MAX_IMAGES_BYTES,
    read_images,
    user_images,
)
from tests.support.pictures import KINDS, Kind, data_url, drawn, noise, saved
from tests.support.systems import posix

PNG = drawn("PNG")
ADDRESS = "https://example.org/a.png"


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "a.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    return folder


def client_images(names: Sequence[str], folders: Sequence[Path]) -> tuple[Image, ...]:
    return anyio.run(read_images, names, folders)


def content_of(image: Image) -> bytes:
    return base64.b64decode(image.data or "")


@contextmanager
def refused(place: str, *says: str) -> Generator[None]:
    with pytest.raises(InvalidInput) as caught:
        yield
    assert caught.value.argument == place
    assert len(str(caught.value)) < 600
    for word in says:
        assert word in caught.value.rule


# Data URLs


@pytest.mark.parametrize("kind", KINDS)
def test_a_data_url_of_every_kind_is_taken_byte_for_byte(kind: Kind) -> None:
    (image,) = client_images([data_url(drawn(kind), KINDS[kind])], ())

    assert (image.media_type, image.url) == (KINDS[kind], None)
    assert content_of(image) == drawn(kind)


@pytest.mark.parametrize(
    "heading",
    [
        "data:image/jpeg;base64,",
        "data:image/jpg;base64,",
        "data:;base64,",
        "data:text/html;base64,",
        "data:application/octet-stream;name=a.jpg;base64,",
        "DATA:IMAGE/PNG;BASE64,",
    ],
)
def test_what_a_data_url_calls_itself_is_corrected_by_its_content(heading: str) -> None:
    (image,) = client_images([heading + base64.b64encode(PNG).decode()], ())

    assert image == Image("image/png", base64.b64encode(PNG).decode())


def test_base64_is_read_as_it_is_written_elsewhere() -> None:
    content = drawn("JPEG", (13, 9))
    text = base64.b64encode(content).decode()
    assert text.endswith("=")
    lines = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))

    for written in (text.rstrip("="), lines, quote(text, safe="")):
        (image,) = client_images([f"data:;base64,{written}"], ())
        assert content_of(image) == content


WRONG: dict[str, tuple[str, str]] = {
    "text": (data_url(b"hello, world"), "no PNG, JPEG, GIF or WebP"),
    "a drawing in XML": (data_url(b"<svg/>", "image/svg+xml"), "no PNG, JPEG, GIF or WebP"),
    "another kind": (data_url(b"BM" + bytes(60), "image/bmp"), "no PNG, JPEG, GIF or WebP"),
    "no base64": ("data:image/png;base64,!!!!", "is not base64"),
    "base64 of other letters": ("data:image/png;base64,é", "is not base64"),
    "not in base64": ("data:image/png,plain", "in base64"),
    "no data": ("data:image/png;base64", "in base64"),
    "empty data": ("data:image/png;base64,", "is empty"),
    "half a picture": (data_url(PNG[: len(PNG) // 2]), "is cut off"),
    "a damaged picture": (data_url(PNG[:40] + b"\0\0\0\0" + PNG[44:]), "is cut off or damaged"),
    "too many bytes": (data_url(PNG + bytes(MAX_IMAGE_BYTES)), f"at most {MAX_IMAGE_BYTES:,}"),
    "plain http": ("http://example.org/a.png", "is a http URL; take an https URL"),
    "another protocol": ("ftp://example.org/a.png", "is a ftp URL"),
    "an address without a host": ("https:///a.png", "no valid https URL"),
    "an address that is none": ("https://[1/a.png", "no valid https URL"),
    "an address in two lines": ("https://example.org/a\n.png", "no valid https URL"),
    "an address without end": ("https://example.org/" + "a" * 9_000, "at most 8,192"),
    "nothing": ("", "must be an https URL, a data URL"),
    "bare base64": (base64.b64encode(saved(noise((90, 90)))).decode(), "a data URL"),
    "a name with a NUL": ("a\0.png", "must be an https URL"),
    "a file URL with a bracket": ("file://[server/a.png", "no valid `file:` URL"),
    "a file of another machine": ("file://server/a.png", "another machine"),
    "a file where no folder is open": ("/etc/hostname", "ATLAS_IMAGES_FOLDERS"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_picture_is_refused_by_its_place_and_the_rule(case: str) -> None:
    name, says = WRONG[case]

    with refused("images[1]", says):
        client_images([ADDRESS, name], ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_cut_in_half_is_refused_whatever_its_kind(kind: Kind) -> None:
    content = saved(noise((40, 40)), kind)

    with refused("images[0]", "is cut off", kind):
        client_images([data_url(content[: len(content) // 2], KINDS[kind])], ())


def test_an_address_is_passed_on_as_it_is() -> None:
    signed = "HTTPS://Example.org:8443/a b.png?x=%20&signature=é#top".replace(" ", "%20")

    assert client_images([ADDRESS, signed], ()) == (Image(url=ADDRESS), Image(url=signed))


def test_the_number_of_pictures_is_limited_before_any_is_read() -> None:
    assert len(client_images([ADDRESS] * MAX_IMAGES, ())) == MAX_IMAGES
    with refused("images", f"has {MAX_IMAGES + 1} entries"):
        client_images(["/dev/zero"] * (MAX_IMAGES + 1), (Path("/"),))


def test_the_bytes_of_all_pictures_together_are_limited() -> None:
    large = data_url(saved(noise((10, 10)), "PNG") + bytes(MAX_IMAGE_BYTES - 2_000))

    assert len(client_images([large] * 2, ())) == 2
    with refused("images", f"more than {MAX_IMAGES_BYTES:,} bytes"):
        client_images([large] * 3, ())


# Files


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_a_folder_that_is_open_is_read_byte_for_byte(allowed: Path, kind: Kind) -> None:
    path = allowed / "deep" / "er" / "named.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(drawn(kind))

    (image,) = client_images([str(path)], [allowed])

    assert (image.media_type, content_of(image)) == (KINDS[kind], drawn(kind))


def test_a_file_can_be_named_in_several_ways(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allowed / "a b#%é.png").write_bytes(PNG)
    (allowed / "in").mkdir()
    monkeypatch.setenv("HOME", str(allowed.parent))
    names = [
        str(allowed / "a b#%é.png"),
        "a b#%é.png",
        "in/../a b#%é.png",
        f"{allowed}//in/..//a b#%é.png",
        "~/allowed/a b#%é.png",
        (allowed / "a b#%é.png").as_uri(),
        f"FILE://localhost{quote(str(allowed / 'a b#%é.png'))}",
    ]

    assert {content_of(image) for image in client_images(names, [allowed])} == {PNG}


def test_a_relative_name_is_looked_for_in_every_folder(allowed: Path) -> None:
    other = allowed.parent / "other"
    other.mkdir()
    (other / "b.png").write_bytes(drawn("GIF"))

    first, second = client_images(["a.png", "b.png"], [allowed, other])

    assert (first.media_type, second.media_type) == ("image/png", "image/gif")


def test_links_inside_a_folder_are_followed_and_the_folder_may_be_one(allowed: Path) -> None:
    (allowed / "link.png").symlink_to("a.png")
    (allowed.parent / "way").symlink_to(allowed)

    images = client_images(["link.png", str(allowed / "a.png")], [allowed.parent / "way"])

    assert [content_of(image) for image in images] == [PNG, PNG]


def outside(allowed: Path) -> dict[str, str]:
    """Return names that lead out of the folder, by how they do."""
    secret = allowed.parent / "secret.png"
    (allowed / "link.png").symlink_to(secret)
    (allowed / "relative.png").symlink_to("../secret.png")
    (allowed / "up").symlink_to("..")
    (allowed / "again.png").symlink_to("link.png")
    (allowed / "dangling.png").symlink_to("../nowhere.png")
    (allowed.parent / "allowed-not").mkdir()
    (allowed.parent / "allowed-not" / "a.png").write_bytes(PNG)
    return {
        "another folder": str(secret),
        "dots": str(allowed / ".." / "secret.png"),
        "relative dots": "../secret.png",
        "dots in a URL": f"file://{allowed}/../secret.png",
        "escaped dots in a URL": f"file://{allowed}/%2e%2e/secret.png",
        "a link": "link.png",
        "a relative link": "relative.png",
        "a link to a folder": "up/secret.png",
        "a link to a link": "again.png",
        "a link to nothing": "dangling.png",
        "a folder whose name begins alike": str(allowed.parent / "allowed-not" / "a.png"),
        "a file that is not there": "/nowhere/at/all.png",
        "the root": "/",
        "the user's home": "~",
    }


def test_nothing_outside_the_folders_is_read(allowed: Path) -> None:
    for case, name in outside(allowed).items():
        with refused("images[0]", "is outside the folders", str(allowed)):
            client_images([name], [allowed])
            pytest.fail(case)  # pragma: no cover - never reached


def special(allowed: Path) -> dict[str, tuple[str, str]]:
    """Return names of what is no regular file, or cannot be read, and what is said of it."""
    assert sys.platform != "win32"
    os.mkfifo(allowed / "pipe.png")
    (allowed / "folder").mkdir()
    (allowed / "empty.png").write_bytes(b"")
    (allowed / "text.png").write_bytes(b"not a picture")
    (allowed / "half.png").write_bytes(PNG[:50])
    with (allowed / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(3 * MAX_IMAGE_BYTES)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(allowed / "socket.png"))
    server.close()
    return {
        "pipe.png": ("pipe.png", "no regular file"),
        "socket.png": ("socket.png", "no regular file"),
        "folder": ("folder", "it is a folder"),
        "the folder itself": (str(allowed), "it is a folder"),
        "a file that is not there": ("none.png", "No such file"),
        "a file as a folder": ("a.png/b.png", "Not a directory"),
        "a name too long": ("x" * 300, "File name too long"),
        "a name of no file system": ("\udfff.png", "no name of a file"),
        "empty.png": ("empty.png", "is empty"),
        "text.png": ("text.png", "no PNG, JPEG, GIF or WebP"),
        "half.png": ("half.png", "is cut off"),
        "large.png": ("large.png", f"has {3 * MAX_IMAGE_BYTES:,} bytes"),
    }


@posix
def test_what_is_no_picture_in_a_folder_is_refused_without_waiting_for_it(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the socket has a name short enough.
    monkeypatch.chdir(allowed)
    for case, (name, says) in special(Path()).items():
        full = str(allowed) if case == "the folder itself" else name
        with refused("images[0]", says):
            client_images([full], [allowed])
            pytest.fail(case)  # pragma: no cover - never reached


@posix
def test_devices_are_not_read_even_where_they_are_allowed() -> None:
    for name in ("/dev/zero", "/dev/null", "/dev/stdin"):
        with pytest.raises(InvalidInput, match=r"images\[0\]"):
            client_images([name], [Path("/dev")])
    with pytest.raises(InvalidInput, match=r"no PNG|is empty|cannot be read"):
        client_images(["/proc/self/status"], [Path("/proc")])


def test_a_file_that_cannot_be_read_says_why(allowed: Path) -> None:
    (allowed / "a.png").chmod(0)
    if os.access(allowed / "a.png", os.R_OK):
        pytest.skip("this user may read everything")

    with refused("images[0]", "Permission denied"):
        client_images(["a.png"], [allowed])


@pytest.mark.parametrize("part", ["deep/a.png", "deep"])
def test_what_takes_a_files_place_after_it_was_looked_at_is_not_followed(
    allowed: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The path is found to be inside; then a part of it becomes a link that leads out."""
    elsewhere = allowed.parent / "elsewhere"
    for folder in (allowed / "deep", elsewhere):
        folder.mkdir()
        (folder / "a.png").write_bytes(PNG)
    look_at = os.path.realpath

    def look_at_and_lose(path: str) -> str:
        real = look_at(path)
        if real.endswith("a.png"):
            (allowed / part).rename(allowed.parent / "lost")
            (allowed / part).symlink_to(elsewhere / Path(part).relative_to("deep"))
        return real

    monkeypatch.setattr(os.path, "realpath", look_at_and_lose)
    with refused("images[0]", "cannot be read"):
        client_images(["deep/a.png"], [allowed])

    assert (allowed / "deep" / "a.png").read_bytes() == PNG


# The user's own


def test_the_user_may_name_any_file(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (allowed / "link.png").symlink_to(allowed.parent / "secret.png")
    monkeypatch.chdir(allowed)
    names = ["a.png", "../secret.png", str(allowed / "link.png"), (allowed / "a.png").as_uri()]

    images = user_images([*names, data_url(PNG), ADDRESS])

    assert [content_of(image) for image in images[:-1]] == [PNG] * 5
    assert images[-1] == Image(url=ADDRESS)


@posix
def test_what_the_user_names_is_checked_like_everything_else(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(allowed)
    for case, (name, says) in special(Path()).items():
        full = str(allowed) if case == "the folder itself" else name
        with pytest.raises(InvalidInput) as caught:
            user_images([full])
        assert caught.value.argument.startswith(f"--image {full}"[:80]), case
        assert says in caught.value.rule, case
    with refused("--image", "entries"):
        user_images(["a.png"] * (MAX_IMAGES + 1))
