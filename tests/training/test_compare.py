"""Models side by side, and differences that are told from noise."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bert import table, write_rows
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bot.labels import LABELS
from bot.screening import artifact
from bot.screening.artifact import Calibration, Manifest, PresetRule
from training.__main__ import main
from training.compare import (
    CompareError,
    Contender,
    Side,
    compare,
    contenders,
    look_at,
    markdown,
    megabytes,
)
from training.cross_entropy import cross_entropies
from training.data import Floats, Labelled
from training.differences import differences, verdict
from training.evaluate import summarise


@pytest.fixture(scope="module")
def classifier(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with six outputs that have learnt nothing, and an optimiser's state beside."""
    directory = tmp_path_factory.mktemp("classifier")
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=6)
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(directory)
    (directory / "optimizer.pt").write_bytes(bytes(5_000_000))
    return directory


def sigmoid(logits: npt.NDArray[np.floating[Any]]) -> Floats:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def some(count: int, seed: int = 3) -> tuple[Labelled, Floats]:
    """Rows of random labels and weights, and scores that know something of them."""
    draw = np.random.default_rng(seed)
    labels = (draw.random((count, 6)) < 0.3).astype(np.float32)
    scores = sigmoid(labels + draw.normal(size=(count, 6)))
    names = tuple(str(at) for at in range(count))
    return Labelled(names, names, labels, draw.uniform(0.5, 3, count).astype(np.float32)), scores


def side(name: str, scores: Floats) -> Side:
    return Side(Contender(name, Path(f"{name}.npy")), scores.astype(np.float64), None, None)


def test_a_model_does_not_differ_from_itself() -> None:
    rows, scores = some(80)
    (found,) = differences([scores, scores.copy()], rows, count=50, seed=1)
    assert set(found) == {"mean", *LABELS}
    for one in found.values():
        for metric in ("roc_auc", "average_precision", "cross_entropy"):
            assert one[metric] == {"difference": 0.0, "low": 0.0, "high": 0.0}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000))
def test_the_difference_is_that_of_the_figures(seed: int) -> None:
    rows, scores = some(60, seed)
    other = np.random.default_rng(seed).random(scores.shape).astype(np.float32)
    (found,) = differences([scores, other], rows, count=2, seed=seed)
    first, second = (
        {
            (name, metric): value
            for name, one in summarise(each, rows).items()
            for metric, value in one.items()
            if metric in ("roc_auc", "average_precision")
        }
        | {(name, "cross_entropy"): value for name, value in losses.items()}
        for each in (scores, other)
        for losses in [cross_entropies(each.astype(np.float64), rows)]
    )
    assert {(name, metric) for name, one in found.items() for metric in one} == set(first)
    for (name, metric), value in first.items():
        expected = second[name, metric] - value
        assert found[name][metric]["difference"] == pytest.approx(expected, abs=1e-9)


def test_a_real_difference_is_told_from_noise() -> None:
    rows, scores = some(600)
    draw = np.random.default_rng(9)
    # Shuffling the scores of equals changes nothing but luck.
    noise = sigmoid(rows.labels + draw.normal(size=scores.shape))
    worse = sigmoid(0.2 * rows.labels + draw.normal(size=scores.shape))
    found = differences([scores, noise, worse], rows, count=200, seed=1)
    for metric in ("roc_auc", "cross_entropy"):
        same, real = (one["mean"][metric] for one in found)
        assert verdict(metric, same) == "may be noise"
        assert same["low"] < same["difference"] < same["high"]
        assert verdict(metric, real) == "worse"
        assert real["low"] < real["difference"] < real["high"]


@pytest.mark.parametrize(
    ("low", "high", "higher"),
    [
        (0.1, 0.2, "better"),
        (-0.2, -0.1, "worse"),
        (-0.1, 0.2, "may be noise"),
        (0.0, 0.2, "may be noise"),
        (-0.2, 0.0, "may be noise"),
        (None, None, None),
    ],
)
def test_more_is_better_but_for_the_loss(
    low: float | None, high: float | None, higher: str | None
) -> None:
    one = {"difference": 0.1, "low": low, "high": high}
    lower = {"better": "worse", "worse": "better"}.get(higher or "", higher)
    assert verdict("roc_auc", one) == verdict("average_precision", one) == higher
    assert verdict("cross_entropy", one) == lower


def test_pairs_are_compared_on_the_same_draw() -> None:
    """Nearly equal models: the interval is far narrower than what either figure swings by."""
    rows, scores = some(200)
    logits = np.log(scores / (1 - scores))
    near = sigmoid(logits + np.random.default_rng(4).normal(scale=0.01, size=scores.shape))
    paired, against_chance = differences(
        [scores, near, np.full_like(scores, 0.3)], rows, count=200, seed=1
    )
    for metric in ("roc_auc", "cross_entropy"):
        narrow, wide = (one["mean"][metric] for one in (paired, against_chance))
        assert 0 < 10 * (narrow["high"] - narrow["low"]) < wide["high"] - wide["low"]


def test_the_weights_are_kept() -> None:
    """Rows that weigh nothing to speak of do not move the difference, or its interval."""
    rows, scores = some(120)
    light = np.arange(120) % 2 == 0
    weights = np.where(light, np.float32(1e-9), np.float32(1))
    rows = Labelled(rows.ids, rows.texts, rows.labels, weights)
    other = scores.copy()
    other[light] = 1 - other[light]
    (found,) = differences([scores, other], rows, count=50, seed=1)
    for each in found["mean"].values():
        assert max(map(abs, each.values())) < 1e-6


def test_a_label_with_one_class_differs_in_its_loss_alone() -> None:
    rows, scores = some(60)
    rows.labels[:, 3] = 0
    (found,) = differences([scores, 1 - scores], rows, count=20, seed=1)
    assert set(found["threat"]) == {"cross_entropy"}
    assert found["mean"]["roc_auc"]["difference"] < 0
    rows.labels[:] = 0
    sides = [side("a", scores), side("b", 1 - scores)]
    page = markdown(compare(sides, rows, count=20, seed=1), rows, Path("rows.csv"), 0)
    assert "| a | – | – |" in page
    assert "| b | ROC AUC |" not in page
    assert "| b | cross-entropy |" in page


def test_the_page_says_which_differences_count() -> None:
    rows, scores = some(300)
    sides = [side("one|two", scores), side("same", scores), side("worse", 1 - scores)]
    found = compare(sides, rows, count=100, seed=1)
    page = markdown(found, rows, Path("rows.csv"), 2)
    assert "On 300 rows of rows.csv (2 left out)" in page
    assert "| same | ROC AUC | +0.00000 | +0.00000 | +0.00000 | may be noise |" in page
    worse = [line for line in page.splitlines() if line.startswith("| worse | average precision")]
    assert len(worse) == 1
    assert worse[0].endswith("| worse |")
    dearer = [line for line in page.splitlines() if line.startswith("| worse | cross-entropy")]
    assert len(dearer) == 1
    assert "| +" in dearer[0]
    assert dearer[0].endswith("| worse |")
    assert found["against"] == "one|two"
    assert found["models"]["same"]["ranking"] == summarise(sides[1].scores, rows)


def test_names_are_given_or_taken_from_the_path(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "model", tmp_path / "b" / "model"
    odd = tmp_path / "x=y"
    for folder in (first, second, odd):
        folder.mkdir(parents=True)
    found = contenders([str(first), f"big={second}", str(odd)])
    assert [(one.name, one.path) for one in found] == [
        ("model", first), ("big", second), ("x=y", odd),
    ]  # fmt: skip
    assert [one.name for one in contenders([str(first), str(second)])] == [str(first), str(second)]


def test_models_that_cannot_be_told_apart_or_found_are_refused(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with pytest.raises(CompareError, match="at least two"):
        contenders([str(here)])
    with pytest.raises(CompareError, match=r"gone: there is no file or directory .*gone"):
        contenders([str(here), f"{tmp_path}/gone"])
    with pytest.raises(CompareError, match="another model is called 'a' already"):
        contenders([f"a={here}", f"a={here}"])


def test_logits_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    rows, scores = some(12)
    scores[3, 2] = np.nan
    np.save(tmp_path / "nan.npy", scores)
    np.save(tmp_path / "few.npy", scores[:5])
    (tmp_path / "broken.npy").write_bytes(b"no numbers")
    (tmp_path / "model.txt").write_text("no model")
    for name, reason in {
        "nan.npy": "must be finite",
        "few.npy": r"of shape \(5, 6\); \(12, 6\) is needed",
        "broken.npy": "cannot be read as logits",
        "model.txt": r"a \.npy file of logits is needed",
    }.items():
        with pytest.raises(CompareError, match=f"{name}: .*{reason}"):
            look_at(Contender("it", tmp_path / name), rows)


def test_the_size_is_that_of_what_is_loaded(classifier: Path, tmp_path: Path) -> None:
    weights = (classifier / "model.safetensors").stat().st_size / 1e6
    assert weights < megabytes(classifier) < weights + 0.1

    (tmp_path / "model.onnx").write_bytes(bytes(2_000_000))
    (tmp_path / "tokenizer.json").write_bytes(bytes(500_000))
    (tmp_path / "README.md").write_bytes(bytes(900_000))
    rules = {label: PresetRule(threshold=0.5) for label in LABELS}
    manifest = Manifest(
        model_version="tiny-1",
        base_model="tiny",
        labels=LABELS,
        max_tokens=64,
        normalizer_version=artifact.NORMALIZER_VERSION,
        precision="int8",
        calibration=dict.fromkeys(LABELS, Calibration()),
        presets=dict.fromkeys(artifact.PRESET_NAMES, rules),
        files={"model.onnx": "", "tokenizer.json": ""},
    )
    artifact.write(tmp_path, manifest)
    manifest_size = (tmp_path / "manifest.json").stat().st_size
    assert megabytes(tmp_path) == pytest.approx(2.5 + manifest_size / 1e6)


def test_the_command_line(classifier: Path, tmp_path: Path) -> None:
    written = table(24)
    rows = write_rows(tmp_path / "rows.csv", written)
    truth = written[[str(label) for label in LABELS]].to_numpy(dtype=np.float32)
    np.save(tmp_path / "oracle.npy", truth * 8 - 4)
    config = tmp_path / "tiny.toml"
    config.write_text(
        'name = "tiny"\n[rows]\nfile = "none.csv"\n[base]\ncheckpoint = "none"\n'
        '[artifact]\nmodel_version = "tiny-1"\n'
    )
    asked = [
        "compare",
        "--config",
        str(config),
        "--rows",
        str(rows),
        "--out",
        str(tmp_path / "out"),
    ]
    models = ["--model", f"base={classifier}", "--model", str(tmp_path / "oracle.npy")]
    done = CliRunner().invoke(main, [*asked, *models, "--resamples", "100"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["rows"] == {"file": str(rows), "used": 24, "left_out": 0}
    base, oracle = found["models"]["base"], found["models"]["oracle.npy"]
    assert base["milliseconds"] > 0
    assert oracle["milliseconds"] is None
    assert oracle["ranking"]["mean"]["roc_auc"] == 1.0
    # sigmoid(±4) is 0.018 from the truth
    assert oracle["calibration_error"]["mean"] == pytest.approx(0.018, abs=1e-3)
    assert oracle["cross_entropy"]["mean"] == pytest.approx(math.log1p(math.exp(-4)))
    assert f"| {base['cross_entropy']['mean']:.4f} |" in done.output
    assert found["differences"]["oracle.npy"]["mean"]["roc_auc"]["low"] > 0
    assert (tmp_path / "out" / "comparison.md").read_text() in done.output
    for picture in ("misordered_pairs.png", "average_precision.png"):
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")

    refused = CliRunner().invoke(main, [*asked, "--model", "a=/nowhere", "--model", str(rows)])
    assert refused.exit_code == 1
    assert refused.output == "Error: --model a=/nowhere: there is no file or directory /nowhere\n"
