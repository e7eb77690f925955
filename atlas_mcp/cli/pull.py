"""`models pull`: the weights of an embedded model, with a progress bar."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from atlas_mcp.models.catalogue import find
from atlas_mcp.models.weights import PullProgress, ensure


async def pull_model(name: str, folder: Path) -> Path:
    """Put the weights of `name` into `folder` and return their path.

    Raises:
        InvalidInput: No embedded model has this name.
        ModelFileError: The weights cannot be had; the message says how to place them by hand.
    """
    model = find(name)
    console = Console(stderr=True)
    console.print(f"{model.name}: {model.size_bytes / 1e6:,.0f} MB, {model.licence}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=model.size_bytes)

        def on_progress(progress: PullProgress) -> None:
            bar.update(
                task,
                description=progress.stage,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        return await ensure(model, folder, on_progress=on_progress)
