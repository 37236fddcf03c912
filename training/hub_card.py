"""The model card as the hub wants it: the exported card under a block of YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from bot.screening.artifact import Manifest
from training.config import TrainingError

# The block at the top of a card; the hub's own pattern also finds one further down.
BLOCK = re.compile(r"\A\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
TASK = "text-classification"
METRICS = {"roc_auc": "Mean ROC AUC", "average_precision": "Mean average precision"}
TAGS = ("bert", "content-moderation", "hexward", "multi-label", "onnx", "toxicity")


class CardError(TrainingError):
    """A model card that cannot go to the hub; names the file and the field."""


def hub_card(path: Path, manifest: Manifest, licence: str | None = None) -> bytes:
    """The card with its metadata complete.

    What the card's own YAML block says stays. Added where it says nothing: the licence that is
    given here, ``pipeline_tag``, ``library_name``, ``base_model`` (if it is a hub name), ``tags``
    (always completed), ``metrics``, and the manifest's mean figures as ``model-index``. Language
    and data sets are only known to the card: it names them in its block.

    Parameters
    ----------
    path
        The exported ``README.md``.
    manifest
        The manifest beside it.
    licence
        One of the hub's identifiers, such as ``apache-2.0``.

    Returns
    -------
    bytes
        UTF-8, the same for the same input.

    Raises
    ------
    CardError
        The card is missing or empty, its block is not YAML or holds a wrong field, or no licence is
        named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CardError(f"{path} is missing; export the model again") from None
    except OSError as error:
        raise CardError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CardError(f"{path}: not UTF-8: {error}") from None
    stated, prose = _divide(path, text)
    if not prose.strip():
        raise CardError(f"{path} is empty; export the model again")
    if not stated.get("license"):
        if not licence:
            raise CardError(
                f"{path}: no licence is named; set artifact.license (apache-2.0, say), give "
                "--license, or begin the card with a YAML block that has `license: …`"
            )
        stated["license"] = licence
    try:
        block = ModelCardData(**_completed(stated, manifest)).to_yaml()
    except (TypeError, ValueError) as error:
        raise CardError(f"{path}: its YAML block cannot be used: {error}") from None
    return f"---\n{block.strip()}\n---\n\n{prose.lstrip()}".encode()


def _divide(path: Path, text: str) -> tuple[dict[str, Any], str]:
    found = BLOCK.match(text)
    if found is None:
        return {}, text
    try:
        block = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise CardError(f"{path}: its block is not YAML: {line}") from None
    if block is None:
        return {}, text[found.end() :]
    if not isinstance(block, dict) or not all(isinstance(name, str) for name in block):
        raise CardError(f"{path}: its YAML block must give each field as `name: value`")
    return block, text[found.end() :]


def _completed(stated: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    tags = stated.get("tags") or []
    if isinstance(tags, str):
        tags = [tags]
    if not isinstance(tags, list):
        raise TypeError(f"tags must be a list, not {tags!r}")
    fields: dict[str, Any] = {"pipeline_tag": TASK, "library_name": "transformers"}
    if HUB_NAME.fullmatch(manifest.base_model):
        fields["base_model"] = manifest.base_model
    means = _means(manifest)
    if means:
        fields["metrics"] = list(means)
    fields |= {name: value for name, value in stated.items() if value is not None}
    fields["tags"] = [*tags, *(tag for tag in TAGS if tag not in tags)]
    if means and "model-index" not in fields:
        fields["model_name"] = manifest.model_version
        fields["eval_results"] = _results(means, fields.get("datasets"))
    return fields


def _means(manifest: Manifest) -> dict[str, float]:
    found = {}
    for name in METRICS:
        figures = manifest.metrics.get(name)
        if isinstance(figures, dict) and "mean" in figures:
            found[name] = figures["mean"]
    return found


def _results(means: dict[str, float], datasets: Any) -> list[EvalResult]:
    named = [datasets] if isinstance(datasets, str) else datasets or []
    dataset = str(named[0]) if named else "held-out"
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=dataset,
            dataset_name="Held-out rows of the training data",
            metric_type=name,
            metric_name=METRICS[name],
            metric_value=value,
        )
        for name, value in means.items()
    ]
