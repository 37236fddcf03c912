"""A label that all rows have, or none, is told before anything is loaded."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from tiny_bert import table, write_rows
from tiny_runs import changed, small

from bot.labels import LABELS
from training import train
from training.auxiliary import Partial
from training.config import Experiment
from training.data import Labelled
from training.one_kind import require_both_kinds
from training.tables import DataError
from training.train import run

THREAT = LABELS.index("threat")


def rows(count: int = 8, **columns: int) -> Labelled:
    """Each label is on every second row; ``columns`` are filled with one value."""
    labels = np.tile(np.array([[0.0], [1.0]], dtype=np.float32), (count // 2, len(LABELS)))
    for name, value in columns.items():
        labels[:, LABELS.index(name)] = value
    names = tuple(map(str, range(count)))
    return Labelled(names, names, labels, np.ones(count, dtype=np.float32))


def other(threat: float) -> Partial:
    labels = np.full((2, len(LABELS)), np.nan, dtype=np.float32)
    labels[0, THREAT] = threat
    return Partial("chat", ("a", "b"), labels, ("a", "b"))


@pytest.mark.parametrize(("value", "how"), [(0, "none"), (1, "every one")])
def test_a_label_of_one_kind_is_refused_by_name(
    experiment: Experiment, value: int, how: str
) -> None:
    with pytest.raises(DataError) as raised:
        require_both_kinds(experiment, rows(threat=value), rows(), ())
    said = str(raised.value)
    assert said.startswith(f"threat: {how} of the 8 training rows of {experiment.rows.source} has")
    assert "loss.label_weights.threat = 0" in said
    assert "\n" not in said


def test_rows_with_both_kinds_pass_in_silence(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    require_both_kinds(experiment, rows(), rows(), ())
    assert not caplog.records


def test_auxiliary_rows_count_where_they_speak_of_the_label(experiment: Experiment) -> None:
    require_both_kinds(experiment, rows(threat=0), rows(), (other(0.7),))
    with pytest.raises(DataError, match=r"threat: none of .* and the auxiliary sources \(2 rows\)"):
        require_both_kinds(experiment, rows(threat=0), rows(), (other(0.0),))


def test_a_label_that_is_given_up_or_taught_by_others_is_only_warned_of(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    for settings in (
        {"loss": {"label_weights": {"threat": 0.0}}},
        {"distillation": {"teachers": ["teacher.npz"], "share": 0.5}},
    ):
        caplog.clear()
        require_both_kinds(changed(experiment, **settings), rows(threat=0), rows(), ())
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "threat: none of" in caplog.text
    useless = changed(experiment, distillation={"teachers": ["teacher.npz"], "share": 0.0})
    with pytest.raises(DataError):
        require_both_kinds(useless, rows(threat=0), rows(), ())


def test_a_label_that_cannot_be_measured_is_warned_of(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    require_both_kinds(experiment, rows(), rows(threat=0, insult=1), ())
    assert "threat: none of the 8 validation rows has it: it is not measured" in caplog.text
    assert "insult: every one of the 8 validation rows" in caplog.text


def test_training_stops_before_the_network_is_loaded(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object) -> None:
        pytest.fail("the network was loaded")

    recipe = small(experiment, tmp_path)
    assert recipe.rows.file is not None
    write_rows(recipe.rows.file, table(120).assign(threat=0))
    monkeypatch.setattr(train, "network", loaded)
    with pytest.raises(DataError, match=r"threat: none of the 90 training rows"):
        run(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
