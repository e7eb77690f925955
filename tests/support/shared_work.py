"""Work that is done once for many tests: compiling modules, making schemas, collecting garbage.

A journal flushes every record, so the folders of tests are in memory where a system has room there.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""

ROOM_BYTES = 2_000_000_000
"""Free memory below which the folders of tests stay on the disk."""

TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
"""The variable that tells pytest where `tmp_path` is to be."""


def keep_compiled_modules() -> None:
    """Have workers and the processes of tests read compiled modules, whatever the shell asks for.

    A process that compiles all that it imports takes longer than most tests.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def keep_folders_in_memory() -> None:
    """Have `tmp_path` be in memory, where there is room and no other place is asked for."""
    if TEMPORARY in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ[TEMPORARY] = str(MEMORY)


def collect_no_garbage() -> None:
    """Collect no garbage while modules are imported: importing frees next to nothing."""
    gc.disable()


def leave_out_what_is_loaded() -> None:
    """Collect garbage again, and look no more at all that has been imported so far."""
    gc.freeze()
    gc.enable()


@contextmanager
def schemas_made_once() -> Generator[None]:
    """Make the schemas of tools, and check them as a client does, once for all servers of a block.

    Every server of the tests has the same tools, which are functions of the same signature.
    """
    from jsonschema import Draft202012Validator
    from mcp.server.mcpserver.utilities.func_metadata import func_metadata

    made: dict[object, Any] = {}
    checked: set[str] = set()
    check = Draft202012Validator.check_schema

    def metadata(
        func: Callable[..., Any], skip_names: Any = (), structured_output: bool | None = None
    ) -> Any:
        signature = (func.__module__, func.__qualname__, *skip_names, structured_output)
        if signature not in made:
            made[signature] = func_metadata(func, skip_names, structured_output)
        return made[signature]

    def check_schema(_: Any, schema: Any, *arguments: Any, **named: Any) -> None:
        text = json.dumps(schema, sort_keys=True, default=repr)
        if arguments or named or text not in checked:
            check(schema, *arguments, **named)
            checked.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mcp.server.mcpserver.tools.base.func_metadata", metadata)
        patch.setattr(Draft202012Validator, "check_schema", classmethod(check_schema))
        yield
