"""The model hub: a file's length and checksum, and the file itself.

Owns the requests and the texts of their errors. The hub's description of a file is trusted once, at
the first request; from then on the file must match that checksum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx2

from atlas_mcp.errors import ConfigError, ModelFileError
from atlas_mcp.models.embedded.catalogue import HubFile
from atlas_mcp.models.embedded.partial import CHUNK_BYTES, Partial, SourceFailed
from atlas_mcp.models.private_files import private
from atlas_mcp.models.wire.accounts import RouteClosed
from atlas_mcp.models.wire.masking import Secrets
from atlas_mcp.models.wire.proxies import check_proxy, proxy_of, tls

HUB = "https://huggingface.co"
"""The model hub's default address."""

CONNECT_TIMEOUT = 5.0
"""Seconds. Short, so that the next source is tried soon where the hub is out of reach."""

READ_TIMEOUT = 30.0
"""Seconds without a byte after which a connection to the hub counts as cut."""

CUTS = 3
"""Connections in a row that may break without a single byte before the hub is given up."""

MOVES = 5
"""Redirects within the hub that one request follows: repositories get renamed."""


@dataclass(frozen=True, slots=True)
class HubDescription:
    """The hub's description of a file: its length, its checksum in hex, and the commit."""

    size_bytes: int
    sha256: str
    commit: str


def address(base: str, hub: HubFile) -> str:
    """Return the URL of `hub` at the hub whose address is `base`."""
    return f"{base}/{hub.repository}/resolve/{hub.revision}/{quote(hub.file)}"


async def ask(hub: HubFile, *, base: str, token: str | None) -> HubDescription:
    """Ask the hub to describe `hub`, without fetching it.

    The answer is in the headers of the redirect to the storage of large files; that redirect is
    not followed, those within the hub are (as in `get_hf_file_metadata` of huggingface_hub 2.4).

    Raises:
        ConfigError: The hub has no such file, or does not give it to us.
        ModelFileError: The hub cannot be reached, or leaves out the length or the checksum.
    """
    where, secrets = address(base, hub), _secrets(base, token)
    try:
        async with await anyio.to_thread.run_sync(_client, base) as client:
            for _ in range(MOVES):
                headers = {"accept-encoding": "identity", **_authorization(token)}
                response = await client.head(where, headers=headers, follow_redirects=False)
                moved = response.next_request
                if moved is None or moved.url.origin != response.url.origin:
                    return _read(response, hub, known=token is not None)
                where = str(moved.url)
    except (httpx2.HTTPError, httpx2.InvalidURL, RouteClosed) as error:
        raise ModelFileError(
            f"`{hub.file}` of {hub.repository}: the model hub cannot be reached "
            f"({_words(error, secrets)}); without a network, name a file that is here by its path "
            "(local//PATH)"
        ) from error
    raise ModelFileError(f"`{hub.file}` of {hub.repository}: the model hub redirects in circles")


async def from_hub(partial: Partial, hub: HubFile, *, base: str, token: str | None) -> None:
    """Bring the partial file to its full size from the model hub, going on after cuts.

    Raises:
        SourceFailed: The hub does not give the file.
    """
    where, secrets = address(base, hub), _secrets(base, token)
    cuts = 0
    # In a thread: reading the certificates it trusts takes a while.
    try:
        made = await anyio.to_thread.run_sync(_client, base)
    except RouteClosed as error:
        raise SourceFailed(f"cannot be asked ({error})") from error
    async with made as client:
        while (before := await partial.length()) < partial.size_bytes:
            try:
                await _continue(partial, client, where, token)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
                raise SourceFailed(f"cannot be reached ({_words(error, secrets)})") from error
            except httpx2.TransportError as error:
                cut = _words(error, secrets)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise SourceFailed(f"cannot be asked ({_words(error, secrets)})") from error
            else:
                cut = "it ended early"
            cuts = 0 if await partial.length() > before else cuts + 1
            if cuts == CUTS:
                raise SourceFailed(f"broke off {CUTS} times in a row ({cut})")


def _client(base: str) -> httpx2.AsyncClient:
    """Return a client that follows the hub's redirects to its storage.

    Raises:
        RouteClosed: The proxy or the certificates cannot be used.
    """
    proxy = proxy_of(base)
    if proxy is not None:
        check_proxy(proxy)
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        proxy=None if proxy is None else proxy.url,
        verify=tls(),
        trust_env=False,
        follow_redirects=True,
    )


def _authorization(token: str | None) -> dict[str, str]:
    """Return the header with the token.

    The client drops this header where a redirect leaves the hub: the storage never sees the token.
    """
    return {} if token is None else {"authorization": f"Bearer {token}"}


async def _continue(
    partial: Partial, client: httpx2.AsyncClient, where: str, token: str | None
) -> None:
    """Append the bytes of one connection to the partial file."""
    total = partial.size_bytes
    done = await partial.length()
    headers = {"accept-encoding": "identity", **_authorization(token)}
    if done:
        headers["range"] = f"bytes={done}-"
    async with client.stream("GET", where, headers=headers) as response:
        if response.status_code == 200:
            done = 0
        elif response.status_code != 206 or not done:
            raise SourceFailed(f"answered with status {response.status_code}")
        elif not response.headers.get("content-range", "").startswith(f"bytes {done}-"):
            raise SourceFailed("went on at another place than it was asked for")
        # Required in every reply: the body can then be no longer than that.
        length = response.headers.get("content-length", "")
        if length != str(total - done):
            raise SourceFailed("has another file under that name: its length differs")
        await anyio.to_thread.run_sync(private, partial.path)
        async with await anyio.open_file(partial.path, "rb+") as file:
            await file.truncate(done)
            await file.seek(done)
            reported = done
            # Written as they arrive: collecting larger chunks would lose the last one at every cut.
            async for chunk in response.aiter_raw():
                done += len(chunk)
                await file.write(chunk)
                if done - reported >= CHUNK_BYTES:
                    reported = done
                    partial.report(done)


def _read(response: httpx2.Response, hub: HubFile, *, known: bool) -> HubDescription:
    """Read the hub's answer.

    Args:
        response: The answer.
        hub: The file that was asked for.
        known: Whether the request had a token.
    """
    if response.status_code >= 400:
        raise _refusal(response, hub, known=known)
    sha256 = response.headers.get("x-linked-etag", "").strip('"')
    size = response.headers.get("x-linked-size", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not size.isdecimal():
        raise ModelFileError(
            f"`{hub.file}` of {hub.repository}: the model hub does not say its length and sha256, "
            "so what comes could not be checked; fetch it yourself and name it by its path"
        )
    commit = response.headers.get("x-repo-commit", "")
    revision = commit if re.fullmatch(r"[0-9a-f]{40}", commit) else hub.revision
    return HubDescription(int(size), sha256, revision)


def _refusal(
    response: httpx2.Response, hub: HubFile, *, known: bool
) -> ConfigError | ModelFileError:
    """Return the error for a refusal of the hub.

    The hub's codes are those of `hf_raise_for_status` in huggingface_hub 2.4; a repository that we
    may not see is a 401.
    """
    status, code = response.status_code, response.headers.get("x-error-code", "")
    if code == "EntryNotFound":
        return ConfigError(f"the model hub's {hub.repository} has no file `{hub.file}`")
    if code == "GatedRepo":
        return ConfigError(
            f"{hub.repository} is given only to those who accept its terms: do so on its page at "
            "the model hub, and set HF_TOKEN to a token of yours"
        )
    if status in {401, 403, 404}:
        again = "HF_TOKEN does not open it" if known else "set HF_TOKEN if it is private"
        return ConfigError(f"the model hub has no {hub.repository} with `{hub.file}`, or {again}")
    return ModelFileError(
        f"`{hub.file}` of {hub.repository}: the model hub answered with status {status}; "
        "try again later"
    )


def _secrets(base: str, token: str | None) -> Secrets:
    """Return the secrets sent to the hub or its proxy: they are masked in errors."""
    secrets = Secrets()
    secrets.add(token or "")
    if (proxy := proxy_of(base)) is not None:
        secrets.add_address(proxy.url)
    return secrets


def _words(error: Exception, secrets: Secrets) -> str:
    return secrets.mask(str(error)) or type(error).__name__
