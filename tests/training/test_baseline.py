"""What needs no fine-tuning, on the run's own rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from training import baseline, linear
from training.__main__ import main
from training.baseline import BaselineError, named, of_run, run
from training.config import Experiment
from training.data import Labelled, read
from training.evaluate import summarise
from training.first_look import CheckpointError
from training.frozen import encode
from training.linear import Linear, fold_of_each, out_of_fold, regress, share_logit, tfidf
from training.runs import RunError
from training.split import split


def silent() -> tqdm:
    return tqdm(disable=True)


@pytest.fixture(scope="module")
def held(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory as `train` leaves it; its logits say the labels. Do not write into it."""
    directory = tmp_path_factory.mktemp("held")
    labelled, _ = read(experiment.rows)
    _, validation = split(labelled, experiment.rows.validation_share, experiment.seed)
    rows = labelled.take(validation)
    rows.save(directory / "validation.parquet")
    np.save(directory / "validation_logits.npy", rows.labels * 8 - 4)
    return directory


@pytest.fixture
def started(held: Path, tmp_path: Path) -> Path:
    for file in held.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def report(directory: Path) -> dict:
    return json.loads((directory / "baselines" / "baselines.json").read_text())


def test_all_stand_in_one_table_with_the_fine_tuned_model(
    experiment: Experiment, started: Path
) -> None:
    page = run(experiment, started, jobs=1)
    assert page == (started / "baselines" / "baselines.md").read_text()
    found = report(started)
    rows = of_run(experiment, started).validation
    for name in ("majority", "tfidf", "frozen"):
        logits = np.load(started / "baselines" / f"{name}.npy")
        assert logits.shape == (len(rows), 6)
        assert logits.dtype == np.float32
        assert found["baselines"][name]["figures"] == summarise(logits, rows)
        assert baseline.TITLES[name] in page
    assert found["baselines"]["majority"]["figures"]["mean"]["roc_auc"] == 0.5
    # Each label has its word in these texts, so a model that counts words finds all of them; a
    # random encoder still tells the words apart.
    assert found["baselines"]["tfidf"]["figures"]["mean"]["roc_auc"] > 0.99
    assert found["baselines"]["frozen"]["figures"]["mean"]["roc_auc"] > 0.7
    assert found["fine-tuned"]["mean"]["roc_auc"] == 1.0
    assert "| fine-tuned | **1.0000** |" in page
    assert [path.name for path in (started / "baselines").glob("*.features.*")] == []


def test_what_is_there_is_not_made_again(
    experiment: Experiment, started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(experiment, started, only=("majority", "tfidf"), folds=2, jobs=1)
    before = report(started)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(linear, "tfidf", refuse)
    run(experiment, started, only=("majority", "tfidf"), folds=2, jobs=1)
    assert report(started) == before
    with pytest.raises(AssertionError, match="computed again"):
        run(experiment, started, only=("tfidf",), recipe=Linear(strength=1.0), jobs=1)
    with pytest.raises(AssertionError, match="computed again"):
        run(experiment, started, only=(), folds=3, jobs=1)
    (started / "baselines" / "tfidf.npy").unlink()
    with pytest.raises(AssertionError, match="computed again"):
        run(experiment, started, only=("tfidf",), jobs=1)


def test_other_rows_make_old_figures_void(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, tmp_path, only=("majority",))
    other = experiment.model_copy(update={"seed": experiment.seed + 1})
    page = run(other, tmp_path, only=())
    assert report(tmp_path)["baselines"] == {}
    assert "majority" not in page


def test_settings_that_hold_out_other_rows_are_refused(experiment: Experiment, held: Path) -> None:
    other = experiment.model_copy(update={"seed": experiment.seed + 1})
    with pytest.raises(BaselineError, match=r"validation\.parquet: holds 9\d other rows"):
        run(other, held)


def test_the_split_is_that_of_the_settings_before_the_run(
    experiment: Experiment, held: Path, tmp_path: Path
) -> None:
    before, after = of_run(experiment, tmp_path), of_run(experiment, held)
    assert before.validation.ids == after.validation.ids
    assert before.fingerprint == after.fingerprint
    assert not set(before.training.ids) & set(before.validation.ids)
    fewer = experiment.rows.model_copy(update={"max_samples": 60})
    few = of_run(experiment.model_copy(update={"rows": fewer}), tmp_path)
    assert len(few.training) + len(few.validation) == 60


def test_logits_of_other_rows_are_refused(experiment: Experiment, started: Path) -> None:
    np.save(started / "validation_logits.npy", np.zeros((3, 6), dtype=np.float32))
    with pytest.raises(RunError, match=r"validation_logits\.npy has the shape \(3, 6\)"):
        run(experiment, started, only=("majority",))


def test_a_broken_report_is_told(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "baselines.json").write_text("[1")
    with pytest.raises(BaselineError, match=r"baselines\.json: .* delete it"):
        run(experiment, tmp_path, only=("majority",))


def test_a_row_is_predicted_without_having_been_seen() -> None:
    """A row with a word of its own: seen, it is known by it; out of fold it is not."""
    texts = [f"same words here {'bad' if at % 2 else 'good'}" for at in range(40)]
    labels = np.tile(np.arange(40)[:, None] % 2, (1, 6)).astype(np.float32)
    weights = np.ones(40, dtype=np.float32)
    texts[0], labels[0] = "zyxwvut", 1.0
    recipe = Linear()
    seen = tfidf(texts, labels, weights, [texts[0]], recipe, jobs=1, bar=silent())
    folds = fold_of_each(labels, 4, seed=1)
    unseen = out_of_fold(texts, labels, weights, folds, recipe, jobs=1, bar=silent())
    others = [at for at in range(40) if folds[at] != folds[0]]
    # All that a model of the other folds can say of an unknown word is its intercept.
    without = tfidf(
        [texts[at] for at in others], labels[others], weights[others], [""], recipe,
        jobs=1, bar=silent(),
    )  # fmt: skip
    assert (seen > 1).all()
    np.testing.assert_array_equal(unseen[0], without[0])
    assert summarise(unseen[1:], rows_of(labels[1:]))["mean"]["roc_auc"] == 1.0


def test_out_of_fold_logits_have_the_training_rows_ids(
    experiment: Experiment, tmp_path: Path
) -> None:
    page = run(experiment, tmp_path, only=(), folds=3, jobs=1)
    assert "3 folds" in page
    with np.load(tmp_path / "baselines" / "tfidf.out_of_fold.npz") as file:
        assert set(file.files) == {"ids", "logits"}
        ids, logits = file["ids"], file["logits"]
    training = of_run(experiment, tmp_path).training
    assert tuple(ids) == training.ids
    assert logits.shape == (len(training), 6)
    assert summarise(logits, training)["mean"]["roc_auc"] > 0.99


def test_more_folds_than_rows_are_refused(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="--out-of-fold 999: from 2 to"):
        run(experiment, tmp_path, folds=999)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=120), st.integers(2, 9), st.integers(0, 9))
def test_folds_have_each_combination_in_proportion(kinds: list[int], count: int, seed: int) -> None:
    labels = np.array([[kind >> bit & 1 for bit in range(6)] for kind in kinds], dtype=np.float32)
    folds = fold_of_each(labels, count, seed)
    for kind in (None, *set(kinds)):
        among = folds if kind is None else folds[np.array(kinds) == kind]
        sizes = np.bincount(among, minlength=count)
        assert len(sizes) == count
        assert sizes.max() - sizes.min() <= 1


def rows_of(labels: np.ndarray, weights: np.ndarray | None = None) -> Labelled:
    names = tuple(str(at) for at in range(len(labels)))
    ones = np.ones(len(labels), dtype=np.float32)
    return Labelled(names, names, labels, ones if weights is None else weights)


def test_a_label_without_rows_gets_its_share() -> None:
    labels = np.zeros((8, 6), dtype=np.float32)
    labels[:4, 0] = 1
    features = labels[:, :1] + np.float32(0.1)
    weights = np.full(8, 2.0, dtype=np.float32)
    blank = linear.LogisticRegression()
    logits = regress(blank, features, labels, weights, features, jobs=1, bar=silent())
    assert (logits[:4, 0] > logits[4:, 0]).all()
    np.testing.assert_allclose(logits[:, 1:], np.log(0.5 / 16.5), rtol=1e-6)


def test_the_prior_weights_count() -> None:
    truth = np.array([1, 0, 0, 0], dtype=np.float32)
    assert share_logit(truth, np.ones(4, dtype=np.float32)) == pytest.approx(np.log(1.5 / 3.5))
    assert share_logit(truth, np.float32([1, 9, 9, 9])) == pytest.approx(np.log(1.5 / 27.5))
    labels = np.tile(truth[:, None], (1, 6))
    texts = ["bad", "bad", "bad", "bad"]
    plain, heavy = (
        tfidf(texts, labels, weights, texts, Linear(), jobs=1, bar=silent())
        for weights in (np.ones(4, dtype=np.float32), np.float32([1, 9, 9, 9]))
    )
    assert (heavy < plain).all()


def test_encoding_goes_on_where_it_was_stopped(experiment: Experiment, tmp_path: Path) -> None:
    texts = ["the game", "idiot", "good round next team", "see you 7"]
    path = tmp_path / "features.npy"
    whole = np.array(encode(experiment.base, texts, path, bf16="off"))
    assert whole.shape == (4, 32)
    assert np.ptp(whole, axis=0).min() > 0
    marked = np.load(path)
    marked[0], marked[2, 5:] = 7.0, np.nan  # one row done, one cut off half-way
    np.save(path, marked)
    again = encode(experiment.base, texts, path, bf16="off")
    assert (again[0] == 7.0).all()
    np.testing.assert_allclose(again[1:], whole[1:], atol=1e-5)
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_allclose(encode(experiment.base, texts, path, bf16="off"), whole, atol=1e-5)


def test_features_do_not_depend_on_the_company(experiment: Experiment, tmp_path: Path) -> None:
    texts = ["idiot", "the game boss map round good played see you next team"]
    together = encode(experiment.base, texts, tmp_path / "two.npy", bf16="off")
    alone = encode(experiment.base, texts[:1], tmp_path / "one.npy", bf16="off")
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)


def test_a_checkpoint_that_is_not_there_is_told(experiment: Experiment, tmp_path: Path) -> None:
    base = experiment.base.model_copy(update={"checkpoint": str(tmp_path / "none")})
    with pytest.raises(CheckpointError, match=r"base\.checkpoint = .*none': there is no such"):
        encode(base, ["a"], tmp_path / "features.npy", bf16="off")


def test_names_are_checked() -> None:
    assert named(["frozen", " majority"]) == ("majority", "frozen")
    with pytest.raises(BaselineError, match=r"--only forest: .* majority, tfidf, frozen"):
        named(["tfidf", "forest"])


def test_the_command_line(labelled_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'name = "tiny"\n[rows]\nfile = "{labelled_file}"\n[base]\ncheckpoint = "none"\n'
        '[artifact]\nmodel_version = "tiny-1"\n'
    )
    asked = ["baseline", "--config", str(config), "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(
        main, [*asked, "--only", "majority,tfidf", "--features", "500", "--out-of-fold", "2"]
    )
    assert done.exit_code == 0, done.output
    assert "TF-IDF + logistic regression, 2 folds" in done.output
    assert report(tmp_path / "run")["baselines"]["tfidf"]["settings"]["features"] == 500
    refused = CliRunner().invoke(main, [*asked, "--only", "forest"])
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: --only forest: there is no such baseline")
