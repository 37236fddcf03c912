"""A checkpoint as an int8 ONNX graph, in a directory that the bot can load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from tokenizers import Tokenizer
from transformers import AutoTokenizer

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
from bot.screening.model import Model, load_model
from bot.screening.normalize import NORMALIZER_VERSION
from training.config import Experiment
from training.graph import to_onnx
from training.origins import cited

RANGE_TEXTS = 512
"""Texts in which the range of every activation is measured."""


def quantise_checkpoint(
    experiment: Experiment, trained: Path, texts: Sequence[str], directory: Path
) -> None:
    """A trained checkpoint's directory → a model directory in int8, not yet calibrated.

    The graph is `training.graph.to_onnx`'s. The manifest's calibration leaves logits as they are,
    and all its thresholds are 0.5.

    Parameters
    ----------
    texts
        Texts of the kind the model will read. The ranges of the activations are measured in the
        first `RANGE_TEXTS` of them; no label is looked at.
    """
    directory.mkdir(exist_ok=True)
    checkpoint = load_model(str(trained.resolve()))
    with tempfile.TemporaryDirectory() as scratch:
        exact = to_onnx(trained, Path(scratch) / "fp32.onnx")
        quantise(exact, directory / MODEL, _Windows(checkpoint, texts[:RANGE_TEXTS], exact))
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


def quantise(fp32: Path, path: Path, inputs: CalibrationDataReader) -> None:
    """Weights to int8, each output channel with a scale of its own; activations to 8 bits, each
    tensor with a range that was measured beforehand.

    Ranges that are measured while the network runs would be those of a whole batch, and a text's
    scores would depend on its neighbours: it could not be batched. Fixed ones are also quicker.

    Processors with AVX2 but without VNNI add pairs of 8 × 8 bit products in 16 bits, which overflow
    unless the weights keep to 7 bits: ``reduce_range`` makes the scores the same everywhere. The
    embeddings are looked up and never multiplied, so they keep all 8 bits. The classifier is a
    hundredth of the work and stays as it is.
    """
    with tempfile.TemporaryDirectory() as scratch:
        lookups = Path(scratch) / "lookups.onnx"
        quantize_dynamic(
            fp32, lookups, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8
        )
        graph = onnx.load(str(lookups))
        for node in graph.graph.node:
            if node.domain:  # ONNX cannot tell what ONNX Runtime's own kernels give
                graph.graph.value_info.append(
                    onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
                )
        onnx.save(graph, str(lookups))
        quantize_static(
            lookups,
            path,
            inputs,
            quant_format=QuantFormat.QDQ,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=_classifier(onnx.load(str(fp32))),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            extra_options={
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
                "MatMulConstBOnly": True,
            },
        )


def _classifier(model: onnx.ModelProto) -> list[str]:
    """The products after the encoder, as the quantiser names them once it has split them up."""
    return [
        f"{node.name}{part}"
        for node in model.graph.node
        if node.op_type == "Gemm"
        for part in ("", "_MatMul")
    ]


class _Windows(CalibrationDataReader):  # type: ignore[misc]  # without types
    """What the network gets for some texts, one window at a time: padding has a range as well."""

    def __init__(self, model: Model, texts: Sequence[str], graph: Path) -> None:
        self._names = [each.name for each in onnx.load(str(graph)).graph.input]
        self._windows: Iterator[tuple[int, ...]] = iter(
            [window for each in model.prepare(texts) for window in each.windows]
        )

    def get_next(self) -> dict[str, Any] | None:
        window = next(self._windows, None)
        if window is None:
            return None
        ids = np.array([window], dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return {name: known.get(name, np.zeros_like(ids)) for name in self._names}
