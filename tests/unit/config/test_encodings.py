"""The text of a file, whichever editor saved it."""

from __future__ import annotations

import pytest

from atlas_mcp.config.encodings import text_of


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_read_in_the_encoding_its_first_bytes_name(encoding: str) -> None:
    assert text_of("model = 'größe'\r\n".encode(encoding)) == "model = 'größe'\r\n"


@pytest.mark.parametrize(
    "data", ["x = 1".encode("utf-16-le"), b"x = '\xe9'", b"\xff\xfe\x00", b"\x00"]
)
def test_a_file_that_is_no_text_is_told_with_what_to_do(data: bytes) -> None:
    with pytest.raises(ValueError, match="save it as UTF-8"):
        text_of(data)
