import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_mcp.errors import ModelFileError
from atlas_mcp.models.embedded.gguf import Header, read_header
from atlas_mcp.testing.gguf import gguf
from tests.support.drawing import draws

WHOLE = gguf(
    {
        "general.architecture": "llama",
        "general.type": "model",
        "general.name": "A model",
        "general.license": "apache-2.0",
        "general.languages": ["en", "de"],
        "llama.rope.freq_base": 10_000.0,
        "llama.context_length": 8_192,
        "tokenizer.ggml.scores": [0.5] * 8,
        "tokenizer.ggml.tokens": ["a", "b"],
    }
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.gguf"


def read(file: Path, content: bytes) -> Header:
    file.write_bytes(content)
    return read_header(file)


def test_a_file_says_what_it_is_and_how_much_fits_it(file: Path) -> None:
    assert read(file, WHOLE) == Header("llama", "model", "A model", "apache-2.0", 8_192)


def test_what_a_file_does_not_say_is_not_known(file: Path) -> None:
    assert read(file, gguf({"general.architecture": "llama"})) == Header("llama")
    assert read(file, gguf({})) == Header("")


def test_the_context_is_found_behind_the_vocabulary_too(file: Path) -> None:
    content = gguf(
        {
            "tokenizer.ggml.tokens": ["a"] * 300,
            "tokenizer.ggml.scores": [1.0] * 300,
            "general.architecture": "gemma3",
            "gemma3.context_length": 32_768,
        }
    )

    assert read(file, content).context_tokens == 32_768


def test_nothing_is_read_past_the_start_of_the_vocabulary(file: Path) -> None:
    cut = WHOLE[: WHOLE.index(b"tokenizer.ggml.tokens") + 4]

    assert read(file, cut).context_tokens == 8_192


def test_a_context_that_is_no_number_of_tokens_is_not_known(file: Path) -> None:
    for value in (0, "many", 1.5, [8_192]):
        content = gguf({"general.architecture": "llama", "llama.context_length": value})

        assert read(file, content).context_tokens is None


@pytest.mark.parametrize("content", [b"", b"GGU", b"<html>sign in</html>", b"GGML" + WHOLE[4:]])
def test_another_kind_of_file_is_told_by_its_first_bytes(file: Path, content: bytes) -> None:
    with pytest.raises(ModelFileError, match=r"x\.gguf is no GGUF file"):
        read(file, content)


@pytest.mark.parametrize("version", [0, 1, 4, struct.unpack("<I", struct.pack(">I", 3))[0]])
def test_a_version_that_is_not_read_is_named(file: Path, version: int) -> None:
    with pytest.raises(ModelFileError, match=f"version {version}; versions 2 and 3"):
        read(file, WHOLE[:4] + struct.pack("<I", version) + WHOLE[8:])


def test_a_header_that_breaks_off_anywhere_is_damaged(file: Path) -> None:
    for length in range(4, WHOLE.index(b"tokenizer.ggml.scores")):
        with pytest.raises(ModelFileError, match="header is damaged"):
            read(file, WHOLE[:length])


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[:16] + struct.pack("<Q", 2**63) + WHOLE[24:],
        WHOLE[:24] + struct.pack("<Q", 2**63) + WHOLE[32:],
        gguf({}, keys=1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 1),
        gguf({}, keys=1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**63),
        gguf({}, keys=1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 99),
    ],
    ids=["keys", "string", "array of arrays", "items", "type"],
)
def test_counts_and_types_that_cannot_be_are_damaged(file: Path, content: bytes) -> None:
    with pytest.raises(ModelFileError, match="header is damaged"):
        read(file, content)


@settings(max_examples=draws(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
def test_whatever_follows_the_magic_is_read_or_refused(file: Path, content: bytes) -> None:
    with suppress(ModelFileError):
        read(file, b"GGUF" + content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.gguf cannot be read: No such file"):
        read_header(tmp_path / "none.gguf")
