"""The int8 products of a network, in a graph that holds nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True, slots=True)
class Product:
    """A constant 8-bit matrix that the network multiplies with.

    Attributes
    ----------
    rows, columns
        Of the matrix.
    per_text
        It is multiplied with one row of each text, its first token's, and not with all.
    behind_exit
        Texts that leave early do not come to it.
    """

    rows: int
    columns: int
    per_text: bool = False
    behind_exit: bool = False


def products_of(path: Path) -> list[Product]:
    """The int8 products of a network in their order."""
    graph = onnx.load(path).graph
    found = list(_products_in(graph, behind_exit=False))
    for node in graph.node:
        if node.op_type == "If":
            whole = next(each.g for each in node.attribute if each.name == "then_branch")
            found += _products_in(whole, behind_exit=True)
    return found


def _products_in(graph: onnx.GraphProto, *, behind_exit: bool) -> Iterator[Product]:
    matrices = {
        each.name: tuple(int(size) for size in each.dims)
        for each in graph.initializer
        if each.data_type == TensorProto.INT8 and len(each.dims) == 2
    }
    first: set[str] = set()  # what holds first tokens alone
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in matrices:
            matrices[node.output[0]] = matrices[node.input[0]]
        # of attention, which reads all tokens, the query says how many it gives
        leading = node.input[:1] if "Attention" in node.op_type else node.input
        if node.output[0].endswith("_first_token") or first.intersection(leading):
            first.update(node.output)
        if "MatMul" in node.op_type and node.input[1] in matrices:
            rows, columns = matrices[node.input[1]]
            yield Product(rows, columns, node.input[0] in first, behind_exit)


def run_products(
    session: onnxruntime.InferenceSession,
    fed: dict[tuple[int, bool], NDArray[np.uint8]],
    sizes: Sequence[tuple[int, int]],
) -> None:
    """Run all products once for each number of tokens and texts."""
    for tokens, texts in sizes:
        session.run(
            ["sum"],
            {
                _input(rows, per_text): whole[: texts if per_text else tokens]
                for (rows, per_text), whole in fed.items()
            },
        )


def _input(rows: int, per_text: bool) -> str:
    return f"{'texts' if per_text else 'tokens'}_{rows}"


def products_session(products: Sequence[Product]) -> onnxruntime.InferenceSession:
    """A graph of products with random constants, of which each gives one number at its end."""
    draw = np.random.default_rng(1)
    nodes, constants, ends = [], [], []
    for at, each in enumerate(products):
        weights = draw.integers(-127, 128, (each.rows, each.columns), dtype=np.int8)
        rows = _input(each.rows, each.per_text)
        constants.append(numpy_helper.from_array(weights, f"weights_{at}"))
        nodes.append(helper.make_node("MatMulInteger", [rows, f"weights_{at}"], [f"product_{at}"]))
        # one number of the product, so that none can be left out
        nodes.append(helper.make_node("Gather", [f"product_{at}", "first"], [f"row_{at}"], axis=0))
        nodes.append(helper.make_node("Gather", [f"row_{at}", "first"], [f"end_{at}"], axis=0))
        ends.append(f"end_{at}")
    constants.append(numpy_helper.from_array(np.array(0, dtype=np.int64), "first"))
    nodes.append(helper.make_node("Concat", [f"shaped_{end}" for end in ends], ["sum"], axis=0))
    shape = numpy_helper.from_array(np.array([1], dtype=np.int64), "one")
    nodes[-1:-1] = [helper.make_node("Reshape", [end, "one"], [f"shaped_{end}"]) for end in ends]
    graph = helper.make_graph(
        nodes,
        "products",
        [
            helper.make_tensor_value_info(
                _input(rows, per_text), TensorProto.UINT8, [_input(0, per_text), rows]
            )
            for rows, per_text in sorted({(each.rows, each.per_text) for each in products})
        ],
        [helper.make_tensor_value_info("sum", TensorProto.INT32, [len(products)])],
        initializer=[*constants, shape],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    return onnxruntime.InferenceSession(
        model.SerializeToString(), single_thread(), providers=["CPUExecutionProvider"]
    )


def single_thread() -> onnxruntime.SessionOptions:
    """One batch at a time, one thread in each operator."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options
