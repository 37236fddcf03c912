"""From a trained run to a directory that the bot loads, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from tiny_bert import BAD, table, write_rows

from bot.labels import LABELS
from bot.screening import artifact
from bot.screening.model import load_model
from training.__main__ import main
from training.card import PLACE
from training.config import Experiment


def toml_of(experiment: Experiment, path: Path, **artifact_settings: object) -> Path:
    """The experiment as a file; its settings are all numbers, texts and paths."""
    sections = json.loads(experiment.model_dump_json(exclude_none=True))
    sections["artifact"] |= artifact_settings
    del sections["presets"]["labels"]
    lines = [f"{key} = {json.dumps(one)}" for key, one in sections.items() if not is_table(one)]
    for name, section in sections.items():
        if is_table(section):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(one)}" for key, one in section.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


def is_table(one: object) -> bool:
    return isinstance(one, dict)


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def made(
    experiment: Experiment, trained_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """The experiment's file, a calibrated run directory and the exported model directory."""
    folder = tmp_path_factory.mktemp("export")
    run = folder / "run"
    shutil.copytree(trained_run, run)
    (folder / "card.md").write_text(f"# A tiny model\n\nMade in a test.\n\n{PLACE}\n")
    config = toml_of(experiment, folder / "tiny.toml", card="card.md")
    for step in (["calibrate"], ["export", "--to", folder / "model"]):
        result = invoke(*step, "--config", config, "--run", run)
        assert result.exit_code == 0, result.output
    return config, run, folder / "model"


def test_the_bot_loads_it_and_it_tells_bad_from_harmless(made: tuple[Path, Path, Path]) -> None:
    model = load_model(str(made[2]))
    harmless, bad = model.score(["good game you played 7", f"you {BAD['insult']} see you 7"])
    assert model.version == "tiny-1"
    assert bad.insult > model.presets["balanced"].insult > harmless.insult


def test_the_manifest_says_what_was_measured(made: tuple[Path, Path, Path]) -> None:
    _, run, directory = made
    manifest = artifact.read(directory)
    found = json.loads((run / "calibration.json").read_text())
    assert manifest.precision == "int8"
    assert manifest.max_tokens == 32
    assert manifest.metrics["validation_rows"] == 90
    assert set(manifest.metrics["roc_auc"]) == {*LABELS, "mean"}
    for label in LABELS:
        assert manifest.calibration[label].model_dump() == found["calibration"][label]
        rule = manifest.presets["balanced"][label]
        assert rule.threshold == found["presets"]["balanced"][label]["threshold"]
        assert rule.recall is not None


def test_the_graph_is_int8_with_dynamic_axes(made: tuple[Path, Path, Path]) -> None:
    graph = onnx.load(made[2] / "model.onnx").graph
    assert {"MatMulInteger", "DynamicQuantizeLinear"} <= {node.op_type for node in graph.node}
    shapes = {
        each.name: [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in (*graph.input, *graph.output)
    }
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    assert [shapes[name] for name in inputs] == [["batch", "tokens"]] * 3
    assert isinstance(shapes["logits"][0], str)
    assert shapes["logits"][1] == 6
    # 7 bits: products of pairs must not overflow 16 bits on processors without VNNI
    weights = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    multiplied = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
    assert len(multiplied) == 2 * 6 + 2  # per layer: query, key, value, output, up, down
    assert all(np.abs(weights[name].astype(int)).max() <= 64 for name in multiplied)


def test_the_card_has_the_prose_and_the_figures(made: tuple[Path, Path, Path]) -> None:
    card = (made[2] / "README.md").read_text()
    assert card.startswith("# A tiny model")
    assert PLACE not in card
    assert "90 held-out rows" in card
    assert card.count("| balanced |") == 6


def test_int8_that_costs_too_much_is_refused_and_nothing_is_written(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, _ = made
    worse = tmp_path / "run"
    shutil.copytree(run, worse)
    # what a badly quantised graph would have scored: noise
    noise = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)
    np.save(worse / "validation_logits.int8.npy", noise)
    result = invoke("export", "--config", config, "--run", worse, "--to", tmp_path / "model")
    assert result.exit_code == 1
    assert "largest_auc_drop" in result.output
    assert not (tmp_path / "model").exists()


def test_steps_out_of_order_are_told(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    result = invoke("calibrate", "--config", made[0], "--run", tmp_path)
    assert result.exit_code == 1
    assert "validation.parquet is missing" in result.output


@pytest.mark.parametrize("which", ["checkpoint", "model directory"])
def test_evaluate_measures_checkpoints_and_model_directories(
    made: tuple[Path, Path, Path], tmp_path: Path, which: str
) -> None:
    config, run, directory = made
    rows = write_rows(tmp_path / "unseen.csv", table(60, seed=99))
    model = directory if which == "model directory" else run / "model"
    words = ["--config", config, "--model", model, "--rows", rows, "--out", tmp_path / "out"]
    result = invoke("evaluate", *words)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert report["rows"]["used"] == 60
    assert report["figures"]["insult"]["roc_auc"] > 0.9
    assert set(report["thresholds"]) == {"relaxed", "balanced", "strict"}
    assert set(report["thresholds"]["balanced"]["threat"]) >= {"precision", "recall", "f1"}
    assert (tmp_path / "out" / "evaluation.md").read_text().count("\n| toxic |") == 4


def test_evaluate_refuses_an_altered_model(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    altered = tmp_path / "model"
    shutil.copytree(made[2], altered)
    (altered / "tokenizer.json").write_text("{}")
    rows = write_rows(tmp_path / "unseen.csv", table(6))
    result = invoke("evaluate", "--config", made[0], "--model", altered, "--rows", rows)
    assert result.exit_code == 1
    assert "tokenizer.json" in result.output
    assert "Traceback" not in result.output
