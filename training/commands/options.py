"""What the commands have in common: the experiment that they take, and how they fail."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.errors import HexwardError
from training import runs
from training.config import TrainingError
from training.recipes import load

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


if TYPE_CHECKING:
    OfPath = click.ParamType[Path]
else:  # older releases of click do not let it be subscripted
    OfPath = click.ParamType


class Output(OfPath):
    """Where a command writes. What cannot be written is told before any work is done.

    Parameters
    ----------
    folder
        Whether it is a folder; else a file.
    """

    name = "path"

    def __init__(self, *, folder: bool) -> None:
        self._folder = folder

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        path = Path(value)
        with told():
            check_writable(path, folder=self._folder)
        return path


def check_writable(path: Path, *, folder: bool) -> None:
    """Refuse a path that nothing can be written to. Nothing is made there.

    Raises
    ------
    OutputError
        It is a file where a folder is wanted or the other way round, it lies under a file, or the
        folder that it lies in lets nobody write.
    """
    if path.is_dir() if not folder else path.exists() and not path.is_dir():
        is_one = "a file" if folder else "a folder"
        raise OutputError(f"{path}: is {is_one}; name a {'folder' if folder else 'file'}")
    nearest = path if folder else path.parent
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        raise OutputError(f"{path}: cannot be made, because {nearest} is a file")
    try:
        # The only question that file systems and permissions of all kinds answer.
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OutputError(f"{path}: {nearest} cannot be written to: {error.strerror}") from None


class OutputError(TrainingError):
    """A place where a command cannot write."""


OUT_FOLDER, OUT_FILE = Output(folder=True), Output(folder=False)

model_option = click.option(
    "--model", type=FOLDER, required=True, help="A checkpoint or a model directory."
)
rows_option = click.option(
    "--rows", "file", type=FILE, required=True, help="A labelled CSV, Parquet or zip file."
)
preset_option = click.option(
    "--preset",
    type=click.Choice(["relaxed", "balanced", "strict"]),
    default="balanced",
    show_default=True,
    help="Whose thresholds decide what is flagged.",
)


def experiment_options(command: Callable[..., Path | None]) -> Callable[..., None]:
    """Give a command ``--config``, ``--set`` and ``--run``; hand it the experiment and folder.

    The command returns the folder that holds what it made, where it leaves something behind; the
    settings are then written beside that.
    """

    @click.option("--config", type=FILE, required=True, help="The experiment's TOML file.")
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Override a setting; may be repeated.",
    )
    @click.option("--run", type=OUT_FOLDER, help="The run directory.  [default: runs/NAME]")
    @functools.wraps(command)
    def wrapped(config: Path, overrides: tuple[str, ...], run: Path | None, **options: Any) -> None:
        with told():
            experiment = load(config, overrides)
            if run is None:
                run = Path("runs") / experiment.name
                if options.get("out") is None:  # else the run directory may not be needed
                    check_writable(run, folder=True)
            folder = command(experiment, run, **options)
            if folder is not None:
                runs.record(folder, command.__name__, options, experiment)

    return wrapped


def called(model: Path) -> str:
    """A model's name in outputs: its folder's, or its run's where that is always the same."""
    folder = model.resolve()
    if folder.name == runs.CHECKPOINT:
        return folder.parent.name
    return f"{folder.parent.name}-int8" if folder.name == runs.QUANTISED else folder.name


@contextmanager
def told() -> Iterator[None]:
    """Tell an expected error in its one sentence, without a traceback."""
    try:
        yield
    except (TrainingError, HexwardError) as error:
        raise click.ClickException(str(error)) from None
