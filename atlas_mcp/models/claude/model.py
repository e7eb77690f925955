"""Claude models, through the Messages API.

Owns the call of a model from request to reply. One attempt per call, always streamed; `atlas.calls`
decides on another. No key, header or prompt gets into a message, a log or a repr.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.claude.call import ClaudeCall
from atlas_mcp.models.claude.connection import NO_KEY, ClaudeConnection, NoCredentialsError
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.params import Thinking, message_params
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.http_model import HttpModel
from atlas_mcp.models.traits import AcceptedFeatures, as_accepted, with_schema_in_prompt
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT, RouteClosed
from atlas_mcp.models.wire.refusals import json_or_text
from atlas_mcp.models.wire.streamed_call import timeout

if TYPE_CHECKING:
    import anthropic

READ_TIMEOUT = 120.0
"""Seconds without a byte after which a stream is given up. Our own choice: the API sends pings
while a model thinks, about every 15 s though it promises no interval; eight missed in a row are no
pause."""


class Claude(HttpModel[ClaudeConnection]):
    """One Claude model. Nothing is imported or opened before its first call.

    Args:
        spec: The model, and the features that its endpoint accepts.
        api_key: The key, if not the environment's.
        price: The operator's own price; wins over the tables.
        thinking: How to think where the family leaves a choice.
        read_timeout: Seconds without a byte after which a stream is given up.
        connection: Shared with other models and closed by its maker; its own key is used then.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        api_key: str | None = None,
        price: Price | None = None,
        thinking: Thinking = "auto",
        read_timeout: float = READ_TIMEOUT,
        connection: ClaudeConnection | None = None,
    ) -> None:
        super().__init__(
            spec,
            connection or ClaudeConnection(base_url=endpoint_of(spec).base_url, api_key=api_key),
            price=price,
            read_timeout=read_timeout,
            owns_connection=connection is None,
        )
        self._thinking: Thinking = thinking
        self._model_id = spec.model.partition("/")[2]

    @override
    async def call(
        self,
        request: ModelRequest,
        takes: AcceptedFeatures,
        *,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        client = await self._client()
        call = ClaudeCall(
            self.name, self._price, self._connection.route, on_tokens=on_tokens, on_usage=on_usage
        )
        with call.errors_translated(), call.answered() as answer:
            async with (
                self._connection.route.calling(self.name),
                client.messages.with_streaming_response.create(
                    **self._params(request, takes),
                    stream=True,
                    timeout=timeout(self._read_timeout),
                ) as response,
            ):
                call.request_id = response.request_id
                await answer.read(response)
        return await call.finish()

    @override
    async def is_there(self) -> bool:
        import anthropic
        import httpx2

        client = await self._client()
        call = ClaudeCall(self.name, self._price, self._connection.route)
        path = f"/v1/models/{quote(self._model_id, safe='')}"
        with anyio.move_on_after(LOOK_TIMEOUT), call.errors_translated(streamed=False):
            try:
                answer = await client.get(path, cast_to=httpx2.Response)
            except anthropic.NotFoundError:
                return False
            if not isinstance(json_or_text(answer.text), dict):
                raise call.no_reply(answer.headers, answer.text, asked=False)
            return True
        raise ModelUnavailable(self.name, "no answer from the API in time")

    async def _client(self) -> anthropic.AsyncAnthropic:
        try:
            return await self._connection.client()
        except NoCredentialsError as error:
            raise ModelRejected(self.name, NO_KEY) from error
        except RouteClosed as error:
            raise ModelRejected(self.name, error.message) from error

    def _params(self, request: ModelRequest, takes: AcceptedFeatures) -> dict[str, Any]:
        from anthropic import transform_schema

        request = as_accepted(request, takes)
        if self._spec.schema_mode != "strict":
            request = replace(request, schema=None)
        elif not takes.schema:
            request = with_schema_in_prompt(request)
        family = replace(family_of(self._model_id), efforts=self._spec.efforts)
        if not takes.thinking:
            family = replace(family, thinking=())
        try:
            return message_params(
                self._model_id,
                family,
                request,
                thinking=self._thinking,
                transform_schema=transform_schema,
                unsigned=takes.echo_reasoning in {"always", "tool_calls"},
            )
        except ValueError as error:
            raise ModelRejected(
                self.name, f"the answer schema cannot be sent ({error}); simplify it"
            ) from error
