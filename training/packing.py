"""An ONNX graph in which only attention sees padding.

The texts of a batch are filled up to the longest of them. Nearly all of a BERT looks at one token
at a time, and there the filling is work for nothing. Here it is left out: the tokens of all texts
stand side by side, [1, all tokens, d], and are filled up again only where they meet, in attention
(Zhai et al. 2023, "ByteTransformer: A High-Performance Transformer Boosted for Variable-Length
Inputs"). The graph's inputs and its output stay what they were.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper

from bot.screening import artifact
from bot.screening.backends import PACKED, OnnxBackend
from bot.screening.model import load_model
from training.exit_graph import STAYS, copied
from training.graph import ATTENTION, TOKENWISE

log = logging.getLogger(__name__)

_TOKENWISE = TOKENWISE | {"DequantizeLinear", "QuantizeLinear"}
_MASK = "attention_mask"

_TRIED = 8
_SAME_LOGIT = 1e-3

_NAMES = "packed/"
_ONE_ROW, _FLAT, _ONE, _FIRST = (f"{_NAMES}{name}" for name in ("row", "flat", "one", "first"))
_AXIS = f"{_NAMES}axis"
# 0 keeps the size of a state, whatever it is
_CONSTANTS = {_ONE_ROW: [1, -1, 0], _FLAT: [-1], _ONE: [1], _FIRST: [0], _AXIS: 0}


def pack(directory: Path, texts: Sequence[str]) -> None:
    """Have the graph of a model directory compute padding in attention alone: see `packed`.

    Parameters
    ----------
    directory
        As `training.quantise.quantise_checkpoint` or `training.early_exit.add_exit` leave it.
    texts
        Some of several lengths. A graph that then says something else of them is not kept.
    """
    path = directory / artifact.MODEL
    manifest, before = artifact.read(directory), onnx.load(str(path))
    after = packed(before)
    prepared = load_model(str(directory.resolve()), threads=1).prepare(texts[:_TRIED])
    if _says_the_same(path, after, [each.windows[0] for each in prepared]):
        onnx.save(after, str(path))
        artifact.write(directory, manifest)
    else:
        log.info("this network cannot do without padding: its batches are filled up")


def _says_the_same(path: Path, after: ModelProto, windows: Sequence[Sequence[int]]) -> bool:
    """Whether a graph gives the logits of the one in a file."""
    wanted = OnnxBackend(path, pad_id=0, threads=1).logits(windows)
    with tempfile.TemporaryDirectory() as scratch:
        tried = Path(scratch) / artifact.MODEL
        onnx.save(after, str(tried))
        try:
            found = OnnxBackend(tried, pad_id=0, threads=1).logits(windows)
        except Exception:  # whatever ONNX Runtime raises of a graph that does not fit
            return False
    return bool(np.allclose(wanted, found, atol=_SAME_LOGIT))


def packed(model: ModelProto) -> ModelProto:
    """A copy that computes padding in attention alone; its logits are the same.

    Its metadata say so, under `bot.screening.backends.PACKED`.

    Parameters
    ----------
    model
        Inputs ``input_ids`` and ``attention_mask``, [batch, tokens], each row filled up behind its
        text; with an exit of `training.exit_graph.with_exit`, or without. Where tokens meet in
        other ways than in ONNX Runtime's joined attention, or something else than a BERT's
        operators reads them, they would have to be filled up for more than that: the copy is then
        as the graph was.
    """
    whole, model = model, copied(model)
    graph = model.graph
    embedded = next((n.input[0] for n in graph.node if n.op_type == "LayerNormalization"), "")
    front = _Packing(_MASK, _NAMES, {embedded}, {each.name for each in graph.input})
    both = [front]
    for node in graph.node:
        if node.op_type == "If":
            both += [_branch(each.g, front) for each in node.attribute]
        front.add(node)
    attentions = [without_padding for part in both for without_padding in part.attentions]
    if not (attentions and all(attentions)) or any(p.key == PACKED for p in model.metadata_props):
        return copied(whole)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(front.nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in _CONSTANTS.items()
    )
    model.metadata_props.add(key=PACKED, value="yes")
    return model


def _branch(graph: onnx.GraphProto, front: _Packing) -> _Packing:
    """Pack what lies behind an exit: the texts that stay."""
    starts = set()
    for node in graph.node:
        if node.op_type == "Gather" and node.input[1] == STAYS and front.holds(node.input[0]):
            starts.add(node.output[0])
        front.fill_up_inputs(node)
    mask = f"{_NAMES}staying_mask"
    back = _Packing(mask, f"{_NAMES}staying/", starts, front.varying)
    for node in graph.node:
        back.add(node)
    if starts:
        del graph.node[:], graph.value_info[:]
        graph.node.append(helper.make_node("Gather", [_MASK, STAYS], [mask], axis=0))
        graph.node.extend(back.nodes)
    return back


class _Packing:
    """Rewrites the nodes of one graph, in their order.

    Parameters
    ----------
    mask
        The tensor that tells where padding is, [batch, tokens].
    names
        What the names of new tensors begin with.
    starts
        Token states, [batch, tokens, d], from which on tokens are packed.
    varying
        Tensors from outside that are not constants.

    Attributes
    ----------
    nodes
        That were written so far.
    attentions
        Of each attention among them, whether its keys came without padding.
    """

    def __init__(self, mask: str, names: str, starts: Set[str], varying: Set[str]) -> None:
        self._names, self._starts = names, starts
        self.varying = set(varying)
        self.attentions: list[bool] = []
        self._packed: dict[str, str] = {}  # name → name of the same, packed
        self._filled: dict[str, str] = {}  # name of what is packed → of the same, filled up
        flat, places, count, before, shape, self._sources = (
            f"{names}{name}" for name in ("mask", "places", "count", "before", "shape", "sources")
        )
        self._places = f"{names}real"
        self.nodes = [
            helper.make_node("Reshape", [mask, _FLAT], [flat]),
            # where the real tokens stand among all: [real tokens]
            helper.make_node("NonZero", [flat], [places]),
            helper.make_node("Squeeze", [places, _FIRST], [self._places]),
            # which of the real tokens stands at a place, or the last before it: [batch, tokens]
            helper.make_node("CumSum", [flat, _AXIS], [count]),
            helper.make_node("Sub", [count, _ONE], [before]),
            helper.make_node("Shape", [mask], [shape]),
            helper.make_node("Reshape", [before, shape], [self._sources]),
        ]

    def holds(self, name: str) -> bool:
        """Whether a tensor is packed."""
        return name in self._packed

    def add(self, node: NodeProto) -> None:
        """Write a node as it has to be."""
        varying = [name for name in node.input if name in self.varying]
        if varying:
            self.varying.update(node.output)
        by_a_weight = node.op_type != "MatMul" or len(varying) == 1
        if node.op_type in _TOKENWISE and by_a_weight and varying and all(map(self.holds, varying)):
            for at, name in enumerate(node.input):
                node.input[at] = self._packed.get(name, name)
            self.nodes.append(node)
            self._packed.update({name: name for name in node.output})
            return
        goes_on = node.op_type == ATTENTION and self.holds(node.input[0])
        if node.op_type == ATTENTION:
            self.attentions.append(self.holds(node.input[1]))
        self.fill_up_inputs(node)
        self.nodes.append(node)
        for name in node.output:
            if goes_on or name in self._starts:
                self._pack(name)

    def fill_up_inputs(self, node: NodeProto) -> None:
        """Let a node read what is packed as it was."""
        for at, name in enumerate(node.input):
            if name in self._packed:
                node.input[at] = self._fill_up(self._packed[name])

    def _pack(self, name: str) -> None:
        row, self._packed[name] = f"{self._names}{name}/row", f"{self._names}{name}"
        self.nodes += [
            helper.make_node("Reshape", [name, _ONE_ROW], [row]),
            helper.make_node("Gather", [row, self._places], [self._packed[name]], axis=1),
        ]

    def _fill_up(self, name: str) -> str:
        if name not in self._filled:
            around = f"{self._names}{name}/around"
            self._filled[name] = f"{self._names}{name}/filled_up"
            self.varying.add(self._filled[name])
            self.nodes += [
                helper.make_node("Gather", [name, self._sources], [around], axis=1),
                helper.make_node("Squeeze", [around, _FIRST], [self._filled[name]]),
            ]
        return self._filled[name]
