"""`models pull`: the weights of an embedded model, with a progress bar."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from atlas_mcp.atlas.wording import megabytes_text
from atlas_mcp.cli.terminal import people
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded.names import kind_of, locate, pin
from atlas_mcp.models.embedded.weights import PullProgress, ensure, sources_of


async def pull_model(name: str, settings: Settings) -> Path:
    """Put the weights of `name` in place and return their path.

    Raises:
        ConfigError: The name means no model that is fetched, or the hub does not give it to us.
        ModelFileError: The weights cannot be had; the message says how to place them by hand.
    """
    if kind_of(name) == "file":
        raise ConfigError(f"{name!r} is a file of yours: there is nothing to fetch")
    folder, sources = settings.home / "models", sources_of(settings)
    screen = people()
    found = await anyio.to_thread.run_sync(locate, name, folder)
    model = await pin(found, sources)
    known = "" if found.entry is None else f", {found.entry.licence}"
    screen.print(f"{model.name}: {megabytes_text(model.size_bytes)}{known}", soft_wrap=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("starting", total=model.size_bytes)

        def on_progress(progress: PullProgress) -> None:
            bar.update(
                task,
                description=progress.stage,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        path = await ensure(model, folder, on_progress=on_progress, sources=sources)
    # The checksum of the file is right; whether it is a model is seen now.
    await anyio.to_thread.run_sync(locate, name, folder)
    return path
