"""The messages between a server and the process that drives its runs, each one line of JSON.

Owns their shapes and their codec. Both ends are of one version: `Ready` says which, and a server
talks to no driver of another one, so no message needs to be read by an older reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from json import dumps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

from atlas_mcp import errors
from atlas_mcp.atlas.events import StopCause
from atlas_mcp.atlas.storable import plain
from atlas_mcp.errors import AtlasError, InvalidInput, RunExists, UnknownRun
from atlas_mcp.models.base import Notice
from atlas_mcp.off_loop import off_loop
from atlas_mcp.runs.engine import AskRun, ExploreFurther, OpenRun, ResumeRun, Submission
from atlas_mcp.runs.snapshot import BrokenOff

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

QUICK_BYTES = 50_000
"""Bytes of a message that is decoded on the event loop, or encoded there."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Say who the server is. The first command; not answered.

    Attributes:
        owner: The name under which the server stores its callers.
    """

    owner: str
    type: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask for `Engine.submit`. One of the submissions is given; answered once."""

    number: int
    run_id: str
    opening: OpenRun | None = None
    resuming: ResumeRun | None = None
    exploring: ExploreFurther | None = None
    asking: AskRun | None = None
    type: Literal["submit"] = "submit"

    @classmethod
    def of(cls, number: int, run_id: str, submission: Submission) -> Submit:
        """Return the message for a submission."""
        match submission:
            case OpenRun():
                return cls(number, run_id, opening=submission)
            case ResumeRun():
                return cls(number, run_id, resuming=submission)
            case ExploreFurther():
                return cls(number, run_id, exploring=submission)
            case AskRun():
                return cls(number, run_id, asking=submission)

    @property
    def submission(self) -> Submission:
        """The submission that is given."""
        given = self.opening or self.resuming or self.exploring or self.asking
        assert given is not None, "`of` gives one"
        return given


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask for `Engine.stop`. Answered once, in turn after earlier submissions of the run."""

    number: int
    run_id: str
    cause: StopCause
    grace: float
    type: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True)
class Follow:
    """Ask to be shown a run. Answered with whether the driver has it, then by `Shown`."""

    number: int
    run_id: str
    type: Literal["follow"] = "follow"


@dataclass(frozen=True, slots=True)
class Unfollow:
    """Be shown no more for a `Follow` of this number. Not answered."""

    number: int
    type: Literal["unfollow"] = "unfollow"


Command: TypeAlias = Hello | Submit | Stop | Follow | Unfollow
"""A message of the server. Numbers of commands rise."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The driver takes commands. Its first message.

    Attributes:
        pid: Its process.
        version: The version of this program that it has loaded.
        outlives: Whether it goes on when its server is gone, by its system.
        settings: The digest of the configuration that it has read.
    """

    pid: int
    version: str
    outlives: bool
    settings: str
    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Unready:
    """The driver cannot begin, and ends. Its first and last message."""

    reason: str
    type: Literal["unready"] = "unready"


@dataclass(frozen=True, slots=True)
class Done:
    """A command was carried out, with this result."""

    number: int
    value: bool = True
    type: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was not carried out, for an error of this package.

    Attributes:
        number: The number of the command.
        error: The name of its class in `atlas_mcp.errors`.
        texts: The arguments that make it anew.
    """

    number: int
    error: str
    texts: tuple[str, ...]
    type: Literal["refused"] = "refused"

    @classmethod
    def of(cls, number: int, error: AtlasError) -> Refused:
        """Return the message for an error; its class is that of its nearest known parent."""
        match error:
            case InvalidInput():
                texts = (error.argument, error.rule)
            case RunExists() | UnknownRun():
                texts = (error.run_id,)
            case _:
                texts = (str(error),)
        name = next(one.__name__ for one in type(error).__mro__ if _class_of(one.__name__))
        return cls(number, name, texts)

    @property
    def cause(self) -> AtlasError:
        """The error, made anew."""
        kind = _class_of(self.error) or AtlasError
        return kind(*self.texts)


@dataclass(frozen=True, slots=True)
class UnstoredRecord:
    """A record that the journal did not take: its event as the journal would hold it."""

    seq: int
    at: float
    line: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as its driver shows it, beside its records.

    Attributes:
        number: The number of the `Follow`.
        stored: Number of its last record that the journal has.
        done: Whether it is carried out no more.
        tokens: Output tokens so far of calls in flight, by the call's ledger key.
        notice: The latest message for a person who waits.
        waiting: Its place in line; `None` once it has its place.
        broken: Why it broke off; `None` unless it did.
        unstored: The records that were shown and could not be stored.
    """

    number: int
    stored: int
    done: bool
    tokens: Mapping[str, int]
    notice: Notice | None = None
    waiting: str | None = None
    broken: BrokenOff | None = None
    unstored: tuple[UnstoredRecord, ...] = ()
    type: Literal["shown"] = "shown"


@dataclass(frozen=True, slots=True)
class Logged:
    """A warning or worse that the driver has logged, for the server's own log.

    Attributes:
        name: The logger.
        level: Its number in `logging`.
        text: The message, with the traceback if there is one.
    """

    name: str
    level: int
    text: str
    type: Literal["logged"] = "logged"


Answer: TypeAlias = Ready | Unready | Done | Refused | Shown | Logged
"""A message of the driver."""


def encode(message: Command | Answer) -> bytes:
    """Return a message as one line, with its end; what no line can hold is replaced."""
    is_command = isinstance(message, Hello | Submit | Stop | Follow | Unfollow)
    adapter: TypeAdapter[Any] = _commands() if is_command else _answers()
    try:
        return adapter.dump_json(message, warnings="error") + b"\n"
    except (ValueError, RecursionError):  # half a character in a text, for one
        return dumps(plain(message)).encode() + b"\n"


async def decoded(line: bytes, decode: Callable[[bytes], T]) -> T:
    """Return the message on a line; a long one is decoded in a thread.

    Args:
        line: The line.
        decode: `command_on` or `answer_on`.

    Raises:
        ValueError: It is none.
    """
    return (
        decode(line)
        if len(line) <= QUICK_BYTES
        else await off_loop("bodies", partial(decode, line))
    )


def command_on(line: bytes) -> Command:
    """Return the command on a line.

    Raises:
        ValueError: It is none.
    """
    return _commands().validate_json(line)


def answer_on(line: bytes) -> Answer:
    """Return the answer on a line.

    Raises:
        ValueError: It is none.
    """
    return _answers().validate_json(line)


def _class_of(name: str) -> type[AtlasError] | None:
    """Return an error's class by its name, of those that `Refused.texts` make anew."""
    found: object = getattr(errors, name, None)
    if not isinstance(found, type) or not issubclass(found, AtlasError):
        return None
    takes_one_text = found.__init__ is AtlasError.__init__
    return found if takes_one_text or found in (InvalidInput, RunExists, UnknownRun) else None


@cache
def _commands() -> TypeAdapter[Command]:
    from pydantic import ConfigDict, Field, TypeAdapter

    config = ConfigDict(cache_strings="none")
    return TypeAdapter(Annotated[Command, Field(discriminator="type")], config=config)


@cache
def _answers() -> TypeAdapter[Answer]:
    from pydantic import ConfigDict, Field, TypeAdapter

    config = ConfigDict(cache_strings="none")
    return TypeAdapter(Annotated[Answer, Field(discriminator="type")], config=config)
