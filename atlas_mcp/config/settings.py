"""The configuration: built-in defaults, under the file, under the environment.

Owns `atlas.toml` and the `ATLAS_*` variables. Everything is checked when it is read, and an error
names the file and key, or the variable, and what it accepts. Below the command line and the server
no setting is read from the environment: they hand the `Settings` down. Proxies and certificates are
the system's own and read where connections are made (`models.wire.proxies`).
"""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from atlas_mcp.addresses import USUAL_PORTS, endpoint_address, host_name
from atlas_mcp.config.environment import (
    clean_key,
    headers_fault,
    is_service_link,
    key_fault,
    looks_like_key,
)
from atlas_mcp.config.file import ConfigFile, given_path, platform_folder
from atlas_mcp.errors import ConfigError
from atlas_mcp.presets import PRESETS, EchoReasoning, MaxTokensField, Preset, SchemaMode
from atlas_mcp.system.variables import lookup
from atlas_mcp.texts import clipped

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

LONGEST_NAME = 64
"""Characters of a solver's name. Our own choice: it stands in tables, prompts and schemas."""

LONGEST_TEXT = 8_192
"""Characters of any value. Our own choice: twice the longest path, and more than any address."""

MOST_USD = 1_000_000_000
"""US dollars of a cap. Our own choice: more is a mistake, and cannot be counted in every place."""

LONGEST_KEPT_DAYS = 36_500
"""Days after which nobody asks for a run. Our own choice; calendars end soon after."""

MOST_TOKENS = 1_000_000
"""Output tokens of one reply. Our own choice: eight times what any model writes (128,000)."""

MOST_CONTEXT_TOKENS = 100_000_000
"""Tokens of a context. Our own choice: more than any model has, and than any memory holds."""

ANTHROPIC_KEY = "ANTHROPIC_API_KEY"

BASE_URLS = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
"""The variables in which vendors' own clients look for the address, by vendor."""

HUB_URL, HUB_TOKEN = "HF_ENDPOINT", "HF_TOKEN"
"""The variables in which the model hub's own tools look for its address, and for a token."""

CUSTOM_HEADERS = {
    "anthropic": "ANTHROPIC_CUSTOM_HEADERS",
    "openai": "OPENAI_CUSTOM_HEADERS",
}
"""The variables of which vendors' own clients make headers of every request, by vendor."""

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
    found = tuple(Path(os.path.expanduser(path)) for path in paths)  # noqa: PTH111 - never raises
    if not all(path.is_absolute() for path in found):
        # Where a server is started is nobody's choice, and an empty name would mean that place.
        raise ValueError("it takes absolute paths, or such as start with ~/")
    return found


def _address(value: str) -> str:
    """Return an address of an endpoint as it is used."""
    try:
        return endpoint_address(value)
    except ValueError as error:
        raise PydanticCustomError("address", "{fault}", {"fault": str(error)}) from None


def _key_variable(value: str) -> str:
    """Return the name of a variable; refuse the key itself."""
    name = value.strip()
    if looks_like_key(name):
        raise PydanticCustomError("secret", "takes the name of a variable, never the key itself")
    return name


def _model_name(value: str) -> str:
    """Return the name of a model without white space around it."""
    name = value.strip()
    if not name or not name.isprintable():
        raise ValueError("it takes the name of a model, such as 'openai/qwen3-32b'")
    return name


def _in_order(efforts: tuple[EffortName, ...]) -> tuple[EffortName, ...]:
    """Return efforts from the least to the most, each once."""
    return tuple(effort for effort in get_args(EffortName) if effort in efforts)


def _host_names(value: object) -> object:
    """Read several names out of one string, with commas between them."""
    return [name for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _host_name(value: str) -> str:
    """Return the name of a host as a `Host` header has it, and a port that is not the usual one."""
    name = value.strip()
    host, _, port = name.rpartition(":") if re.search(r"[^:]:[\d*]+$|\]:", name) else (name, "", "")
    try:
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        found = host_name(bare).removesuffix(".")
        if (":" in found) != (bare != host) or not re.fullmatch(r"(\d{1,5}|\*)?", port):
            raise ValueError
    except ValueError:
        fault = "it takes names of hosts, such as 'atlas.example.org' or 'atlas:8000'"
        raise ValueError(fault) from None
    where = f"[{found}]" if ":" in found else found
    # Clients leave the usual ports out; a name without a port goes with any.
    usual = not port or (port.isdigit() and int(port) in USUAL_PORTS.values())
    return where if usual else f"{where}:{port}"


def _solver_names(solvers: dict[str, SolverSettings]) -> dict[str, SolverSettings]:
    """Refuse names that nobody could read or type."""
    for name in solvers:
        if not name.strip() or name != name.strip() or not name.isprintable():
            fault = "is no name: it takes printable characters, and no space at its ends"
        elif len(name) > LONGEST_NAME:
            fault = f"is too long for a name: it takes {LONGEST_NAME} characters"
        else:
            continue
        raise PydanticCustomError("name", "{name} {fault}", {"name": repr(name), "fault": fault})
    return solvers


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: object, info: ValidationInfo) -> object:
        """Refuse `true` where a number belongs: it would be read as one."""
        kind = cast("object", cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, bool) and kind not in {bool, bool | None}:
            raise PydanticCustomError("truth", "takes no true or false")
        return value


Rate: TypeAlias = Annotated[Decimal, Field(ge=0, le=1_000_000)]
"""US dollars per million tokens; a dearer one is a mistake."""


class PriceSettings(_Section):
    """`price = { input, output }`: US dollars per million tokens.

    Without rates of their own, tokens read from or written to a cache cost what input costs.
    """

    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None


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
        stream_options: Whether the endpoint may be asked to count what it streams.
        system_role: Whether it takes a system prompt as one; else that goes before the question.
        echo_reasoning: In which of its earlier turns it is sent back what it thought.
        parallel: Calls in flight at once, of all runs together.
        context_tokens: Longest prompt and reply together, for embedded models; all calls under way
            share it.
    """

    effort: EffortName | None = None
    base_url: Annotated[str, AfterValidator(_address)] | None = None
    api_key_env: Annotated[str, AfterValidator(_key_variable)] | None = None
    efforts: Annotated[tuple[EffortName, ...], AfterValidator(_in_order)] | None = None
    schema_mode: SchemaMode | None = Field(default=None, alias="schema")
    tools: bool | None = None
    images: bool | None = None
    max_image_px: int | None = Field(default=None, ge=64, le=8_000)
    price: PriceSettings | None = None
    max_tokens: int | None = Field(default=None, ge=1_024, le=MOST_TOKENS)
    max_tokens_field: MaxTokensField | None = None
    stream_options: bool | None = None
    system_role: bool | None = None
    echo_reasoning: EchoReasoning | None = None
    parallel: int | None = Field(default=None, ge=1, le=1_000)
    context_tokens: int | None = Field(default=None, ge=2_048, le=MOST_CONTEXT_TOKENS)


_Entry = TypeVar("_Entry", "OrchestratorSettings", "SolverSettings")


_ENDPOINT_KEYS = frozenset(
    {"effort", "efforts", "base_url", "api_key_env", "max_image_px", "max_tokens_field", "price",
     "stream_options", "system_role", "echo_reasoning"}
)  # fmt: skip

FOREIGN_KEYS: Mapping[str, tuple[frozenset[str], str]] = {
    "anthropic": (
        frozenset({"max_tokens_field", "stream_options", "context_tokens"}),
        "has no meaning for a model of anthropic",
    ),
    "scripted": (
        (_ENDPOINT_KEYS - {"price"}) | {"schema_mode", "max_tokens", "context_tokens"},
        "has no meaning for a scripted model, which reaches nothing",
    ),
    "local": (
        _ENDPOINT_KEYS - {"efforts"},
        "has no meaning for an embedded model",
    ),
    "": (frozenset({"context_tokens"}), "is for embedded models alone"),
}
"""Keys that the models of a vendor have nothing to do with, and why; those of any other behind the
empty name. A setting is honoured, or it is refused by name."""


def _check_vendor(entry: _Entry) -> _Entry:
    """Refuse what would have no effect: what such models do not have, and what other keys undo."""
    vendor, slash, _ = entry.model.partition("/")
    known = vendor if slash or vendor == "local" else None
    # A name without a vendor is that of a solver, whose own entry says it all.
    foreign, why = FOREIGN_KEYS.get(known, FOREIGN_KEYS[""]) if known else (frozenset[str](), "")
    for name in type(entry).model_fields:
        given = name in entry.model_fields_set and getattr(entry, name) is not None
        if given and name in foreign:
            raise ValueError(f"{_key_of(type(entry), name)} {why}; leave it out")
    if vendor == "anthropic" and entry.schema_mode == "json":
        raise ValueError(
            "schema takes 'strict' for a model of anthropic, or 'prompt' where a gateway refuses "
            "output_config, not 'json'"
        )
    if entry.images is False and entry.max_image_px is not None:
        raise ValueError("max_image_px has no effect beside images = false; leave one of them out")
    stated = entry.effort if "effort" in entry.model_fields_set else None
    if stated is not None and entry.efforts is not None and stated not in entry.efforts:
        raise ValueError(
            f"effort is {stated!r}, which is none of efforts ({', '.join(entry.efforts) or 'none'})"
        )
    return entry


def _key_of(section: type[BaseModel], name: str) -> str:
    return section.model_fields[name].alias or name


class OrchestratorSettings(EndpointSettings):
    """`[orchestrator]`: the model that owns the loop. `model` may also be the name of a solver."""

    model: Annotated[str, AfterValidator(_model_name)] = DEFAULT_MODEL
    effort: EffortName | None = "high"
    _check = model_validator(mode="after")(_check_vendor)


class SolverSettings(EndpointSettings):
    """`[solvers.NAME]`: one entry of the pool."""

    model: Annotated[str, AfterValidator(_model_name)]
    quota: int | None = Field(default=None, ge=1, le=1_000_000)
    _check = model_validator(mode="after")(_check_vendor)


class BudgetSettings(_Section):
    """`[budget]`: the limits of one run. `max_cost_usd = "none"` lifts the cap.

    `max_cost_usd_per_day` caps all runs of the home together; it is off by default.
    """

    max_explores: int = Field(default=8, ge=1, le=100)
    max_parallel: int = Field(default=4, ge=1, le=100)
    prefetch: int = Field(default=2, ge=0, le=100)
    max_cost_usd: Annotated[Decimal | None, BeforeValidator(_no_cap)] = Field(
        default=Decimal("5.0"), gt=0, le=MOST_USD
    )
    max_cost_usd_per_day: Annotated[Decimal | None, BeforeValidator(_no_cap)] = Field(
        default=None, gt=0, le=MOST_USD
    )
    time_limit_s: float = Field(default=1_800, gt=0, lt=LONGEST_LIMIT)
    solver_time_limit_s: float = Field(default=1_200, gt=0, lt=LONGEST_LIMIT)


class ServerSettings(_Section):
    """`[server]`: how the server answers.

    With `warm_up` it loads the embedded models of its pool before anybody asks for them: each
    process of a server then holds their memory from its start. Beyond `max_runs` at once, runs wait
    in line. `allowed_hosts` are the names that HTTP answers to besides those of loopback, one
    string or several, each as clients send it: in small ASCII letters, without a usual port.
    """

    respond_within_s: float = Field(default=DEFAULT_RESPOND_WITHIN, gt=0, lt=LONGEST_LIMIT)
    grace_s: float = Field(default=DEFAULT_GRACE, ge=0, le=600)
    warm_up: bool = False
    max_runs: int = Field(default=DEFAULT_MAX_RUNS, ge=1, le=1_000_000)
    allowed_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_host_name)], ...], BeforeValidator(_host_names)
    ] = ()


class ImageSettings(_Section):
    """`[images]`: from where pictures are read. `folders` takes paths, one string or several.

    Absolute ones, or such as start with `~/`. No file is read for a client where nothing is set.
    """

    folders: Annotated[tuple[Path, ...], BeforeValidator(_paths), AfterValidator(_absolute)] = ()


class JournalSettings(_Section):
    """`[journal]`: how long runs are kept. Nothing is removed where nothing is set."""

    keep_days: float | None = Field(default=None, ge=0, le=LONGEST_KEPT_DAYS)
    max_size_mb: float | None = Field(default=None, ge=0, le=1_000_000_000)


NEAR = 0.8
"""How alike two names are of which one is a slip of the other, from 0 to 1."""

_SECTIONS: Mapping[str, type[_Section]] = {
    "orchestrator": OrchestratorSettings,
    "budget": BudgetSettings,
    "server": ServerSettings,
    "images": ImageSettings,
    "journal": JournalSettings,
}
"""The sections of the file whose keys have variables of their own, besides `[solvers.NAME]`."""


class FileSettings(_Section):
    """The whole of `atlas.toml`."""

    profile: Literal["paper"] | None = None
    orchestrator: OrchestratorSettings | None = None
    solvers: Annotated[dict[str, SolverSettings], AfterValidator(_solver_names)] = Field(
        default_factory=dict[str, SolverSettings]
    )
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
        base_urls: The addresses that the environment gives its vendors, by vendor.
        faults: Why a variable that was read cannot be used, by its name. Only what needs it fails.
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
    base_urls: dict[str, str] = Field(default_factory=dict[str, str])
    faults: dict[str, str] = Field(default_factory=dict[str, str])
    has_anthropic_credentials: bool = False
    hub_url: str | None = None
    hub_token: SecretStr | None = None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that the environment, and the file it points to, amount to.

    Raises:
        ConfigError: Something cannot be read or breaks a rule; the message names it.
    """
    file = ConfigFile.find(environ)
    merged, variables = _with_environment(file.tables(), environ)
    merged = _with_profile(merged)
    try:
        read = FileSettings.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error, file, variables)) from None
    faults = _header_faults(environ)
    return Settings(
        home=_home(environ),
        orchestrator=read.orchestrator,
        solvers=read.solvers,
        budget=read.budget,
        server=read.server,
        images=read.images,
        journal=read.journal,
        keys=_keys(read, environ, faults),
        base_urls=_base_urls(environ, faults),
        faults=faults,
        has_anthropic_credentials=any(
            clean_key(environ.get(name, ""))
            for name in (ANTHROPIC_KEY, "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE")
        )
        or _has_profile(environ),
        hub_url=_hub_url(environ, faults),
        hub_token=_hub_token(environ, faults),
    )


def _home(environ: Mapping[str, str]) -> Path:
    from platformdirs import user_data_path

    given = environ.get("ATLAS_HOME", "").strip()
    if given:
        return given_path("ATLAS_HOME", given, environ)
    folder = platform_folder(user_data_path)
    if folder is None:
        raise ConfigError(
            "ATLAS_HOME is not set, and this user has no home folder; set it to a folder in which "
            "runs can be kept"
        )
    return folder


def _with_environment(
    content: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """Return the file's content with the `ATLAS_<SECTION>_<KEY>` variables laid over it.

    Returns:
        The merged content, and which variable each key came from.
    """
    merged: dict[str, Any] = dict(content)
    variables: dict[tuple[str, ...], str] = {}
    sections = {name.upper(): section for name, section in _SECTIONS.items()}
    for variable, given in environ.items():
        value = given.strip()
        if not variable.startswith("ATLAS_") or not value:
            continue
        if is_service_link(variable, value):
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
            solvers = merged["solvers"]
            merged["solvers"] = {**solvers, where[0]: {**solvers[where[0]], where[1]: value}}
            variables[("solvers", *where)] = variable
        elif meant := _meant(variable, section, key):
            raise ConfigError(f"{variable} is not known; did you mean {meant}?")
    return merged, variables


def _meant(variable: str, section: str, key: str) -> str | None:
    """Return the variable that one of ours is a slip of; one that is somebody else's is no slip.

    A cap that nobody reads would be no cap.
    """
    from difflib import get_close_matches

    alone = ("ATLAS_HOME", "ATLAS_CONFIG", "ATLAS_PROFILE")
    if near := get_close_matches(variable, alone, n=1, cutoff=NEAR):
        return near[0] if near[0] != variable else None
    sections = {name.upper(): each for name, each in _SECTIONS.items()}
    for name in get_close_matches(section, [*sections, "SOLVERS"], n=1, cutoff=NEAR):
        if name == "SOLVERS":
            ours = any(key.lower().endswith(f"_{known}") for known in _keys_of(SolverSettings))
        else:
            ours = key.lower() in _keys_of(sections[name])
        if ours:
            return f"ATLAS_{name}_{key}"
    # The section left out, as in ATLAS_MAX_COST_USD.
    whole = variable.removeprefix("ATLAS_")
    return f"ATLAS_BUDGET_{whole}" if whole.lower() in _keys_of(BudgetSettings) else None


def _with_profile(merged: dict[str, Any]) -> dict[str, Any]:
    """Return the content with its profile laid under it: whatever is set wins over the profile."""
    named = merged.get("profile")
    profile = (PROFILES.get(named) if isinstance(named, str) else None) or {}
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
    meant: list[tuple[str, str]] = []
    for name in names:
        prefix = re.sub(r"\W", "_", name.upper()) + "_"
        key = rest.removeprefix(prefix).lower()
        if rest.startswith(prefix) and key in _keys_of(SolverSettings):
            meant.append((name, key))
    if len(meant) == 1:
        return meant[0]
    if meant:
        both = " and ".join(repr(name) for name, _ in meant)
        raise ConfigError(f"{variable} may mean {both}; set the key in the file")
    known = ", ".join(names) or "none"
    raise ConfigError(f"{variable} matches no solver of the file (there are: {known})")


def _keys(file: FileSettings, environ: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    """Return the keys of the variables that presets and entries name, as far as they are set."""
    entries = (*file.solvers.values(), file.orchestrator)
    named = (*PRESETS, *(entry for entry in entries if entry is not None))
    names = [ANTHROPIC_KEY]
    for one in named:
        variable = one.key_env if isinstance(one, Preset) else one.api_key_env
        if variable is not None:
            names.append(variable)
    keys: dict[str, str] = {}
    for name in names:
        if key := clean_key(lookup(environ, name)):
            keys[name] = key
    if ANTHROPIC_KEY not in keys:
        names.append("ANTHROPIC_AUTH_TOKEN")
    for name in names:
        fault = key_fault(clean_key(lookup(environ, name)))
        if fault is not None:
            faults[name] = f"{name} {fault}"
    return keys


def _base_urls(environ: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    """Return the addresses that the environment gives, in the form in which they are used."""
    found: dict[str, str] = {}
    for vendor, variable in BASE_URLS.items():
        if not environ.get(variable, "").strip():
            continue
        try:
            found[vendor] = endpoint_address(environ[variable])
        except ValueError as error:
            faults[variable] = f"{variable} {error}"
    return found


def _hub_url(environ: Mapping[str, str], faults: dict[str, str]) -> str | None:
    """Return the address of the model hub that the environment gives, as it is used."""
    if not environ.get(HUB_URL, "").strip():
        return None
    try:
        address = endpoint_address(environ[HUB_URL])
    except ValueError:
        address = "?"
    if "?" in address:
        faults[HUB_URL] = (
            f"{HUB_URL} is no address of a model hub; one looks like 'https://huggingface.co', "
            f"with no name, password or query in it (a token belongs in {HUB_TOKEN})"
        )
        return None
    return address


def _hub_token(environ: Mapping[str, str], faults: dict[str, str]) -> SecretStr | None:
    """Return what opens private repositories of the model hub."""
    token = clean_key(environ.get(HUB_TOKEN, ""))
    fault = key_fault(token)
    if fault is not None:
        faults[HUB_TOKEN] = f"{HUB_TOKEN} {fault}"
        return None
    return SecretStr(token) if token else None


def _header_faults(environ: Mapping[str, str]) -> dict[str, str]:
    """Return why headers that vendors' clients would send cannot be, by the variable."""
    found = {name: headers_fault(environ.get(name, "")) for name in CUSTOM_HEADERS.values()}
    return {name: f"{name} {fault}" for name, fault in found.items() if fault is not None}


def _has_profile(environ: Mapping[str, str]) -> bool:
    """Return whether the Anthropic client will find a profile that a login left on disk."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("ANTHROPIC_CONFIG_DIR") or (f"{home}/.config/anthropic" if home else None)
    try:
        return folder is not None and any(Path(folder).glob("configs/*.json"))
    except OSError:
        return False


def _explain(
    error: ValidationError, file: ConfigFile, variables: Mapping[tuple[str, ...], str]
) -> str:
    """Return the first fault, by the name of its variable or of its file, line and key."""
    fault = error.errors(include_url=False)[0]
    location = tuple(str(part) for part in fault["loc"])
    where = next((name for key, name in variables.items() if location[: len(key)] == key), None)
    if where is None:
        line = file.line_of(location)
        named = ".".join(clipped(part, LONGEST_NAME) for part in location)
        where = f"{file.path}{f', line {line}' if line else ''}: `{named}`"
    if fault["type"] == "extra_forbidden":
        known = _accepted(location[:-1])
        return f"{where} is not known" + (f"; there are {', '.join(known)}" if known else "")
    if fault["type"] in {"address", "secret", "truth"}:
        # Not repeated: a key may stand in it.
        return f"{where}: {fault['msg']}"
    given = fault["input"]
    if fault["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        return f"{where}: takes a table of keys, as `[{location[0]}]`, not {_shown(given)}"
    shown = "" if isinstance(given, dict | list) else f", not {_shown(given)}"
    return f"{where}: {fault['msg'].lower().removeprefix('value error, ')}{shown}"


def _shown(given: object) -> str:
    """Return what was given as an error names it: short, whatever it is."""
    try:
        return reprlib.repr(given)
    except ValueError:
        # Python writes no number of more than some thousand digits.
        return "a number of too many digits"


def _accepted(table: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that a table of the file takes."""
    match table:
        case ():
            return _keys_of(FileSettings)
        case ("solvers", _):
            return _keys_of(SolverSettings)
        case ("solvers", _, "price") | ("orchestrator", "price"):
            return _keys_of(PriceSettings)
        case (name,) if name in _SECTIONS:
            return _keys_of(_SECTIONS[name])
        case _:
            return ()
