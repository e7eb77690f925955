"""The features that endpoints were found to support, kept in a file for later runs.

Owns `endpoints.json` in `ATLAS_HOME`: one entry for each model of each address, with the day of its
probe. The file holds no key and can be deleted; a new probe restores it. Processes write to it one
after the other, by a lock on a file beside it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atlas_mcp.atlas.messages import Effort
from atlas_mcp.errors import ConfigError
from atlas_mcp.feature_values import EchoReasoning, MaxTokensField, SchemaMode
from atlas_mcp.models.file_locks import open_lock, try_alone
from atlas_mcp.models.private_files import private
from atlas_mcp.system.disk import replace
from atlas_mcp.system.locks import WAIT_SECONDS

logger = logging.getLogger(__name__)

FILE_NAME = "endpoints.json"
LOCK_NAME = "endpoints.json.lock"

LOCK_TRIES = 100
"""Attempts to take the lock, five seconds in all. A process that holds it for longer has been
stopped in the middle; the finding, which was paid for, is then written without the lock.
"""

Feature: TypeAlias = Literal[
    "schema_mode",
    "tools",
    "images",
    "efforts",
    "max_tokens_field",
    "stream_options",
    "system_role",
    "echo_reasoning",
]
"""A feature that can be found out. The names are those of an entry's keys."""

FEATURES: tuple[Feature, ...] = get_args(Feature)

MESSAGES_FEATURES = frozenset(FEATURES) - {"max_tokens_field", "stream_options"}
"""The features to find out of a gateway with the Messages API, which lacks these two parameters."""


class Finding(BaseModel):
    """The features that one model of one endpoint supports; `None` if not found out.

    Attributes:
        checked: The day of the probe.
        schema_mode: How replies get their shape (`schema` in the file, as in an entry).
        tools: Whether the model calls tools, and reads their results.
        images: Whether the model sees pictures.
        efforts: The accepted efforts; empty also if the endpoint accepts any word as an effort.
        max_tokens_field: The endpoint's name for the limit on output tokens.
        stream_options: Whether a stream may be asked to report token counts.
        system_role: Whether the endpoint accepts a system prompt, and the model follows it.
        echo_reasoning: The earlier turns in which the endpoint accepts the model's thinking.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    checked: date | None = None
    schema_mode: SchemaMode | None = Field(
        default=None, validation_alias="schema", serialization_alias="schema"
    )
    tools: bool | None = None
    images: bool | None = None
    efforts: tuple[Effort, ...] | None = None
    max_tokens_field: MaxTokensField | None = None
    stream_options: bool | None = None
    system_role: bool | None = None
    echo_reasoning: EchoReasoning | None = None

    def over(self, earlier: Finding) -> Finding:
        """Return this finding, with the features that it lacks taken from an earlier one."""
        known = self.model_dump(exclude_none=True)
        return earlier.model_copy(update=known)


NOTHING = Finding()


class _File(BaseModel):
    """The file: findings by address, then by model."""

    endpoints: dict[str, dict[str, Finding]] = Field(default_factory=dict[str, dict[str, Finding]])


def finding(home: Path, base_url: str | None, model: str) -> Finding:
    """Return the finding about a model at an address, which is empty before any probe.

    The file is read anew each time: another process may have added a finding.
    """
    return _read(home).endpoints.get(_address(base_url, model), {}).get(model, NOTHING)


def keep(home: Path, base_url: str | None, model: str, found: Finding) -> None:
    """Add a finding to the file; its features replace those found earlier.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        with _alone(home):
            file = _read(home)
            models = file.endpoints.setdefault(_address(base_url, model), {})
            models[model] = found.over(models.get(model, NOTHING))
            written = file.model_dump(mode="json", by_alias=True, exclude_none=True)
            _replace(home, json.dumps(written, indent=2) + "\n")
    except OSError as error:
        raise ConfigError(
            f"{home / FILE_NAME} cannot be written: {error.strerror}; is ATLAS_HOME right?"
        ) from error


@contextmanager
def _alone(home: Path) -> Generator[None]:
    """Keep other processes from changing the file while the block runs."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = open_lock(home / LOCK_NAME)
    try:
        for _ in range(LOCK_TRIES):
            if try_alone(descriptor):
                break
            time.sleep(WAIT_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _replace(home: Path, text: str) -> None:
    """Write a new file and move it into place, so that readers never see a half-written one."""
    beside = home / f"{FILE_NAME}.{os.getpid()}"
    try:
        private(beside).write_text(text, encoding="utf-8")
        replace(beside, home / FILE_NAME)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _read(home: Path) -> _File:
    try:
        text = (home / FILE_NAME).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return _File()
    except (OSError, UnicodeDecodeError):
        text = ""
    try:
        return _File.model_validate_json(text)
    except ValidationError:
        logger.warning(
            "%s cannot be read and is not used; `atlas-mcp solvers --probe` writes it anew",
            home / FILE_NAME,
        )
        return _File()


def _address(base_url: str | None, model: str) -> str:
    """Return the address as the file's key, without the name and the password it may hold."""
    if base_url is None:
        return model.partition("/")[0]
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
