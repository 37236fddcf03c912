"""A checkpoint as an int8 ONNX graph, in a directory that the bot can load."""

from __future__ import annotations

import inspect
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from bot.labels import LABELS
from bot.screening.artifact import (
    MODEL,
    PRESET_NAMES,
    TOKENIZER,
    Calibration,
    Manifest,
    PresetRule,
    write,
)
from bot.screening.model import load_model
from bot.screening.normalize import NORMALIZER_VERSION
from training.config import Experiment
from training.origins import cited

OPSET = 17


def quantise_checkpoint(experiment: Experiment, trained: Path, directory: Path) -> None:
    """A trained checkpoint's directory → a model directory in int8, not yet calibrated.

    The graph takes ``input_ids``, ``attention_mask`` and, if the model knows them,
    ``token_type_ids`` (int64, both axes dynamic: [batch, tokens]) and gives ``logits`` (float32,
    [batch, 6]). The manifest's calibration leaves logits as they are, and all its thresholds are
    0.5.
    """
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        quantise(to_onnx(trained, Path(scratch) / "fp32.onnx"), directory / MODEL)
    checkpoint = load_model(str(trained.resolve()))
    tokenizer = Tokenizer.from_str(
        AutoTokenizer.from_pretrained(trained).backend_tokenizer.to_str()
    )
    # Cutting and padding are the reader's business; baked in, they would act behind its back.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(directory / TOKENIZER))
    artifact = experiment.artifact
    manifest = Manifest(
        model_version=artifact.model_version,
        base_model=cited(experiment.base),
        labels=LABELS,
        max_tokens=checkpoint.max_tokens,
        normalizer_version=NORMALIZER_VERSION,
        precision="int8",
        calibration={label: Calibration() for label in LABELS},
        presets={
            name: {label: PresetRule(threshold=0.5) for label in LABELS} for name in PRESET_NAMES
        },
        trained_on=artifact.trained_on,
        files=dict.fromkeys((MODEL, TOKENIZER), ""),
    )
    write(directory, manifest)


def to_onnx(trained: Path, path: Path) -> Path:
    """The checkpoint as an fp32 ONNX graph, both axes dynamic."""
    # "eager" attention traces to plain matrix products, which quantise and fuse.
    model = AutoModelForSequenceClassification.from_pretrained(
        trained, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    ids = torch.tensor([[101, 7592, 102, 0], [101, 7592, 2088, 102]]) % model.config.vocab_size
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in inspect.signature(model.forward).parameters:
        inputs["token_type_ids"] = torch.zeros_like(ids)
    with warnings.catch_warnings():
        # The tracing exporter is the old one, but needs no further package, and for a graph without
        # branches it is all there is to need. Its other warnings are about such branches.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Graph(model, tuple(inputs)).eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in inputs}
            | {"logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return path


def quantise(fp32: Path, path: Path) -> None:
    """Weights to int8, each output channel with a scale of its own; activations when run.

    Processors with AVX2 but without VNNI add pairs of 8 × 8 bit products in 16 bits, which overflow
    unless the weights keep to 7 bits: ``reduce_range`` makes the scores the same everywhere. The
    embeddings are looked up and never multiplied, so they keep all 8 bits.
    """
    with tempfile.TemporaryDirectory() as scratch:
        lookups = Path(scratch) / "lookups.onnx"
        quantize_dynamic(
            fp32, lookups, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8
        )
        quantize_dynamic(
            lookups,
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
    onnx.checker.check_model(str(path))


class _Graph(torch.nn.Module):
    """The checkpoint with positional inputs and the bare logits."""

    def __init__(self, model: PreTrainedModel, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self._inputs = model, inputs

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(**dict(zip(self._inputs, values, strict=True))).logits
        return logits
