"""`atlas-mcp models`: list embedded models, put their weights in place, remove them."""

from __future__ import annotations

import click

from atlas_mcp.atlas.wording import size_text
from atlas_mcp.cli import output
from atlas_mcp.cli.service import configured, interruptible
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.cli.terminal import sure, tell, write_data
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.embedded.facts import VENDOR
from atlas_mcp.models.embedded.inventory import installed_models, removable, remove, size_on_disk

NAME_HELP = f"""\
NAME is one of `atlas-mcp models list`, or a file of the model hub as OWNER/REPO/FILE.gguf, with or
without `{VENDOR}/` before it. HF_TOKEN opens private repositories, HF_ENDPOINT is another hub.
"""


@click.group()
def models() -> None:
    """List embedded models, put them in place, remove them."""


@models.command("list", short_help="List the catalogue, and the models in place.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_models(*, as_json: bool) -> int:
    """List the catalogue, the models that were pulled, and the files that atlas.toml names.

    No network is asked.
    """
    settings = configured()
    output.print_installed_models(
        installed_models(settings.home / "models", _referenced(settings)), as_json=as_json
    )
    return 0


@models.command("pull", epilog=NAME_HELP, short_help="Fetch the weights of a model.")
@click.argument("name")
def pull(name: str) -> int:
    """Fetch the weights of an embedded model, or go on fetching them; prints where they are."""
    from atlas_mcp.cli.pull import pull_model

    settings = configured()
    try:
        path = interruptible(lambda: pull_model(name, settings))
    except Interrupted:
        raise Interrupted("interrupted; the same command goes on from here") from None
    write_data(f"{path}\n")
    return 0


@models.command("rm", epilog=NAME_HELP, short_help="Remove the weights of a model.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(name: str, *, yes: bool) -> int:
    """Remove the weights of an embedded model, and parts that an interrupted pull left.

    Never while another process pulls or uses them, and never a file that was not pulled.
    """
    folder = configured().home / "models"
    files = removable(name, folder)
    size = size_text(size_on_disk(files))
    if not (yes or sure(f"Remove {files.weights} ({size})?")):
        return output.fail("nothing was removed", 1)
    tell(f"{size_text(remove(name, folder))} freed")
    write_data(f"{files.weights}\n")
    return 0


def _referenced(settings: Settings) -> list[str]:
    """Return the names of embedded models that the configuration mentions."""
    names = [entry.model for entry in settings.solvers.values()]
    if settings.orchestrator is not None:
        names.append(settings.orchestrator.model)
    return [name for name in names if name.partition("/")[0] == VENDOR]
