"""What a small table holds is found and told: its labels, repeats, contradictions and oddities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import LABELS, Label
from training import oddities
from training.__main__ import main
from training.config import Experiment
from training.first_look import CheckpointError
from training.inspect import (
    Inspection,
    co_occurrence,
    combinations,
    inspect,
    load_tokenizer,
    reading,
)
from training.inspect_report import markdown, write
from training.tables import DataError

ROWS: list[tuple[str, str]] = [
    ("the good game", ""),  # 1
    ("the boss map", "toxic"),  # 2
    ("see you next round", "toxic insult"),  # 3
    ("The  GOOD game", ""),  # 4 repeats 1
    ("good team", "threat"),  # 5 contradicts 7 and 8
    ("   ", ""),  # 6 is empty
    ("GOOD team", ""),  # 7
    ("good  team", "threat"),  # 8
    ("played | the `map`", "toxic insult"),  # 9
    ("the good game", ""),  # 10 repeats 1
    ("see the boss", "severe_toxic"),  # 11
    ("aaaa AAAA", ""),  # 12
    ("hm", ""),  # 13
]
USED = 8  # rows 1, 2, 3, 9, 11, 12, 13 and 14
PAGE_PICTURES = ("labels", "combinations", "co_occurrence", "tokens", "characters")


def table() -> pd.DataFrame:
    rows = [
        {"id": f"r{at}", "comment_text": text, "prior": 1.0 if names else 3.0}
        | {label.value: int(label in names.split()) for label in LABELS}
        for at, (text, names) in enumerate(ROWS, start=1)
    ]
    long = {"id": "r14", "comment_text": "good game " * 20, "prior": 3.0}
    unscored = {"id": "r15", "comment_text": "next map", "prior": 3.0}
    return pd.DataFrame(
        [
            *rows,
            long | dict.fromkeys(map(str, LABELS), 0),
            unscored | dict.fromkeys(map(str, LABELS), -1),
        ]
    )


@pytest.fixture
def small(tmp_path: Path, checkpoint: Path) -> Experiment:
    table().to_csv(tmp_path / "rows.csv", index=False)
    return Experiment.model_validate(
        {
            "name": "small",
            "rows": {
                "file": tmp_path / "rows.csv",
                "weight_column": "prior",
                "validation_share": 0.25,
            },
            "base": {"checkpoint": str(checkpoint), "max_tokens": 32},
            "artifact": {"model_version": "small-1"},
        }
    )


@pytest.fixture
def found(small: Experiment) -> Inspection:
    return inspect(small)


def test_labels_are_counted_plain_and_under_the_prior_weights(found: Inspection) -> None:
    assert (found.rows, found.used, found.weighted) == (15, USED, True)
    toxic, threat = found.labels[Label.TOXIC], found.labels[Label.THREAT]
    assert (toxic.in_file, toxic.used) == (3, 3)
    assert toxic.share == pytest.approx(3 / 8)
    assert toxic.weighted_share == pytest.approx(3 / 16)  # 4 rows of weight 1, 4 of weight 3
    assert (threat.in_file, threat.used) == (2, 0)
    assert (found.unlabelled.in_file, found.unlabelled.used) == (8, 4)
    assert found.unlabelled.weighted_share == pytest.approx(12 / 16)
    assert toxic.in_validation == pytest.approx(0.8)


def test_every_combination_is_listed_the_commonest_first(found: Inspection) -> None:
    assert [(one.labels, one.rows) for one in found.combinations] == [
        ((), 4),
        ((Label.TOXIC, Label.INSULT), 2),
        ((Label.TOXIC,), 1),
        ((Label.SEVERE_TOXIC,), 1),
    ]
    assert found.combinations[1].share == pytest.approx(2 / 8)
    assert found.combinations[1].weighted_share == pytest.approx(2 / 16)


def test_co_occurrence_reads_from_the_row_to_the_column(found: Inspection) -> None:
    toxic, insult, threat = map(LABELS.index, (Label.TOXIC, Label.INSULT, Label.THREAT))
    assert found.co_occurrence[toxic, insult] == pytest.approx(2 / 3)
    assert found.co_occurrence[insult, toxic] == 1.0
    assert np.isnan(found.co_occurrence[threat]).all()


def test_repeated_texts_are_grouped_by_row(found: Inspection) -> None:
    assert [(group.rows, group.text) for group in found.duplicates] == [
        ((1, 4, 10), "the good game")
    ]


def test_contradicting_rows_are_grouped_with_their_labels(found: Inspection) -> None:
    (group,) = found.conflicts
    assert group.rows == (5, 7, 8)
    assert group.labels == ((Label.THREAT,), (), (Label.THREAT,))


def test_rows_that_are_left_out_are_counted_by_reason(found: Inspection) -> None:
    assert [one.row for one in found.left_out] == [4, 5, 6, 7, 8, 10, 15]
    assert found.reasons == {
        "same text with different labels": 3,
        "repeats another row": 2,
        "empty text": 1,
        "unscored (all labels are -1)": 1,
    }


def test_tokens_are_the_tokenizers_with_the_special_ones(found: Inspection) -> None:
    assert found.token_lengths[0] == 5  # [CLS] the good game [SEP]
    assert found.tokens.percentiles[100] == 42
    assert found.tokens.longer_than[32] == pytest.approx(1 / 8)
    assert found.tokens.longer_than[64] == 0.0
    assert found.character_lengths.max() == 200


def test_a_text_longer_than_any_model_takes_is_counted_whole(small: Experiment) -> None:
    tokenizer = load_tokenizer(small.base)
    tokens, _ = reading(["good " * 3000, ""], tokenizer)
    assert tokens.tolist() == [3002, 2]


def test_what_nothing_is_left_of_is_empty(small: Experiment) -> None:
    _, empty = reading(["\u200b", "", "good"], load_tokenizer(small.base))
    assert empty.tolist() == [True, True, False]


def test_only_what_a_fast_tokenizer_counted_is_kept(small: Experiment, tmp_path: Path) -> None:
    whole = load_tokenizer(small.base)

    def slow(views: list[str], *, verbose: bool) -> Any:
        return whole(views, verbose=verbose)

    found = [
        reading(["good game", "map"], tokenizer, tmp_path / name)[0].tolist()
        for name, tokenizer in (("slow", cast(Any, slow)), ("fast", whole))
    ]
    assert found == [[4, 3], [4, 3]]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["fast"]


def test_odd_rows_are_named(found: Inspection) -> None:
    rows = {one.why.split(":")[0]: one.rows for one in found.suspicions}
    assert rows == {
        "one character, repeated": (12,),
        "a few words, over and over": (14,),
        "fewer than 5 characters": (13,),
        "severe_toxic without toxic": (11,),
    }


def test_rows_with_one_id_are_named(small: Experiment) -> None:
    table().assign(id=["same"] * 2 + [f"r{at}" for at in range(3, 16)]).to_csv(
        small.rows.file, index=False
    )
    (same,) = (one for one in inspect(small).suspicions if "id" in one.why.split())
    assert same.rows == (1, 2)


def test_a_text_that_normalises_to_nothing_is_named(small: Experiment) -> None:
    table().replace({"comment_text": {"hm": "||\u200b||"}}).to_csv(small.rows.file, index=False)
    (empty,) = (one for one in inspect(small).suspicions if "normalising" in one.why)
    assert empty.rows == (13,)


@pytest.mark.parametrize(
    ("odd", "yes", "no"),
    [
        (oddities.one_character, "Aa aA", "aab"),
        (oddities.one_character, "!!!!", "!!!"),
        (oddities.few_words, "you win " * 20, "you win " * 14),
        (oddities.few_words, "a b c " * 10, "a b c d " * 8),
        (oddities.short, " abcd ", "abcde"),
        (oddities.replaced, "na\ufffdve", "naïve"),
        (oddities.garbled, "cafÃ©", "café"),
        (oddities.garbled, "itâ€™s", "it’s"),
        (oddities.mostly_not_ascii, "привет, you", "naïve café"),
    ],
)
def test_what_is_odd_and_what_is_not(odd: Any, yes: str, no: str) -> None:
    assert odd(yes)
    assert not odd(no)


def test_the_page_and_the_figures_say_the_same(
    found: Inspection, small: Experiment, tmp_path: Path
) -> None:
    page = write(found, small, tmp_path / "deep" / "out")
    text = page.read_text(encoding="utf-8")
    assert "**8 of 15 rows** can be used; 7 are left out" in text
    assert "| `toxic` | 3 | 3 | 37.50% | 18.75% | 1 |" in text
    assert "| toxic, insult | 2 | 25.00% | 12.50% |" in text
    assert "| 3 | 1, 4, 10 | no label | `the good game` |" in text
    assert "| `good team` | rows 5, 8: threat; row 7: no label |" in text
    assert "| 6 | `r6` | empty text |" in text
    assert "**12.5% of the texts are cut** at `base.max_tokens = 32`" in text
    report = json.loads((page.parent / "inspection.json").read_text(encoding="utf-8"))
    assert report["labels"]["toxic"]["weighted_share"] == pytest.approx(3 / 16)
    assert report["co_occurrence"]["insult"] == dict.fromkeys(LABELS, 0.0) | {
        "toxic": 1.0,
        "insult": 1.0,
    }
    assert report["co_occurrence"]["threat"]["toxic"] is None
    assert report["duplicates"] == [
        {"rows": [1, 4, 10], "labels": [[], [], []], "text": "the good game"}
    ]
    assert report["experiment"]["rows"]["validation_share"] == 0.25
    for name in PAGE_PICTURES:
        assert f"({name}.png)" in text
        assert (page.parent / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_text_cannot_break_the_page(small: Experiment) -> None:
    """Two rows, so that the text is shown, with all that ends a cell, a row or a piece of code."""
    rows = table()
    rows.loc[[1, 2], "comment_text"] = "a | b\n\n# c `d`"
    (shown,) = (line for line in markdown_lines(small, rows) if "# c" in line)
    assert shown.replace("\\|", "").count("|") == 3
    assert shown.count("`") == 2
    assert shown.startswith("| `a \\| b # c")


def markdown_lines(experiment: Experiment, rows: pd.DataFrame) -> list[str]:
    rows.to_csv(experiment.rows.file, index=False)
    return markdown(inspect(experiment)).splitlines()


def test_a_clean_file_without_weights_has_a_page_too(small: Experiment, tmp_path: Path) -> None:
    rows = table().iloc[:2].assign(toxic=0)
    rows.to_csv(small.rows.file, index=False)
    plain = small.model_copy(update={"rows": small.rows.model_copy(update={"weight_column": None})})
    text = write(inspect(plain), plain, tmp_path / "out").read_text(encoding="utf-8")
    assert "prior weights" not in text
    assert text.count("\nNone.\n") == 3
    assert "Nothing else is odd" in text


def test_a_checkpoint_without_a_tokenizer_is_named(small: Experiment, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text("{")
    base = small.base.model_copy(update={"checkpoint": str(tmp_path)})
    with pytest.raises(CheckpointError, match=r"base\.checkpoint = '.*': its tokenizer cannot"):
        inspect(small.model_copy(update={"base": base}))


def test_a_file_without_a_usable_row_is_refused(small: Experiment) -> None:
    table().iloc[[5]].to_csv(small.rows.file, index=False)
    with pytest.raises(DataError, match="no usable row"):
        inspect(small)


def test_the_command_writes_into_the_run_directory(small: Experiment, tmp_path: Path) -> None:
    config = tmp_path / "small.toml"
    config.write_text(
        f'name = "small"\n[rows]\nfile = "{small.rows.file}"\n'
        f'[base]\ncheckpoint = "{small.base.checkpoint}"\nmax_tokens = 64\n'
        '[artifact]\nmodel_version = "small-1"\n'
    )
    run = tmp_path / "run"
    arguments = ["inspect", "--config", str(config), "--run", str(run)]
    result = CliRunner().invoke(main, [*arguments, "--set", "base.max_tokens=16"])
    assert result.exit_code == 0, result.output
    page = run / "inspection" / "inspection.md"
    assert result.stdout.strip() == str(page)
    assert "base.max_tokens = 16" in page.read_text(encoding="utf-8")
    result = CliRunner().invoke(main, [*arguments, "--set", "rows.id_column=none"])
    assert result.exit_code == 1
    assert "column 'none' is missing" in result.output


MANY = st.lists(st.tuples(st.integers(0, 63), st.floats(0.1, 9.0)), min_size=1, max_size=60)


@settings(deadline=None)
@given(MANY)
def test_combinations_divide_the_rows(rows: list[tuple[int, float]]) -> None:
    labels = np.array([[number >> bit & 1 for bit in range(6)] for number, _ in rows], np.float32)
    weights = np.array([weight for _, weight in rows])
    listed = combinations(labels, weights)
    assert len({one.labels for one in listed}) == len(listed)
    assert sum(one.rows for one in listed) == len(rows)
    assert sum(one.share for one in listed) == pytest.approx(1.0)
    assert sum(one.weighted_share for one in listed) == pytest.approx(1.0)
    for at, label in enumerate(LABELS):
        share = sum(one.weighted_share for one in listed if label in one.labels)
        assert share == pytest.approx(np.average(labels[:, at], weights=weights))


@settings(deadline=None)
@given(MANY)
def test_co_occurrence_is_a_share_of_each_row(rows: list[tuple[int, float]]) -> None:
    labels = np.array([[number >> bit & 1 for bit in range(6)] for number, _ in rows], np.float32)
    weights = np.array([weight for _, weight in rows])
    together = co_occurrence(labels, weights)
    for at in range(6):
        having = labels[:, at] > 0
        if not having.any():
            assert np.isnan(together[at]).all()
            continue
        assert together[at, at] == pytest.approx(1.0)
        expected = np.average(labels[having], axis=0, weights=weights[having])
        assert together[at] == pytest.approx(expected)
