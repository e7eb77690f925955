"""Presets of the known vendors and servers that speak Chat Completions.

Data only: addresses, the variables that hold keys, and the parameters that an endpoint accepts for
all of its models. Features that differ from model to model are not listed: an entry of the file
declares them, or `atlas-mcp solvers --probe` finds them out. Addresses age, so every row has a
source.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from atlas_mcp.addresses import is_same_address
from atlas_mcp.feature_values import (
    IMAGE_TYPES,
    EchoReasoning,
    ImageType,
    MaxTokensField,
    SchemaMode,
)

PLAIN_IMAGE_TYPES: tuple[ImageType, ...] = ("image/png", "image/jpeg")
"""The kinds that every endpoint reads. llama.cpp leaves other pictures out without an error
(stb_image, as reported in ggml-org/llama.cpp#19066 and ollama/ollama#17755; read 2026-11-25)."""

PLAIN_IMAGE_BYTES = 5_000_000
"""Bytes of a picture in base64 that are taken anywhere. Our own choice: the strictest of the large
vendors (Anthropic, Mistral, xAI: 5 to 20 MB, as reported in earendil-works/pi#120)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One vendor, or one kind of server.

    Attributes:
        vendor: First part of the names of its models, as users write them.
        title: Its name for people.
        base_url: Address of its Chat Completions; `None` for the client library's default.
        key_env: Variable that holds the key; `None` where none is asked for.
        prices: Its name in the price tables; `None` where those do not have it.
        free: Whether calls cost nothing, because the server is the user's own.
        schema: How replies get their shape.
        tools: Whether its models call tools, all of them.
        schema_with_tools: Whether one request may offer tools and ask for a shape as well.
        max_tokens_field: Its name for the limit on output tokens.
        stream_usage: Whether a stream must be asked for its usage; others send it unasked, and
            may refuse the question.
        echo_reasoning: The earlier turns that are sent back with the model's thinking.
        max_tokens: Ceiling of one reply, unless an entry says otherwise.
        parallel: Calls in flight at once, unless an entry says otherwise.
        image_types: The kinds of pictures it reads; others are written anew as PNG.
        image_bytes: Bytes of one picture in base64 at most; larger ones are made smaller.
        checked: When the row was compared with its source.
        source: Where it comes from.
    """

    vendor: str
    title: str
    base_url: str | None
    key_env: str | None
    prices: str | None
    free: bool = False
    schema: SchemaMode = "prompt"
    tools: bool = False
    schema_with_tools: bool = False
    max_tokens_field: MaxTokensField = "max_tokens"
    stream_usage: bool = True
    echo_reasoning: EchoReasoning = "as_sent"
    max_tokens: int = 32_000
    parallel: int = 64
    image_types: tuple[ImageType, ...] = PLAIN_IMAGE_TYPES
    image_bytes: int = PLAIN_IMAGE_BYTES
    checked: date = date(2026, 11, 25)
    source: str = ""


OWN_SERVER_PARALLEL = 4
"""Calls in flight at once at a server of the user's own: as many as a run starts by default."""

OWN_SERVER_MAX_TOKENS = 8_192
"""Output tokens of one reply there: prompt and ceiling together must fit the context it was started
with, and some servers refuse a request that does not."""

PRESETS: tuple[Preset, ...] = (
    Preset(
        "openai",
        "OpenAI",
        None,
        "OPENAI_API_KEY",
        "openai",
        schema="strict",
        tools=True,
        schema_with_tools=True,
        max_tokens_field="max_completion_tokens",
        image_types=IMAGE_TYPES,
        image_bytes=20_000_000,
        source="the client library's own defaults (openai 3.57); pictures: "
        "https://platform.openai.com/docs/guides/images-vision",
    ),
    Preset(
        "google",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "GEMINI_API_KEY",
        "google",
        schema="strict",
        tools=True,
        image_types=("image/png", "image/jpeg", "image/webp"),
        source="https://ai.google.dev/gemini-api/docs/openai; pictures: "
        "https://ai.google.dev/gemini-api/docs/image-understanding",
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "openrouter",
        source="https://openrouter.ai/docs/quickstart",
    ),
    Preset(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        "x-ai",
        schema="strict",
        tools=True,
        source="https://docs.x.ai/docs/overview",
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "deepseek",
        schema="json",
        tools=True,
        echo_reasoning="tool_calls",
        source="https://api-docs.deepseek.com; thinking: "
        "https://api-docs.deepseek.com/guides/thinking_mode",
    ),
    Preset(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "mistral",
        schema="strict",
        tools=True,
        stream_usage=False,
        source="https://docs.mistral.ai/api",
    ),
    Preset(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        None,
        None,
        free=True,
        schema="strict",
        max_tokens=OWN_SERVER_MAX_TOKENS,
        parallel=OWN_SERVER_PARALLEL,
        source="https://docs.ollama.com/api/openai-compatibility",
    ),
    Preset(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        None,
        None,
        free=True,
        schema="strict",
        max_tokens=OWN_SERVER_MAX_TOKENS,
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server",
    ),
    Preset(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        None,
        None,
        free=True,
        schema="strict",
        max_tokens=OWN_SERVER_MAX_TOKENS,
        parallel=OWN_SERVER_PARALLEL,
        source="https://lmstudio.ai/docs/developer/openai-compat",
    ),
    Preset(
        "llamacpp",
        "llama.cpp server",
        "http://127.0.0.1:8080/v1",
        None,
        None,
        free=True,
        schema="strict",
        max_tokens=OWN_SERVER_MAX_TOKENS,
        parallel=OWN_SERVER_PARALLEL,
        source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    ),
)
"""All of them, in the order in which people are told of them."""

UNKNOWN_SERVER = Preset(
    "openai",
    "an endpoint of your own",
    None,
    None,
    None,
    max_tokens=OWN_SERVER_MAX_TOKENS,
    parallel=16,
)
"""The preset of an address without a preset of its own: nothing is assumed of it."""

_BY_VENDOR = {preset.vendor: preset for preset in PRESETS}


def preset_of(vendor: str) -> Preset | None:
    """Return the preset of a vendor, `None` if there is none."""
    return _BY_VENDOR.get(vendor)


def is_own_address(preset: Preset | None, base_url: str) -> bool:
    """Return whether an address is the vendor's own."""
    own = None if preset is None else preset.base_url
    return own is not None and is_same_address(own, base_url)


def name_in_tables(model: str, base_url: str | None) -> str:
    """Return a model's name for the price tables, as `models.prices` reads it.

    A model of the same name at another address need not cost the same, and has no provider.
    """
    vendor, _, name = model.partition("/")
    preset = preset_of(vendor)
    own = base_url is None or is_own_address(preset, base_url)
    provider = vendor if preset is None else preset.prices
    return f"{provider or ''}/{name}" if own else f"/{name}"
