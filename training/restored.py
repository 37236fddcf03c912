"""A model directory back into a checkpoint, to train on from a model whose run is not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, NodeProto, numpy_helper
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from bot.labels import LABELS
from bot.screening import artifact
from training.config import TrainingError
from training.data import Floats
from training.graph import ATTENTION

_SPECIAL = {
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
    "cls_token": "[CLS]", "mask_token": "[MASK]",
}  # fmt: skip
_GELU = ("BiasGelu", "FastGelu", "Gelu")
# What the quantiser appends to a tensor's name.
_INTEGERS, _SCALE, _ZERO = "_quantized", "_scale", "_zero_point"


class RestoreError(TrainingError):
    """A model directory that no checkpoint can be made of."""


def restore(directory: Path, checkpoint: Path) -> None:
    """Make a checkpoint of a model directory: its network's weights in 32 bits, and its tokenizer.

    The weights are those that the integers stand for: what rounding took is gone, which moves a
    logit by a tenth or so. An early exit is left out, since `training.early_exit` makes it anew.

    Parameters
    ----------
    directory
        As `export` writes it, of a BERT with a pooler and a classifier.
    checkpoint
        A new or empty folder. `base.checkpoint` may name it afterwards.

    Raises
    ------
    RestoreError
        The network is not of that kind, or something lies in ``checkpoint`` already.
    ArtifactError
        The directory is damaged.
    """
    manifest = artifact.read(directory)
    if checkpoint.is_dir() and any(checkpoint.iterdir()):
        raise RestoreError(f"{checkpoint}: is not empty; name a new or empty folder")
    try:
        graph = onnx.load(str(directory / artifact.MODEL)).graph
        tensors, nodes = dict(_tensors(graph)), list(_nodes(graph))
        weights = _weights(tensors, nodes)
        model = BertForSequenceClassification(_config(weights, nodes))
        model.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})
    except (DecodeError, LookupError, RuntimeError, StopIteration, ValueError):
        raise RestoreError(
            f"{directory}: its network is not a BERT with a pooler and a head for the six labels, "
            "and of no other a checkpoint can be made; train on from the run that made it"
        ) from None
    model.save_pretrained(checkpoint)
    tokenizer = Tokenizer.from_file(str(directory / artifact.TOKENIZER))
    wrapped: PreTrainedTokenizerBase = cast(Any, PreTrainedTokenizerFast)(
        tokenizer_object=tokenizer, model_max_length=manifest.max_tokens, **_SPECIAL
    )
    wrapped.save_pretrained(checkpoint)


def _weights(tensors: dict[str, Floats], nodes: list[NodeProto]) -> dict[str, Floats]:
    """The state of `BertForSequenceClassification`, by the names of its modules."""
    found = {
        name.removeprefix("model."): tensor
        for name, tensor in tensors.items()
        if name.startswith("model.") and (".bias" in name or "LayerNorm" in name)
    }
    for name in tensors:
        if name.startswith("model.") and name.endswith(f"embeddings.weight{_INTEGERS}"):
            plain = name.removesuffix(_INTEGERS)
            found[plain.removeprefix("model.")] = _whole(tensors, plain)
    for node in nodes:
        if node.op_type == "MatMul":
            # /model/bert/encoder/layer.0/output/dense/MatMul is bert.encoder.layer.0.output.dense
            module = node.name.removeprefix("/model/").rpartition("/")[0].replace("/", ".")
            source = node.input[1].removesuffix("_DequantizeLinear_Output")
            if source in tensors or source + _INTEGERS in tensors:
                found[f"{module}.weight"] = np.ascontiguousarray(_whole(tensors, source).T)
        if node.op_type == ATTENTION:
            # ONNX Runtime's optimiser numbers what it joins, layer by layer.
            layer = node.name.rpartition("_")[2]
            parts = np.split(tensors[node.input[3]], 3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                found[f"bert.encoder.layer.{layer}.attention.self.{name}.bias"] = part
    return found


def _whole(tensors: dict[str, Floats], name: str) -> Floats:
    """A tensor as numbers with a point; integers have one scale, or one for each column."""
    if name in tensors:
        return tensors[name]
    integers, zero = tensors[name + _INTEGERS], tensors[name + _ZERO]
    found: Floats = (integers - zero) * tensors[name + _SCALE]
    return found


def _config(weights: dict[str, Floats], nodes: list[NodeProto]) -> BertConfig:
    def size(name: str) -> tuple[int, ...]:
        return weights[f"bert.{name}.weight"].shape

    if not any(node.op_type in _GELU for node in nodes):
        raise ValueError("its layers have another activation")
    attention = next(node for node in nodes if node.op_type == ATTENTION)
    normalised = next(node for node in nodes if node.op_type == "LayerNormalization")
    words, hidden = size("embeddings.word_embeddings")
    return BertConfig.from_dict(
        {
            "vocab_size": words,
            "hidden_size": hidden,
            "num_hidden_layers": sum(name.endswith("query.weight") for name in weights),
            "num_attention_heads": _attribute(attention, "num_heads").i,
            "intermediate_size": size("encoder.layer.0.intermediate.dense")[0],
            "max_position_embeddings": size("embeddings.position_embeddings")[0],
            "type_vocab_size": size("embeddings.token_type_embeddings")[0],
            "layer_norm_eps": _attribute(normalised, "epsilon").f,
            "id2label": {at: label.value for at, label in enumerate(LABELS)},
            "label2id": {label.value: at for at, label in enumerate(LABELS)},
            "problem_type": "multi_label_classification",
        }
    )


def _attribute(node: NodeProto, name: str) -> AttributeProto:
    found: AttributeProto = next(each for each in node.attribute if each.name == name)
    return found


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and those of its branches: what stays behind an early exit is one."""
    yield graph
    for node in graph.node:
        for each in node.attribute:
            if each.type == AttributeProto.GRAPH:
                yield from _graphs(each.g)


def _tensors(graph: GraphProto) -> Iterator[tuple[str, Floats]]:
    for each in _graphs(graph):
        for tensor in each.initializer:
            yield tensor.name, numpy_helper.to_array(tensor).astype(np.float32)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for each in _graphs(graph):
        yield from each.node
