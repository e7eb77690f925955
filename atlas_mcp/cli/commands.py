"""The commands, their options and their help. Their output is in `output` and `display`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol

import click

from atlas_mcp import __version__
from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.messages import EFFORTS
from atlas_mcp.atlas.problem import Problem, make_problem
from atlas_mcp.atlas.workflows.registry import summaries
from atlas_mcp.cli import output
from atlas_mcp.cli.arguments import (
    ProblemCommand,
    problem_argument,
    problem_from_stdin,
    read_schema,
    usage_text,
)
from atlas_mcp.cli.history import compare, search, stats
from atlas_mcp.cli.models import models
from atlas_mcp.cli.runs import runs
from atlas_mcp.cli.service import configured, interruptible, with_service
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.cli.terminal import ReaderGone, prepare
from atlas_mcp.cli.view import view
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import (
    AtlasError,
    ConfigError,
    HomeUnusable,
    InvalidInput,
    JournalCorrupt,
    UnknownRun,
)
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService

PROBLEM_HELP = (
    "PROBLEM is the question. `-` reads it from stdin, and `--` goes before one that begins with a "
    "dash."
)

SOLVE_HELP = f"""\
{PROBLEM_HELP}

\b
Examples:
  atlas-mcp solve "How many primes lie between 100 and 200?"
  atlas-mcp solve -- "-5 + 3 = ?"
  atlas-mcp solve - < question.txt
  atlas-mcp solve --solver local "Tom has 3 bags of 7 apples and eats 4. How many are left?"
"""


EXIT_CODES: Mapping[type[AtlasError], int] = {
    Interrupted: 130,
    ConfigError: 2,
    InvalidInput: 2,
    UnknownRun: 2,
    HomeUnusable: 2,
    JournalCorrupt: 2,
    AtlasError: 1,
}
"""Exit codes by class of error; a class that is not here has that of its nearest parent."""


class ServesHttp(Protocol):
    """Serves MCP over HTTP until a signal comes, and ends the process."""

    def __call__(self, settings: Settings, *, host: str, port: int) -> NoReturn:
        """Serve at `host` and `port`."""
        ...


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that the command `serve` starts.

    Attributes:
        stdio: Serves over stdin and stdout until the input ends; returns the exit code.
        http: Serves over HTTP.
    """

    stdio: Callable[[], int]
    http: ServesHttp


def run(arguments: Sequence[str], servers: Servers) -> int:
    """Run one command and return the exit code."""
    prepare()
    try:
        code = cli.main(
            args=list(arguments), prog_name="atlas-mcp", standalone_mode=False, obj=servers
        )
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        return output.fail("interrupted", 130)
    except click.ClickException as error:
        return output.fail(usage_text(error), 2)
    except ReaderGone:
        return exit_code_of(ReaderGone)
    except AtlasError as error:
        return output.fail(str(error), exit_code_of(type(error)))
    return code if isinstance(code, int) else 0


def exit_code_of(kind: type[AtlasError]) -> int:
    """Return the exit code of a class of error."""
    return next(EXIT_CODES[one] for one in kind.__mro__ if one in EXIT_CODES)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="atlas-mcp")
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Solve hard problems with ATLAS: independent solvers, weighed by an orchestrator.

    Without a command it is an MCP server on stdin and stdout, as clients start it.
    """
    if ctx.invoked_subcommand is None:
        return _servers(ctx).stdio()
    return 0


@cli.command(short_help="Serve MCP on stdin and stdout, or over HTTP.")
@click.option(
    "--http",
    is_flag=True,
    help="Serve over HTTP until a signal: MCP at /mcp, pages of runs at /runs.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of this machine.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    metavar="N",
    help="Port of this machine; 0 for any that is free.",
)
@click.pass_context
def serve(ctx: click.Context, *, http: bool, host: str, port: int) -> int:
    """Serve MCP on stdin and stdout, until the input ends; with --http, over HTTP."""
    servers = _servers(ctx)
    return servers.http(configured(), host=host, port=port) if http else servers.stdio()


def _servers(ctx: click.Context) -> Servers:
    servers = ctx.obj
    assert isinstance(servers, Servers), "`run` gives them to every command"
    return servers


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `solve` and `explore` share."""
    options = [
        click.option("--image", "images", multiple=True, metavar="PATH", help="A picture (PNG, "
                     "JPEG, GIF, WebP) of the problem, or its https URL; repeat for several."),
        click.option("--answer-schema", metavar="FILE",
                     help="A JSON Schema, a file or written out, that the answer must fit."),
        click.option("--max-cost-usd", type=float, metavar="X",
                     help="Cap in US dollars. Default: 5, or the configuration's."),
        click.option("--time-limit-s", type=float, metavar="S",
                     help="Time limit in seconds. Default: 1800, or the configuration's."),
        click.option("--seed", type=int, help="Seed for models that sample (embedded ones)."),
        click.option("--json", "as_json", is_flag=True, help="Print one RunView as JSON."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@cli.command(
    cls=ProblemCommand, epilog=SOLVE_HELP, short_help="Solve a problem and print its answer."
)
@click.argument("problem")
@click.option(
    "--solver",
    "solvers",
    multiple=True,
    metavar="NAME",
    help="A solver: an entry of atlas.toml, anthropic/MODEL, local, local/NAME, local/PATH.gguf, "
    "local/OWNER/REPO/FILE.gguf. Repeat for several.",
)
@click.option(
    "--explore-effort",
    type=click.Choice(["low", "medium", "high"]),
    help="How much agreement the orchestrator asks for. Default: low, medium with several solvers.",
)
@click.option(
    "--max-explores",
    type=int,
    metavar="N",
    help="Most solvers to run. Default: 8; 4 where a weak model orchestrates.",
)
@click.option(
    "--workflow",
    metavar="NAME",
    help=f"The policy of the run. {summaries()}.",
)
@_common
def solve(
    problem: str,
    *,
    solvers: tuple[str, ...],
    explore_effort: str | None,
    max_explores: int | None,
    workflow: str | None,
    images: tuple[str, ...],
    answer_schema: str | None,
    max_cost_usd: float | None,
    time_limit_s: float | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Solve a problem: several solvers attempt it, an orchestrator decides on the answer."""
    checked = _problem(problem, images, answer_schema)
    request = RunRequest(
        solvers=solvers or None,
        explore_effort=explore_effort,
        max_explores=max_explores,
        max_cost_usd=max_cost_usd,
        time_limit_s=time_limit_s,
        workflow=workflow,
        seed=seed,
    )

    async def work(service: RunService) -> int:
        run_id = await service.solve(checked, request)
        return await output.follow(service, run_id, as_json=as_json)

    return with_service(work)


@cli.command(
    cls=ProblemCommand, epilog=PROBLEM_HELP, short_help="Gather candidates and judge them yourself."
)
@click.argument("problem")
@click.option("--solver", metavar="NAME", help="The solver; default: the first of the pool.")
@click.option("--effort", type=click.Choice(EFFORTS), help="How hard each one tries.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="Prompting strategy of all of them. Default: another one each.",
)
@click.option(
    "--instruction", metavar="TEXT", help="A method to try or a step to check, in your words."
)
@click.option(
    "--count",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="How many solvers, side by side.",
)
@_common
def explore(
    problem: str,
    *,
    solver: str | None,
    effort: str | None,
    strategy: str | None,
    instruction: str | None,
    count: int,
    images: tuple[str, ...],
    answer_schema: str | None,
    max_cost_usd: float | None,
    time_limit_s: float | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Gather candidates from independent solvers, and judge them yourself."""
    checked = _problem(problem, images, answer_schema)
    request = RunRequest(max_cost_usd=max_cost_usd, time_limit_s=time_limit_s, seed=seed)
    explores = ExploreRequest(solver, effort, strategy, instruction, count)

    async def work(service: RunService) -> int:
        run_id = await service.explore(checked, request, explores)
        return await output.follow(service, run_id, as_json=as_json)

    return with_service(work)


@cli.command(short_help="Show the solvers: whether reachable, efforts, price.")
@click.option(
    "--probe",
    is_flag=True,
    help="First find out the features of models behind Chat Completions that no entry declares: "
    "schemas, tools, images, efforts. Makes about a dozen small paid calls to each and shows their "
    "cost.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def solvers(*, probe: bool, as_json: bool) -> int:
    """Show the solver pool: models, whether they can be reached, their features and prices."""
    from atlas_mcp.cli.solvers import show_pool

    settings = configured()
    interruptible(lambda: show_pool(settings, probe=probe, as_json=as_json))
    return 0


cli.add_command(models)
cli.add_command(runs)
runs.add_command(compare)
runs.add_command(search)
cli.add_command(stats)
cli.add_command(view)


def _problem(text: str, images: Sequence[str], schema_path: str | None) -> Problem:
    text = problem_from_stdin() if text == "-" else problem_argument(text)
    problem = make_problem(text, answer_schema=read_schema(schema_path))
    if not images:
        return problem
    from atlas_mcp.runs.caller_images import user_images

    return replace(problem, images=user_images(images))
