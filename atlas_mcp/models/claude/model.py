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

from atlas_mcp.atlas.messages import Effort, ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model, OnTokens, OnUsage
from atlas_mcp.models.claude.call import ClaudeCall
from atlas_mcp.models.claude.connection import NO_KEY, ClaudeConnection, NoCredentialsError
from atlas_mcp.models.claude.facts import VENDOR
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.params import Thinking, message_params
from atlas_mcp.models.traits import (
    ALL_FEATURES,
    AcceptedFeatures,
    RefusedFeatures,
    accepted_features,
    as_accepted,
    with_schema_in_prompt,
)
from atlas_mcp.models.wire.connections import LOOK_TIMEOUT, RouteClosed
from atlas_mcp.models.wire.refusals import json_or_text
from atlas_mcp.models.wire.streamed_call import timeout

if TYPE_CHECKING:
    import anthropic

READ_TIMEOUT = 120.0
"""Seconds without a byte after which a stream is given up. Our own choice: the API sends pings
while a model thinks, about every 15 s though it promises no interval; eight missed in a row are no
pause."""


class Claude(Model):
    """One Claude model."""

    def __init__(
        self,
        model_id: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        price: Price | None = None,
        thinking: Thinking = "auto",
        holds_schema: bool = True,
        efforts: tuple[Effort, ...] | None = None,
        takes: AcceptedFeatures = ALL_FEATURES,
        read_timeout: float = READ_TIMEOUT,
        connection: ClaudeConnection | None = None,
        learns: bool = True,
    ) -> None:
        """Describe the model; nothing is imported or opened before the first call.

        Args:
            model_id: The vendor's id, e.g. `claude-sonnet-5-5`.
            base_url: The address of the Messages API, if not the environment's.
            api_key: The key, if not the environment's.
            price: The operator's own price; wins over the tables.
            thinking: How to think where the family leaves a choice.
            holds_schema: Whether requests carry the schema for the API to enforce; some gateways
                refuse it.
            efforts: The efforts that the model accepts, if not those of its family.
            takes: The other features of a request that the endpoint accepts.
            read_timeout: Seconds without a byte after which a stream is given up.
            connection: Shared with other models and closed by its maker; `base_url` and `api_key`
                are then its own.
            learns: Whether a refused call is made again without the refused feature.
        """
        self._takes = takes
        self._learns = learns
        self._model_id = model_id
        self._name = f"{VENDOR}/{model_id}"
        family = family_of(model_id)
        self._family = family if efforts is None else replace(family, efforts=efforts)
        self._price = price
        self._thinking: Thinking = thinking
        self._holds_schema = holds_schema
        self._read_timeout = read_timeout
        self._owned = connection is None
        self._connection = connection or ClaudeConnection(base_url=base_url, api_key=api_key)

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model_id!r})"

    @property
    @override
    def name(self) -> str:
        """The model as `vendor/name`."""
        return self._name

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return its reply; see `Model.generate`.

        If a gateway refuses a feature that can be left out, the call is repeated without it, and
        later calls leave it out from the start.
        """

        async def call(takes: AcceptedFeatures) -> Reply:
            return await self._generate(request, takes, on_tokens, on_usage)

        if not self._learns:
            # No probe asks about thinking, so only that may be dropped.
            return await RefusedFeatures().ask(
                self.name, self._takes, request, call, asks_for=("thinking",)
            )
        return await self._connection.learnt.ask(self._name, self._takes, request, call)

    async def _generate(
        self,
        request: ModelRequest,
        takes: AcceptedFeatures,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        client = await self._client()
        call = ClaudeCall(
            self._name, self._price, self._connection.route, on_tokens=on_tokens, on_usage=on_usage
        )
        with call.errors_translated(), call.answered() as answer:
            async with (
                self._connection.route.calling(self._name),
                client.messages.with_streaming_response.create(
                    **self._params(request, takes),
                    stream=True,
                    timeout=timeout(self._read_timeout),
                ) as response,
            ):
                call.request_id = response.request_id
                await answer.read(response)
        return await call.finish()

    def with_spec(self, spec: ModelSpec) -> Claude:
        """Return the same model, used as if its gateway accepted the features in `spec`.

        The new model shares this one's connection, which this one closes. It learns nothing: its
        callers want to see the refusals.
        """
        return Claude(
            self._model_id,
            price=self._price,
            thinking=self._thinking,
            holds_schema=spec.schema_mode == "strict",
            efforts=spec.efforts,
            takes=accepted_features(spec),
            read_timeout=self._read_timeout,
            connection=self._connection,
            learns=False,
        )

    async def is_there(self) -> bool:
        """Return whether the API has this model for this key. Costs nothing.

        Raises:
            ModelError: The API does not answer, or refuses this key.
        """
        import anthropic
        import httpx2

        client = await self._client()
        call = ClaudeCall(self._name, self._price, self._connection.route)
        path = f"/v1/models/{quote(self._model_id, safe='')}"
        with anyio.move_on_after(LOOK_TIMEOUT), call.errors_translated(streamed=False):
            try:
                answer = await client.get(path, cast_to=httpx2.Response)
            except anthropic.NotFoundError:
                return False
            if not isinstance(json_or_text(answer.text), dict):
                raise call.no_reply(answer.headers, answer.text, asked=False)
            return True
        raise ModelUnavailable(self._name, "no answer from the API in time")

    @override
    async def aclose(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owned:
            await self._connection.aclose()

    async def _client(self) -> anthropic.AsyncAnthropic:
        try:
            return await self._connection.client()
        except NoCredentialsError as error:
            raise ModelRejected(self._name, NO_KEY) from error
        except RouteClosed as error:
            raise ModelRejected(self._name, error.message) from error

    def _params(self, request: ModelRequest, takes: AcceptedFeatures) -> dict[str, Any]:
        from anthropic import transform_schema

        request = as_accepted(request, takes)
        if not self._holds_schema:
            request = replace(request, schema=None)
        elif not takes.schema:
            request = with_schema_in_prompt(request)
        family = self._family if takes.thinking else replace(self._family, thinking=())
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
                self._name, f"the answer schema cannot be sent ({error}); simplify it"
            ) from error
