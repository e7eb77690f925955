import re

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded.catalogue import CATALOGUE, CatalogueModel, find


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_the_pieces_in_the_wheels_add_up_to_the_file(model: CatalogueModel) -> None:
    assert sum(part.size_bytes for part in model.wheels) == model.size_bytes
    assert len({(part.package, part.member) for part in model.wheels}) == len(model.wheels)


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_model_is_pinned_and_can_be_had_somewhere(model: CatalogueModel) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.hub is not None or model.wheels
    assert model.file.endswith(".gguf")
    assert "/" not in model.file


def test_names_files_and_checksums_are_unique() -> None:
    for values in zip(
        *((entry.name, entry.file, entry.sha256) for entry in CATALOGUE), strict=True
    ):
        assert len(set(values)) == len(CATALOGUE)


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_a_model_is_found_with_and_without_the_vendor_and_in_any_case(
    model: CatalogueModel,
) -> None:
    bare = model.name.removeprefix("local/")

    assert find(model.name) is find(bare) is find(bare.upper()) is find(f" {bare} ") is model


def test_local_alone_means_the_most_capable_one() -> None:
    assert find("local") is find("local/qwen2.5-coder-1.5b") is CATALOGUE[0]
    assert find("local").size_bytes == max(entry.size_bytes for entry in CATALOGUE)


@pytest.mark.parametrize("name", ["", "local/", "gpt", "local/gpt", "openai/qwen2.5-coder-1.5b"])
def test_an_unknown_name_is_answered_with_the_names_there_are(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        find(name)

    assert repr(name) in str(error.value)
    for entry in CATALOGUE:
        assert entry.name in str(error.value)
