"""The text of a file, in any of the encodings in which editors save one."""

from __future__ import annotations

import codecs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_of(data: bytes) -> str:
    """Return the text of a file in any of these encodings.

    Raises:
        ValueError: It is not text; the message names the encoding to save it in.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"it is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
        ) from None
    if "\0" in text:
        raise ValueError("it is not UTF-8 text; save it as UTF-8")
    # A second byte order mark, and the character that once ended files, are not part of the text.
    return text.lstrip("\ufeff").removesuffix("\x1a")
