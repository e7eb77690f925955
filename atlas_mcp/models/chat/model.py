"""Models behind Chat Completions: OpenAI, and every endpoint that speaks its API.

Owns the call of a model from request to reply. One attempt per call, always streamed; `atlas.calls`
decides on another. The `ModelSpec` describes the features that the endpoint accepts. No key, header
or prompt gets into a message, a log or a repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import anyio
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.errors import ModelUnavailable
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.chat.call import ChatCall
from atlas_mcp.models.chat.connection import ChatConnection
from atlas_mcp.models.chat.params import chat_params
from atlas_mcp.models.chat.presets import UNKNOWN_SERVER, Preset, preset_of
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.http_model import HttpModel
from atlas_mcp.models.traits import AcceptedFeatures, as_accepted, with_schema_in_prompt
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT
from atlas_mcp.models.wire.refusals import json_or_text
from atlas_mcp.models.wire.streamed_call import timeout

if TYPE_CHECKING:
    import openai

READ_TIMEOUT = 600.0
"""Seconds without a byte after which a stream is given up. Our own choice: unlike the Messages API,
most endpoints send nothing while a model thinks, or while a call waits for a free slot."""


class OpenAICompatible(HttpModel[ChatConnection]):
    """One model of one endpoint.

    Args:
        spec: The model, and the features that its endpoint accepts.
        api_key: The key; `None` for an endpoint that needs none.
        price: The operator's own price; wins over the tables.
        read_timeout: Seconds without a byte after which a stream is given up.
        connection: Shared with other models and closed by its maker; its own key is used then.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        read_timeout: float = READ_TIMEOUT,
        connection: ChatConnection | None = None,
    ) -> None:
        super().__init__(
            spec,
            connection or ChatConnection(endpoint_of(spec).base_url, api_key),
            price=Price(FREE, FREE) if spec.price == Price(FREE, FREE) else price,
            read_timeout=read_timeout,
            owns_connection=connection is None,
        )

    @override
    async def call(
        self,
        request: ModelRequest,
        takes: AcceptedFeatures,
        *,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        call = self._call(on_tokens, on_usage)
        spec, asked = self._spec, as_accepted(request, takes)
        if not takes.schema:
            spec, asked = replace(spec, schema_mode="prompt"), with_schema_in_prompt(asked)
        params = chat_params(spec, asked, stream_usage=takes.stream_options)
        with call.errors_translated():
            # Before `calling`: making a client takes longer than other calls wait for an answer.
            client = await self._connection.client()
            with call.answered() as answer:
                async with (
                    self._connection.route.calling(self.name),
                    client.chat.completions.with_streaming_response.create(
                        **params,
                        stream=True,
                        timeout=timeout(self._read_timeout),
                        extra_headers=self._connection.headers(),
                    ) as response,
                ):
                    call.request_id = response.headers.get("x-request-id")
                    await answer.read(response)
        return await call.finish()

    @property
    @override
    def takes(self) -> AcceptedFeatures:
        asks = endpoint_of(self._spec).stream_options
        counts = self._preset.stream_usage if asks is None else asks
        return replace(super().takes, stream_options=counts)

    @override
    async def is_there(self) -> bool:
        name = self._spec.model.partition("/")[2]
        with anyio.move_on_after(LOOK_TIMEOUT), self._call().errors_translated(streamed=False):
            client = await self._connection.client()
            listed = _listed(await self._look(client, "/models"))
            # Some endpoints have no list, and some lists lack names that the endpoint accepts.
            if not listed or any(_names(one, name) for one in listed):
                return True
            return await self._look(client, f"/models/{quote(name)}") is not None
        raise ModelUnavailable(self.name, f"no answer from {self._call().place} in time")

    async def _look(self, client: openai.AsyncOpenAI, path: str) -> object:
        """Return the JSON at a path of the endpoint, `None` where nothing is."""
        import httpx2
        import openai

        headers = self._connection.headers()
        try:
            answer = await client.get(path, cast_to=httpx2.Response, options={"headers": headers})
        except openai.APIStatusError as error:
            if error.status_code in {404, 405}:
                return None
            raise
        found = json_or_text(answer.text)
        if not _is_reply(answer.headers) or isinstance(found, str):
            raise self._call().no_reply(answer.headers, answer.text, asked=False)
        return found

    @property
    def _preset(self) -> Preset:
        preset = preset_of(self._spec.model.partition("/")[0])
        named = endpoint_of(self._spec).base_url
        if preset is None or (preset.base_url is None and named is not None):
            return UNKNOWN_SERVER
        return preset

    def _call(self, on_tokens: OnTokens | None = None, on_usage: OnUsage | None = None) -> ChatCall:
        return ChatCall(
            self._spec,
            self._price,
            route=self._connection.route,
            on_tokens=on_tokens,
            on_usage=on_usage,
        )


def _listed(answer: object) -> list[str]:
    """Return the names in an endpoint's list of models; empty if the answer is no such list."""
    data = cast("Mapping[str, Any]", answer).get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list):
        return []
    entries = cast("list[object]", data)
    return [
        str(cast("Mapping[str, Any]", one).get("id")) for one in entries if isinstance(one, Mapping)
    ]


def _names(listed: str, name: str) -> bool:
    """Return whether an entry of an endpoint's list is the model called `name`.

    Google's list has `models/` before each, Ollama's `:latest` behind.
    """
    return name in {listed, listed.rpartition("/")[2], listed.removesuffix(":latest")}


def _is_reply(headers: Mapping[str, str]) -> bool:
    """Return whether an answer is a stream or JSON."""
    kind = headers.get("content-type", "")
    return "text/event-stream" in kind or "json" in kind
