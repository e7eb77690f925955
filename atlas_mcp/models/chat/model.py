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
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.chat.call import ChatCall
from atlas_mcp.models.chat.connection import ChatConnection
from atlas_mcp.models.chat.params import chat_params
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.traits import (
    AcceptedFeatures,
    RefusedFeatures,
    accepted_features,
    as_accepted,
    with_schema_in_prompt,
)
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT
from atlas_mcp.models.wire.refusals import json_or_text
from atlas_mcp.models.wire.streamed_call import timeout
from atlas_mcp.presets import UNKNOWN_SERVER, Preset, preset_of

if TYPE_CHECKING:
    import openai

READ_TIMEOUT = 600.0
"""Seconds without a byte after which a stream is given up. Our own choice: unlike the Messages API,
most endpoints send nothing while a model thinks, or while a call waits for a free slot."""


class OpenAICompatible(Model):
    """One model of one endpoint.

    Args:
        spec: The model, and the features that its endpoint accepts.
        api_key: The key; `None` for an endpoint that needs none.
        price: The operator's own price; wins over the tables.
        read_timeout: Seconds without a byte after which a stream is given up.
        connection: Shared with other models and closed by its maker; its own key is used then.
        learns: Whether a refused call is made again without the refused feature.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        read_timeout: float = READ_TIMEOUT,
        connection: ChatConnection | None = None,
        learns: bool = True,
    ) -> None:
        self._learns = learns
        self._spec = spec
        self._endpoint = endpoint_of(spec)
        self._price = Price(FREE, FREE) if spec.price == Price(FREE, FREE) else price
        self._read_timeout = read_timeout
        self._owned = connection is None
        self._connection = connection or ChatConnection(self._endpoint.base_url, api_key)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._spec.model!r})"

    @property
    @override
    def name(self) -> str:
        """The model as `vendor/name`."""
        return self._spec.model

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return its reply; see `Model.generate`.

        If the endpoint refuses a feature that can be left out, the call is repeated without it, and
        later calls leave it out from the start.
        """

        async def call(takes: AcceptedFeatures) -> Reply:
            return await self._generate(self._call(on_tokens, on_usage), request, takes)

        if not self._learns:
            # No probe asks about thinking, so only that may be dropped.
            return await RefusedFeatures().ask(
                self.name, self._takes, request, call, asks_for=("thinking",)
            )
        return await self._connection.learnt.ask(self.name, self._takes, request, call)

    async def _generate(
        self, call: ChatCall, request: ModelRequest, takes: AcceptedFeatures
    ) -> Reply:
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
    def _takes(self) -> AcceptedFeatures:
        """The features that the endpoint is known to accept."""
        asks = self._endpoint.stream_options
        counts = self._preset.stream_usage if asks is None else asks
        return replace(accepted_features(self._spec), stream_options=counts)

    def with_spec(self, spec: ModelSpec) -> OpenAICompatible:
        """Return the same model, used as if its endpoint accepted the features in `spec`.

        The new model shares this one's connection, which this one closes. It learns nothing: its
        callers want to see the refusals.
        """
        return OpenAICompatible(
            spec,
            price=self._price,
            read_timeout=self._read_timeout,
            connection=self._connection,
            learns=False,
        )

    async def is_there(self) -> bool:
        """Return whether the endpoint has this model, as far as it tells. Costs nothing.

        Raises:
            ModelError: The endpoint does not answer, or refuses this key.
        """
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

    @override
    async def aclose(self) -> None:
        """Close the connections, unless they are shared. No call may follow."""
        if self._owned:
            await self._connection.aclose()

    @property
    def _preset(self) -> Preset:
        preset = preset_of(self._spec.model.partition("/")[0])
        if preset is None or (preset.base_url is None and self._endpoint.base_url is not None):
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
