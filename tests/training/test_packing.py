"""A graph that computes padding in attention alone says what it said before, and does less."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper
from test_families import write_distilbert, write_roberta
from tiny_bert import table
from transformers import AutoModelForSequenceClassification

from bot.screening.backends import SLOWER_JOINED, OnnxBackend, padded
from bot.screening.model import load_model
from training import graph, packing
from training.config import EarlyExit
from training.early_exit import add_exit
from training.packing import pack, packed

pytestmark = pytest.mark.usefixtures("empty_pictures")

TEXTS = tuple(table(360).comment_text)
MIXED = [[7] * length for length in (9, 2, 5)]
SIDE_BY_SIDE, FILLED_UP = (1, sum(map(len, MIXED))), (len(MIXED), max(map(len, MIXED)))
BATCHES = st.lists(st.lists(st.integers(5, 30), min_size=1, max_size=24), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def with_exit(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with an exit that some texts take."""
    directory = tmp_path_factory.mktemp("packing") / "with_exit"
    shutil.copytree(whole, directory)
    add_exit(directory, EarlyExit(layers=1, below=0.49), TEXTS, seed=1)
    return directory


@pytest.fixture(scope="module")
def packed_exit(with_exit: Path) -> Path:
    """The same, packed."""
    directory = with_exit.with_name("packed")
    shutil.copytree(with_exit, directory)
    pack(directory, TEXTS)
    return directory


@pytest.fixture(scope="module")
def backends(with_exit: Path, packed_exit: Path) -> tuple[OnnxBackend, OnnxBackend]:
    """Before and after."""
    before, after = (
        OnnxBackend(each / "model.onnx", pad_id=0, threads=1) for each in (with_exit, packed_exit)
    )
    return before, after


@pytest.fixture(scope="module")
def windows(whole: Path) -> list[tuple[int, ...]]:
    prepared = load_model(str(whole), threads=1).prepare(TEXTS[:24])
    return [each.windows[0] for each in prepared]


@settings(max_examples=60, deadline=None)
@given(BATCHES)
def test_every_batch_gets_the_same_logits(
    backends: tuple[OnnxBackend, OnnxBackend], batch: list[list[int]]
) -> None:
    before, after = backends
    np.testing.assert_allclose(after.logits(batch), before.logits(batch), atol=1e-5)


def test_so_does_one_of_which_some_leave_and_some_stay(
    whole: Path, backends: tuple[OnnxBackend, OnnxBackend], windows: list[tuple[int, ...]]
) -> None:
    to_the_end = OnnxBackend(whole / "model.onnx", pad_id=0, threads=1).logits(windows)
    before, after = (each.logits(windows) for each in backends)
    left = (before != to_the_end).any(axis=1)
    assert 0 < left.sum() < len(windows)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_nothing_but_attention_reads_what_is_filled_up_behind_the_exit(packed_exit: Path) -> None:
    model = onnx.load(str(packed_exit / "model.onnx"))
    (branch,) = [node for node in model.graph.node if node.op_type == "If"]
    behind = next(each.g for each in branch.attribute if each.name == "then_branch")
    readers = Counter(
        node.op_type
        for node in behind.node
        for name in node.input
        if name.startswith("packed/staying/") and name.endswith("/filled_up")
    )
    # the last layer's keys and values; its query is the first token, cut out of all
    assert readers == {"MultiHeadAttention": 2, "Slice": 1}


def test_padding_costs_less(backends: tuple[OnnxBackend, OnnxBackend]) -> None:
    before, after = backends
    assert after.cost.padding < before.cost.padding == 1


def test_padding_comes_to_no_product(whole: Path) -> None:
    model = onnx.load(str(whole / "model.onnx"))
    before, after = (_before_products(each) for each in (model, packed(model)))
    assert before.count(FILLED_UP) == 5  # five tensors; the last layer has the first token alone
    assert after.count(SIDE_BY_SIDE) == before.count(FILLED_UP)
    assert FILLED_UP not in after


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_every_family_says_the_same(
    family: str, joined: bool, checkpoint: Path, tmp_path: Path
) -> None:
    base = checkpoint
    if family == "distilbert":
        base = write_distilbert(tmp_path / "base", checkpoint)
    elif family == "roberta":
        base = write_roberta(tmp_path / "base")
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=6, attn_implementation="eager"
    ).eval()
    path = tmp_path / "model.onnx"
    if joined:
        model.save_pretrained(tmp_path / "trained")
        graph.to_onnx(tmp_path / "trained", path)
    else:  # tokens meet in products of two tensors, which nobody takes for attention
        graph._trace(model, path)
    before = onnx.load(str(path))
    after = packed(before)
    if not joined:
        assert after.SerializeToString() == before.SerializeToString()
        return
    wanted, found = (_run(each, MIXED)[0] for each in (before, after))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).max() > 1e-3
    assert FILLED_UP not in _before_products(after)


def test_what_is_packed_is_not_packed_again(whole: Path) -> None:
    once = packed(onnx.load(str(whole / "model.onnx")))
    assert packed(once).SerializeToString() == once.SerializeToString()


def test_a_graph_that_would_say_something_else_is_not_kept(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "int8"
    shutil.copytree(whole, directory)
    # attention, and so the way the tokens are put, taken for something that looks at one token
    monkeypatch.setattr(packing, "_TOKENWISE", packing._TOKENWISE | {"Slice", "Gather"})
    with caplog.at_level(logging.INFO):
        pack(directory, TEXTS)
    assert "cannot do without padding" in caplog.text
    assert (directory / "model.onnx").read_bytes() == (whole / "model.onnx").read_bytes()


def test_a_graph_that_is_no_encoder_is_left_alone() -> None:
    mean = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])
    model = helper.make_model(
        helper.make_graph(
            [mean],
            "mean of all tokens",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", "t", 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        )
    )
    assert packed(model).SerializeToString() == model.SerializeToString()


def _before_products(model: ModelProto) -> list[tuple[int, ...]]:
    """The leading axes of token states that are multiplied with weights."""
    looked_at = ModelProto()
    looked_at.CopyFrom(model)
    nodes = looked_at.graph.node
    weights = {each.name for each in looked_at.graph.initializer}
    weights |= {node.output[0] for node in nodes if node.input and node.input[0] in weights}
    read = [n.input[0] for n in nodes if n.op_type == "MatMul" and n.input[1] in weights]
    for name in dict.fromkeys(read):
        looked_at.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return [each.shape[:2] for each in _run(looked_at, MIXED)[1:] if each.ndim == 3]


def _run(model: ModelProto, batch: Sequence[Sequence[int]]) -> list[npt.NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), disabled_optimizers=SLOWER_JOINED
    )
    ids, mask = padded(batch, 1)
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    found: list[npt.NDArray[np.float32]] = session.run(
        None, {each.name: feed[each.name] for each in session.get_inputs()}
    )
    return found
