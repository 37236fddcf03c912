from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ArtifactError
from bot.labels import LABELS, Label
from bot.screening import artifact
from bot.screening.normalize import NORMALIZER_VERSION
from tests.tiny_model import THRESHOLDS, write_tiny_model


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path)


def rewrite(directory: Path, **changes: Any) -> None:
    path = directory / artifact.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_written_is_read(directory: Path) -> None:
    manifest = artifact.read(directory)
    assert manifest.labels == LABELS
    assert manifest.preset("strict")[Label.THREAT] == THRESHOLDS["strict"]
    assert manifest.files[artifact.MODEL] == artifact.sha256(directory / artifact.MODEL)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": list(reversed(LABELS))}, "labels must be toxic, severe_toxic"),
        ({"labels": ["toxic", "rude"]}, "labels"),
        ({"format": 2}, "format"),
        ({"max_tokens": 2}, "max_tokens"),
        (
            {"normalizer_version": 99},
            f"normalizer_version is 99, this version of Hexward has {NORMALIZER_VERSION}",
        ),
        ({"calibration": {}}, "calibration must have an entry for each label"),
        ({"presets": {}}, "presets must be relaxed, balanced, strict"),
        ({"surprise": 1}, "surprise"),
        ({"files": {}}, "files must list"),
        ({"precision": "fp64"}, "precision"),
    ],
)
def test_a_manifest_that_does_not_fit_names_the_field(
    directory: Path, changes: dict[str, Any], said: str
) -> None:
    rewrite(directory, **changes)
    with pytest.raises(ArtifactError, match=said) as caught:
        artifact.read(directory)
    assert artifact.MANIFEST in str(caught.value)


@pytest.mark.parametrize("name", [artifact.MODEL, artifact.TOKENIZER])
def test_an_altered_or_missing_file_is_named(directory: Path, name: str) -> None:
    path = directory / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ArtifactError, match=rf"{name}: its SHA-256 is"):
        artifact.read(directory)
    path.unlink()
    with pytest.raises(ArtifactError, match=rf"{name}: cannot be read"):
        artifact.read(directory)


def test_a_manifest_cannot_point_elsewhere(directory: Path) -> None:
    files = artifact.read(directory).files
    rewrite(directory, files=files | {"../secret": "0" * 64})
    with pytest.raises(ArtifactError, match="not a plain file name"):
        artifact.read(directory)


def test_a_manifest_that_is_missing_or_no_json(directory: Path) -> None:
    (directory / artifact.MANIFEST).write_text("{")
    with pytest.raises(ArtifactError, match="the file"):
        artifact.read(directory)
    (directory / artifact.MANIFEST).unlink()
    with pytest.raises(ArtifactError, match="is this a model directory"):
        artifact.read(directory)
