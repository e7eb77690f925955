"""The arguments of a command: the problem, the schema, files, and the errors in them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from typing_extensions import override

from atlas_mcp.atlas.problem import MAX_PROBLEM_BYTES
from atlas_mcp.cli.terminal import tell
from atlas_mcp.config.encodings import text_of
from atlas_mcp.errors import InvalidInput, UnknownRun
from atlas_mcp.system.consoles import END_OF_INPUT
from atlas_mcp.system.opening import read_file_or_pipe

MAX_SCHEMA_BYTES = 1_000_000
"""Bytes of a schema that are read: more than any model takes."""

MAX_FILE_BYTES = 1_000_000_000
"""Bytes of an exported run that are read."""


class ProblemCommand(click.Command):
    """A command whose argument is prose, which may begin with a dash.

    No option has white space in its name, so a word that has begins the problem: `-5 + 3 = ?`.
    """

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words behind the command."""
        words = list(args)
        prose = [at for at in self._places(words) if _is_prose(words[at])]
        if prose:
            # All arguments go behind `--`, in their order; there is no other way to say it.
            at_end = [at for at in self._places(words) if _is_argument(words[at])]
            options = [word for at, word in enumerate(words) if at not in at_end]
            words = [*options, "--", *(words[at] for at in at_end)]
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, words)
        if ctx.args:
            named = [one.name for one in self.params if isinstance(one, click.Argument)]
            ctx.fail(f"The {named[-1]} is one argument: write it between quotation marks.")
        return rest

    def _places(self, words: list[str]) -> Iterator[int]:
        """Yield the places of words that are no values of options, up to `--`."""
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        is_value = False
        for at, word in enumerate(words):
            if word == "--" and not is_value:
                return
            if not is_value:
                yield at
            is_value = not is_value and word in valued


def _is_prose(word: str) -> bool:
    name = word.partition("=")[0]
    return word.startswith("-") and any(letter.isspace() for letter in name)


def _is_argument(word: str) -> bool:
    return not word.startswith("-") or word == "-" or _is_prose(word)


def usage_text(error: click.ClickException) -> str:
    """Return the fault of a command line, and the command that shows how it is written."""
    text = error.format_message()
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return text
    named = [param for param in ctx.command.params if isinstance(param, click.Argument)]
    if isinstance(error, click.NoSuchOption) and named:
        text += f" If {named[0].make_metavar(ctx)} begins with it, write `--` before that."
    return f"{text} `{ctx.command_path} --help` says what it takes."


def problem_argument(text: str) -> str:
    """Return a problem that is written on the command line.

    Raises:
        InvalidInput: It is the name of a file.
    """
    if is_file(text):
        raise InvalidInput(
            "problem",
            f"{text} is a file; `- < {shlex.quote(text)}` reads a problem from it. If the name is "
            "the problem, write a sentence around it",
        )
    return text


def problem_from_stdin() -> str:
    """Return the problem that stdin holds.

    Raises:
        InvalidInput: There is none, it cannot be read, is too long, or is no text.
    """
    return _from_stdin("problem")


def question_from_stdin() -> str:
    """Return the question that stdin holds.

    Raises:
        InvalidInput: There is none, it cannot be read, is too long, or is no text.
    """
    return _from_stdin("question")


def _from_stdin(name: str) -> str:
    if sys.stdin.isatty():
        tell(f"Write the {name}; a line with {END_OF_INPUT} alone ends it.")
    buffer = getattr(sys.stdin, "buffer", None)
    try:
        given = sys.stdin.read() if buffer is None else buffer.read(MAX_PROBLEM_BYTES + 4)
    except OSError as error:
        raise InvalidInput(name, f"cannot be read from stdin: {error.strerror}") from error
    if len(given) > MAX_PROBLEM_BYTES:
        raise InvalidInput(name, f"is longer than the {MAX_PROBLEM_BYTES:,} bytes it may have")
    text = given if isinstance(given, str) else decoded(given, name, "stdin")
    if not text.strip():
        raise InvalidInput(name, "is empty: nothing came from stdin, where `-` reads it")
    return text


def run_id_argument(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return the id of a run; bytes that are no text are the id of none.

    Raises:
        UnknownRun: The value cannot be printed.
    """
    if not value.isprintable():
        raise UnknownRun(value)
    return value


def read_schema(given: str | None) -> object:
    """Return the JSON Schema that is written out, or stands in a file; `None` for none.

    Raises:
        InvalidInput: It cannot be read.
    """
    if given is None:
        return None
    written_out = given.lstrip().startswith("{")
    text = given if written_out else read_file(given, "--answer-schema", at_most=MAX_SCHEMA_BYTES)
    name = "it" if written_out else given
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidInput("--answer-schema", f"{name} is nested too deeply") from None
    except ValueError as error:
        raise InvalidInput("--answer-schema", f"{name} is not JSON: {error}") from error


def read_file(name: str, argument: str, *, at_most: int = MAX_FILE_BYTES) -> str:
    """Return the text of a file, or of a pipe that something writes to.

    Raises:
        InvalidInput: It cannot be read, or not within so many bytes.
    """
    try:
        data = read_file_or_pipe(name, at_most + 1)
    except (OSError, ValueError) as error:
        # A name may hold what no file has in its name.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(argument, f"{name} cannot be read: {reason}") from error
    if len(data) > at_most:
        raise InvalidInput(argument, f"{name} is longer than {at_most:,} bytes")
    return decoded(data, argument, name)


def decoded(data: bytes, argument: str, name: str) -> str:
    """Return bytes as text: UTF-8, or UTF-16 or UTF-32 that says so, as some shells write it.

    Raises:
        InvalidInput: They are none of these.
    """
    try:
        return text_of(data)
    except ValueError as error:
        raise InvalidInput(argument, f"{name} cannot be read: {error}") from error


def is_file(name: str) -> bool:
    """Return whether there is a file of this name."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        # Too long for a name, or with a character that no name has.
        return False
