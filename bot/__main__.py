"""The command line: run, check, doctor, db."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn

import click

from bot import __version__
from bot.errors import (
    ArtifactError,
    ConnectionRefused,
    DatabaseMisfit,
    HexwardError,
    MissingExtraError,
    SettingsError,
)
from bot.logs import describe, set_up_logging
from bot.memory import share_one_arena
from bot.screening.artifact import PRESET_NAMES
from bot.settings import Settings, load_settings, strangers

log = logging.getLogger(__name__)

_HOST_MUST_ACT = (
    SettingsError,
    ConnectionRefused,
    ArtifactError,
    DatabaseMisfit,
    MissingExtraError,
)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

# The model's runtime and the database are imported by the commands that need them, so that --help
# and mistakes are answered sooner.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hexward")
def main() -> None:
    """Hexward screens Discord messages with a toxicity model of its own.

    Settings come from the environment and from .env; see .env.example.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal or a log may know fewer characters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@main.command()
def run() -> None:
    """Run the bot; without DISCORD_TOKEN, on the sandbox."""
    share_one_arena()
    from bot.app import run as run_app

    settings = _settings()
    _finish(lambda: run_app(settings))


@main.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]…")
@click.option("--jsonl", is_flag=True, help='Read {"id": …, "text": …} lines from standard input.')
@click.option(
    "--preset",
    type=click.Choice(PRESET_NAMES),
    default="balanced",
    show_default=True,
    help="The thresholds to compare with.",
)
def check(texts: tuple[str, ...], jsonl: bool, preset: str) -> None:
    """Score texts without Discord: a table, or JSON lines in the order they came.

    Write -- before a TEXT that begins with a hyphen. Blank lines of --jsonl are skipped.
    """
    if jsonl == bool(texts):
        raise click.UsageError("Give either texts or --jsonl.")
    from bot.checking import check_lines, check_texts

    settings = _settings()
    if jsonl:
        _finish(lambda: check_lines(settings, preset, sys.stdin.buffer, sys.stdout))
    else:
        _finish(lambda: check_texts(settings, preset, texts))


@main.command()
@click.option("--offline", is_flag=True, help="Do not connect to Discord.")
def doctor(offline: bool) -> None:
    """Look for what is wrong with this installation, and say how to mend it."""
    from bot.doctor import examine

    _finish(lambda: examine(offline=offline))


@main.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's schema (also done at every start)."""
    from bot.storage import migrate

    url = _settings().database_url
    with _one_line_errors():
        click.echo(f"The database is at revision {migrate.upgrade(url)}.")


@db.command()
def current() -> None:
    """Show the database's revision, and the newest one this version has."""
    from bot.storage import migrate

    url = _settings().database_url
    with _one_line_errors():
        revision, newest = migrate.current(url)
        click.echo(f"revision {revision or 'none (not migrated yet)'}, newest {newest}")


def _settings() -> Settings:
    """Settings and logging, or what is wrong on standard error and exit status 2."""
    try:
        settings = load_settings()
    except HexwardError as error:
        _stop(error, 2)
    set_up_logging(settings.logging_level, settings.token)
    for sentence in strangers():
        log.warning("%s", sentence)
    return settings


def _finish(work: Callable[[], Coroutine[Any, Any, int | None]]) -> NoReturn:
    """Run to the end; what the work returns is the exit status (None: 0)."""
    with _one_line_errors():
        status = asyncio.run(work())
    sys.exit(status or 0)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """End with one line instead of a traceback.

    The status is 2 for what only a change of the settings can mend, so that a service manager need
    not try again; 1 for other trouble; 70 for a fault of Hexward itself.
    """
    try:
        yield
    except _HOST_MUST_ACT as error:
        _stop(error, 2)
    except HexwardError as error:
        _stop(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            # What waits to be flushed would fail once more when Python ends, with a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"hexward: {error.strerror}: make room, and start again", err=True)
            sys.exit(1)
        click.echo(f"hexward: this is a fault of Hexward: {describe(error)}", err=True)
        sys.exit(70)


def _stop(error: HexwardError, status: int) -> NoReturn:
    for line in str(error).splitlines():
        click.echo(f"hexward: {line}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
