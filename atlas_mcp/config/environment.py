"""What start-up input may look like: variables, files and keys that no shell of ours wrote.

Pure rules, used where the configuration is read. A variable may come from Kubernetes or from an
`--env-file`, a file from Notepad or PowerShell, a key with the end of its line.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping

_SERVICE_LINK = re.compile(
    r"ATLAS_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_\w+)"
)
"""Names that Kubernetes and Docker give to the variables of a service called `atlas-…`. Source:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables and
https://docs.docker.com/engine/network/links/ (read 2026-11-28)."""

_ADDRESS_OF_SERVICE = re.compile(r"(tcp|udp|sctp)://\S+")

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)|%(\w+)%")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_QUOTES = "\"'`"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110, section 5.6.2."""

_NO_HEADER_VALUE = re.compile("[\0-\x08\x0a-\x1f\x7f\ud800-\udfff]")

LONGEST_HEADER_NAME = 80
"""Characters of a name that are repeated in an error."""

_CREDENTIALS = frozenset({"authorization", "x-api-key"})

OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-version",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-stainless-raw-response",
    }
)
"""Headers that say how one request is sent and how its answer is read, in small letters. Another
value than the client's own cuts off requests, or brings replies that it cannot read."""


def is_service_link(variable: str, value: str) -> bool:
    """Return whether a variable was made of a service called `atlas-…`, and is no setting."""
    if variable.endswith("_PORT") and _ADDRESS_OF_SERVICE.fullmatch(value):
        return True
    if variable.endswith("_NAME") and value.startswith("/"):
        return True
    return _SERVICE_LINK.fullmatch(variable) is not None


def text_of(data: bytes) -> str:
    """Return the text of a file, whichever program saved it.

    Raises:
        ValueError: It is no text; the message says in which encodings it may be.
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
    # One mark too many, and the character that ended files once, are no part of what was written.
    return text.lstrip("\ufeff").removesuffix("\x1a")


def clean_key(value: str) -> str:
    """Return a key without what surrounds it by mistake: white space, quotation marks, `Bearer`."""
    key = value.strip().strip("\ufeff\u200b").strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in _QUOTES:
        key = key[1:-1].strip()
    scheme, _, rest = key.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else key


def key_fault(key: str) -> str | None:
    """Return why a cleaned key can be none, without repeating it; `None` if it can be one."""
    scheme, space, rest = key.partition(" ")
    token = rest if space and scheme.lower() == "basic" else key
    if not (token.isascii() and token.isprintable()) or set(token) & {*_QUOTES, " "}:
        return (
            "holds a character that no key has (white space, a quotation mark, a letter with an "
            "accent); set it again"
        )
    return None


def headers_fault(given: str) -> str | None:
    """Return why lines of `Name: value` cannot go with every request; `None` if they can.

    Nothing but names is repeated: values are often secret.
    """
    for line in filter(None, map(str.strip, given.split("\n"))):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _HEADER_NAME.fullmatch(name):
            return "takes lines of `Name: value`, with a header's name before each colon"
        shown = f"`{name[:LONGEST_HEADER_NAME]}`"
        if name.lower() in OWN_HEADERS:
            return f"names {shown}, which every request has of its own; leave it out"
        if _NO_HEADER_VALUE.search(value):
            return f"gives {shown} a value with a control character in it; set it again"
        if not value and name.lower() in _CREDENTIALS:
            return f"gives {shown} no value, in place of a key; set one, or leave it out"
    return None


def looks_like_key(name: str) -> bool:
    """Return whether what should be the name of a variable is rather a key.

    Some vendors' keys could be names, such as `gsk_…` and `hf_…`: long, of small letters and
    digits, which names of variables are not.
    """
    mixed = re.search("[a-z]", name) and re.search("[0-9]", name)
    return not name.isidentifier() or not name.isascii() or bool(mixed and len(name) >= 20)


def expanded(variable: str, value: str, environ: Mapping[str, str]) -> str:
    """Return a path with the home folder and variables in it written out, as a shell has it.

    Raises:
        ValueError: Something in it cannot be written out.
    """
    path = value.strip()
    path = _VARIABLE.sub(
        lambda found: environ.get(found.group(found.lastindex or 0)) or found[0], path
    )
    if path.startswith("~"):
        path = os.path.expanduser(path)  # noqa: PTH111 - this one does not raise
        if path.startswith("~"):
            raise ValueError(f"{variable}: there is no home folder for `~`; write the path out")
    left = _VARIABLE.search(path)
    if left is not None:
        raise ValueError(f"{variable}: {left.group()} in it is not set; write the path out")
    return path
