"""An ONNX graph in which harmless texts leave half way.

The graph is cut behind one of the encoder's layers. What lies before it, the front, runs for the
whole batch; a small head reads its token states and guesses the logits. What lies behind, the back,
becomes a branch that gets only the texts of which the head is not sure. The graph's inputs and its
output stay what they were: whoever runs it need not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bot.labels import LABELS
from training.config import TrainingError

Matrix = npt.NDArray[np.float32]

LOGITS = "logits"

_EXIT = "early_exit/"
STAYS = f"{_EXIT}stays"
"""The tensor with the places of the texts that stay, [staying]."""
_GUESS, _ANY = f"{_EXIT}guess", f"{_EXIT}any_stays"
_WHOLE, _LAST = f"{_EXIT}whole", f"{_EXIT}last_axis"
_BELOW_ANY_STATE = -1e4
_ON_BOTH_SIDES = frozenset({"Constant", "DequantizeLinear"})


class ExitError(TrainingError):
    """The network cannot be given an exit as asked."""


@dataclass(frozen=True, slots=True)
class Head:
    """Two layers that guess a text's logits from a layer's token states.

    They read three vectors side by side: the first token's state, and the mean and the maximum over
    all tokens. With d the size of a state, w the head's width:

    Attributes
    ----------
    inner, inner_bias
        [3 d, w] and [w]; followed by GELU (its tanh form).
    outer, outer_bias
        [w, 6] and [6].
    """

    inner: Matrix
    inner_bias: Matrix
    outer: Matrix
    outer_bias: Matrix


@dataclass(frozen=True, slots=True)
class States:
    """A tensor of token states, [batch, tokens, `size`]."""

    name: str
    size: int


def states_of(model: ModelProto, layers: int) -> States:
    """The token states behind so many of the encoder's layers.

    Raises
    ------
    ExitError
        The network has no more layers than that, or is not of BERT's shape, with one normalisation
        behind the embeddings and two in each layer.
    """
    normalised = [node for node in model.graph.node if node.op_type == "LayerNormalization"]
    of_layers, left_over = divmod(len(normalised) - 1, 2)
    if left_over or of_layers < 1:
        raise ExitError("this network is not of BERT's shape; take artifact.early_exit out")
    if not 1 <= layers < of_layers:
        raise ExitError(
            f"artifact.early_exit.layers is {layers}; the network has {of_layers}, and some must "
            "be left behind the exit"
        )
    node = normalised[2 * layers]
    weight = next(each for each in model.graph.initializer if each.name == node.input[1])
    return States(node.output[0], weight.dims[0])


def with_exit(model: ModelProto, layers: int, head: Head, surely_below: float) -> ModelProto:
    """A copy in which texts whose guessed logits are all below a limit leave early.

    Parameters
    ----------
    model
        Inputs ``input_ids`` and ``attention_mask``, output ``logits`` ([batch, 6]).
    layers
        That all texts pass.
    surely_below
        The limit, a logit.

    Raises
    ------
    ExitError
        As in `states_of`, or what passes the cut is not one row per text.
    """
    model = copied(model)
    graph = model.graph
    states = states_of(model, layers).name
    front, back = _cut(graph, states)
    decisions, constants = _decisions(states, head, surely_below)

    made = {name for node in front for name in node.output}
    passed = sorted({name for node in back for name in node.input if name in made})
    _rename(back, {**{name: f"{_EXIT}{name}" for name in passed}, LOGITS: _WHOLE})
    behind = [
        *(helper.make_node("Gather", [name, STAYS], [f"{_EXIT}{name}"], axis=0) for name in passed),
        *back,
        helper.make_node("Unsqueeze", [STAYS, _LAST], [f"{_EXIT}rows"]),
        helper.make_node("ScatterND", [_GUESS, f"{_EXIT}rows", _WHOLE], [f"{_EXIT}mixed"]),
    ]
    # A branch keeps its own weights: ONNX Runtime prepares those for its kernels.
    read_before = {name for node in (*front, *decisions) for name in node.input}
    read_behind = {name for node in back for name in node.input} - read_before
    own = [each for each in graph.initializer if each.name in read_behind]
    rest = [each for each in graph.initializer if each.name not in read_behind]
    branch = helper.make_node(
        "If",
        [_ANY],
        [LOGITS],
        then_branch=helper.make_graph(behind, "back", [], [_rows_of_six(f"{_EXIT}mixed")], own),
        else_branch=helper.make_graph(
            [helper.make_node("Identity", [_GUESS], [f"{_EXIT}guess_alone"])],
            "guess",
            [],
            [_rows_of_six(f"{_EXIT}guess_alone")],
        ),
    )
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend([*front, *decisions, branch])
    graph.initializer.extend([*rest, *constants])
    return model


def _cut(graph: onnx.GraphProto, states: str) -> tuple[list[NodeProto], list[NodeProto]]:
    """Nodes before and behind the cut, in their order.

    Constants, and what scales a tensor back from 8 bits, stand on both sides: ONNX Runtime joins
    the latter with their readers, and the tensor itself is then passed on in 8 bits.
    """
    makers = {name: node for node in graph.node for name in node.output}
    before: set[str] = set()
    wanted = [states]
    while wanted:
        name = wanted.pop()
        if name in makers and name not in before:
            before.update(makers[name].output)
            wanted += makers[name].input
    behind = [copied(node) for node in graph.node if node.output[0] not in before]
    # The states themselves are read through such a pair, which stands behind them.
    front = [node for node in graph.node if node.output[0] in before]
    doubled: dict[str, NodeProto] = {}
    wanted = [name for node in behind for name in node.input]
    while wanted:
        name = wanted.pop()
        if name in before and makers[name].op_type in _ON_BOTH_SIDES and name not in doubled:
            doubled[name] = copied(makers[name])
            wanted += makers[name].input
    both = [doubled[node.output[0]] for node in graph.node if node.output[0] in doubled]
    back = [*both, *behind]
    _rename(back, {name: f"{_EXIT}{name}" for name in doubled})
    return front, back


def _decisions(
    states: str, head: Head, surely_below: float
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes that guess the logits and tell which texts stay, and their constants."""
    constants: list[TensorProto] = []

    def constant(name: str, value: npt.ArrayLike, kind: type[np.generic]) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, kind), f"{_EXIT}{name}"))
        return f"{_EXIT}{name}"

    nodes: list[NodeProto] = []

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        output = output if output.startswith(_EXIT) else f"{_EXIT}{output}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    zero, one = constant("zero", [0], np.int64), constant("one", [1], np.int64)
    two, tokens = constant("two", [2], np.int64), one
    constants.append(numpy_helper.from_array(np.array([1], np.int64), _LAST))
    first = node("Slice", [states, zero, one, tokens], "first_token")
    first = node("Squeeze", [first, tokens], "first")
    mask = node("Unsqueeze", ["attention_mask", two], "mask")
    there = node("Cast", [mask], "there", to=TensorProto.BOOL)
    ones = node("Cast", [mask], "ones", to=TensorProto.FLOAT)
    total = node("ReduceSum", [node("Mul", [states, ones], "kept"), tokens], "sum", keepdims=0)
    count = node("ReduceSum", [ones, tokens], "count", keepdims=0)
    mean = node("Div", [total, count], "mean")
    low = constant("low", _BELOW_ANY_STATE, np.float32)
    highest = node("Where", [there, states, low], "unpadded")
    highest = node("ReduceMax", [highest], "highest", axes=[1], keepdims=0)
    read = node("Concat", [first, mean, highest], "read", axis=1)
    weights = [
        constant(name, getattr(head, name), np.float32)
        for name in ("inner", "inner_bias", "outer", "outer_bias")
    ]
    hidden = node("Gemm", [read, *weights[:2]], "hidden")
    hidden = node("FastGelu", [hidden], "bent", domain="com.microsoft")
    guess = node("Gemm", [hidden, *weights[2:]], _GUESS)
    limit = constant("limit", surely_below, np.float32)
    unsure = node("ReduceMax", [guess], "most", axes=[1], keepdims=0)
    unsure = node("GreaterOrEqual", [unsure, limit], "unsure")
    stays = node("NonZero", [unsure], "places")
    node("Squeeze", [stays, zero], STAYS)
    count = node("Size", [STAYS], "staying")
    node("Greater", [count, constant("none", 0, np.int64)], _ANY)
    return nodes, constants


def _rename(nodes: list[NodeProto], names: dict[str, str]) -> None:
    for node in nodes:
        for field in (node.input, node.output):
            for at, name in enumerate(field):
                field[at] = names.get(name, name)


def _rows_of_six(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", len(LABELS)])


_Message = TypeVar("_Message", ModelProto, NodeProto)


def copied(message: _Message) -> _Message:
    """The same once more, to be changed."""
    twin = type(message)()
    twin.CopyFrom(message)
    return twin
