"""The settings of the program: every section of the file, and all that is configured, checked.

Values only; `loading` reads them. Below the command line and the server no room reads a setting
from the environment: the `Settings` are handed down.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from atlas_mcp.config.endpoints import (
    OrchestratorSettings,
    PriceSettings,
    SolverSettings,
    check_solver_names,
)
from atlas_mcp.config.values import Cap, Folders, HostNames, Seconds, Section

DEFAULT_GRACE = 60.0
"""Seconds that calls in flight get once the request that wanted them has ended, or the client has
gone: their candidates were paid for, and the run can be resumed with them."""

DEFAULT_RESPOND_WITHIN = 45.0
"""Seconds. Below the 60 s after which the most impatient clients give up."""

DEFAULT_MAX_RUNS = 1_000
"""Runs at once in one process. Measured: a thousand are as fast as a bare loop over the vendor's
client that makes the same calls (`benchmarks/load.py`)."""

LONGEST_KEPT_DAYS = 36_500
"""Days for which runs can be kept at most. Our own choice; calendars end soon after."""


class BudgetSettings(Section):
    """`[budget]`: the limits of one run. `max_cost_usd = "none"` lifts the cap.

    `max_cost_usd_per_day` caps all runs of the home together; it is off by default.
    """

    max_explores: int = Field(default=8, ge=1, le=100)
    max_parallel: int = Field(default=4, ge=1, le=100)
    prefetch: int = Field(default=2, ge=0, le=100)
    max_cost_usd: Cap = Decimal("5.0")
    max_cost_usd_per_day: Cap = None
    time_limit_s: Seconds = 1_800
    solver_time_limit_s: Seconds = 1_200


class ServerSettings(Section):
    """`[server]`: how the server answers.

    With `warm_up` it loads the embedded models of its pool at its start, and each process of a
    server holds them in memory from then on. Beyond `max_runs` at once, runs wait in line.
    `allowed_hosts` are further names, besides those of loopback, under which HTTP answers: one
    string or several, each as clients send it, in small ASCII letters and without a usual port.
    Over stdio `when_client_leaves` says what becomes of the runs whose caller was told that they go
    on: they are finished, or stopped as those are of which nobody was told so.
    """

    respond_within_s: Seconds = DEFAULT_RESPOND_WITHIN
    grace_s: float = Field(default=DEFAULT_GRACE, ge=0, le=600)
    warm_up: bool = False
    max_runs: int = Field(default=DEFAULT_MAX_RUNS, ge=1, le=1_000_000)
    allowed_hosts: HostNames = ()
    when_client_leaves: Literal["finish", "stop"] = "finish"


class ImageSettings(Section):
    """`[images]`: the folders from which pictures may be read, one string or several.

    Paths are absolute or start with `~/`. Without any, no file is read for a client.
    """

    folders: Folders = ()


class JournalSettings(Section):
    """`[journal]`: how long runs are kept. Nothing is removed where nothing is set."""

    keep_days: float | None = Field(default=None, ge=0, le=LONGEST_KEPT_DAYS)
    max_size_mb: float | None = Field(default=None, ge=0, le=1_000_000_000)


SECTIONS: Mapping[str, type[Section]] = {
    "orchestrator": OrchestratorSettings,
    "budget": BudgetSettings,
    "server": ServerSettings,
    "images": ImageSettings,
    "journal": JournalSettings,
}
"""The sections of the file whose keys have variables of their own, besides `[solvers.NAME]`."""


class FileSettings(Section):
    """The whole of `atlas.toml`."""

    profile: Literal["paper"] | None = None
    orchestrator: OrchestratorSettings | None = None
    solvers: Annotated[dict[str, SolverSettings], AfterValidator(check_solver_names)] = Field(
        default_factory=dict[str, SolverSettings]
    )
    budget: BudgetSettings = BudgetSettings()
    server: ServerSettings = ServerSettings()
    images: ImageSettings = ImageSettings()
    journal: JournalSettings = JournalSettings()


class Settings(BaseModel):
    """The whole configuration, checked.

    Attributes:
        home: Folder of the journal and the embedded models.
        orchestrator: `None` where none is configured.
        solvers: The configured pool, by name; empty where none is configured.
        budget: The limits of a run, unless the run sets its own.
        server: How the server answers.
        images: The folders from which pictures may be read.
        journal: How long runs are kept.
        keys: The values of the variables that `api_key_env` entries and vendors name.
        base_urls: The addresses that the environment sets for vendors, by vendor.
        faults: Why a variable cannot be used, by its name. Only models that need it fail.
        credentials: The vendors for whose own API the environment holds credentials.
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
    credentials: frozenset[str] = frozenset()


def keys_of(section: type[Section]) -> tuple[str, ...]:
    """Return the keys of a section as they stand in the file."""
    return tuple(field.alias or name for name, field in section.model_fields.items())


def keys_at(table: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that a table of the file takes."""
    match table:
        case ():
            return keys_of(FileSettings)
        case ("solvers", _):
            return keys_of(SolverSettings)
        case ("solvers", _, "price") | ("orchestrator", "price"):
            return keys_of(PriceSettings)
        case (name,) if name in SECTIONS:
            return keys_of(SECTIONS[name])
        case _:
            return ()
