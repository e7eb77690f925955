"""The exceptions atlas-mcp raises on purpose.

::

    AtlasError                 everything raised on purpose
    ├─ ConfigError             the operator can fix it, before any run starts
    ├─ InvalidInput            the caller can fix it; names the argument and the rule
    ├─ ModelError              a model could not be asked, or its call did not complete
    │  ├─ ModelUnavailable     408 409 429 5xx 529, connection, timeout: worth another try
    │  │  └─ ModelDown         it has failed too often in a row: not asked at present
    │  └─ ModelRejected        any other 4xx, bad key, no credit: the same call fails again
    ├─ ModelFileError          the weights of an embedded model cannot be had, or are none
    └─ JournalError            the journal cannot be read or written
       ├─ JournalCorrupt       a record is unreadable, or the file is damaged
       │  └─ JournalNewer      a newer version wrote the run
       ├─ JournalBusy          another process drives this run
       ├─ JournalUnflushed     it was stored, but the disk has not taken it
       ├─ HomeUnusable         it cannot be opened where ATLAS_HOME says
       │  └─ JournalInUse      an older version drives runs of it: it can be opened later
       ├─ RunExists            another run has this id already
       └─ UnknownRun           no run has this id

A model that answers but refuses, is cut off or breaks the asked-for shape raises nothing: its reply
was paid for, and becomes a value (`atlas.explore.SolverFailure`). A limit reached is no
error either: the run stops and says so. Messages end with what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas_mcp.atlas.usage import Charge


MOST_NAMED = 5
"""Runs and processes that are named in one error."""


class AtlasError(Exception):
    """Base of everything this package raises on purpose."""


class ConfigError(AtlasError):
    """The configuration cannot be used; the operator can fix it before any run starts."""


class InvalidInput(AtlasError):
    """An argument breaks a rule; the caller can fix it. Nothing was spent."""

    def __init__(self, argument: str, rule: str) -> None:
        super().__init__(argument, rule)
        self.argument = argument
        self.rule = rule

    @override
    def __str__(self) -> str:
        return f"`{self.argument}`: {self.rule}"


class ModelError(AtlasError):
    """A model could not be asked, or its call did not complete.

    Attributes:
        model: The model's `vendor/name`.
        message: The event, in words for a person.
        request_id: The vendor's id of the call, for its support; `None` if there was none.
        charge: The consumption that the vendor counted before the call broke off; `None` where it
            counted nothing.
        complete: Whether `charge` is final. A call that broke off while the model was writing may
            be billed for more.
    """

    def __init__(
        self,
        model: str,
        message: str,
        *,
        request_id: str | None = None,
        charge: Charge | None = None,
        complete: bool = True,
    ) -> None:
        super().__init__(model, message)
        self.model = model
        self.message = message
        self.request_id = request_id
        self.charge = charge
        self.complete = complete

    @override
    def __str__(self) -> str:
        suffix = f" (request {self.request_id})" if self.request_id else ""
        return f"`{self.model}`: {self.message}{suffix}"


class ModelUnavailable(ModelError):
    """The model may answer later: overload, rate limit, a cut connection, a time-out.

    Attributes:
        retry_after: Seconds the vendor asks to wait, `None` if it did not say.
    """

    def __init__(
        self,
        model: str,
        message: str,
        *,
        retry_after: float | None = None,
        request_id: str | None = None,
        charge: Charge | None = None,
        complete: bool = True,
    ) -> None:
        super().__init__(
            model,
            message,
            request_id=request_id,
            charge=charge,
            complete=complete,
        )
        self.retry_after = retry_after


class ModelDown(ModelUnavailable):
    """The model's endpoint has failed so often in a row that it is not asked for a while.

    The message is that of the last failure.

    Attributes:
        given_up: How often the endpoint has failed, and for how long it is not asked.
    """

    def __init__(
        self,
        model: str,
        message: str,
        *,
        given_up: str = "",
        complete: bool = True,
    ) -> None:
        super().__init__(model, message, complete=complete)
        self.given_up = given_up

    @override
    def __str__(self) -> str:
        return f"{super().__str__()}; {self.given_up}" if self.given_up else super().__str__()


class ModelRejected(ModelError):
    """The vendor refuses this call, and would refuse it again: key, credit, parameters, size."""


class ModelFileError(AtlasError):
    """The weights of an embedded model cannot be put in place, or the file holds none."""


class JournalError(AtlasError):
    """The journal cannot be read or written."""


class JournalCorrupt(JournalError):
    """A record of the journal is unreadable, or its file is damaged."""


class JournalNewer(JournalCorrupt):
    """A newer version of atlas-mcp wrote the run or the file; this one must not guess at it."""


class JournalBusy(JournalError):
    """Another process drives this run."""


class JournalUnflushed(JournalError):
    """It was stored, but the disk has not taken it: it is lost if the machine itself fails."""


class HomeUnusable(JournalError):
    """The journal cannot be opened where `ATLAS_HOME` says; the operator can mend it."""


class JournalInUse(HomeUnusable):
    """An older version drives runs of a journal whose tables this version has to change first.

    Attributes:
        path: The journal.
        runs: The runs, each with the name in leases of the process that drives it.
    """

    def __init__(self, path: str, runs: Mapping[str, str]) -> None:
        super().__init__(path, runs)
        self.path = path
        self.runs = runs

    @override
    def __str__(self) -> str:
        named = [f"`{run_id}`" for run_id in self.runs][:MOST_NAMED]
        if (more := len(self.runs) - len(named)) > 0:
            named.append(f"{more} more")
        # The name of a process begins with its id.
        pids = dict.fromkeys(owner.partition("-")[0] for owner in self.runs.values())
        return (
            f"the journal {self.path} cannot be brought up to date yet, since an older version of "
            f"atlas-mcp drives runs of it: {', '.join(named)} (process "
            f"{', '.join(list(pids)[:MOST_NAMED])}). Try again once they have ended, or end the "
            "process: what is found is kept, and runs can be resumed"
        )


class RunExists(JournalError):
    """Another run has this id already; nothing was changed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id

    @override
    def __str__(self) -> str:
        return f"a run has the id {self.run_id!r} already; open the new one under an id of its own"


class UnknownRun(JournalError):
    """No run in the journal has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id

    @override
    def __str__(self) -> str:
        # A caller may ask for megabytes.
        text = str(self.run_id)
        shown = f"{text[:100]}…" if len(text) > 100 else text
        return (
            f"no run has the id {shown!r}; `atlas-mcp runs list`, or the resource "
            "atlas://runs, shows the runs there are"
        )
