"""The graph that is exported computes what the checkpoint does, and not more than it must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from test_families import write_distilbert, write_roberta
from transformers import AutoModelForSequenceClassification

from training.graph import first_token_only, to_onnx

MASK = np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0]])


@pytest.fixture(params=["bert", "distilbert", "roberta"])
def trained(request: pytest.FixtureRequest, checkpoint: Path, tmp_path: Path) -> Path:
    if request.param == "bert":
        base = checkpoint
    elif request.param == "distilbert":
        base = write_distilbert(tmp_path / "base", checkpoint)
    else:
        base = write_roberta(tmp_path / "base")
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=6)
    model.save_pretrained(tmp_path / "trained")
    return tmp_path / "trained"


def test_it_gives_the_checkpoints_logits(trained: Path, tmp_path: Path) -> None:
    path = to_onnx(trained, tmp_path / "model.onnx")
    ids = np.random.default_rng(1).integers(5, 40, MASK.shape) * MASK
    session = onnxruntime.InferenceSession(path)
    feed = {"input_ids": ids, "attention_mask": MASK, "token_type_ids": np.zeros_like(ids)}
    found = session.run(None, {each.name: feed[each.name] for each in session.get_inputs()})[0]

    model = AutoModelForSequenceClassification.from_pretrained(trained).eval()
    with torch.inference_mode():
        wanted = model(
            input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(MASK)
        ).logits.numpy()
    # what is left is GELU's tanh form
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert np.abs(wanted).max() > 0.02


def test_the_last_layer_is_computed_for_the_first_token_alone(
    trained: Path, tmp_path: Path
) -> None:
    graph = onnx.load(str(to_onnx(trained, tmp_path / "model.onnx"))).graph
    kept = [node for node in graph.node if node.output[0].endswith("_first_token")]
    assert len(kept) == 1
    (cut,) = kept
    readers = {node.op_type for node in graph.node if cut.output[0] in node.input}
    assert readers == {"MatMul", "Add"}  # the query, and the sum after attention
    # after the cut nothing of the width of all tokens is left but keys and values
    others = [node for node in graph.node if cut.input[0] in node.input and node is not cut]
    assert [node.op_type for node in others] == ["MatMul", "MatMul"]


def test_a_graph_without_such_a_classifier_is_left_alone() -> None:
    mean = onnx.helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [mean],
            "mean of all tokens",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", "t", 4])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        )
    )
    before = model.SerializeToString()
    assert first_token_only(model).SerializeToString() == before
