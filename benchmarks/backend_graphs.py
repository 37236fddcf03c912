"""The network that ships, with random weights, in every form in which a library may run it.

The checkpoint is made here, so that the comparison runs on any machine; the time does not depend on
the weights. The graphs come from the trainer's own export.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from transformers import BertConfig, BertForSequenceClassification
from transformers import logging as transformers_logging

from benchmarks.backend_sides import Network
from bot.labels import LABELS
from training.graph import to_onnx
from training.quantise import quantise

BLOCKS = (32, 128)  # weights that share a scale where weights alone are quantised
RANGE_ROWS = 4  # of each length, in which static int8's ranges are measured
RANGE_LENGTHS = (8, 16, 32, 64)  # tokens
_INT8_WORST = 255  # of an activation; two of its products are added in 16 bits


@dataclass(frozen=True, slots=True)
class Forms:
    """Where the forms of one network are.

    Attributes
    ----------
    checkpoint
        A directory with fp32 weights, for PyTorch.
    exact
        The fp32 graph of `training.graph.to_onnx`.
    dynamic, static
        That graph in int8, activations scaled as they come or by ranges measured beforehand.
    whole, whole_static
        Without `training.graph.first_token_only`, in fp32 and in static int8.
    weights
        Only the weights in 8 bits, by the length of the blocks that share a scale.
    """

    checkpoint: Path
    exact: Path
    dynamic: Path
    static: Path
    whole: Path
    whole_static: Path
    weights: dict[int, Path]


def make_forms(network: Network, folder: Path) -> Forms:
    """Draw the weights and write all forms into an empty directory."""
    logging.disable(logging.WARNING)  # the exporters tell of every step
    try:
        return _make_forms(network, folder)
    finally:
        logging.disable(logging.NOTSET)


def _make_forms(network: Network, folder: Path) -> Forms:
    quiet: Any = transformers_logging
    quiet.disable_progress_bar()
    torch.manual_seed(0)
    config = BertConfig.from_dict(
        {
            "vocab_size": network.vocabulary,
            "num_hidden_layers": network.layers,
            "hidden_size": network.hidden,
            "num_attention_heads": network.heads,
            "intermediate_size": network.inner,
            "num_labels": len(LABELS),
            "problem_type": "multi_label_classification",
        }
    )
    checkpoint = folder / "checkpoint"
    BertForSequenceClassification(config).save_pretrained(checkpoint)
    exact = to_onnx(checkpoint, folder / "fp32.onnx")
    whole = to_onnx(checkpoint, folder / "whole.onnx", whole=True)
    dynamic, static = folder / "dynamic.onnx", folder / "static.onnx"
    quantize_dynamic(
        exact,
        dynamic,
        op_types_to_quantize=["Gather", "MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={
            "MatMulConstBOnly": True,
            # ONNX cannot tell what ONNX Runtime's own kernels give.
            "DefaultTensorType": onnx.TensorProto.FLOAT,
        },
    )
    quantise(exact, static, _Rows(exact, network.vocabulary))
    whole_static = folder / "whole_static.onnx"
    quantise(whole, whole_static, _Rows(whole, network.vocabulary))
    weights = {block: _weights_only(exact, folder, block) for block in BLOCKS}
    return Forms(checkpoint, exact, dynamic, static, whole, whole_static, weights)


def _weights_only(exact: Path, folder: Path, block: int) -> Path:
    quantiser = MatMulNBitsQuantizer(
        onnx.load(str(exact)), bits=8, block_size=block, is_symmetric=True, accuracy_level=4
    )
    quantiser.process()
    path = folder / f"weights_{block}.onnx"
    quantiser.model.save_model_to_file(str(path))
    return path


def worst_pair(path: Path) -> int:
    """The largest sum of two neighbouring products of 8-bit activations with a graph's weights.

    Processors with AVX2 but without VNNI add such pairs in 16 bits, so a sum over 32,767 would be
    cut off there (Intel 64 manual, VPMADDUBSW).

    Returns
    -------
    int
        At least zero; zero where no product has int8 weights.
    """
    graph = onnx.load(str(path)).graph
    pairs = [0]
    for weight in _multiplied(graph):
        rows = np.abs(numpy_helper.to_array(weight).astype(np.int64))
        if len(rows) % 2:
            rows = np.vstack([rows, np.zeros_like(rows[:1])])
        pairs.append(int((rows[0::2] + rows[1::2]).max()) * _INT8_WORST)
    return max(pairs)


def _multiplied(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """The int8 weights of all matrix products."""
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    for weight in graph.initializer:
        if weight.data_type != onnx.TensorProto.INT8 or len(weight.dims) != 2:
            continue
        uses = [
            after
            for node in readers[weight.name]
            for after in (readers[node.output[0]] if node.op_type == "DequantizeLinear" else [node])
        ]
        if any("MatMul" in node.op_type for node in uses):
            yield weight


class _Rows(CalibrationDataReader):  # type: ignore[misc]  # without types
    """Rows of token ids in which the ranges of the activations are measured."""

    def __init__(self, graph: Path, vocabulary: int) -> None:
        names = [each.name for each in onnx.load(str(graph)).graph.input]
        draw = np.random.default_rng(0)
        self._feeds: Iterator[dict[str, Any]] = iter(
            [
                _feed(names, draw.integers(0, vocabulary, (RANGE_ROWS, length)))
                for length in RANGE_LENGTHS
            ]
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def _feed(names: Sequence[str], ids: NDArray[np.int64]) -> dict[str, Any]:
    known = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return {name: known.get(name, np.zeros_like(ids)) for name in names}
