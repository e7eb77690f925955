import os
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from atlas_mcp.errors import ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import CATALOGUE
from atlas_mcp.models.embedded.files import ModelFiles
from atlas_mcp.models.embedded.inventory import installed_models, remove
from atlas_mcp.models.embedded.names import locate, pin
from atlas_mcp.models.embedded.weights import Sources, ensure
from atlas_mcp.system.locks import open_lock, try_lock
from atlas_mcp.testing.gguf import model_file
from atlas_mcp.testing.model_hub import ModelHub, serve_hub
from tests.support.systems import held, posix

CONTENT = model_file() + bytes(1_000)
NAME = "local/maker/repo/sub/x.gguf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def pull(folder: Path, name: str = NAME) -> ModelFiles:
    with serve_hub(ModelHub(files={name.removeprefix("local/"): CONTENT})) as hub:
        sources = Sources(hub=hub.address)
        pinned = await pin(locate(name, folder), sources)
        await ensure(pinned, folder, on_progress=lambda _: None, sources=sources)
    return locate(name, folder).files


def test_an_empty_shelf_has_the_catalogue_on_it(folder: Path) -> None:
    rows = installed_models(folder, [])

    assert [row.name for row in rows] == [entry.name for entry in CATALOGUE]
    for row, entry in zip(rows, CATALOGUE, strict=True):
        assert (row.state, row.ready, row.verified) == ("not pulled", False, None)
        assert (row.size_bytes, row.licence) == (entry.size_bytes, entry.licence)
        assert row.description == entry.description


async def test_a_pulled_file_says_what_it_is_and_when_it_was_checked(folder: Path) -> None:
    files = await pull(folder)

    row = installed_models(folder, [NAME])[-1]

    assert (row.name, row.kind, row.path) == (NAME, "hub", files.weights)
    assert (row.state, row.ready) == ("in place", True)
    assert (row.licence, row.description) == ("apache-2.0", "A model for tests")
    assert (row.size_bytes, row.context_tokens) == (len(CONTENT), 32_768)
    assert row.verified == datetime.fromtimestamp(files.mark.stat().st_mtime, UTC).date()


async def test_what_an_interrupted_pull_has_brought_is_counted(folder: Path) -> None:
    files = await pull(folder)
    files.mark.unlink()
    files.weights.rename(files.partial)
    os.truncate(files.partial, len(CONTENT) // 2)

    row = installed_models(folder, [])[-1]

    assert (row.state, row.ready) == ("50% pulled", False)


async def test_a_file_that_was_not_checked_says_so(folder: Path) -> None:
    files = await pull(folder)
    files.mark.unlink()

    assert installed_models(folder, [])[-1].state == "there, not checked yet"


def test_files_that_are_referenced_are_on_the_shelf_whatever_is_wrong_with_them(
    tmp_path: Path, folder: Path
) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(CONTENT)
    names = [
        f"local/{file}",
        f"local/{tmp_path}/none.gguf",
        "local/nobody",
        "local/a/b/c.gguf",
        "local/smollm2-135m",
    ]

    rows = installed_models(folder, names)[len(CATALOGUE) :]

    assert [row.name for row in rows] == names[:4]
    mine, none, nobody, away = rows
    assert (mine.state, mine.ready, mine.sha256) == ("a file of yours", True, None)
    assert none.state == f"there is no file {tmp_path}/none.gguf"
    assert "there is no embedded model" in nobody.state
    assert (away.state, away.size_bytes) == ("not pulled", None)


def test_removing_a_model_leaves_nothing_of_it_and_no_empty_folder(folder: Path) -> None:
    files = anyio.run(pull, folder)
    files.partial.write_bytes(b"more")
    files.wheels.mkdir()

    freed = remove("maker/repo/sub/x.gguf", folder)

    assert freed > len(CONTENT)
    assert list(folder.rglob("*")) == []
    assert folder.exists()


async def test_other_models_of_a_repository_stay(folder: Path) -> None:
    await pull(folder)
    other = await pull(folder, "local/maker/repo/other.gguf")

    remove(NAME, folder)

    assert other.weights.read_bytes() == CONTENT
    assert installed_models(folder, [])[-1].name == "local/maker/repo/other.gguf"


@pytest.mark.parametrize("left", ["partial", "weights", "origin"])
def test_what_is_left_of_a_model_can_be_removed(folder: Path, left: str) -> None:
    files = ModelFiles(folder / CATALOGUE[0].file)
    folder.mkdir()
    getattr(files, left).write_bytes(b"left")

    assert remove("local", folder) == 4
    assert list(folder.iterdir()) == []


def test_a_file_of_the_users_is_never_removed(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(CONTENT)

    with pytest.raises(ConfigError, match="a file of yours"):
        remove(f"local/{file}", folder)

    assert file.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("local", "there is nothing of 'local'"),
        ("a/b/c.gguf", "there is nothing of"),
        ("nobody", "there is no embedded model"),
        ("a/../../x.gguf", "letters, digits"),
    ],
)
def test_there_must_be_something_to_remove(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        remove(name, folder)


@pytest.mark.parametrize(
    ("lock", "shared", "said"),
    [
        ("lock", False, "being pulled by another process"),
        ("use", True, "loaded by another process"),
    ],
)
async def test_a_model_that_another_process_has_in_hand_stays(
    folder: Path, lock: str, shared: bool, said: str
) -> None:
    files = await pull(folder)
    with (
        held(getattr(files, lock), shared=shared),
        pytest.raises(ModelFileError, match=said),
    ):
        remove(NAME, folder)

    assert files.weights.read_bytes() == CONTENT
    assert remove(NAME, folder)


@posix
async def test_a_pull_that_waited_for_a_removal_starts_over(folder: Path) -> None:
    """The lock it waited for has been removed with all else: it must not count as held."""
    files = await pull(folder)
    with serve_hub(ModelHub(files={NAME.removeprefix("local/"): CONTENT})) as hub:
        pinned = locate(NAME, folder).pinned
        assert pinned is not None
        files.mark.unlink()
        lock = os.fdopen(open_lock(files.lock))
        assert try_lock(lock.fileno())

        def on_progress(progress: object) -> None:
            # Once it waits, the files go, and their lock is given back.
            if not lock.closed:
                for file in files.removable:
                    file.unlink(missing_ok=True)
                lock.close()

        await ensure(pinned, folder, on_progress=on_progress, sources=Sources(hub=hub.address))

    assert files.weights.read_bytes() == CONTENT
    assert files.lock.exists()
