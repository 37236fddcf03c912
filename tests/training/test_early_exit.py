"""Harmless texts leave the network half way; all others get what the whole network says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from test_export import toml_of
from tiny_bert import BAD, table

from bot.screening.model import load_model
from training.__main__ import main
from training.config import EarlyExit, Experiment
from training.early_exit import Leaving, add_exit, texts_to_learn_from
from training.exit_graph import ExitError, Head, with_exit
from training.kept import Kept

pytestmark = pytest.mark.usefixtures("empty_pictures")

TEXTS = tuple(table(360).comment_text)
EXIT = EarlyExit(layers=1, below=0.49)
SURELY_BELOW = np.log(0.49 / 0.51)


@pytest.fixture(scope="module")
def with_one(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaving]:
    """The same with an exit, and what was said about it."""
    directory = tmp_path_factory.mktemp("exit") / "int8"
    shutil.copytree(whole, directory)
    return directory, add_exit(directory, EXIT, TEXTS, seed=1)


def test_only_who_is_surely_harmless_leaves(whole: Path, with_one: tuple[Path, Leaving]) -> None:
    directory, leaving = with_one
    wanted = load_model(str(whole)).logits(TEXTS)
    found = load_model(str(directory)).logits(TEXTS)
    left = (wanted != found).any(axis=1)
    assert 0.05 < left.mean() < 0.3  # a sixth of them holds no bad word
    assert abs(left.mean() - leaving.share) < 0.2  # 36 texts were looked at
    # a guess, and one that is not far off
    assert (found[left] < SURELY_BELOW).all()
    assert (wanted[left] < 0.5).all()
    doubtful = wanted.max(axis=1) > 0.5
    assert doubtful.mean() > 0.5
    assert (wanted[doubtful] == found[doubtful]).all()


def test_a_text_fares_the_same_alone_and_among_others(with_one: tuple[Path, Leaving]) -> None:
    model = load_model(str(with_one[0]), threads=1)
    assert model.batched
    together = model.logits(TEXTS[:40])
    assert np.abs(together - np.concatenate([model.logits([t]) for t in TEXTS[:40]])).max() < 1e-5


@pytest.mark.parametrize(("surely_below", "leaves"), [(-np.inf, False), (np.inf, True)])
def test_a_limit_for_nobody_and_for_everybody(
    whole: Path, tmp_path: Path, surely_below: float, leaves: bool
) -> None:
    path = tmp_path / "int8"
    shutil.copytree(whole, path)
    graph = onnx.load(str(path / "model.onnx"))
    size = next(
        each.dims[0] for each in graph.graph.initializer if each.name.endswith("LayerNorm.weight")
    )
    head = Head(
        np.zeros((3 * size, 2), np.float32),
        np.zeros(2, np.float32),
        np.zeros((2, 6), np.float32),
        np.arange(6, dtype=np.float32),
    )
    before = load_model(str(path)).logits(TEXTS[:9])
    onnx.save(with_exit(graph, 1, head, surely_below), str(path / "model.onnx"))
    _vouch(path)
    after = load_model(str(path)).logits(TEXTS[:9])
    assert (after == (np.arange(6) if leaves else before)).all()


def _vouch(directory: Path) -> None:
    from bot.screening import artifact

    manifest = artifact.Manifest.model_validate_json((directory / "manifest.json").read_bytes())
    artifact.write(directory, manifest)


def test_stopped_work_goes_on_and_ends_the_same(
    whole: Path, with_one: tuple[Path, Leaving], tmp_path: Path
) -> None:
    for _ in range(2):
        directory = tmp_path / "int8"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(whole, directory)
        leaving = add_exit(directory, EXIT, TEXTS, seed=1, kept=Kept(tmp_path / "kept"))
        assert leaving == with_one[1]
        assert (directory / "model.onnx").read_bytes() == (with_one[0] / "model.onnx").read_bytes()
    assert list((tmp_path / "kept").iterdir())


def test_some_layers_have_to_be_left(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "int8"
    shutil.copytree(whole, directory)
    with pytest.raises(ExitError, match=r"early_exit\.layers is 2; the network has 2"):
        add_exit(directory, EarlyExit(layers=2, below=0.1), TEXTS, seed=1)


def test_texts_of_which_none_is_kept_back_are_too_few(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "int8"
    shutil.copytree(whole, directory)
    before = (directory / "model.onnx").read_bytes()
    with pytest.raises(ExitError, match=r"3 texts are too few .* artifact\.early_exit\.texts"):
        add_exit(directory, EXIT, TEXTS[:3], seed=1)
    assert (directory / "model.onnx").read_bytes() == before


def test_it_learns_from_what_the_run_was_trained_on(
    experiment: Experiment, trained_run: Path
) -> None:
    texts = texts_to_learn_from(experiment, trained_run, 100)
    alone, in_a_row = texts[:100], texts[100:]
    assert len(set(alone)) == 100
    assert set(alone) <= set(TEXTS)
    assert len(in_a_row) == 20
    assert all(sum(text in row for text in set(alone)) >= 3 for row in in_a_row)


def test_calibrate_and_export_with_an_exit(
    experiment: Experiment, trained_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    config = toml_of(experiment, tmp_path / "tiny.toml")
    exit_ = ["--set", "artifact.early_exit.layers=1", "--set", "artifact.early_exit.below=0.49"]
    export = ["export", "--to", str(tmp_path / "model")]
    limit = "artifact.early_exit.largest_auc_drop"
    for step, code in (
        (["calibrate"], 0),
        ([*export, "--set", f"{limit}=0"], 1),
        ([*export, "--set", f"{limit}=0.1"], 0),
    ):
        words = [*step, "--config", str(config), "--run", str(run), *exit_]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == code, result.output
        if code:
            assert "the early exit costs 0.0" in result.output
            assert f"{limit} allows 0" in result.output
            assert not (tmp_path / "model").exists()
    assert "with the early exit" in (tmp_path / "model" / "README.md").read_text()
    graph = onnx.load(str(tmp_path / "model" / "model.onnx"))
    assert any(node.op_type == "If" for node in graph.graph.node)
    model = load_model(str(tmp_path / "model"))
    harmless, bad = model.score(["good game you played 7", f"you {BAD['insult']} see you 7"])
    assert bad.insult > model.presets["balanced"].insult > harmless.insult
