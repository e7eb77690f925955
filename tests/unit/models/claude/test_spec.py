"""The spec of a Claude model: declared, or as its family takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.spec import CLAUDE_IMAGE_BYTES, claude_spec
from atlas_mcp.models.endpoint import Endpoint, endpoint_of

MODEL = "anthropic/claude-sonnet-5-5"
FAMILY = family_of("claude-sonnet-5-5")


def spec_of(home: Path, **entry: Any) -> ModelSpec:
    return claude_spec(MODEL, EndpointSettings.model_validate(entry), home=home)


def test_a_model_is_used_as_its_family_takes(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)

    assert (spec.efforts, spec.image_px) == (FAMILY.efforts, FAMILY.image_px)
    assert (spec.image_bytes, spec.tools, spec.schema_mode) == (CLAUDE_IMAGE_BYTES, True, "strict")
    assert spec.max_tokens <= FAMILY.max_output
    assert endpoint_of(spec) == Endpoint()


def test_a_gateway_is_used_as_its_entry_declares(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path, base_url="https://gpu.example.org", images=False, schema="prompt", efforts=[]
    )

    assert (spec.images, spec.schema_mode, spec.efforts) == (False, "prompt", ())
    assert endpoint_of(spec) == Endpoint(base_url="https://gpu.example.org")


def test_a_ceiling_beyond_what_the_family_writes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=f"writes {FAMILY.max_output:,} at most"):
        spec_of(tmp_path, max_tokens=FAMILY.max_output + 1)
