"""Fine-tuning on a tiny random BERT: what a run leaves, and how it is gone on with."""

from __future__ import annotations

import csv
import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from tiny_bert import COMBINATIONS, table, write_rows
from tiny_runs import broken_and_resumed, changed, epochs, equal, scripted, small, weights
from transformers import AutoModelForSequenceClassification

from bot.labels import LABELS
from training import origins
from training.__main__ import main
from training.averaging import AVERAGE
from training.baseline import of_run
from training.begun import newest_whole
from training.config import Experiment
from training.data import divided, read
from training.loop import STATE
from training.network import base_of
from training.runs import RunError
from training.teachers import ENOUGH, read_logits, teach, write_logits
from training.train import run


def test_it_learns_what_the_labels_say(trained_run: Path) -> None:
    figures = json.loads((trained_run / "metrics.json").read_text())
    assert figures["mean"]["roc_auc"] > 0.85


def test_a_run_keeps_what_made_it(trained_run: Path, experiment: Experiment) -> None:
    written = (trained_run / "experiment.json").read_text()
    assert Experiment.model_validate_json(written) == experiment
    labelled, _ = read(experiment.rows)
    validation = pd.read_parquet(trained_run / "validation.parquet")
    assert 0.2 < len(validation) / len(labelled) < 0.3
    with (trained_run / "left_out.csv").open() as file:
        assert list(csv.reader(file)) == [["row", "id", "reason"]]


def chat(folder: Path) -> dict[str, Any]:
    """Rows that speak of two labels, one of them not always."""
    rows = pd.DataFrame({"text": [f"rotten team {at}" for at in range(40)]})
    rows["score"] = np.linspace(0, 1, 40)
    rows["threat"] = np.where(rows.index % 2, 0.0, np.nan)
    rows.to_parquet(folder / "chat.parquet")
    labels = {"toxic": "score", "threat": "threat"}
    return {"path": folder / "chat.parquet", "labels": labels, "weight": 0.5, "rows_per_epoch": 10}


@pytest.mark.parametrize(
    ("killed", "schedule", "warmup_share"),  # in the middle of the second epoch, at its end
    [
        (16, "linear", 0.06),
        (27, "cosine", 0.06),
        (16, "reduce_lr_on_plateau", 0.06),
        (27, "reduce_lr_on_plateau", 0.06),
        (16, "reduce_lr_on_plateau", 0.5),  # in the middle of the warm-up too
    ],
)
def test_a_resumed_run_is_exact_with_all_that_is_random(
    killed: int, schedule: str, warmup_share: float, experiment: Experiment, tmp_path: Path
) -> None:
    plain = small(
        experiment, tmp_path, average_decay=0.9, schedule=schedule, warmup_share=warmup_share
    )
    training, _, _ = divided(plain)
    told = np.random.default_rng(1).normal(size=(len(training), 6)).astype(np.float32)
    write_logits(tmp_path / "teacher.npz", training.ids[::2], told[::2])
    rich = changed(
        plain,
        auxiliary={"chat": chat(tmp_path)},
        augmentation={"share": 0.5, "among_others": 0.5},
        distillation={"teachers": [tmp_path / "teacher.npz"], "halfway_layer": 1},
        base={"hidden_dropout": 0.1, "attention_dropout": 0.1},
        optimisation={"checkpoint_steps": 15 if killed == 16 else 13},
    )
    unbroken = tmp_path / "unbroken"
    # The second epoch is no better, which lowers the learning rate on a plateau.
    with scripted({13: 0.5, 26: 0.4, 39: 0.9}):
        run(rich, unbroken)
        broken_and_resumed(rich, tmp_path / "broken", killed)

    assert [entry["step"] for entry in epochs(unbroken)] == [13, 26, 39]
    assert equal(weights(tmp_path / "broken" / "model"), weights(unbroken / "model"))
    assert epochs(tmp_path / "broken") == epochs(unbroken)


def test_a_run_that_was_killed_before_its_last_measurement_is_measured(
    trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    broken = tmp_path / "tiny"
    shutil.copytree(trained_run, broken)
    for folder in ("model", "best"):
        shutil.rmtree(broken / folder)
    state = broken / "checkpoints" / "checkpoint-102" / STATE
    written = json.loads(state.read_text())
    written["log_history"] = [entry for entry in written["log_history"] if entry["step"] < 102]
    state.write_text(json.dumps(written))

    run(experiment, broken, resume=True)

    assert epochs(broken) == epochs(trained_run)
    assert (broken / "model" / "model.safetensors").exists()


def test_a_run_is_not_overwritten(trained_run: Path, experiment: Experiment) -> None:
    with pytest.raises(RunError, match="holds a run already"):
        run(experiment, trained_run)


def test_resuming_with_other_settings_is_refused(trained_run: Path, experiment: Experiment) -> None:
    other = experiment.model_copy(update={"seed": experiment.seed + 1})
    with pytest.raises(RunError, match="another seed"):
        run(other, trained_run, resume=True)


OTHERWISE = {
    "processes": (3, "begun by 3 processes, not 1; resume it with as many"),
    "normalizer_version": (0, "begun with version 0 of the normaliser"),
    "rows": ("0" * 64, ": rows: the content is not what the run was begun with"),
    "auxiliary": ({"chat": "0" * 64}, ": auxiliary.chat: the content is not"),
    "teachers": ("0" * 64, ": distillation.teachers: the content is not"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_run_is_not_gone_on_with_on_something_else(
    name: str, trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    broken = tmp_path / "tiny"
    shutil.copytree(trained_run, broken)
    then, said = OTHERWISE[name]
    begun = json.loads((broken / "rows.json").read_text())
    (broken / "rows.json").write_text(json.dumps(begun | {name: then}))
    with pytest.raises(RunError, match=re.escape(said)):
        run(experiment, broken, resume=True)
    assert json.loads((broken / "rows.json").read_text())[name] == then


def test_rows_that_changed_under_the_same_name_are_noticed(
    experiment: Experiment, tmp_path: Path
) -> None:
    recipe = small(experiment, tmp_path, epochs=1)
    run(recipe, tmp_path / "run")
    assert recipe.rows.file is not None
    write_rows(recipe.rows.file, table(120, seed=9))
    with pytest.raises(RunError, match="rows: the content is not what the run was begun with"):
        run(recipe, tmp_path / "run", resume=True)


def test_a_run_of_an_older_trainer_is_gone_on_with(
    trained_run: Path, experiment: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = tmp_path / "tiny"
    shutil.copytree(trained_run, older)
    (older / "rows.json").unlink()
    with caplog.at_level(logging.INFO, "training"):
        run(experiment, older, resume=True)
    assert "has no rows.json" in caplog.text
    assert equal(weights(older / "model"), weights(trained_run / "model"))


def test_resuming_nothing_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run to resume"):
        run(experiment, tmp_path / "none", resume=True)


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(tmp_path: Path) -> None:
    for step in (9, 20, 100, 200, 300):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (9, 20, 100):
        (tmp_path / f"checkpoint-{step}" / STATE).write_text(f'{{"global_step": {step}}}')
    (tmp_path / "checkpoint-300" / STATE).write_text('{"global_st')  # killed while writing
    for stray in ("checkpoint-", "checkpoint-400 (copy)", "checkpoint-best", "checkpoint-5x"):
        (tmp_path / stray).mkdir()
        (tmp_path / stray / STATE).write_text('{"global_step": 400}')
    (tmp_path / "checkpoint-500").write_text("a file")
    for step in (9, 20):
        (tmp_path / f"checkpoint-{step}" / AVERAGE).touch()
    assert newest_whole(tmp_path, True) == tmp_path / "checkpoint-20"
    assert newest_whole(tmp_path, False) == tmp_path / "checkpoint-100"
    assert newest_whole(tmp_path / "nothing", True) is None


CONFIG = """
name = "wrong"
[rows]
file = "{rows}"
[base]
checkpoint = "{checkpoint}"
max_tokens = {tokens}
[artifact]
model_version = "wrong-1"
"""


@pytest.mark.parametrize(
    ("broken", "tokens", "said"),
    [
        ("", 32, "base.checkpoint = '{}/gone': there is no such folder; name the folder of"),
        ("config.json", 32, "base.checkpoint = '{}/gone': its tokenizer or config.json cannot be"),
        ("model.safetensors", 32, "base.checkpoint = '{}/gone': its network cannot be loaded: "),
        ("none", 65, "base.max_tokens = 65: {}/gone takes 64 tokens at most"),
    ],
)
def test_a_wrong_base_is_told_in_one_sentence(
    broken: str, tokens: int, said: str, checkpoint: Path, labelled_file: Path, tmp_path: Path
) -> None:
    if broken:
        shutil.copytree(checkpoint, tmp_path / "gone")
        (tmp_path / "gone" / broken).write_text("{")
    config = tmp_path / "wrong.toml"
    base = tmp_path / "gone"
    config.write_text(CONFIG.format(rows=labelled_file, checkpoint=base, tokens=tokens))

    done = CliRunner().invoke(main, ["train", "--config", str(config)])

    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert f"Error: {said.format(tmp_path)}" in done.output
    assert "Traceback" not in done.output
    assert not Path("runs").exists()  # so that the next try need not be told to resume


def test_a_checkpoint_with_a_head_for_other_labels_gets_a_fresh_one(
    checkpoint: Path, experiment: Experiment, tmp_path: Path
) -> None:
    other = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    base = tmp_path / "two"
    shutil.copytree(checkpoint, base)
    other.save_pretrained(base)
    _, model = base_of(changed(experiment, base={"checkpoint": str(base)}))
    assert model.config.id2label == {at: label.value for at, label in enumerate(LABELS)}
    found = dict(model.named_parameters())
    assert found["classifier.weight"].shape == (6, 32)
    word = "bert.embeddings.word_embeddings.weight"
    assert found[word].equal(dict(other.named_parameters())[word])


def test_a_base_that_knows_the_labels_keeps_its_share_of_the_final_weights(
    trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    settings = {"base": {"checkpoint": str(trained_run / "model")}}
    ends = {}
    for share in (0.0, 0.25):
        optimisation = {"epochs": 1, "base_share": share}
        again = changed(experiment, optimisation=optimisation, **settings)
        ends[share] = weights(run(again, tmp_path / str(share)))
    base = weights(trained_run / "model")
    for name, weight in ends[0.25].items():
        assert torch.allclose(weight, 0.75 * ends[0.0][name] + 0.25 * base[name], atol=1e-6)
    assert not equal(ends[0.0], ends[0.25])


@pytest.mark.parametrize("labels", [None, 2])
def test_a_base_without_the_labels_has_no_head_to_share(
    checkpoint: Path, experiment: Experiment, tmp_path: Path, labels: int | None
) -> None:
    base = tmp_path / "base"
    shutil.copytree(checkpoint, base)
    if labels is not None:
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=labels)
        model.save_pretrained(base)
    settings = {"base": {"checkpoint": str(base)}, "optimisation": {"base_share": 0.25}}
    with pytest.raises(RunError, match=r"base_share = 0\.25: .* has no head for the six labels"):
        run(changed(experiment, **settings), tmp_path / "run")
    assert not (tmp_path / "run" / "experiment.json").exists()


def test_a_student_believes_its_teacher(
    trained_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    teach(experiment, trained_run, tmp_path / "teacher.npz")
    rows, _ = read(experiment.rows)
    taught = read_logits([tmp_path / "teacher.npz"], rows.ids)
    assert np.isfinite(taught).all()
    write_logits(tmp_path / "liar.npz", rows.ids, -taught)
    aucs = {}
    for teacher in ("teacher", "liar"):
        student = changed(
            experiment,
            rows={"max_samples": 240},
            distillation={"teachers": [tmp_path / f"{teacher}.npz"], "share": 1.0},
        )
        run(student, tmp_path / teacher)
        # of the last epoch: by the labels, the liar's best is the one in which it taught least
        aucs[teacher] = epochs(tmp_path / teacher)[-1]["eval_roc_auc_mean"]
    assert aucs["teacher"] > 0.8
    assert aucs["liar"] < 0.2


def test_a_teachers_answers_are_calibrated_whatever_it_was_trained_with(
    experiment: Experiment, tmp_path: Path
) -> None:
    loss = {"kind": "focal", "positive_weight_power": 1.0}
    recipe = changed(small(experiment, tmp_path, epochs=1), loss=loss)
    run(recipe, tmp_path / "run")
    teach(recipe, tmp_path / "run", tmp_path / "teacher.npz")
    _, held_out, _ = divided(recipe)
    answers = read_logits([tmp_path / "teacher.npz"], held_out.ids)
    settled = [at for at, hits in enumerate(held_out.labels.sum(axis=0)) if hits >= ENOUGH]
    assert settled
    said, true = (
        np.average(part[:, settled], axis=0, weights=held_out.weights)
        for part in (1 / (1 + np.exp(-answers)), held_out.labels)
    )
    # Platt's targets are drawn in from 0 and 1, by less than one row in all
    assert said == pytest.approx(true, abs=1 / len(held_out))


def test_a_run_keeps_the_split_that_it_was_begun_with(
    experiment: Experiment, tmp_path: Path
) -> None:
    recipe = small(experiment, tmp_path, epochs=1)
    assert recipe.rows.file is not None
    rows = table(120, seed=8)
    twins = rows.assign(id=rows["id"] + "b", comment_text=rows["comment_text"] + "!")
    write_rows(recipe.rows.file, pd.concat([rows, twins]))
    directory = tmp_path / "run"
    told = changed(recipe, rows={"split": 1})
    assert divided(told, 1)[1].ids != divided(recipe)[1].ids
    run(told, tmp_path / "told")
    assert tuple(pd.read_parquet(tmp_path / "told" / "validation.parquet")["id"]) == (
        divided(told, 1)[1].ids
    )
    run(recipe, directory)
    assert (
        origins.split_of(directory, recipe.rows)
        == json.loads((directory / "rows.json").read_text())["split"]
    )
    # as the trainer before left it
    old = divided(recipe, 1)
    assert not set(old[0].ids) & set(old[1].ids)
    begun = dict(origins.of_rows(1, old[:2], split=1))
    del begun["split"]
    (directory / "rows.json").write_text(json.dumps(begun))
    old[1].save(directory / "validation.parquet")

    assert origins.split_of(directory, recipe.rows) == 1
    run(recipe, directory, resume=True)
    assert tuple(pd.read_parquet(directory / "validation.parquet")["id"]) == old[1].ids
    assert of_run(recipe, directory).validation.ids == old[1].ids
    teach(recipe, directory, tmp_path / "teacher.npz")

    (directory / "rows.json").write_text(json.dumps(begun | {"split": 9}))
    with pytest.raises(RunError, match="split is 9, which this version of the trainer does not"):
        run(recipe, directory, resume=True)


def test_a_sample_has_every_combination_of_labels(experiment: Experiment, tmp_path: Path) -> None:
    rare = table(6).iloc[[5]].assign(id="rare", comment_text="the only one", threat=1)
    rows = write_rows(tmp_path / "rare.csv", pd.concat([table(240), rare]))
    training, validation, _ = divided(changed(experiment, rows={"file": rows, "max_samples": 48}))
    assert 45 <= len(training) + len(validation) <= 52
    assert "rare" in training.ids
    for part, count in ((training, len(COMBINATIONS) + 1), (validation, len(COMBINATIONS))):
        assert len({tuple(labels) for labels in part.labels}) == count
