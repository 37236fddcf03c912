"""The model card's prose: the recipe's own, or what is true of any model."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.screening.artifact import Manifest
from training.config import ConfigError

PLACE = "<!-- figures -->"


def read(path: Path) -> str:
    """A recipe's own prose.

    Parameters
    ----------
    path
        ``artifact.card``, a Markdown file.

    Raises
    ------
    ConfigError
        It cannot be read or has no place for the figures.
    """
    named = f"artifact.card = {path}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{named}: cannot be read: {error.strerror}; name a file that is there"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{named}: must be UTF-8: {error}") from None
    if PLACE not in text:
        raise ConfigError(f"{named}: the line {PLACE} is missing; write it where the figures go")
    return text


def generic(manifest: Manifest, licence: str | None) -> str:
    """The prose for a model whose recipe has none.

    Parameters
    ----------
    manifest
        Says what the model is called, what it was made from and what it was trained on.
    licence
        The model's, as the hub writes it.
    """
    environment = Environment(
        loader=PackageLoader("training", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("card.md.jinja")
    return template.render(manifest=manifest, licence=licence)
