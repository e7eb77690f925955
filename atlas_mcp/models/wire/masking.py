"""The removal of secrets from texts, in whatever encoding they appear there.

Owns the rule for the secret parts of a request, the encoded forms of a secret, and the filter on
the logs of the vendors' clients. Every text of an endpoint comes through `models.wire.connections`,
which calls this module; the decoding of texts is in `models.wire.decoding`.
"""

from __future__ import annotations

import logging
import re
import traceback
from base64 import b32encode, b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import quote_plus, unquote, urlsplit
from weakref import WeakSet

from typing_extensions import override

from atlas_mcp.models.wire.decoding import MASK, holds_whole, readings, squeezed, with_masks

SHORTEST = 6
"""Characters from which a secret is looked for within words and in every form. A shorter one would
often be found there by chance, and is masked only where it is a word of its own."""

SHORTEST_IN_REPLIES = 16
"""Characters from which a secret is looked for in a model's replies: the key of a home server may
be a plain word, which a reply may use in its own sense."""

MOST_SECRETS = 64
"""Secrets of one route that are remembered, as renewed tokens would add up without end."""

_SEALS = ("signature", "thought_signature", "encrypted_content")
"""Fields that hold the seal of a message part, i.e. its signature or ciphertext. Source: the
Messages API's thinking, Gemini's thoughts in Chat Completions, OpenRouter's `reasoning_details`
(read 2026-11-28)."""

_SEALED = frozenset({"redacted_thinking", "reasoning.encrypted"})
"""Types of message parts that are always sealed."""

_PLAIN_NAMES = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "http-referer",
        "transfer-encoding",
        "user-agent",
        "x-title",
    }
)
"""Headers of any vendor's requests that hold no secret."""

_HTTP_LOGGERS = ("httpx2", "httpcore2", "httpx", "httpcore")
"""The loggers of the libraries that send the requests of all vendors' clients."""

_T = TypeVar("_T")


@dataclass(slots=True, weakref_slot=True, eq=False, repr=False)
class Secrets:
    """The secrets in the requests that take one route.

    Args:
        plain_headers: Headers of the vendor's own that hold no secret.
    """

    plain_headers: frozenset[str] = frozenset()
    _forms: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    # The forms of all secrets of a length, by the least length; until a secret is added.
    _by_length: dict[int, tuple[str, ...]] = field(
        init=False, default_factory=dict[int, tuple[str, ...]]
    )

    def __post_init__(self) -> None:
        _ALL.add(self)

    def add(self, *secrets: str) -> None:
        """Remember secrets."""
        new = {
            secret: tuple(dict.fromkeys(_forms(secret)))
            for secret in secrets
            if secret and secret not in self._forms
        }
        if not new:
            return
        # Replaced, not changed, and in this order: another thread may be looking for secrets.
        self._forms = dict([*self._forms.items(), *new.items()][-MOST_SECRETS:])
        self._by_length = {}

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Remember the secrets in the headers of a request."""
        for name, value in headers.items():
            known = name.lower()
            # The clients of several vendors are made by Stainless, and describe themselves so.
            if known in _PLAIN_NAMES | self.plain_headers or known.startswith("x-stainless-"):
                continue
            scheme, space, token = value.partition(" ")
            self.add(value, token.strip() if space else "")
            if scheme.lower() == "basic":
                self.add(*_login(token))

    def add_address(self, address: str) -> None:
        """Remember the name and the password in an address."""
        try:
            login = urlsplit(address).netloc.rpartition("@")[0]
        except ValueError:
            return
        for written in (login, unquote(login)):
            self.add(*_parts(written))

    def mask(self, text: str, *, shortest: int = 0) -> str:
        """Return text without the secrets in it.

        Args:
            text: The text.
            shortest: Characters from which a secret is looked for.
        """
        for secret in self._forms:
            if shortest <= len(secret) < SHORTEST and secret in text:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        forms = self._forms_from(shortest)
        return with_masks(text, forms) if forms else text

    def mask_value(self, value: _T, *, shortest: int = 0) -> _T:
        """Return a value of JSON without the secrets in its texts.

        A sealed part stays byte for byte, since its vendor accepts it back unaltered or not at all;
        a sealed part that holds a whole secret is left out.
        """
        forms = self._forms_from(shortest)

        def stays(one: object) -> bool:
            return not (_is_sealed(one) and any(holds_whole(text, forms) for text in _texts(one)))

        whole: list[Any] = [value]
        # Not by recursion: values may be deeper than Python calls go.
        todo: list[tuple[Any, Any]] = [(whole, 0)]
        while todo:
            holder, key = todo.pop()
            one = holder[key]
            if isinstance(one, str):
                holder[key] = self.mask(one, shortest=shortest)
            elif isinstance(one, list):
                held = holder[key] = [part for part in cast("list[Any]", one) if stays(part)]
                todo += [(held, at) for at, part in enumerate(held) if not _is_sealed(part)]
            elif isinstance(one, dict):
                fields = cast("dict[str, Any]", one).items()
                named = holder[key] = {
                    self.mask(name, shortest=shortest): part for name, part in fields if stays(part)
                }
                todo += [(named, name) for name, part in named.items() if not _is_sealed(part)]
        return whole[0]

    def _forms_from(self, shortest: int) -> tuple[str, ...]:
        """Return the forms of all secrets of at least so many characters."""
        by_length, forms = self._by_length, self._forms
        if shortest not in by_length:
            long_enough = (forms[secret] for secret in forms if len(secret) >= shortest)
            by_length[shortest] = tuple(form for some in long_enough for form in some)
        return by_length[shortest]


def _is_sealed(value: object) -> bool:
    """Return whether a value has a seal, by which its vendor detects any change to it."""
    if not isinstance(value, dict):
        return False
    fields = cast("dict[str, Any]", value)
    kind = fields.get("type")
    by_name = any(isinstance(fields.get(name), str) and fields[name] for name in _SEALS)
    return by_name or (isinstance(kind, str) and kind in _SEALED)


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value of JSON, names among them."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            todo += cast("list[object]", one)
        elif isinstance(one, dict):
            fields = cast("dict[str, object]", one)
            todo += [*fields, *fields.values()]


_ALL: WeakSet[Secrets] = WeakSet()


def guard_logs(loggers: Collection[str] = ()) -> None:
    """Remove secrets from all records of a vendor's client, whichever handler writes them.

    Args:
        loggers: The first parts of the names of the client's loggers; those of the HTTP library are
            known.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in {*_HTTP_LOGGERS, *loggers}:
            logging.getLogger(name).addFilter(_FILTER)


class _NoSecrets(logging.Filter):
    """Removes the secrets of this process from a log record."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a format that does not fit is no fault of the caller's
            message = f"{record.msg!r} {record.args!r}"
        record.msg, record.args = _without_any(message), ()
        if record.exc_info:
            error = record.exc_info[1]
            trace = "" if error is None else "".join(traceback.format_exception(error))
            record.exc_info, record.exc_text = None, _without_any(trace).rstrip()
        return True


def _without_any(text: str) -> str:
    for secrets in list(_ALL):
        text = secrets.mask(text, shortest=SHORTEST)
    return text


_FILTER = _NoSecrets()


def _login(token: str) -> tuple[str, ...]:
    try:
        return _parts(b64decode(token, validate=True).decode())
    except ValueError:
        return ()


def _parts(login: str) -> tuple[str, ...]:
    name, colon, password = login.partition(":")
    return (login, name, password) if colon else (login,)


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms of a secret that the decoding of single characters does not reveal."""
    if len(secret) < SHORTEST:
        return
    data = secret.encode(errors="surrogatepass")
    # The second is the form that percent-encoded bytes of an address decode to, one by one.
    yield from map(squeezed, (secret, data.decode("latin-1"), quote_plus(secret)))
    # A line that is broken behind a "=" of the secret is taken for one that a mail breaks there.
    ends = (at for at, character in enumerate(secret) if character == "=")
    yield from (squeezed(secret[:at] + secret[at + 1 :]) for at in ends)
    # A part of the secret that looks like an escape is decoded with the escapes around it.
    yield from readings(secret)
    yield from (data.hex(), data.hex(":"), data.hex("-"))
    yield from (",".join(map(write, data)) for write in (str, hex, "{:02x}".format))
    yield from _packed(data, b32encode, 5, 8)
    for encode in (b64encode, urlsafe_b64encode):
        yield from _packed(data, encode, 3, 4)
        yield from _packed(encode(data).rstrip(b"="), encode, 3, 4)


def _packed(
    data: bytes, encode: Callable[[bytes], bytes], group: int, characters: int
) -> Iterator[str]:
    """Yield the texts by which bytes can be recognised inside a longer encoded text.

    The bytes before and behind them change the characters at both ends, which are left out.

    Args:
        data: The bytes.
        encode: The code, e.g. Base64.
        group: Bytes that are encoded together.
        characters: Characters that a group becomes.
    """
    for before in range(group):
        cut = -(-before * characters // group)
        whole = (before + len(data)) * characters // group
        yield squeezed(encode(bytes(before) + data).decode()[cut:whole])
