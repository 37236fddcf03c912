"""Templates become lines by their seed alone, and a bad file is named in one sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.labels import LABELS, Label
from training.config import TrainingError
from training.written import Line, load

OURS = Path(__file__).parents[2] / "training" / "chat_lines"

SLOTS = """
[slots]
colour = ["amber", "teal", "indigo"]
fruit = ["kiwi", "fig", "pear", "plum"]
"""

THEME = """
[[lines]]
labels = ["toxic", "threat"]
masked = ["insult"]
texts = ["the {colour} {fruit} hits the {colour} wall"]

[[lines]]
labels = []
texts = ["a plain line"]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "slots.toml").write_text(SLOTS)
    (tmp_path / "fruit.toml").write_text(THEME)
    return tmp_path


def filled(lines: list[Line]) -> list[Line]:
    return [line for line in lines if "{" in line.template]


def test_a_template_is_filled_with_distinct_combinations(directory: Path) -> None:
    lines = filled(load(directory, most_per_template=100, seed=1))
    kernels = {
        (colour, fruit)
        for line in lines
        for colour in ("amber", "teal", "indigo")
        for fruit in ("kiwi", "fig", "pear", "plum")
        if f"the {colour} {fruit} hits the {colour} wall" in line.text.lower()
    }
    assert len(lines) == len(kernels) == 12


@pytest.mark.parametrize("most", [1, 5])
def test_no_more_than_asked_for_come_of_one_template(directory: Path, most: int) -> None:
    assert len(filled(load(directory, most_per_template=most, seed=1))) == most


def test_labels_stand_in_their_order_and_masked_ones_are_nan(directory: Path) -> None:
    line = filled(load(directory, most_per_template=1, seed=1))[0]
    known = dict(zip(LABELS, line.labels, strict=True))
    assert math.isnan(known.pop(Label.INSULT))
    assert {label for label, value in known.items() if value == 1.0} == {Label.TOXIC, Label.THREAT}
    assert set(known.values()) == {0.0, 1.0}


def test_the_seed_decides_everything(directory: Path) -> None:
    first, again, other = (
        [line.text for line in load(directory, most_per_template=4, seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_style_and_fillings_do_not_depend_on_labels_or_neighbours(directory: Path) -> None:
    before = [line.text for line in filled(load(directory, most_per_template=6, seed=3))]
    harmless = THEME.replace('labels = ["toxic", "threat"]', "labels = []")
    (directory / "fruit.toml").write_text(harmless.replace("a plain line", "another one"))
    (directory / "earlier.toml").write_text('[[lines]]\nlabels = []\ntexts = ["first of all"]\n')
    after = [line.text for line in filled(load(directory, most_per_template=6, seed=3))]
    assert before == after


def test_a_file_s_own_slot_takes_precedence(directory: Path) -> None:
    (directory / "fruit.toml").write_text('[slots]\ncolour = ["grey"]\n' + THEME)
    for line in filled(load(directory, most_per_template=2, seed=1)):
        assert "grey" in line.text.lower()


def entry(labels: str = "[]", texts: str = '["one"]', more: str = "") -> str:
    return f"[[lines]]\nlabels = {labels}\ntexts = {texts}\n{more}\n"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (entry(texts='["a {shape}"]'), r"entry 1: \{shape\} in 'a \{shape\}' is no slot"),
        (entry() + entry('["rude"]', '["two"]'), "entry 2, labels: 'rude' is no label"),
        (entry('["toxic"]', more='masked = ["toxic"]'), "entry 1: toxic is both given and masked"),
        (entry(texts="[]"), "entry 1, texts"),
        (entry(more="weight = 2"), "entry 1, weight"),
        (entry() + entry(), "entry 2: 'one' is written in .*entry 1 already"),
        ("[slots]\nsize = []", "slots.size"),
        ("labels = [", "not TOML"),
    ],
)
def test_a_bad_file_is_named_with_its_entry(tmp_path: Path, written: str, named: str) -> None:
    (tmp_path / "odd.toml").write_text(written)
    with pytest.raises(TrainingError, match=rf"odd\.toml: .*{named}|odd\.toml: {named}"):
        load(tmp_path, most_per_template=1, seed=1)


def test_a_directory_without_lines_and_a_count_of_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds no \.toml file"):
        load(tmp_path, most_per_template=1, seed=1)
    with pytest.raises(TrainingError, match="most_per_template = 0"):
        load(tmp_path, most_per_template=0, seed=1)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_our_own_lines_load_under_every_seed(seed: int) -> None:
    lines = load(OURS, most_per_template=1, seed=seed)
    texts = [line.text for line in lines]
    assert len(set(texts)) == len(texts) >= 700
    assert [text for text in texts if "{" in text] == []


def test_our_own_lines_are_mostly_harmless_and_know_every_label() -> None:
    lines = load(OURS, most_per_template=4, seed=17)
    harmless = sum(1.0 not in line.labels for line in lines)
    assert harmless / len(lines) >= 0.55
    for position, label in enumerate(LABELS):
        assert sum(line.labels[position] == 1.0 for line in lines) >= 20, label


def test_every_hateful_line_is_toxic_too() -> None:
    for line in load(OURS, most_per_template=1, seed=17):
        if 1.0 in line.labels:
            assert line.labels[LABELS.index(Label.TOXIC)] == 1.0, line.template
