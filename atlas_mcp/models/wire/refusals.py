"""Refusals of model endpoints: their cause, and whether and when to try again.

Owns the meaning of an error answer, whichever client library received it. Finds the error text in
any of the shapes in which endpoints send it, and phrases the cause for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Literal, TypeAlias, cast

from atlas_mcp.atlas.json_parts import has_too_many_parts
from atlas_mcp.atlas.storable import text_of
from atlas_mcp.models.wire.masking import Secrets

LONGEST_API_MESSAGE = 500
"""Characters of an endpoint's error text that are passed on. Our own choice: enough for the longest
of the Messages API."""

LONGEST_BODY = 20_000
"""Characters of an answer in which its error text is looked for."""

BEGINNING_SECONDS = 1.0
"""Seconds to wait for the beginning of an answer that is not a reply. Our own choice."""

DEEPEST_BODY = 6
"""Levels of an answer's JSON in which its error text is looked for."""

NO_CREDIT = frozenset(
    {
        "1113",
        "accountoverdueerror",
        "arrearage",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_too_low",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_funds",
        "insufficient_quota",
        "payment_required",
    }
)
"""Codes that mean an empty account, whatever the status: waiting does not help. Source: pages of
error codes of OpenAI and Anthropic, and reports of users
of other vendors: 1113 is Zhipu's, `arrearage` DashScope's, the overdue account Volcengine's, and
the exceeded quota Moonshot's (read 2026-11-28)."""

KEY_REFUSED = frozenset(
    {
        "account_deactivated",
        "api_key_invalid",
        "authentication_error",
        "invalid_api_key",
        "key_expired",
    }
)
"""Codes that mean a refused key under another status than 401: Gemini's comes with 400."""

ANOTHER_TRY = frozenset({"json_validate_failed", "tool_use_failed"})
"""Codes that mean that the endpoint could not read the model's output; a retry gets a different
output. Source: Groq's page of error codes, and agno#4090 (read 2026-11)."""

NO_CREDIT_WORDS = (
    "credit balance is too low",
    "insufficient balance",
    "insufficient credit",
    "out of credit",
    "any credits",
    "no credits",
    "used all available credits",
    "key limit exceeded",
    "unpaid balance",
    "balance is insufficient",
    "\u4f59\u989d\u4e0d\u8db3",
    "\u6b20\u8d39",
)
"""Phrases that mean an empty account, for errors without a code: Anthropic's 400, and 402 and 403
of OpenRouter, DeepSeek, xAI and SiliconFlow, and "balance not enough" and "in arrears" in Chinese,
as users report them (read 2026-11-28). No rate limit is reported with these phrases."""

Lasting: TypeAlias = Literal["key", "credit"]
"""The cause for which every call with a key fails."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The phrases by which error messages refer to an endpoint.

    Attributes:
        api: The noun for it: "the API", "the endpoint".
        place: The place of the endpoint.
        key: The setting that holds its key.
        credit: The advice where to add credit.
        address: The setting that holds its address.
        hint: Advice on such an address, as the end of a sentence.
    """

    api: str
    place: str
    key: str
    credit: str
    address: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The meaning of an answer with an error status.

    Attributes:
        text: The cause and the remedy, for a person to read.
        retryable: Whether the same call may work later.
        lasting: Why every other call with this key fails too: the key is refused, or its account
            is empty. `None` where this call alone fails.
        retry_after: Seconds that the endpoint asks to wait.
    """

    text: str
    retryable: bool
    lasting: Lasting | None
    retry_after: float | None


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: object,
    wording: Wording,
    secrets: Secrets,
) -> Refusal:
    """Return the meaning of an answer with an error status.

    Args:
        status: The status.
        headers: The headers of the answer.
        body: The body of the answer, as text or as parsed JSON.
        wording: The phrases by which the message refers to the endpoint.
        secrets: The secrets to remove from the message.
    """
    page = page_of(body)
    reason = redacted("" if page is not None else reason_of(body), secrets)
    codes: set[str] = set() if page is not None else set(_codes(body, DEEPEST_BODY))
    empty = status == 402 or (
        status in {400, 401, 403, 429}
        and (
            not codes.isdisjoint(NO_CREDIT) or any(one in reason.lower() for one in NO_CREDIT_WORDS)
        )
    )
    refused = status == 401 or (status in {400, 403} and not codes.isdisjoint(KEY_REFUSED))
    if page is not None:
        text = f"{page_text(page, wording, secrets)} (status {status})"
    elif empty:
        text = f"no credit is left{_behind(reason)}; {wording.credit}"
    elif refused:
        # Without the endpoint's own text, as some endpoints quote the key.
        text = f"the API key is refused; check {wording.key}"
    else:
        text = _status_text(status, reason, wording, spoken=isinstance(body, str))
    lasting: Lasting | None = "credit" if empty else "key" if refused else None
    if page is not None:
        lasting = None
    return Refusal(
        text,
        retryable=lasting is None
        and (
            not codes.isdisjoint(ANOTHER_TRY) or is_retryable(status, headers.get("x-should-retry"))
        ),
        lasting=lasting,
        retry_after=retry_after(headers),
    )


_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def page_of(body: object) -> str | None:
    """Return the title of a web page, `None` if the body is not a web page."""
    if not isinstance(body, str):
        return None
    start = body[:LONGEST_BODY]
    if not re.match(
        r"\s*(<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*+)*+<(!doctype html|html|head|body)\b",
        start,
        re.I | re.S,
    ):
        return None
    # Only the first `<title`: if that one has no end, no later one has.
    begun = re.search(r"<title", start, re.I)
    found = None if begun is None else _TITLE.match(start, begun.start())
    return unescape(found.group(1)).strip() if found else ""


def page_text(page: str, wording: Wording, secrets: Secrets) -> str:
    """Return the message for a web page that came in place of an answer."""
    title = redacted(page, secrets)
    named = f" ({title!r})" if title else ""
    return (
        f"{wording.place} answers with a web page{named} and not as {wording.api} does: a "
        "proxy, a firewall or a login page of the network stands before it, or the address is "
        "wrong; "
        f"check the network and {wording.address}"
    )


def reason_of(body: object) -> str:
    """Return the error text in an answer, in whichever shape the endpoint sends it.

    Args:
        body: The body of the answer, as text or as parsed JSON.
    """
    return "; ".join(dict.fromkeys(_reasons(body, DEEPEST_BODY)))[:LONGEST_BODY]


_WRAPPERS = (
    "error", "errors", "detail", "details", "message", "msg", "reason", "description", "base_resp",
    "status_msg",
)  # fmt: skip
"""Keys that hold the error text, or an object that holds it. Among them are those of RFC 9457
(`title`, `detail`), FastAPI (`detail: [{loc, msg}]`) and OAuth (`error_description`)."""


def _reasons(body: object, depth: int) -> Iterator[str]:
    if isinstance(body, str):
        text = body[:LONGEST_BODY].strip()
        # Some gateways put the error of another endpoint into a string, with its JSON.
        inner = _json(text) if text[:1] in "{[" else None
        if isinstance(inner, dict | list) and depth > 0:
            yield from _reasons(cast("object", inner), depth - 1)
        elif text:
            yield text
    elif isinstance(body, list) and depth > 0:
        for one in cast("list[object]", body)[:3]:
            yield from _reasons(one, depth - 1)
    elif isinstance(body, Mapping) and depth > 0:
        yield from _reasons_of_fields(cast("Mapping[str, object]", body), depth - 1)


def _reasons_of_fields(fields: Mapping[str, object], depth: int) -> Iterator[str]:
    found: list[str] = []
    if isinstance(fields.get("title"), str):
        found.append(str(fields["title"]))
    for name in (*_WRAPPERS, "error_description"):
        found += _reasons(fields.get(name), depth)
    where = fields.get("loc")
    if found and isinstance(where, list):
        found[0] = f"{'.'.join(str(one) for one in cast('list[object]', where))}: {found[0]}"
    metadata = fields.get("metadata")
    if isinstance(metadata, Mapping):
        # OpenRouter's field for the error text of the vendor behind it.
        further = cast("Mapping[str, object]", metadata)
        raw = list(_reasons(further.get("raw"), depth))
        if raw and further.get("provider_name"):
            raw[0] = f"{further['provider_name']}: {raw[0]}"
        found += raw
    if not found:
        codes = (fields.get(name) for name in ("code", "type"))
        found = [str(code) for code in codes if isinstance(code, str | int) and code][:1]
    yield from found


def _codes(body: object, depth: int) -> Iterator[str]:
    """Yield the error codes in an answer."""
    if isinstance(body, list) and depth > 0:
        for one in cast("list[object]", body)[:3]:
            yield from _codes(one, depth - 1)
    elif isinstance(body, Mapping) and depth > 0:
        fields = cast("Mapping[str, object]", body)
        for name in ("code", "type", "reason"):
            code = fields.get(name)
            if isinstance(code, str | int) and not isinstance(code, bool):
                yield str(code).lower()
        for name in ("error", "errors", "detail", "details"):
            yield from _codes(fields.get(name), depth - 1)
    elif isinstance(body, str) and depth < DEEPEST_BODY and "_" in body:
        yield body.lower()


def json_or_text(body: str) -> object:
    """Return the JSON in the body of an answer, or the body itself if it cannot be parsed."""
    return _json(body, instead=body)


def _json(text: str, *, instead: object = None) -> object:
    """Return the JSON in a text; `instead` if it is not JSON, or holds too many values."""
    if has_too_many_parts(text.encode(errors="replace")):
        return instead
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return instead


def is_retryable(status: int, should_retry: str | None) -> bool:
    """Return whether a call is worth another try; the endpoint's header overrides the status."""
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    return status in {408, 409, 429} or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an API asks to wait, given in any of three forms."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def redacted(text: object, secrets: Secrets) -> str:
    """Return an endpoint's text as one short line, with every secret in it masked."""
    line = " ".join(secrets.mask(text_of(text)).split())
    if len(line) > LONGEST_API_MESSAGE:
        line = line[:LONGEST_API_MESSAGE] + "…"
    return line


def _behind(reason: str) -> str:
    return f": {reason}" if reason else ""


def _status_text(status: int, reason: str, wording: Wording, *, spoken: bool) -> str:
    """Return the cause behind a status.

    Args:
        status: The status.
        reason: The endpoint's own error text.
        wording: The phrases by which the message refers to the endpoint.
        spoken: Whether the body was plain text, which an API's own errors seldom are.
    """
    cause = _behind(reason)
    match status:
        case 400 | 422:
            return f"{wording.api} refuses the request{cause}"
        case 403 if spoken or not reason:
            return (
                f"the call is forbidden (status 403){cause}; this key may not do that, or a proxy "
                "or a firewall before the endpoint does not let the call through"
            )
        case 403:
            return f"this key may not do that{cause}; check its permissions and the model's terms"
        case 404:
            return (
                f"no such model at {wording.place}{cause}; check the model's name and "
                f"{wording.address}"
            )
        case 407:
            return (
                f"a proxy asks for a name and a password{cause}; check the variable that names it"
            )
        case 413:
            return f"the request is too large{cause}; send less text or smaller images"
        case 429:
            return f"a rate limit is reached{cause}"
        case 529:
            return f"{wording.api} is overloaded{cause}"
        case _:
            return f"{wording.api} answers with status {status}{cause}"
