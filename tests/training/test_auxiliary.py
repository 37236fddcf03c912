"""Rows of other domains: expressions, masks, merging, whole groups on one side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Label
from training.auxiliary import (
    Partial,
    apart,
    divided_auxiliary,
    read_auxiliary,
    split_groups,
)
from training.config import Auxiliary, Experiment
from training.data import Labelled, LeftOut
from training.split import text_key
from training.tables import DataError

TWEETS = {
    "text": ["one", "two", "three", "Two ", " "],
    "votes": [4, 4, 2, 4, 1],
    "bad": [4, 1, 0, 3, 1],
    "odd.name": [1.0, 0.0, 0.0, 1.0, 0.0],
    "form": ["a", "a", "b", "b", "b"],
}


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    pd.DataFrame(TWEETS).to_parquet(tmp_path / "tweets.parquet")
    return tmp_path / "tweets.parquet"


def test_labels_are_expressions_and_the_rest_is_masked(tweets: Path) -> None:
    source = Auxiliary(
        path=tweets,
        labels={
            Label.TOXIC: "bad / votes",
            Label.THREAT: "(0 * bad).where(bad == 0)",
            Label.INSULT: "`odd.name`",
        },
    )
    rows, _ = read_auxiliary("tweets", source, 1)
    assert rows.texts == ("one", "two", "three")  # the empty one is gone, "Two " is "two"
    # the two readings of "two" are averaged
    assert rows.labels[:, LABELS.index(Label.TOXIC)].tolist() == pytest.approx([1.0, 0.5, 0.0])
    threat = rows.labels[:, LABELS.index(Label.THREAT)]
    assert np.isnan(threat[:2]).all()
    assert threat[2] == 0.0
    assert rows.labels[:, LABELS.index(Label.INSULT)].tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(rows.labels[:, LABELS.index(Label.OBSCENE)]).all()


def test_a_condition_keeps_some_rows(tweets: Path) -> None:
    source = Auxiliary(path=tweets, where="votes > 2", labels={Label.TOXIC: "1.0 * (bad > 1)"})
    assert read_auxiliary("tweets", source, 1)[0].texts == ("one", "two")


def test_groups_stay_whole(tweets: Path) -> None:
    source = Auxiliary(path=tweets, group_column="form", labels={Label.TOXIC: "bad / votes"})
    rows, _ = read_auxiliary("tweets", source, 1)
    assert rows.groups == ("a", "a", "b")
    for seed in range(5):
        kept, held = split_groups(rows, 0.5, seed)
        assert sorted([*kept, *held]) == [0, 1, 2]
        assert {rows.groups[at] for at in kept}.isdisjoint(rows.groups[at] for at in held)
        assert len(held)


def test_held_out_rows_are_written_with_their_masks(tweets: Path, tmp_path: Path) -> None:
    rows, _ = read_auxiliary("t", Auxiliary(path=tweets, labels={Label.TOXIC: "bad / votes"}), 1)
    rows.save(tmp_path / "held.parquet")
    table = pd.read_parquet(tmp_path / "held.parquet")
    assert list(table["text"]) == list(rows.texts)
    assert table["obscene"].isna().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"labels": {"toxic": "bad * 2"}},
            r"auxiliary\.tweets: .*toxic = 'bad \* 2' must be between",
        ),
        ({"labels": {"toxic": "worse"}}, r"auxiliary\.tweets: .*toxic = 'worse': .*worse"),
        ({"where": "votes >"}, r"auxiliary\.tweets: .*where = 'votes >'"),
        ({"where": "votes > 99"}, r"auxiliary\.tweets: no usable row"),
        ({"text_column": "words"}, r"auxiliary\.tweets: .*column 'words' is missing"),
        ({"group_column": "theme"}, r"auxiliary\.tweets: .*column 'theme' is missing"),
        ({"labels": {"toxic": "form"}}, r"toxic = 'form' must be numbers; row 1 gives 'a'"),
        ({"labels": {"toxic": "'no'"}}, r"toxic = \"'no'\" must be numbers; row 1 gives 'no'"),
        ({"labels": {"toxic": "z = bad"}}, r"toxic = 'z = bad' is an assignment"),
        ({"where": "z = bad"}, r"where = 'z = bad' must be true or false for each row"),
        ({"where": "bad"}, r"where = 'bad' must be true or false for each row"),
        ({"labels": {}}, r"without auxiliary\.tweets\.labels its rows say nothing"),
        ({"most_per_template": 3}, r"auxiliary\.tweets\.most_per_template does nothing"),
        # counted in the file, not among the rows that the condition leaves
        (
            {"where": "votes < 4", "labels": {"toxic": "1.0 * votes"}},
            r"must be between 0 and 1; row 3 gives 2",
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    tweets: Path, settings: dict[str, object], message: str
) -> None:
    source = Auxiliary.model_validate({"path": tweets, "labels": {"toxic": "0"}} | settings)
    with pytest.raises(DataError, match=message):
        read_auxiliary("tweets", source, 1)


def test_a_folder_is_one_of_chat_lines(tmp_path: Path) -> None:
    (tmp_path / "slots.toml").write_text('[slots]\nthing = ["map", "boss"]\n')
    (tmp_path / "talk.toml").write_text('[[lines]]\nlabels = ["insult"]\ntexts = ["bad {thing}"]\n')
    rows, _ = read_auxiliary("chat", Auxiliary(path=tmp_path, most_per_template=2), 1)
    assert len(rows) == 2
    assert set(rows.groups) == {"bad {thing}"}
    assert rows.labels[:, LABELS.index(Label.INSULT)].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "setting",
    [{"labels": {"toxic": "1"}}, {"where": "bad"}, {"text_column": "a"}, {"group_column": "a"}],
    ids=lambda setting: next(iter(setting)),
)
def test_a_folder_refuses_what_only_a_table_heeds(
    tmp_path: Path, setting: dict[str, object]
) -> None:
    (tmp_path / "talk.toml").write_text('[[lines]]\nlabels = []\ntexts = ["well played"]\n')
    source = Auxiliary.model_validate({"path": tmp_path} | setting)
    with pytest.raises(DataError, match=rf"auxiliary\.chat\.{next(iter(setting))} does nothing"):
        read_auxiliary("chat", source, 1)


def test_what_a_run_keeps_of_a_source_is_not_taken_for_asked_for(tweets: Path) -> None:
    source = Auxiliary(path=tweets, labels={Label.TOXIC: "bad / votes"})
    kept = Auxiliary.model_validate_json(source.model_dump_json())
    assert len(read_auxiliary("tweets", kept, 1)[0]) == 3


def test_rows_without_a_text_and_repeats_are_reported_by_their_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    texts = ["skipped", None, "one", "ONE", " ", "two", "two"]
    bad = [9, 0, 1, 0, 0, 1, 1]
    # an index of the file's own is not its rows' numbers
    pd.DataFrame({"text": texts, "bad": bad}, index=[4] * 7).to_parquet(path)
    source = Auxiliary(path=path, where="bad < 9", labels={Label.TOXIC: "bad"})
    rows, left_out = read_auxiliary("more", source, 1)
    assert rows.texts == ("one", "two")
    assert rows.labels[:, 0].tolist() == [0.5, 1.0]
    assert left_out == [
        LeftOut(2, "auxiliary.more", "empty text"),
        LeftOut(4, "auxiliary.more", "same text as row 3: their labels are averaged"),
        LeftOut(5, "auxiliary.more", "empty text"),
        LeftOut(7, "auxiliary.more", "repeats row 6"),
    ]


def test_bytes_are_read_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"text": ["grüß".encode()], "bad": [1]}).to_parquet(path)
    rows, _ = read_auxiliary("more", Auxiliary(path=path, labels={Label.TOXIC: "bad"}), 1)
    assert rows.texts == ("grüß",)


def test_a_row_without_a_group_is_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"text": ["a", "b", "c"], "bad": 0, "form": ["x", None, None]}).to_parquet(path)
    source = Auxiliary(path=path, labels={Label.TOXIC: "bad"}, group_column="form")
    assert read_auxiliary("more", source, 1)[0].groups == ("x", "b", "c")


@pytest.mark.parametrize("settings", [{"labels": {"toxic": "bad"}}, {"where": "bad == 1"}])
def test_a_gap_in_a_csvs_numbers_is_named(tmp_path: Path, settings: dict[str, object]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,bad,badly\none,1,\ntwo,,\nthree,0,x\n")
    source = Auxiliary.model_validate({"path": path, "labels": {"toxic": "0"}} | settings)
    with pytest.raises(DataError, match="column 'bad' holds numbers, but row 2 is empty"):
        read_auxiliary("more", source, 1)


def test_a_gap_in_a_column_of_words_is_a_value(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,kind\none,threat\ntwo,\n")
    source = Auxiliary(path=path, labels={Label.THREAT: "(kind == 'threat') * 1.0"})
    rows, _ = read_auxiliary("more", source, 1)
    assert rows.labels[:, LABELS.index(Label.THREAT)].tolist() == [1.0, 0.0]


def partial(name: str, texts: list[str], groups: list[str] | None = None) -> Partial:
    labels = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
    return Partial(name, tuple(texts), labels, tuple(groups or texts))


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=12),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_some_group_is_always_trained_on(groups: list[str], share: float, seed: int) -> None:
    kept, held = split_groups(partial("x", groups), share, seed)
    assert len(kept)
    assert sorted([*kept, *held]) == list(range(len(groups)))


def test_no_text_is_on_both_sides_whatever_its_source() -> None:
    one = (partial("one", ["a", "B ", "c"]), partial("one", ["d", "m"]))
    two = (partial("two", ["D", "v", "e"]), partial("two", ["b", "f"]))
    trained, held_out = apart([one, two], ["M", "n"], ["V", "w"])
    assert [part.texts for part in trained] == [("a", "c"), ("e",)]
    assert [part.texts for part in held_out] == [("d",), ("b", "f")]


def test_a_source_whose_every_text_is_held_out_is_refused() -> None:
    with pytest.raises(DataError, match=r"auxiliary\.one: every text to train on is held out"):
        apart([(partial("one", ["a"]), partial("one", []))], [], ["A"])


def test_an_experiments_sources_are_divided_beside_its_rows(
    experiment: Experiment, tmp_path: Path
) -> None:
    texts = [f"line {at}" for at in range(40)]
    for name, bad in (("first", 0), ("second", 1)):
        table = pd.DataFrame({"text": [*texts, ""], "bad": bad})
        table.to_parquet(tmp_path / f"{name}.parquet")
    sources = {
        name: Auxiliary(path=tmp_path / f"{name}.parquet", labels={Label.TOXIC: "bad"})
        for name in ("first", "second")
    }
    # the second source is divided in another way than the first, by another grouping
    wider = pd.read_parquet(tmp_path / "second.parquet").assign(form=[*range(10)] * 4 + [0])
    wider.astype({"form": str}).to_parquet(tmp_path / "second.parquet")
    sources["second"] = sources["second"].model_copy(update={"group_column": "form"})

    def rows(*texts: str) -> Labelled:
        zeros = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
        return Labelled(texts, texts, zeros, np.ones(len(texts), dtype=np.float32))

    trained, held_out, left_out = divided_auxiliary(
        experiment.model_copy(update={"auxiliary": sources}),
        rows(*texts[:3]),
        rows(*texts[3:6]),
    )
    keys = [
        {text_key(text) for part in side for text in part.texts} for side in (trained, held_out)
    ]
    assert not keys[0] & (keys[1] | set(texts[3:6]))
    assert not keys[1] & set(texts[:3])
    assert [part.name for part in trained] == [part.name for part in held_out] == [*sources]
    assert all(map(len, held_out))
    assert [(one.row, one.id) for one in left_out] == [
        (41, "auxiliary.first"),
        (41, "auxiliary.second"),
    ]
