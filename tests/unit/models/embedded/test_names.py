from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import CATALOGUE, HubFile
from atlas_mcp.models.embedded.files import ModelFiles
from atlas_mcp.models.embedded.names import SMALL_BYTES, kind_of, locate, pin, pulled
from atlas_mcp.models.embedded.weights import Sources, ensure
from atlas_mcp.testing.gguf import gguf, model_file
from atlas_mcp.testing.model_hub import COMMIT, ModelHub, serve_hub

CONTENT = model_file(context_tokens=40_960) + bytes(100_000)
NAME = "local/maker/model-GGUF/Q4/model.Q4_K_M.gguf"
NOWHERE = "http://127.0.0.1:9"
"""The discard port: a connection is refused at once."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.gguf"
    path.write_bytes(CONTENT)
    return path


def hub_with(**changes: object) -> ModelHub:
    return ModelHub(files={NAME.removeprefix("local/"): CONTENT}, **changes)  # type: ignore[arg-type]


async def pull(name: str, folder: Path, hub: str, token: str | None = None) -> Path:
    sources = Sources(hub=hub, token=token)
    pinned = await pin(locate(name, folder), sources)
    return await ensure(pinned, folder, on_progress=lambda _: None, sources=sources)


# Names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("local", "catalogue"),
        ("local/qwen2.5-coder-1.5b", "catalogue"),
        ("smollm2-135m", "catalogue"),
        ("local//data/x.gguf", "file"),
        ("local/~/x.gguf", "file"),
        ("local/./x.gguf", "file"),
        ("local/../x.gguf", "file"),
        (NAME, "hub"),
        ("maker/repo/x.gguf", "hub"),
        ("local/x.gguf", "hub"),
    ],
)
def test_a_name_says_where_a_model_comes_from(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_name_of_the_catalogue_is_its_entry(folder: Path) -> None:
    found = locate("local", folder)

    assert found.entry is found.pinned is CATALOGUE[0]
    assert found.files.weights == folder / CATALOGUE[0].file
    assert found.header is None


def test_a_path_is_made_absolute_and_the_file_read(
    file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("HOME", str(file.parent))

    for name in (f"local/{file}", "local/./x.gguf", "local/~/x.gguf"):
        found = locate(name, folder)

        assert (found.name, found.kind) == (f"local/{file}", "file")
        assert found.header is not None
        assert found.header.context_tokens == 40_960
        assert found.size_bytes == len(CONTENT)


def test_a_link_keeps_the_name_its_user_knows(file: Path, folder: Path) -> None:
    link = file.with_name("link.gguf")
    link.symlink_to(file)

    assert locate(f"local/{link}", folder).name == f"local/{link}"


def test_a_file_needs_no_particular_name(file: Path, folder: Path) -> None:
    """Other programs keep GGUF files under their checksum."""
    blob = file.rename(file.with_name("sha256-0123"))

    assert locate(f"local/{blob}", folder).header is not None


@pytest.mark.parametrize("size", [SMALL_BYTES - 1, SMALL_BYTES])
def test_a_model_is_small_below_a_size(tmp_path: Path, folder: Path, size: int) -> None:
    path = tmp_path / "x.gguf"
    with path.open("wb") as opened:
        opened.write(CONTENT)
        opened.truncate(size)

    assert locate(f"local/{path}", folder).is_small == (size < SMALL_BYTES)


def test_what_is_wrong_with_a_file_is_named(file: Path, folder: Path) -> None:
    other = file.with_name("other.gguf")
    other.write_bytes(b"not a model")
    adapter = file.with_name("adapter.gguf")
    adapter.write_bytes(gguf({"general.architecture": "llama", "general.type": "adapter"}))

    for name, kind, said in (
        (file.with_name("none.gguf"), ConfigError, r"there is no file .*/none\.gguf"),
        (file.parent, ConfigError, "is not a file"),
        (other, ModelFileError, r"other\.gguf is no GGUF file"),
        (adapter, ConfigError, "GGUF file of type 'adapter'"),
        ("~nobody-of-this-name/x.gguf", ConfigError, "no such home folder"),
    ):
        with pytest.raises(kind, match=said):
            locate(f"local/{name}", folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("local/nobody", "there are 'local/qwen2.5-coder-1.5b'"),
        ("local/x.gguf", r"OWNER/REPO/FILE\.gguf, and a file of this folder \./x\.gguf"),
        ("local/maker/x.gguf", r"named OWNER/REPO/FILE\.gguf"),
        ("local/maker/repo/x.safetensors", r"named OWNER/REPO/FILE\.gguf"),
        ("local/maker/repo/../../x.gguf", "letters, digits"),
        ("local/maker//x.gguf", "letters, digits"),
        ("local/maker/repo/.hidden.gguf", "letters, digits"),
        ("local/maker/repo/a b.gguf", "letters, digits"),
        ("local/maker/repo/a\\..\\b.gguf", "letters, digits"),
        ("local/maker/repo/x-00001-of-00003.gguf", "one of several parts"),
    ],
)
def test_a_name_that_means_nothing_is_told_what_would(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        locate(name, folder)


# Files of the hub


async def test_a_file_of_the_hub_is_asked_about_once_and_fetched_at_that_commit(
    folder: Path,
) -> None:
    with serve_hub(hub_with()) as hub:
        path = await pull(NAME, folder, hub.address)
    found = locate(NAME, folder)

    assert path == folder / "hub/maker/model-GGUF/Q4/model.Q4_K_M.gguf" == found.files.weights
    assert path.read_bytes() == CONTENT
    assert hub.asked == [
        "HEAD /maker/model-GGUF/resolve/main/Q4/model.Q4_K_M.gguf",
        f"GET /maker/model-GGUF/resolve/{COMMIT}/Q4/model.Q4_K_M.gguf",
    ]
    assert found.pinned is not None
    assert found.pinned.hub == HubFile("maker/model-GGUF", "Q4/model.Q4_K_M.gguf", COMMIT)
    assert found.header is not None
    assert list(pulled(folder)) == [NAME]


async def test_what_is_known_of_a_file_needs_no_network(folder: Path) -> None:
    with serve_hub(hub_with()) as hub:
        path = await pull(NAME, folder, hub.address)

    assert await pull(NAME, folder, NOWHERE) == path


async def test_a_file_that_changes_at_the_hub_is_not_taken_for_the_one_asked_about(
    folder: Path,
) -> None:
    with serve_hub(hub_with()) as hub:
        await pin(locate(NAME, folder), Sources(hub=hub.address))
        hub.files[NAME.removeprefix("local/")] = CONTENT[:-1] + b"x"

        with pytest.raises(ModelFileError, match="wrong checksum"):
            await pull(NAME, folder, hub.address)

    assert not ModelFiles(folder / "hub/maker/model-GGUF/Q4/model.Q4_K_M.gguf").weights.exists()


async def test_a_commit_that_is_gone_is_not_replaced_by_another(folder: Path) -> None:
    with serve_hub(hub_with()) as hub:
        await pin(locate(NAME, folder), Sources(hub=hub.address))
        hub.commit = "1" * 40

        with pytest.raises(ModelFileError, match="answered with status 404"):
            await pull(NAME, folder, hub.address)


async def test_an_interrupted_pull_goes_on_where_it_stopped(folder: Path) -> None:
    with serve_hub(hub_with(cut_after=60_000)) as hub:
        path = await pull(NAME, folder, hub.address)

    assert [span for _, span in hub.stored] == [None, "bytes=60000-"]
    assert path.read_bytes() == CONTENT


async def test_the_token_is_shown_to_the_hub_and_not_to_its_storage(folder: Path) -> None:
    with serve_hub(hub_with(token="secret")) as hub:
        with pytest.raises(ConfigError, match="set HF_TOKEN if it is private"):
            await pull(NAME, folder, hub.address)
        with pytest.raises(ConfigError, match="HF_TOKEN does not open it"):
            await pull(NAME, folder, hub.address, "wrong")

        await pull(NAME, folder, hub.address, "secret")

    assert hub.stored == [(None, None)]


async def test_a_repository_that_moved_is_followed(folder: Path) -> None:
    with serve_hub(hub_with(moved={"old/name": "maker/model-GGUF"})) as hub:
        path = await pull("local/old/name/Q4/model.Q4_K_M.gguf", folder, hub.address)

    assert path == folder / "hub/old/name/Q4/model.Q4_K_M.gguf"
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "changes", "kind", "said"),
    [
        ("maker/model-GGUF/Q4/none.gguf", {}, ConfigError, r"has no file `Q4/none\.gguf`"),
        ("nobody/none/x.gguf", {}, ConfigError, "has no nobody/none with"),
        (
            "maker/gated/x.gguf",
            {"refusals": {"maker/gated/x.gguf": (403, "GatedRepo")}},
            ConfigError,
            "accept its terms.*HF_TOKEN",
        ),
        (
            "maker/busy/x.gguf",
            {"refusals": {"maker/busy/x.gguf": (503, "")}},
            ModelFileError,
            "status 503; try again",
        ),
        (NAME.removeprefix("local/"), {"plain": True}, ModelFileError, "could not be checked"),
        ("a/b/c.gguf", {"moved": {"a/b": "a/b"}}, ModelFileError, "in circles"),
    ],
    ids=["no file", "no repository", "terms", "busy", "no checksum", "circle"],
)
async def test_what_the_hub_does_not_give_is_named(
    folder: Path, name: str, changes: dict[str, object], kind: type[Exception], said: str
) -> None:
    with serve_hub(hub_with(**changes)) as hub, pytest.raises(kind, match=said):
        await pull(f"local/{name}", folder, hub.address)

    assert list(pulled(folder)) == []


async def test_a_hub_out_of_reach_is_said_with_the_way_around_it(folder: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot be reached .*by its path"):
        await pull(NAME, folder, NOWHERE)


async def test_a_file_of_the_hub_that_is_no_model_is_named(folder: Path) -> None:
    with serve_hub(hub_with()) as hub:
        hub.files[NAME.removeprefix("local/")] = b"not a model"
        await pull(NAME, folder, hub.address)

        with pytest.raises(ModelFileError, match="is no GGUF file"):
            locate(NAME, folder)


async def test_who_asks_second_is_told_what_the_first_was_told(folder: Path) -> None:
    with serve_hub(hub_with()) as hub:
        second = locate(NAME, folder)
        first = await pin(locate(NAME, folder), Sources(hub=hub.address))
        hub.files[NAME.removeprefix("local/")] = b"another"

        assert await pin(second, Sources(hub=hub.address)) == first


async def test_notes_on_a_file_that_cannot_be_read_name_the_way_out(folder: Path) -> None:
    origin = ModelFiles(folder / "hub/maker/model-GGUF/Q4/model.Q4_K_M.gguf").origin
    origin.parent.mkdir(parents=True)
    for text in ("", "[]", "{}"):
        origin.write_text(text)

        with pytest.raises(ModelFileError, match=f"damaged; run `atlas-mcp models rm {NAME}`"):
            locate(NAME, folder)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with serve_hub(hub_with()) as hub, pytest.raises(ModelFileError, match="ATLAS_HOME"):
        await pull(NAME, tmp_path / "file" / "models", hub.address)
