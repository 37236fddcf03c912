"""What is measured, and that the page, the figures and the pictures say it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.labels import LABELS, Scores, Thresholds
from training import evaluate as evaluation
from training import report
from training.augment import Kind
from training.calibrate import BINS, MIN_ROWS
from training.data import Labelled
from training.evaluate import Evaluation, confusion, summarise, thresholds_table
from training.scoring import CHUNK, Scorer


def rows(labels: np.ndarray, weights: np.ndarray) -> Labelled:
    count = len(labels)
    names = tuple(str(number) for number in range(count))
    ones = np.ones(count, dtype=np.float32)
    return Labelled(names, names, labels.astype(np.float32), weights.astype(np.float32), ones)


def test_weights_count_like_repeated_rows() -> None:
    generator = np.random.default_rng(3)
    labels = (generator.random((60, 6)) < 0.4).astype(np.float32)
    scores = np.clip(labels * 0.3 + generator.random((60, 6)) * 0.6, 0, 1).astype(np.float32)
    weights = generator.integers(1, 4, 60)
    repeat = np.repeat(np.arange(60), weights)
    weighted = summarise(scores, rows(labels, weights))
    repeated = summarise(scores[repeat], rows(labels[repeat], np.ones(len(repeat))))
    plain = summarise(scores, rows(labels, np.ones(60)))
    for name in ("roc_auc", "average_precision"):
        assert weighted["mean"][name] == pytest.approx(repeated["mean"][name])
        assert weighted["mean"][name] != pytest.approx(plain["mean"][name])


def test_precision_and_recall_are_weighted_too() -> None:
    labels = np.array([[1], [0], [1]]).repeat(6, axis=1)
    scores = np.array([[0.9], [0.8], [0.1]], dtype=np.float32).repeat(6, axis=1)
    thresholds = dict.fromkeys(
        ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"), 0.5
    )
    table = thresholds_table(scores, rows(labels, np.array([1, 3, 1])), thresholds)
    assert table["toxic"]["precision"] == pytest.approx(1 / 4)
    assert table["toxic"]["recall"] == pytest.approx(1 / 2)


def test_confusion_counts_rows_whatever_their_weight() -> None:
    labels = np.array([[1], [0], [1], [0], [0]]).repeat(6, axis=1)
    scores = np.array([[0.5], [0.8], [0.1], [0.2], [0.3]]).repeat(6, axis=1)
    thresholds = {label.value: 0.5 for label in LABELS}
    found = confusion(scores, rows(labels, np.array([1, 3, 1, 9, 2])), thresholds)["threat"]
    assert (found.caught, found.missed, found.flagged, found.passed) == (1, 1, 1, 2)


class Words:
    """Stands for a loaded model: it finds ``toxic`` and ``insult`` in one word."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.texts: list[str] = []
        one = {"relaxed": 0.9, "balanced": 0.5, "strict": 0.3}
        self.presets: Mapping[str, Thresholds] = {
            name: Thresholds.from_sequence([limit] * 6) for name, limit in one.items()
        }

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self.asked.append(len(texts))
        self.texts += texts
        return [self._score(text) for text in texts]

    @staticmethod
    def _score(text: str) -> Scores:
        bad = 0.8 if "fuckwit" in text else 0.05 + 0.2 * ("gay" in text.lower())
        return Scores(bad, 0.01, 0.02, 0.03, bad, 0.04)


def test_a_text_is_scored_once_and_in_chunks() -> None:
    model = Words()
    score = Scorer(model)
    texts = [f"number {at}" for at in range(CHUNK + 3)]
    assert score([*texts, "number 0"], "rows").shape == (CHUNK + 4, 6)
    assert model.asked == [CHUNK, 3]
    found = score(["a fuckwit", "number 1"], "more")
    assert model.asked == [CHUNK, 3, 1]
    assert found[:, 0].tolist() == [0.8, 0.05]
    assert score([], "none").shape == (0, 6)


@pytest.fixture(scope="module")
def measured() -> Evaluation:
    texts = tuple(
        f"number {at} is {'gay and ' * (at % 2)}{'a fuckwit' if at % 3 == 0 else 'a friend'}"
        for at in range(72)
    )
    labels = np.zeros((72, 6), dtype=np.float32)
    labels[::3, [0, 4]] = 1
    labels[1, 0] = 1  # missed: it does not have the word
    ones = np.ones(72, dtype=np.float32)
    labelled = Labelled(tuple(map(str, range(72))), texts, labels, ones, ones)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "load_model", lambda _: Words())
        return evaluation.evaluate(Path("model"), labelled, resamples=50, disguised=4, seed=1)


@pytest.fixture(scope="module")
def written(measured: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    report.write(folder / "new", "Words on rows", {"model": "words"}, measured)
    return folder / "new"


def test_estimates_lie_in_their_intervals(measured: Evaluation) -> None:
    for name in ("toxic", "insult", "mean"):
        one = measured.figures[name]
        for figure, (low, high) in one["interval"].items():
            assert low <= one[figure] <= high
    one = measured.tables["balanced"]["toxic"]
    assert one["recall"] == pytest.approx(24 / 25)
    assert one["interval"]["recall"][0] < 24 / 25 < one["interval"]["recall"][1]
    # No row has it: it ranks nothing, but its probabilities cost something.
    assert set(measured.figures["threat"]["interval"]) == {"cross_entropy"}
    for label in LABELS:
        assert "calibration_error" in measured.tables["strict"][label]["interval"]


def test_the_cross_entropy_is_of_the_probabilities_and_has_its_place(
    measured: Evaluation, written: Path
) -> None:
    # 24 rows with 0.8, one with 0.25 that is missed; without the label 0.05 and 0.25.
    harmless = [0.25 if at % 2 else 0.05 for at in range(72) if at % 3 and at != 1]
    whole = -24 * math.log(0.8) - math.log(0.25) - sum(math.log(1 - one) for one in harmless)
    assert measured.figures["toxic"]["cross_entropy"] == pytest.approx(whole / 72)
    assert measured.figures["threat"]["cross_entropy"] == pytest.approx(-math.log(0.97))
    found = json.loads((written / report.FIGURES).read_text(encoding="utf-8"))["figures"]
    page = (written / report.PAGE).read_text(encoding="utf-8")
    assert "| average precision | cross-entropy |" in page
    for name in (*LABELS, "mean"):
        low, high = found[name]["interval"]["cross_entropy"]
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        assert line.endswith(f"{found[name]['cross_entropy']:.4f} ({low:.4f}–{high:.4f}) |")


def test_calibration_and_bias_come_with_their_intervals(written: Path) -> None:
    found = json.loads((written / report.FIGURES).read_text(encoding="utf-8"))
    page = (written / report.PAGE).read_text(encoding="utf-8")
    calibration = page[page.index("## Calibration") :]
    toxic = found["thresholds"]["balanced"]["toxic"]
    low, high = toxic["interval"]["calibration_error"]
    assert f"| toxic | {toxic['calibration_error']:.4f} ({low:.4f}–{high:.4f}) |" in calibration
    bias = found["bias"]
    low, high = bias["intervals"]["gay"]["subgroup_auc"]
    assert low < bias["terms"]["gay"]["subgroup_auc"] < high
    assert f"{bias['terms']['gay']['subgroup_auc']:.4f} ({low:.4f}–{high:.4f}) |" in page
    low, high = bias["overall_interval"]["subgroup_auc"]
    assert "| power mean |" in page
    assert f"{bias['overall']['subgroup_auc']:.4f} ({low:.4f}–{high:.4f}) |" in page


def test_bias_is_measured_on_rows_and_on_templates(measured: Evaluation) -> None:
    gay = measured.bias.terms["gay"]
    assert (gay.toxic, gay.harmless) == (13, 23)
    assert "blind" in measured.bias.left_out
    # None of the templates has the word: nothing is caught, nothing flagged.
    assert measured.templates.caught.count == measured.templates.flagged.count == 0
    # It scores every sentence with the term higher.
    assert measured.templates.terms["gay"].bpsn_auc == 0
    assert measured.templates.terms["deaf"].bpsn_auc > 0.5


def test_robustness_draws_from_what_was_right(measured: Evaluation) -> None:
    assert measured.robustness is not None
    assert (measured.robustness.harmful.count, measured.robustness.harmful.of) == (24, 25)
    assert measured.robustness.asked == (4, 4)
    assert measured.robustness.kinds[Kind.LETTER_DELETED].caught_one.count == 0
    assert measured.robustness.kinds[Kind.PADDING_AFTER].caught.count == 4


def test_the_json_says_everything_and_is_json(written: Path) -> None:
    found = json.loads((written / report.FIGURES).read_text(encoding="utf-8"))
    assert found["model"] == "words"
    assert found["preset"] == "balanced"
    assert found["confusion"]["toxic"] == {"caught": 24, "missed": 1, "flagged": 0, "passed": 47}
    assert found["bias"]["terms"]["gay"]["toxic"] == 13
    assert found["controls"]["groups"]["gaming"]["count"] == 0
    padded = found["robustness"]["kinds"]["padding_before"]["caught"]
    assert (padded["count"], padded["of"], padded["share"]) == (4, 4, 1.0)
    assert padded["interval"][0] < 1
    assert len(found["outcomes"]["toxic"]) == BINS
    assert found["outcomes"]["toxic"][-1] == {"rows": 0, "score": None, "share": None}


def test_the_page_shows_every_picture_that_is_there(written: Path) -> None:
    page = (written / report.PAGE).read_text(encoding="utf-8")
    pictures = {path.name for path in written.glob("*.png")}
    assert len(pictures) == 7
    for name in pictures:
        assert f"]({name})" in page
        assert (written / name).read_bytes().startswith(b"\x89PNG")
    assert page.count("](") == 7
    assert "| gay | 13 | 23 |" in page
    assert "| toxic | 24 | 1 | 0 | 47 |" in page
    assert "| padding before | 4 of 4 (100.0%) |" in page
    assert "Named by no row: Muslim" in page


def test_what_was_not_asked_for_is_left_out(measured: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "robustness.png").write_bytes(b"of an earlier evaluation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "load_model", lambda _: Words())
        found = evaluation.evaluate(
            Path("model"), measured.rows, preset="strict", resamples=0, disguised=0
        )
    page = report.write(tmp_path, "Words on rows", {}, found)
    assert found.robustness is None
    assert "interval" not in found.figures["toxic"]
    assert "interval" not in found.tables["strict"]["toxic"]
    assert found.bias.intervals == {}
    assert "Evasion" not in page
    assert "Confusion at strict" in page
    assert not (tmp_path / "robustness.png").exists()
    assert json.loads((tmp_path / report.FIGURES).read_text())["robustness"] is None


def test_a_reliability_bin_with_few_rows_is_a_gap(measured: Evaluation) -> None:
    bins = measured.outcomes["toxic"]
    assert sum(one.rows for one in bins) == 72
    filled = [one for one in bins if one.rows]
    assert [one.rows for one in filled] == [24, 24, 24]
    assert filled[-1].share == 1
    assert filled[-1].score == pytest.approx(0.8)
    assert filled[0].rows >= MIN_ROWS
    assert all(math.isnan(one.share) for one in bins if not one.rows)
