"""The model directory: the contract between the trainer, which writes it, and the bot.

A directory holds ``model.onnx``, ``tokenizer.json``, ``manifest.json`` and a ``README.md`` (the
model card). The manifest says what the numbers mean: which output is which label, how logits become
probabilities, what the presets are and what they were measured to do. Nothing is loaded that the
manifest does not vouch for by hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.errors import ArtifactError
from bot.labels import LABELS, Label, Thresholds
from bot.screening.normalize import NORMALIZER_VERSION

MANIFEST, MODEL, TOKENIZER = "manifest.json", "model.onnx", "tokenizer.json"
DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "default_model"

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
PresetName = Literal["relaxed", "balanced", "strict"]
PRESET_NAMES: tuple[PresetName, ...] = ("relaxed", "balanced", "strict")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Part):
    """Platt scaling of one label: probability = sigmoid(scale × logit + bias)."""

    scale: Annotated[float, Field(gt=0.0)] = 1.0
    bias: float = 0.0


class PresetRule(_Part):
    """One label's threshold in a preset, and what it did on held-out data.

    ``precision`` and ``recall`` are None where nothing could be measured (no flagged or no labelled
    rows).
    """

    threshold: Probability
    precision: Probability | None = None
    recall: Probability | None = None


Measured = Mapping[PresetName, Mapping[Label, PresetRule]]
"""What each preset was measured to do, label by label."""


class Manifest(_Part):
    """``manifest.json``, checked."""

    format: Literal[1] = 1
    model_version: Annotated[str, Field(min_length=1, max_length=64)]
    base_model: str
    labels: tuple[Label, ...]
    max_tokens: Annotated[int, Field(ge=16, le=8192)]
    normalizer_version: int
    precision: Literal["int8", "fp16", "fp32"]
    calibration: dict[Label, Calibration]
    presets: dict[PresetName, dict[Label, PresetRule]]
    metrics: dict[str, float | dict[str, float]] = Field(default_factory=dict)
    trained_on: str = ""
    files: dict[str, str]  # file name → SHA-256, in hexadecimal

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.labels != LABELS:
            raise ValueError(f"labels must be {', '.join(LABELS)}, in this order")
        if set(self.calibration) != set(LABELS):
            raise ValueError("calibration must have an entry for each label")
        if set(self.presets) != set(PRESET_NAMES):
            raise ValueError(f"presets must be {', '.join(PRESET_NAMES)}")
        for name, rules in self.presets.items():
            if set(rules) != set(LABELS):
                raise ValueError(f"presets.{name} must have an entry for each label")
        if not {MODEL, TOKENIZER} <= set(self.files):
            raise ValueError(f"files must list {MODEL} and {TOKENIZER}")
        return self

    def preset(self, name: PresetName) -> Thresholds:
        """The thresholds of a preset."""
        rules = self.presets[name]
        return Thresholds.from_mapping({label: rules[label].threshold for label in LABELS})


def read(directory: Path) -> Manifest:
    """Read and check a model directory.

    Raises
    ------
    ArtifactError
        A file is missing or altered, or the manifest does not fit this version of Hexward.
    """
    path = directory / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            directory, f"{MANIFEST} is missing; is this a model directory?"
        ) from None
    except OSError as error:
        raise ArtifactError(path, f"cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ArtifactError(path, f"{field}: {first['msg']}") from None
    if manifest.normalizer_version != NORMALIZER_VERSION:
        raise ArtifactError(
            path,
            f"normalizer_version is {manifest.normalizer_version}, this version of Hexward has "
            f"{NORMALIZER_VERSION}; export the model again",
        )
    for name, expected in manifest.files.items():
        if Path(name).name != name:
            raise ArtifactError(path, f"files: {name!r} is not a plain file name")
        verify(directory / name, expected)
    return manifest


def verify(path: Path, expected: str) -> None:
    """Check one file against its SHA-256; `ArtifactError` names the file that fails."""
    try:
        found = sha256(path)
    except OSError as error:
        raise ArtifactError(path, f"cannot be read: {error.strerror}") from None
    if found != expected:
        raise ArtifactError(
            path, f"its SHA-256 is {found[:12]}…, the manifest says {expected[:12]}…; restore it"
        )


def write(directory: Path, manifest: Manifest) -> None:
    """Write ``manifest.json`` beside the files it lists, with their hashes as they are now."""
    hashes = {name: sha256(directory / name) for name in manifest.files}
    final = manifest.model_copy(update={"files": hashes})
    (directory / MANIFEST).write_text(final.model_dump_json(indent=2) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
