"""One experiment, as a TOML file that is checked in full before anything is loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.labels import Label

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Tokens = Annotated[int, Field(ge=16, le=512)]


class TrainingError(Exception):
    """Anything the trainer reports to its user in one sentence, never as a traceback."""


class ConfigError(TrainingError):
    """A configuration that cannot be used; one line that names the setting."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rows(_Section):
    """Where the labelled rows are and how they are divided."""

    file: Path
    """A CSV or Parquet file with one column per label."""
    text_column: str = "comment_text"
    id_column: str | None = "id"
    weight_column: str | None = None
    """Weights that restore the prior of a file in which some kinds of rows are over-represented."""
    validation_share: Share = 0.1
    limit: Annotated[int, Field(ge=20)] | None = None
    """Train and validate on this many rows at most, drawn so that the label mix stays."""


class Base(_Section):
    """The checkpoint to start from."""

    checkpoint: str
    """A path, or a hub name, of any BERT-family checkpoint."""
    cited_as: str | None = None
    """What the manifest calls it, where that is not the path's last part."""
    max_tokens: Tokens = 192
    """Texts are cut to this many tokens while training."""
    hidden_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    attention_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Anything but 0 rules out the fast attention kernel on a CPU, and doubles the time."""


class Optimisation(_Section):
    """How the weights are moved."""

    epochs: Annotated[float, Field(gt=0.0, le=100.0)] = 2.0
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 5e-5
    """The top encoder layer's; the layers below get less."""
    head_learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 5e-4
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Each layer's learning rate over that of the layer above it; 1 treats all alike."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    warmup_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.06
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    gradient_norm: Annotated[float, Field(gt=0.0)] = 1.0
    positive_weight_power: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """A label's positives weigh (negatives / positives) to this power: 0 is plain, 1 balances."""
    average_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Decay per step of the running average of the weights; 0 keeps no average."""
    bf16: Literal["auto", "on", "off"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 500


class Presets(_Section):
    """The precision each preset aims at; a label may have its own."""

    relaxed: Share = 0.9
    balanced: Share = 0.8
    strict: Share = 0.6
    labels: dict[Label, dict[Literal["relaxed", "balanced", "strict"], Share]] = Field(
        default_factory=dict
    )
    """Targets of single labels, where they differ."""

    @model_validator(mode="after")
    def _ordered(self) -> Presets:
        for label in Label:
            targets = [self.target(name, label) for name in ("relaxed", "balanced", "strict")]
            if sorted(targets, reverse=True) != targets:
                raise ValueError(f"{label}: relaxed, balanced, strict must not rise in precision")
        return self

    def target(self, preset: Literal["relaxed", "balanced", "strict"], label: Label) -> float:
        """The precision that a preset aims at for a label."""
        own = self.labels.get(label, {})
        general: float = getattr(self, preset)
        return own.get(preset, general)


class Artifact(_Section):
    """What the exported model directory says of itself."""

    model_version: str
    card: Path | None = None
    """The model card's prose (Markdown), relative to this file; figures are filled in at export."""
    trained_on: str = ""
    largest_auc_drop: Annotated[float, Field(ge=0.0, le=0.1)] = 0.0005


class Experiment(_Section):
    """One experiment: what is read, how it is trained, and what comes out."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    seed: int = 17
    rows: Rows
    base: Base
    optimisation: Optimisation = Optimisation()
    presets: Presets = Presets()
    artifact: Artifact


def load(path: Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Read an experiment's file and lay overrides over it.

    Parameters
    ----------
    path
        The TOML file.
    overrides
        ``section.key=value``; the value is read as TOML, and as plain text if it is not TOML.
        Without a value, the setting is taken out.

    Raises
    ------
    ConfigError
        The file cannot be read, or a setting is unknown or impossible; names it.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    for override in overrides:
        _apply(settings, override)
    try:
        experiment = Experiment.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{path}: {where}: there is no such setting") from None
        raise ConfigError(f"{path}: {where} = {first['input']!r}: {first['msg']}") from None
    if experiment.artifact.card is None:
        return experiment
    card = path.parent / experiment.artifact.card
    return experiment.model_copy(
        update={"artifact": experiment.artifact.model_copy(update={"card": card})}
    )


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"{override!r}: an override is written section.key=value")
    section = settings
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{override!r}: {part} is a setting, not a section")
    if not text.strip():
        section.pop(parts[-1], None)
        return
    try:
        section[parts[-1]] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        section[parts[-1]] = text.strip()
