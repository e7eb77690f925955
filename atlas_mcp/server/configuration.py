"""The configuration of a server, read when it is first needed: a client waits for the handshake."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from atlas_mcp.errors import AtlasError

if TYPE_CHECKING:
    from atlas_mcp.config.settings import Settings


class Configuration:
    """Settings that are read once, or why they cannot be used. Safe for many threads.

    Args:
        read: Returns the settings; an `AtlasError` says why there are none.
    """

    def __init__(self, read: Callable[[], Settings]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._settings: Settings | None = None
        self._failure: AtlasError | None = None

    @classmethod
    def of(cls, settings: Settings) -> Configuration:
        """Return settings that have been read."""
        configuration = cls(lambda: settings)
        configuration._settings = settings
        return configuration

    @property
    def known(self) -> Settings | None:
        """The settings, if they have been read and can be used."""
        return self._settings

    @property
    def failure(self) -> AtlasError | None:
        """Why the settings cannot be used; `None` if they can. Reads them if need be."""
        with self._lock:
            if self._settings is None and self._failure is None:
                try:
                    self._settings = self._read()
                except AtlasError as error:
                    self._failure = error
        return self._failure

    @property
    def settings(self) -> Settings:
        """The settings. Reads them if need be.

        Raises:
            AtlasError: They cannot be used.
        """
        if self._settings is None and (failure := self.failure) is not None:
            raise failure
        assert self._settings is not None, "read without a failure"
        return self._settings
