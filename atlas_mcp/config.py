"""The configuration: built-in defaults, under the file, under the environment.

Owns `atlas.toml` and the `ATLAS_*` variables. Everything is checked when it is read, and an error
names the file and key, or the variable, and what it accepts. Below the command line and the server
nothing reads the environment: they hand the `Settings` down.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from atlas_mcp.errors import ConfigError
from atlas_mcp.presets import PRESETS, MaxTokensField, SchemaMode

DEFAULT_MODEL = "anthropic/claude-sonnet-5-5"
"""Solver and orchestrator where nothing is configured. Checked 2026-11-23 against the vendor's
model page; override it with `[orchestrator] model` and `[solvers.NAME] model`."""

DEFAULT_GRACE = 60.0
"""Seconds that calls in flight get once the request that wanted them has ended, or the client has
gone: their candidates were paid for, and the run can be resumed with them."""

DEFAULT_RESPOND_WITHIN = 45.0
"""Seconds. Below the 60 s after which the most impatient clients give up."""

DEFAULT_MAX_RUNS = 1_000
"""Runs at once in one process. Measured: a thousand are as fast as a bare loop over the vendor's
client that makes the same calls (`benchmarks/load.py`)."""

LONGEST_LIMIT = 10_000_000.0
"""Seconds. A longer limit is a mistake, and no clock takes an infinite one."""

FILE_NAME = "atlas.toml"

PAPER_MODEL = "anthropic/claude-sonnet-4-6"
"""Solver and orchestrator of the ATLAS paper's main results (arXiv 2606.01667, June 2026)."""

PROFILES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "paper": {
        "orchestrator": {"model": PAPER_MODEL},
        "solvers": {"sonnet": {"model": PAPER_MODEL}},
        "budget": {"max_explores": 8, "max_parallel": 1, "prefetch": 0},
    }
}
"""What `profile = NAME` stands for. `paper`: one explore a turn, none before the first turn, eight
at most, one model, as published."""

EffortName = Literal["low", "medium", "high", "xhigh", "max"]


def _no_cap(value: object) -> object:
    return None if value == "none" else value


def _paths(value: object) -> object:
    """Read several paths out of one string, as `PATH` has them."""
    return value.split(os.pathsep) if isinstance(value, str) else value


def _absolute(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the paths with the home folder in place of `~`; each must then be absolute."""
    found = tuple(path.expanduser() for path in paths)
    if not all(path.is_absolute() for path in found):
        # Where a server is started is nobody's choice, and an empty name would mean that place.
        raise ValueError("it takes absolute paths, or such as start with ~/")
    return found


def _address(value: str) -> str:
    """Refuse what is no address of an endpoint."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError(
            "address", "input should be an address such as 'http://127.0.0.1:8000/v1'"
        )
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriceSettings(_Section):
    """`price = { input, output }`: US dollars per million tokens.

    Without rates of their own, tokens read from or written to a cache cost what input costs.
    """

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cache_read: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)


class EndpointSettings(_Section):
    """How a model is reached and what it takes; `None` leaves a thing to its vendor's preset.

    Attributes:
        effort: How hard it tries unless an explore says otherwise.
        base_url: Address of the endpoint.
        api_key_env: Name of the variable that holds the key.
        efforts: The efforts it takes; `()` for none.
        schema_mode: How replies get their shape (`schema` in the file).
        tools: Whether it calls tools.
        images: Whether it sees pictures.
        max_image_px: Pixels of a picture's longer side; larger ones are made smaller.
        price: What it costs; wins over the price library.
        max_tokens: Ceiling of one reply, thinking included.
        max_tokens_field: What the endpoint calls that ceiling.
        parallel: Calls in flight at once, of all runs together.
        context_tokens: Longest prompt and reply together, for embedded models; all calls under way
            share it.
    """

    effort: EffortName | None = None
    base_url: Annotated[str, AfterValidator(_address)] | None = None
    api_key_env: str | None = None
    efforts: tuple[EffortName, ...] | None = None
    schema_mode: SchemaMode | None = Field(default=None, alias="schema")
    tools: bool | None = None
    images: bool | None = None
    max_image_px: int | None = Field(default=None, ge=64, le=8_000)
    price: PriceSettings | None = None
    max_tokens: int | None = Field(default=None, ge=1_024)
    max_tokens_field: MaxTokensField | None = None
    parallel: int | None = Field(default=None, ge=1, le=1_000)
    context_tokens: int | None = Field(default=None, ge=2_048)


class OrchestratorSettings(EndpointSettings):
    """`[orchestrator]`: the model that owns the loop. `model` may also be the name of a solver."""

    model: str = DEFAULT_MODEL
    effort: EffortName | None = "high"


class SolverSettings(EndpointSettings):
    """`[solvers.NAME]`: one entry of the pool."""

    model: str
    quota: int | None = Field(default=None, ge=1)


class BudgetSettings(_Section):
    """`[budget]`: the limits of one run. `max_cost_usd = "none"` lifts the cap."""

    max_explores: int = Field(default=8, ge=1, le=100)
    max_parallel: int = Field(default=4, ge=1, le=100)
    prefetch: int = Field(default=2, ge=0)
    max_cost_usd: Annotated[Decimal | None, BeforeValidator(_no_cap)] = Field(
        default=Decimal("5.0"), gt=0
    )
    time_limit_s: float = Field(default=1_800, gt=0, lt=LONGEST_LIMIT)
    solver_time_limit_s: float = Field(default=1_200, gt=0, lt=LONGEST_LIMIT)


class ServerSettings(_Section):
    """`[server]`: how the server answers.

    With `warm_up` it loads the embedded models of its pool before anybody asks for them: each
    process of a server then holds their memory from its start. Beyond `max_runs` at once, runs wait
    in line.
    """

    respond_within_s: float = Field(default=DEFAULT_RESPOND_WITHIN, gt=0)
    grace_s: float = Field(default=DEFAULT_GRACE, ge=0, le=600)
    warm_up: bool = False
    max_runs: int = Field(default=DEFAULT_MAX_RUNS, ge=1)
    allowed_hosts: tuple[str, ...] = ()


class ImageSettings(_Section):
    """`[images]`: from where pictures are read. `folders` takes paths, one string or several.

    Absolute ones, or such as start with `~/`. No file is read for a client where nothing is set.
    """

    folders: Annotated[tuple[Path, ...], BeforeValidator(_paths), AfterValidator(_absolute)] = ()


class JournalSettings(_Section):
    """`[journal]`: how long runs are kept. Nothing is removed where nothing is set."""

    keep_days: float | None = Field(default=None, ge=0)
    max_size_mb: float | None = Field(default=None, ge=0)


class FileSettings(_Section):
    """The whole of `atlas.toml`."""

    profile: Literal["paper"] | None = None
    orchestrator: OrchestratorSettings | None = None
    solvers: dict[str, SolverSettings] = Field(default_factory=dict[str, SolverSettings])
    budget: BudgetSettings = BudgetSettings()
    server: ServerSettings = ServerSettings()
    images: ImageSettings = ImageSettings()
    journal: JournalSettings = JournalSettings()


class Settings(BaseModel):
    """Everything configured, from whichever source, checked.

    Attributes:
        home: Folder of the journal and the embedded models.
        orchestrator: `None` where none is configured.
        solvers: The configured pool, by name; empty where none is configured.
        budget: The limits of a run that asks for none of its own.
        server: How the server answers.
        images: From where pictures are read.
        journal: How long runs are kept.
        keys: The values of the variables that `api_key_env` entries and presets name.
        has_anthropic_credentials: Whether the environment holds credentials for Anthropic.
        hub_url: Address of the model hub; `None` for the one everybody means.
        hub_token: What opens private repositories there.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    orchestrator: OrchestratorSettings | None = None
    solvers: dict[str, SolverSettings] = Field(default_factory=dict[str, SolverSettings])
    budget: BudgetSettings = BudgetSettings()
    server: ServerSettings = ServerSettings()
    images: ImageSettings = ImageSettings()
    journal: JournalSettings = JournalSettings()
    keys: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    has_anthropic_credentials: bool = False
    hub_url: str | None = None
    hub_token: SecretStr | None = None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that the environment, and the file it points to, amount to.

    Raises:
        ConfigError: Something cannot be read or breaks a rule; the message names it.
    """
    from platformdirs import user_config_path, user_data_path

    given = environ.get("ATLAS_CONFIG")
    path = Path(given) if given else user_config_path("atlas-mcp") / FILE_NAME
    content = _read_file(path, required=bool(given))
    merged, variables = _with_environment(content, environ)
    merged = _with_profile(merged)
    try:
        file = FileSettings.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error, str(path), variables)) from None
    home = environ.get("ATLAS_HOME")
    return Settings(
        home=Path(home).expanduser() if home else user_data_path("atlas-mcp"),
        orchestrator=file.orchestrator,
        solvers=file.solvers,
        budget=file.budget,
        server=file.server,
        images=file.images,
        journal=file.journal,
        keys=_keys(file, environ),
        has_anthropic_credentials=any(
            environ.get(name)
            for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE")
        )
        or _has_profile(environ),
        # The names that the hub's own tools read.
        hub_url=environ.get("HF_ENDPOINT", "").rstrip("/") or None,
        hub_token=SecretStr(environ["HF_TOKEN"]) if environ.get("HF_TOKEN") else None,
    )


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if required:
            raise ConfigError(f"ATLAS_CONFIG: there is no file {path}") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _with_environment(
    content: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """Return the file's content with the `ATLAS_<SECTION>_<KEY>` variables laid over it.

    Returns:
        The merged content, and which variable each key came from.
    """
    merged: dict[str, Any] = deepcopy(dict(content))
    variables: dict[tuple[str, ...], str] = {}
    sections = {
        "ORCHESTRATOR": OrchestratorSettings,
        "BUDGET": BudgetSettings,
        "SERVER": ServerSettings,
        "IMAGES": ImageSettings,
        "JOURNAL": JournalSettings,
    }
    for variable, value in environ.items():
        if not variable.startswith("ATLAS_") or not value:
            continue
        section, _, key = variable.removeprefix("ATLAS_").partition("_")
        if variable == "ATLAS_PROFILE":
            merged["profile"] = value
            variables[("profile",)] = variable
        elif section in sections:
            known = _keys_of(sections[section])
            if key.lower() not in known:
                accepted = ", ".join(f"ATLAS_{section}_{k.upper()}" for k in known)
                raise ConfigError(f"{variable} is not known; there are {accepted}")
            table = _table(merged.get(section.lower(), {}), section.lower())
            merged[section.lower()] = {**table, key.lower(): value}
            variables[(section.lower(), key.lower())] = variable
        elif section == "SOLVERS":
            where = _solver_key(merged, variable, key)
            merged["solvers"][where[0]][where[1]] = value
            variables[("solvers", *where)] = variable
    return merged, variables


def _with_profile(merged: dict[str, Any]) -> dict[str, Any]:
    """Return the content with its profile laid under it: whatever is set wins over the profile."""
    profile = PROFILES.get(str(merged.get("profile")), {})
    laid = {**merged}
    for section, values in profile.items():
        laid[section] = {**values, **_table(merged.get(section, {}), section)}
    if "solvers" in merged:
        # A pool of the operator's own is not added to.
        laid["solvers"] = merged["solvers"]
    return laid


def _table(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"[{name}] must be a table of keys and values")
    return cast("dict[str, Any]", value)


def _keys_of(section: type[_Section]) -> tuple[str, ...]:
    """Return the keys of a section as they stand in the file."""
    return tuple(field.alias or name for name, field in section.model_fields.items())


def _solver_key(merged: Mapping[str, Any], variable: str, rest: str) -> tuple[str, str]:
    solvers = _table(merged.get("solvers", {}), "solvers")
    names = [name for name, entry in solvers.items() if _table(entry, f"solvers.{name}") == entry]
    for name in names:
        prefix = name.upper().replace("-", "_") + "_"
        key = rest.removeprefix(prefix).lower()
        if rest.startswith(prefix) and key in _keys_of(SolverSettings):
            return name, key
    known = ", ".join(names) or "none"
    raise ConfigError(f"{variable} matches no solver of the file (there are: {known})")


def _keys(file: FileSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of the variables that presets and entries name."""
    presets = [preset.key_env for preset in PRESETS if preset.key_env]
    keys = {name: environ[name] for name in presets if environ.get(name)}
    entries: dict[str, EndpointSettings] = {f"solvers.{k}": v for k, v in file.solvers.items()}
    if file.orchestrator is not None:
        entries["orchestrator"] = file.orchestrator
    for section, entry in entries.items():
        if entry.api_key_env is None:
            continue
        if not entry.api_key_env.isidentifier():
            raise ConfigError(
                f"[{section}] api_key_env: takes the name of a variable, never the key itself"
            )
        value = environ.get(entry.api_key_env)
        if not value:
            raise ConfigError(
                f"[{section}] api_key_env: the variable {entry.api_key_env} is not set"
            )
        keys[entry.api_key_env] = value
    return keys


def _has_profile(environ: Mapping[str, str]) -> bool:
    """Return whether the Anthropic client will find a profile that a login left on disk."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("ANTHROPIC_CONFIG_DIR") or (f"{home}/.config/anthropic" if home else None)
    return folder is not None and any(Path(folder).glob("configs/*.json"))


def _explain(error: ValidationError, path: str, variables: Mapping[tuple[str, ...], str]) -> str:
    """Return the first fault, by the name of its variable or of its file and key."""
    fault = error.errors(include_url=False)[0]
    location = tuple(str(part) for part in fault["loc"])
    where = next(
        (name for key, name in variables.items() if location[: len(key)] == key),
        f"{path}: `{'.'.join(location)}`",
    )
    if fault["type"] == "extra_forbidden":
        return f"{where} is not known"
    given = fault["input"]
    # Neither a table nor an address is repeated: a key may stand in it.
    secret = isinstance(given, dict | list) or fault["type"] == "address"
    shown = "" if secret else f", not {given!r}"
    return f"{where}: {fault['msg'].lower()}{shown}"
