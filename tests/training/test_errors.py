"""The rows where the model and the labels disagree."""

from __future__ import annotations

import csv
import pickle
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import LABELS, Label
from bot.screening.artifact import Calibration
from training.__main__ import main
from training.calibrate import calibrate, write
from training.config import Presets
from training.data import Labelled
from training.errors import (
    find,
    judge,
    read_calibration,
    read_logits,
    suspects,
)
from training.recipes import load
from training.runs import RunError

PLAIN = {label: Calibration() for label in LABELS}
HOSTILE = (
    '</div></li><script>alert(1)</script><img src="https://evil.example/x" onerror="a()">{{ 7*7 }}'
)
Array = npt.NDArray[np.float64]


def rows_of(truth: npt.ArrayLike, texts: list[str] | None = None) -> Labelled:
    """Rows with these labels [rows, 6], ids ``r0``, ``r1``, … and weights of 1."""
    labels = np.array(truth, dtype=np.float32)
    ids = tuple(f"r{at}" for at in range(len(labels)))
    return Labelled(
        ids=ids,
        texts=tuple(texts) if texts is not None else tuple(f"text {name}" for name in ids),
        labels=labels,
        weights=np.ones(len(labels), dtype=np.float32),
    )


def first_label(column: npt.ArrayLike, rest: float = 0.0) -> Array:
    """[rows, 6] with this column for the first label and a constant for the others."""
    column = np.array(column, dtype=np.float64)
    return np.column_stack([column, *[np.full(len(column), rest)] * 5])


def test_the_loss_is_the_cross_entropy_of_the_calibrated_probability() -> None:
    calibration = PLAIN | {Label.TOXIC: Calibration(scale=0.5, bias=1.0)}
    rows = rows_of(first_label([1, 0]))
    judged = judge(first_label([2.0, 2.0], rest=-3.0).astype(np.float32), rows, calibration)
    probability = 1 / (1 + np.exp(-2.0))
    assert judged.scores[:, 0] == pytest.approx([probability] * 2)
    assert judged.losses[:, 0] == pytest.approx([-np.log(probability), -np.log(1 - probability)])
    assert judged.losses[:, 1] == pytest.approx(np.log1p(np.exp(-3.0)))


def test_losses_of_extreme_logits_still_rank() -> None:
    judged = judge(
        first_label([500.0, 900.0]).astype(np.float32), rows_of(first_label([0, 0])), PLAIN
    )
    assert judged.scores[0, 0] == judged.scores[1, 0]
    assert judged.losses[:, 0] == pytest.approx([500, 900])


def test_suspects_by_hand() -> None:
    #                  given yes: mean 0.75      given no: mean of 1 - p is 0.625
    scores = np.array([0.90625, 0.96875, 0.375, 0.03125, 0.125, 0.71875, 0.625])
    truth = np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.float32)
    weights = np.ones(7, dtype=np.float32)
    # 0.375 given yes: "no" has 0.625, as much as rows of "no" have on average.
    # 0.71875 given no: likelier "yes", but less sure than rows of "yes" are on average.
    assert suspects(scores, truth, weights).tolist() == [False, False, True, *[False] * 4]
    # Rows that stand for many more pull their class's threshold to themselves.
    weights[2] = 6
    assert suspects(scores, truth, weights).tolist() == [
        False,
        False,
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_rare_label_is_not_marked_where_it_is_the_less_likely() -> None:
    # The rows of the label get 0.25 on average; 0.375 is more than that, but no reason.
    scores = np.array([0.25, 0.25, 0.375, 0.03125])
    truth = np.array([1, 1, 0, 0], dtype=np.float32)
    marked = suspects(scores, truth, np.ones(4, dtype=np.float32))
    assert not marked[2]


@pytest.mark.parametrize("given_label", [0, 1])
def test_with_one_class_nothing_is_suspect(given_label: int) -> None:
    truth = np.full(5, given_label, dtype=np.float32)
    assert not suspects(np.linspace(0.01, 0.99, 5), truth, np.ones(5, dtype=np.float32)).any()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 64), st.booleans()), min_size=1, max_size=60))
def test_suspects_do_not_depend_on_which_class_is_called_one(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 64 for score, _ in rows])
    truth = np.array([yes for _, yes in rows], dtype=np.float32)
    weights = np.ones(len(rows), dtype=np.float32)
    marked = suspects(scores, truth, weights)
    assert (marked == suspects(1 - scores, 1 - truth, weights)).all()
    # and the model itself holds a marked label for the less likely one
    assert (np.where(truth > 0, scores, 1 - scores)[marked] < 0.5).all()


def test_planted_mistakes_are_found() -> None:
    draw = np.random.default_rng(3)
    true = draw.random(4000) < 0.2
    logits = np.where(true, 3.0, -3.0) + draw.normal(0, 1, 4000)
    wrong = draw.choice(4000, 60, replace=False)
    given_labels = true.copy()
    given_labels[wrong] ^= True
    rows = rows_of(first_label(given_labels))
    judged = judge(first_label(logits, rest=-5.0).astype(np.float32), rows, PLAIN)
    marked = np.flatnonzero(judged.marked[:, 0])
    # About half of each class is above its class's threshold.
    assert len(set(marked) & set(wrong)) >= 0.4 * len(wrong)
    assert len(set(marked) & set(wrong)) >= 0.9 * len(marked)
    findings = [one for one in find(judged, rows, 10) if one.label is Label.TOXIC]
    held = [one for one in findings if one.suspects]
    assert {one.id for one in held} == {f"r{at}" for at in marked}
    assert [one.loss for one in held] == sorted((one.loss for one in held), reverse=True)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-8, 8, width=32), st.booleans()), max_size=40), st.integers(1, 30)
)
def test_each_list_is_one_end_and_no_row_is_in_two(
    drawn: list[tuple[float, bool]], most: int
) -> None:
    logits = first_label([logit for logit, _ in drawn]).astype(np.float32)
    rows = rows_of(first_label([yes for _, yes in drawn]).reshape(-1, 6))
    judged = judge(logits, rows, PLAIN)
    findings = find(judged, rows, most)
    for label in (None, *LABELS):
        held = [one for one in findings if one.label is label]
        assert len({one.id for one in held}) == len(held)
        losses = {
            end: [one.loss for one in held if one.end == end]
            for end in ("highest", "lowest", "marked")
        }
        assert len(losses["highest"]) <= most >= len(losses["lowest"])
        assert len(losses["highest"]) + len(losses["lowest"]) == min(2 * most, len(drawn))
        assert losses["highest"] == sorted(losses["highest"], reverse=True)
        assert losses["lowest"] == sorted(losses["lowest"])
        if losses["highest"] and losses["lowest"]:
            assert min(losses["highest"]) >= max(losses["lowest"])
        if label is not None:
            marked = judged.marked[:, LABELS.index(label)].sum()
            assert sum(bool(one.suspects) for one in held) == marked


def test_over_all_labels_the_losses_add_up() -> None:
    rows = rows_of(np.eye(6))
    judged = judge(np.zeros((6, 6), dtype=np.float32), rows, PLAIN)
    overall = [one for one in find(judged, rows, 3) if one.label is None]
    assert [one.loss for one in overall] == pytest.approx([6 * np.log(2)] * 6)
    assert {one.truth for one in overall} == set(LABELS)
    assert {one.score for one in overall} == {None}


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Path, Path]:
    """The experiment's file and a run directory as `train` and `calibrate` leave it."""
    draw = np.random.default_rng(8)
    truth = (draw.random((60, 6)) < 0.4).astype(np.float32)
    logits = (truth * 4 - 2 + draw.normal(0, 2, truth.shape)).astype(np.float32)
    texts = [f"comment {at}" for at in range(60)]
    # the least like its labels, so that it is in every list of highest losses
    texts[0] = HOSTILE
    truth[0], logits[0] = 1, -9
    texts[1] = "=cmd|' /C calc'!A0"
    truth[1], logits[1] = 0, 8
    texts[2] = "word " * 300
    truth[2], logits[2] = 0, 7
    rows = rows_of(truth, texts)
    run = tmp_path / "run"
    run.mkdir()
    rows.save(run / "validation.parquet")
    np.save(run / "validation_logits.npy", logits)
    write(run / "calibration.json", calibrate(logits, rows, Presets()))
    config = tmp_path / "tiny.toml"
    config.write_text(
        'name = "tiny"\n[rows]\nfile = "train.csv"\n[base]\ncheckpoint = "org/base"\n'
        '[artifact]\nmodel_version = "tiny-<1>"\n'
    )
    (run / "experiment.json").write_text(load(config).model_dump_json())
    return config, run


def invoke(finished: tuple[Path, Path], *words: str) -> Result:
    config, run = finished
    return CliRunner().invoke(main, ["errors", "--config", str(config), "--run", str(run), *words])


def test_the_table_holds_both_ends_of_every_label(finished: tuple[Path, Path]) -> None:
    result = invoke(finished, "--most", "5")
    assert result.exit_code == 0, result.output
    with (finished[1] / "errors" / "errors.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for name in ("overall", *LABELS):
        for end in ("highest", "lowest"):
            assert sum(one["label"] == name and one["list"] == end for one in lines) == 5
    first = next(one for one in lines if one["label"] == "threat" and one["id"] == "r0")
    assert (first["truth"], first["marked"], first["text"]) == ("1", "1", HOSTILE)
    assert float(first["loss"]) == pytest.approx(-np.log(float(first["score"])), rel=1e-2)
    # a spreadsheet must not run it
    assert {one["text"] for one in lines if one["id"] == "r1"} == {"'=cmd|' /C calc'!A0"}


class Reader(HTMLParser):
    """What a browser would make of the page: elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def page(finished: tuple[Path, Path]) -> Reader:
    result = invoke(finished, "--most", "4")
    assert result.exit_code == 0, result.output
    return Reader((finished[1] / "errors" / "errors.html").read_text(encoding="utf-8"))


def test_a_hostile_text_stays_text(page: Reader) -> None:
    assert HOSTILE in page.texts
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "link", "base", "embed", "svg"}
    assert not [name for _, given_ in page.elements for name in given_ if name.startswith("on")]
    assert any("tiny-<1>" in text for text in page.texts)


def test_the_page_loads_nothing_and_its_links_lead_somewhere(page: Reader) -> None:
    names = {given_["id"] for _, given_ in page.elements if "id" in given_}
    targets = [given_["href"] for _, given_ in page.elements if "href" in given_]
    assert len(targets) == 14
    assert all(target and target[0] == "#" and target[1:] in names for target in targets)
    assert not [given_ for _, given_ in page.elements if "src" in given_]
    policies = [given_ for _, given_ in page.elements if "http-equiv" in given_]
    assert [one["http-equiv"] for one in policies] == ["Content-Security-Policy"]
    assert (policies[0]["content"] or "").startswith("default-src 'none'")


def test_every_text_is_veiled_and_a_long_one_folded(page: Reader) -> None:
    rows = [given_ for tag, given_ in page.elements if tag == "li" and "class" in given_]
    veils = [given_ for tag, given_ in page.elements if given_.get("class") == "veil"]
    assert len(rows) == len(veils) == 7 * 2 * 4
    long = ("word " * 300)[:400] + "…"
    folds = [tag for tag, _ in page.elements if tag == "details"]
    assert page.texts.count(long) == len(folds) > 0
    assert page.texts.count("word " * 300) == len(folds)


def test_the_int8_logits_come_first(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    rows = rows_of(np.zeros((60, 6)))
    assert read_logits(run, rows)[1].name == "validation_logits.npy"
    np.save(run / "validation_logits.int8.npy", np.full((60, 6), 2.0))
    logits, path = read_logits(run, rows)
    assert path.name == "validation_logits.int8.npy"
    assert (logits == 2).all()


def test_logits_that_do_not_fit_are_named(finished: tuple[Path, Path]) -> None:
    run = finished[1]
    path = run / "validation_logits.npy"
    for content, words in (
        (np.zeros((59, 6)), r"\(59, 6\).*60 validation rows"),
        (np.full((60, 6), np.nan), "row 1 .*finite"),
    ):
        np.save(path, content)
        with pytest.raises(RunError, match=words):
            read_logits(run, rows_of(np.zeros((60, 6))))
    # a pickle would run what its writer likes
    for raw in (b"", b"not numpy", pickle.dumps({"a": 1})):
        path.write_bytes(raw)
        with pytest.raises(RunError, match="not an array"):
            read_logits(run, rows_of(np.zeros((60, 6))))
    path.unlink()
    result = invoke(finished)
    assert result.exit_code == 1
    assert "validation_logits.npy is missing" in result.output


def test_without_a_calibration_the_logits_stand_for_themselves(
    finished: tuple[Path, Path],
) -> None:
    path = finished[1] / "calibration.json"
    assert read_calibration(finished[1]) != PLAIN
    path.unlink()
    assert read_calibration(finished[1]) == PLAIN


@pytest.mark.parametrize("text", ["", "{}", '{"calibration": {"toxic": {"scale": -1}}}', "[1]"])
def test_a_broken_calibration_is_named(finished: tuple[Path, Path], text: str) -> None:
    (finished[1] / "calibration.json").write_text(text)
    result = invoke(finished)
    assert result.exit_code == 1
    assert "calibration.json" in result.output
    assert "run `calibrate` again" in result.output


def test_a_run_without_validation_rows_is_named(finished: tuple[Path, Path]) -> None:
    (finished[1] / "validation.parquet").unlink()
    result = invoke(finished)
    assert result.exit_code == 1
    assert "validation.parquet is missing" in result.output
