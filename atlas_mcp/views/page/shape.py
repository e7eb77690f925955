"""The base of the shapes of a page's document."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from atlas_mcp.texts import printable

Name = Annotated[str, AfterValidator(printable)]
"""A name that a configuration or a journal gives: printable, as every text of a page is."""


class Shape(BaseModel):
    """A part of a document: its fields are always all there."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )
