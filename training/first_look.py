"""What can be told before anything is loaded: missing files, what is no checkpoint or no card."""

from __future__ import annotations

import re
from pathlib import Path

from bot.screening.artifact import MANIFEST
from training import prose
from training.config import Artifact, Base, Experiment, TrainingError
from training.tables import DataError

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
HOW = (
    "name the folder of a checkpoint (with config.json, its weights and its tokenizer) or a hub "
    "name such as google/bert_uncased_L-4_H-256_A-4"
)
REASON_LENGTH = 200


class CheckpointError(TrainingError):
    """A base checkpoint that cannot be used."""


def look(experiment: Experiment) -> None:
    """Refuse what `train` would only stumble over later. Loads nothing.

    Raises
    ------
    DataError
        The rows' file, an auxiliary source or a teacher's file is not there or cannot be opened.
    CheckpointError
        The base checkpoint is neither a checkpoint's folder nor written like a hub name.
    ConfigError
        As in `look_at_card`.
    """
    look_at_texts(experiment)
    for path in experiment.distillation.teachers:
        _opened(path, "distillation.teachers")
    look_at_card(experiment.artifact)


def look_at_texts(experiment: Experiment) -> None:
    """Refuse what `pretrain` would only stumble over later. Loads nothing.

    Raises
    ------
    DataError, CheckpointError
        As in `look`, teachers' files left aside.
    """
    if experiment.rows.file is not None:
        _opened(experiment.rows.file, "rows.file")
    for name, source in experiment.auxiliary.items():
        if not source.path.is_dir():
            _opened(source.path, f"auxiliary.{name}.path")
    look_at_base(experiment.base)


def look_at_base(base: Base) -> None:
    """Refuse a base checkpoint that cannot be one.

    Raises
    ------
    CheckpointError
        As in `look`.
    """
    place = f"base.checkpoint = {base.checkpoint!r}"
    folder = Path(base.checkpoint)
    if (folder / MANIFEST).is_file():
        raise CheckpointError(
            f"{place}: that is a model directory; make a checkpoint of it with `python -m training "
            f"restore --model {folder} --to FOLDER`"
        )
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"{place}: that folder holds no config.json; {HOW}")
    elif folder.exists():
        raise CheckpointError(f"{place}: that is a file; {HOW}")
    elif (
        not HUB_NAME.fullmatch(base.checkpoint)
        or base.checkpoint.startswith(".")
        # A name in a folder that is here is no hub name: the hub would be asked for minutes.
        or ("/" in base.checkpoint and folder.parent.is_dir())
    ):
        raise CheckpointError(f"{place}: there is no such folder; {HOW}")


def look_at_card(artifact: Artifact) -> None:
    """Refuse a card that `export` could not fill in.

    Raises
    ------
    ConfigError
        ``artifact.card`` cannot be read or has no place for the figures.
    """
    if artifact.card is not None:
        prose.read(artifact.card)


def not_loaded(base: Base, what: str, error: Exception) -> CheckpointError:
    """The sentence for a checkpoint of which something could not be loaded.

    Parameters
    ----------
    base
        The checkpoint.
    what
        Its ``tokenizer`` or ``network``, say.
    error
        What the library raised.
    """
    place = f"base.checkpoint = {base.checkpoint!r}"
    if not Path(base.checkpoint).exists():
        return CheckpointError(
            f"{place}: there is no such folder, and the hub gives no checkpoint of that name (it "
            f"has none, or it cannot be reached from here); {HOW}"
        )
    # The libraries explain at length; what is wrong with a folder is in their first line.
    reason = (str(error).splitlines() or [type(error).__name__])[0][:REASON_LENGTH]
    return CheckpointError(f"{place}: its {what} cannot be loaded: {reason}; {HOW}")


def _opened(path: Path, setting: str) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise DataError(
            f"{setting} = {path}: cannot be read: {error.strerror}; name a file that is there"
        ) from None
