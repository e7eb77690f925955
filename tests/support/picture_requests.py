"""Requests to a model that sees pictures."""

from __future__ import annotations

import base64
from dataclasses import replace

from atlas_mcp.atlas.messages import Image, ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.feature_values import IMAGE_TYPES, ImageType
from atlas_mcp.models.pictures.fitting import (
    image_type,
)
from tests.support.pictures import (
    KINDS,
    Kind,
)

SEES = ModelSpec("maker/m", images=True, image_px=100)


ASK = ModelRequest("Look.", (UserTurn((Text("q"),)),), max_tokens=10)


def kind_of(kind: Kind) -> ImageType:
    return IMAGE_TYPES[list(KINDS).index(kind)]


def asking(*pictures: bytes | Image) -> ModelRequest:
    images = [
        one if isinstance(one, Image) else Image(image_type(one), base64.b64encode(one).decode())
        for one in pictures
    ]
    return replace(ASK, turns=(UserTurn((*images, Text("q"))),))
