"""From a trained run to a directory that the bot loads, through the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from tiny_bert import BAD, table, write_rows

from bot.labels import LABELS
from bot.screening import artifact
from bot.screening.model import Model, load_model
from training.__main__ import main
from training.calibrate import load, platt
from training.config import Experiment
from training.prose import PLACE
from training.teachers import read_logits

pytestmark = pytest.mark.usefixtures("empty_pictures")


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


def test_a_step_leaves_the_settings_that_made_it(made: tuple[Path, Path, Path]) -> None:
    _, run, directory = made
    for command in ("calibrate", "export"):
        written = json.loads((run / f"{command}.settings.json").read_text())
        assert written["command"] == command
        assert written["experiment"]["artifact"]["model_version"] == "tiny-1"
    assert written["options"] == {"destination": str(directory), "replace": False}
    # the bot's directory holds nothing that the bot does not need
    expected = {"README.md", "manifest.json", "model.onnx", "tokenizer.json"}
    assert {path.name for path in directory.iterdir()} == expected


def test_the_graph_is_int8_with_dynamic_axes(made: tuple[Path, Path, Path]) -> None:
    graph = onnx.load(made[2] / "model.onnx").graph
    kinds = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert not any(kind.startswith("Dynamic") for kind in kinds)
    shapes = {
        each.name: [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in (*graph.input, *graph.output)
    }
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    assert [shapes[name] for name in inputs] == [["batch", "tokens"]] * 3
    assert isinstance(shapes["logits"][0], str)
    assert shapes["logits"][1] == 6
    # 7 bits: products of pairs must not overflow 16 bits on processors without VNNI
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    weights = {
        node.output[0]: constants[node.input[0]].astype(int)
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
    multiplied = [node.input[1] for node in graph.node if node.op_type == "MatMul"]
    quantised = [name for name in multiplied if name in weights]
    assert len(quantised) == 2 * 6  # per layer: query, key, value, output, up, down
    assert all(np.abs(weights[name]).max() <= 64 for name in quantised)
    assert len(multiplied) == len(quantised) + 2  # the classifier, as it was trained


def test_a_text_scores_the_same_alone_and_in_company(made: tuple[Path, Path, Path]) -> None:
    model = load_model(str(made[2]))
    assert model.batched
    texts = table(30, seed=4)["comment_text"].tolist()
    together = model.logits(texts)
    alone = np.concatenate([model.logits([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_the_card_has_the_prose_and_the_figures(made: tuple[Path, Path, Path]) -> None:
    card = (made[2] / "README.md").read_text()
    assert card.startswith("# A tiny model")
    assert PLACE not in card
    assert "90 held-out rows" in card
    assert "alone and in batches, the first 90 rows differ by 0.0000 at most" in card
    assert card.count("| balanced |") == 6


def test_a_trained_run_teaches_all_its_rows(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    config, run, _ = made
    path = tmp_path / "new" / "teacher.npz"
    result = invoke("teach", "--config", config, "--run", run, "--to", path)
    assert result.exit_code == 0, result.output
    ids = [f"r{at}" for at in range(360)]
    assert np.isfinite(read_logits([path], ids)).all()
    # of the held-out rows, the logits that the run was measured by, calibrated on just these
    held = pd.read_parquet(run / "validation.parquet")
    measured = np.load(run / "validation_logits.npy")
    taught = read_logits([path], list(held["id"]))
    for at, label in enumerate(LABELS):
        found = platt(measured[:, at], held[label.value].to_numpy(), held["weight"].to_numpy())
        assert np.allclose(taught[:, at], found.scale * measured[:, at] + found.bias, atol=1e-4)
    assert [each.name for each in path.parent.iterdir() if "unfinished" in each.name] == []
    written = json.loads((path.parent / "teach.settings.json").read_text())
    assert written["options"] == {"model": None, "to": str(path)}


def test_a_stopped_teacher_goes_on_where_it_was(
    made: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run, _ = made
    whole, again = tmp_path / "whole.npz", tmp_path / "again.npz"
    assert invoke("teach", "--config", config, "--run", run, "--to", whole).exit_code == 0
    answer, asked = Model.logits, list[int]()

    def stopped(self: Model, texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return answer(self, texts)

    with monkeypatch.context() as patch:
        patch.setattr(Model, "logits", stopped)
        assert invoke("teach", "--config", config, "--run", run, "--to", again).exit_code == 1
    assert not again.exists()
    left = tmp_path / "unfinished.again.npz"
    assert len(list(left.iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(
            Model, "logits", lambda self, texts: asked.append(len(texts)) or answer(self, texts)
        )
        assert invoke("teach", "--config", config, "--run", run, "--to", again).exit_code == 0
    assert asked == [256, 104, 104]
    ids = [f"r{at}" for at in range(360)]
    assert np.array_equal(read_logits([again], ids), read_logits([whole], ids))
    assert not left.exists()


def test_export_says_what_the_settings_of_now_say(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, directory = made
    later = tmp_path / "run"
    shutil.copytree(run, later)
    now = {"artifact.model_version": "tiny-2", "artifact.trained_on": "rows made in a test",
           "base.cited_as": "someone/tiny", "presets.relaxed": "0.97"}  # fmt: skip
    words = [word for key, value in now.items() for word in ("--set", f"{key}={value}")]
    target = tmp_path / "model"
    result = invoke("export", "--config", config, "--run", later, "--to", target, *words)
    assert result.exit_code == 0, result.output
    before, after = artifact.read(directory), artifact.read(target)
    assert (after.model_version, after.trained_on) == ("tiny-2", "rows made in a test")
    assert after.base_model == "someone/tiny"
    assert after.calibration == before.calibration
    assert after.presets["balanced"] == before.presets["balanced"]
    # as `calibrate` would have chosen them, and the run says so
    told = load(later / "calibration.json")
    assert {one.target for one in told.presets["relaxed"].values()} == {0.97}
    assert after.presets["relaxed"] == {
        label: one.rule for label, one in told.presets["relaxed"].items()
    }
    result = invoke("calibrate", "--config", config, "--run", later, *words)
    assert result.exit_code == 0, result.output
    assert load(later / "calibration.json") == told


def test_a_graph_of_other_weights_is_refused(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    config, run, _ = made
    other = tmp_path / "run"
    shutil.copytree(run, other)
    weights = load_file(other / "model" / "model.safetensors")
    save_file(
        {name: weight + 1 for name, weight in weights.items()},
        other / "model" / "model.safetensors",
    )
    words = ("export", "--config", config, "--run", other, "--to", tmp_path / "model")
    result = invoke(*words)
    assert result.exit_code == 1
    assert "calibration.json: was made from other weights than those in" in result.output
    assert "run `calibrate` again" in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "model").exists()
    # a calibration of an older trainer does not say
    report = json.loads((other / "calibration.json").read_text())
    del report["made_from"]
    (other / "calibration.json").write_text(json.dumps(report))
    assert invoke(*words).exit_code == 0


def test_logits_of_an_older_normaliser_are_measured_again(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, _ = made
    older = tmp_path / "run"
    shutil.copytree(run, older)
    begun = json.loads((older / "rows.json").read_text())
    (older / "rows.json").write_text(json.dumps(begun | {"normalizer_version": 0}))
    wanted = np.load(run / "validation_logits.npy")
    np.save(older / "validation_logits.npy", np.zeros_like(wanted))
    result = invoke("calibrate", "--config", config, "--run", older)
    assert result.exit_code == 0, result.output
    assert np.allclose(np.load(older / "validation_logits.npy"), wanted, atol=1e-4)


@pytest.mark.parametrize("content", ["{", "[]", '{"calibration": {}}', ""])
def test_a_calibration_that_was_written_in_half_is_told_in_one_sentence(
    content: str, made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, _ = made
    half = tmp_path / "run"
    shutil.copytree(run, half)
    (half / "calibration.json").write_text(content)
    result = invoke("export", "--config", config, "--run", half, "--to", tmp_path / "model")
    assert result.exit_code == 1
    assert "calibration.json: not a whole calibration" in result.output
    assert result.output.count("\n") == 1
    assert isinstance(result.exception, SystemExit)


def test_evaluations_of_two_models_do_not_overwrite_each_other(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, directory = made
    rows = write_rows(tmp_path / "unseen.csv", table(60, seed=99))
    given = ["--config", config, "--run", tmp_path / "out", "--rows", rows]
    shutil.copytree(directory, tmp_path / "shipped")
    for model in (run / "model", tmp_path / "shipped"):
        result = invoke("evaluate", *given, "--model", model, "--robustness", 0, "--bootstrap", 0)
        assert result.exit_code == 0, result.output
    folders = {path.parent.name for path in tmp_path.glob("out/evaluation/*/evaluation.json")}
    assert folders == {"run-on-unseen", "shipped-on-unseen"}


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", "my own notes"),
        ("manifest.json", '{"name": "a web app", "start_url": "/"}'),
        ("manifest.json", '{"name": "a web app", /* with a comment */}'),
        ("model.onnx", "another tool's"),
    ],
)
def test_a_folder_of_something_else_is_not_written_over(
    made: tuple[Path, Path, Path], tmp_path: Path, name: str, content: str
) -> None:
    config, run, _ = made
    other = tmp_path / name
    other.write_text(content, encoding="utf-8")
    result = invoke("export", "--config", config, "--run", run, "--to", tmp_path, "--replace")
    assert result.exit_code == 1
    assert "holds other files than a model directory's" in result.output
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert other.read_text(encoding="utf-8") == content


def test_another_model_is_replaced_only_if_that_is_said(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    config, run, _ = made
    words = ["export", "--config", config, "--run", run, "--to", tmp_path]
    manifest = tmp_path / "manifest.json"
    for there, named in (
        ('{"model_version": "other-1"}', "other-1"),
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
    ):
        (tmp_path / "model.onnx").touch()
        manifest.write_text(there, encoding="utf-8")
        result = invoke(*words)
        assert result.exit_code == 1
        assert named in result.output
        assert "--replace" in result.output
        assert manifest.read_text(encoding="utf-8") == there
    for more in (["--replace"], []):  # the same version takes its own place
        result = invoke(*words, *more)
        assert result.exit_code == 0, result.output
    assert "other-1" not in manifest.read_text(encoding="utf-8")


def test_steps_out_of_order_are_told(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    result = invoke("calibrate", "--config", made[0], "--run", tmp_path)
    assert result.exit_code == 1
    assert "experiment.json is missing" in result.output
    shutil.copy(made[1] / "experiment.json", tmp_path)
    for step in (["calibrate"], ["export", "--to", tmp_path / "model"]):
        result = invoke(*step, "--config", made[0], "--run", tmp_path)
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
    result = invoke("evaluate", *words, "--robustness", 3, "--bootstrap", 20)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert report["rows"]["used"] == 60
    written = json.loads((tmp_path / "out" / "evaluate.settings.json").read_text())
    assert written["options"]["model"] == str(model)
    assert written["experiment"]["name"] == "tiny"
    assert report["figures"]["insult"]["roc_auc"] > 0.9
    assert set(report["thresholds"]) == {"relaxed", "balanced", "strict"}
    assert set(report["thresholds"]["balanced"]["threat"]) >= {"precision", "recall", "f1"}
    page = (tmp_path / "out" / "evaluation.md").read_text()
    assert page.count("\n| toxic |") == 6  # ranking, three presets, confusion, calibration


def test_evaluate_refuses_an_altered_model(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    altered = tmp_path / "model"
    shutil.copytree(made[2], altered)
    (altered / "tokenizer.json").write_text("{}")
    rows = write_rows(tmp_path / "unseen.csv", table(6))
    result = invoke("evaluate", "--config", made[0], "--model", altered, "--rows", rows)
    assert result.exit_code == 1
    assert "tokenizer.json" in result.output
    assert "Traceback" not in result.output


def test_a_card_without_prose_says_what_is_true_of_any_model(
    made: tuple[Path, Path, Path], experiment: Experiment, tmp_path: Path
) -> None:
    begins = {"mit": "---\nlicense: mit\n---\n# tiny-1\n", None: "# tiny-1\n"}
    for licence, begin in begins.items():
        named = {} if licence is None else {"license": licence, "trained_on": "rows of a test"}
        config = toml_of(experiment, tmp_path / "tiny.toml", **named)
        done = invoke("export", "--config", config, "--run", made[1], "--to", tmp_path / "model")
        assert done.exit_code == 0, done.output
        card = (tmp_path / "model" / "README.md").read_text()
        assert card.startswith(begin)
        assert f"- **Base model**: `{Path(experiment.base.checkpoint).name}`\n" in card
        told = "rows of a test" if licence else "the recipe does not say (`artifact.trained_on`)"
        assert f"- **Data**: {told}\n" in card
        assert ("The weights are under `mit`." in card) == (licence is not None)
        assert ("The recipe names none" in card) == (licence is None)
        parts = [line for line in card.splitlines() if line.startswith("## ")]
        assert parts == [
            "## What it is for",
            "## How it was made",
            "## Figures",
            "## What is known to go wrong",
            "## Licence",
        ]
        assert "## Figures\n\nMeasured on 90 held-out rows" in card
        assert PLACE not in card
        assert "{" not in card
        assert card.endswith(".\n")


def test_a_card_that_cannot_be_filled_in_is_told_at_the_beginning(
    made: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    words = ["export", "--config", made[0], "--run", tmp_path, "--to", tmp_path / "model"]
    # Where there is not even a run, the card is told all the same.
    result = invoke(*words, "--set", "artifact.card=none.md")
    assert result.exit_code == 1
    assert "none.md: cannot be read: No such file or directory; name a file" in result.output
    assert result.output.count("\n") == 1
