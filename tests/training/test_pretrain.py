"""Masked-language pre-training of the tiny BERT, which has no head for it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from tiny_runs import changed, epochs, equal, killed_at, small, weights
from transformers import AutoModelForMaskedLM, AutoTokenizer

from training import data, train
from training.__main__ import main
from training.auxiliary import divided_auxiliary
from training.config import Experiment, Pretraining
from training.data import divided, plain
from training.masking import IGNORED, MaskedTrainer, Masking, Unlabelled
from training.pretrain import run
from training.runs import RunError
from training.split import folded_key

STEPS = 13
"""Of an epoch: 90 rows and 10 of chat, in batches of 8."""


@pytest.fixture(scope="module")
def recipe(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Two epochs, with dropout and an average, checkpoints in the middle of each."""
    folder = tmp_path_factory.mktemp("texts")
    chat = pd.DataFrame({"text": [f"rotten team {at}" for at in range(40)], "toxic": 1.0})
    chat.to_parquet(folder / "chat.parquet")
    source = {
        "path": folder / "chat.parquet",
        "labels": {"toxic": "toxic"},
        "rows_per_epoch": 10,
    }
    return changed(
        small(experiment, folder),
        auxiliary={"chat": source},
        base={"hidden_dropout": 0.1},
        pretraining={
            "epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "head_learning_rate": 1e-2,
            "average_decay": 0.5, "checkpoint_steps": 5, "bf16": "off",
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def pretrained(recipe: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of one unbroken pre-training, begun on the command line."""
    directory = tmp_path_factory.mktemp("pretrained")
    config = directory / "recipe.json"
    config.write_text(recipe.model_dump_json())
    words = ["pretrain", "--config", str(config), "--run", str(directory)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(directory / "pretrained" / "model")
    return directory


def test_the_loss_on_held_out_texts_falls(pretrained: Path) -> None:
    folder = pretrained / "pretrained"
    figures = json.loads((folder / "metrics.json").read_text())["masked_language_loss"]
    assert [entry["step"] for entry in epochs(folder)] == [0, STEPS, 2 * STEPS]
    # At first it knows less than nothing of 38 words.
    assert figures["before"] > np.log(38) - 0.3
    assert figures["after"] < figures["before"] - 0.3
    assert figures["after"] == min(entry["eval_loss"] for entry in epochs(folder))
    assert list((folder / "tensorboard").iterdir())


def test_texts_that_are_held_out_are_not_learnt_from(
    recipe: Experiment, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, validation, _ = divided(recipe)
    parts, others, _ = divided_auxiliary(recipe, training, validation)
    learnt = {*training.texts, *parts[0].texts}
    held = {*validation.texts, *others[0].texts}
    known = np.load(pretrained / "pretrained" / "trained_on.npy")
    keys = {text: np.uint64(int(folded_key(text)[:16], 16)) for text in learnt | held}
    assert {text for text, key in keys.items() if key in known} == learnt

    seen: list[list[str]] = []
    made = Unlabelled.__init__

    def noting(self: Unlabelled, portions: Any, *arguments: Any, **named: Any) -> None:
        seen.append([text for texts, _ in portions for text in texts])
        made(self, portions, *arguments, **named)

    monkeypatch.setattr(Unlabelled, "__init__", noting)
    with killed_at(1, MaskedTrainer):
        run(recipe, tmp_path)
    assert (set(seen[0]), set(seen[1])) == (learnt, held)


@pytest.mark.parametrize("killed", [3, 18])  # before the first checkpoint, in the second epoch
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(
    killed: int, recipe: Experiment, pretrained: Path, tmp_path: Path
) -> None:
    with killed_at(killed, MaskedTrainer):
        run(recipe, tmp_path)
    with pytest.raises(RunError, match="holds a run already"):
        run(recipe, tmp_path)
    other = changed(recipe, pretraining={"share": 0.3})
    with pytest.raises(RunError, match=r"another pretraining\.share: 0\.15, not 0\.3; .*pretrain"):
        run(other, tmp_path, resume=True)
    run(recipe, tmp_path, resume=True)
    folders = [directory / "pretrained" for directory in (tmp_path, pretrained)]
    assert equal(*(weights(folder / "model") for folder in folders))
    assert epochs(folders[0]) == epochs(folders[1])


def test_the_checkpoint_is_an_ordinary_one_and_trains(
    recipe: Experiment, pretrained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = pretrained / "pretrained" / "model"
    model, loaded = AutoModelForMaskedLM.from_pretrained(base, output_loading_info=True)
    assert not loaded["missing_keys"]
    assert model.cls.predictions.bias is model.get_output_embeddings().bias
    assert model.config.num_labels == 2  # it says nothing of six labels
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert AutoTokenizer.from_pretrained(base).mask_token == "[MASK]"

    started = changed(recipe, base={"checkpoint": str(base)}, optimisation={"epochs": 0.1})
    _, network = train.base_of(started)
    own = dict(model.bert.named_parameters())
    for name, weight in network.bert.named_parameters():
        assert "pooler" in name or torch.equal(weight, own[name])
    # in the same run directory: neither takes the other's run for its own
    with pytest.raises(RunError, match="there is no run to resume"):
        train.run(started, pretrained, resume=True)
    trained = train.run(started, pretrained)
    assert (trained / "model.safetensors").exists()
    with caplog.at_level(logging.INFO, "training"):
        run(changed(recipe, pretraining={"epochs": 0.1}, base={"checkpoint": str(base)}),
            pretrained / "more")  # fmt: skip
    assert "no head" not in caplog.text


def test_a_head_that_is_made_anew_is_told(
    recipe: Experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = changed(recipe, auxiliary={}, pretraining={"epochs": 0.1, "masking": "tokens"})
    # Nothing that is not there yet is needed of a teacher.
    few = changed(few, distillation={"teachers": [tmp_path / "none.npz"]})
    with caplog.at_level(logging.INFO, "training"):
        run(few, tmp_path)
    assert "has no head for masked tokens: a new one is made, tied to the embeddings" in caplog.text


WRONG = {
    "pretraining.share=0.9": "pretraining.share = 0.9: Input should be less than or equal to 0.5",
    "pretraining.masking=spans": "pretraining.masking = 'spans': Input should be 'words' or 'tok",
    "pretraining.best_by=roc_auc": "pretraining.best_by = 'roc_auc': Input should be 'loss'",
    "pretraining.base_share=0.5": "pretraining.base_share = 0.5: Input should be less than or eq",
    "pretraining.teachers=x": "pretraining.teachers: there is no such setting",
}


@pytest.mark.parametrize("override", WRONG)
def test_a_setting_that_cannot_be_is_refused_before_the_rows_are_read(
    override: str, recipe: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "read", lambda _: pytest.fail("the rows were read"))
    config = tmp_path / "recipe.json"
    config.write_text(recipe.model_dump_json())
    words = ["pretrain", "--config", str(config), "--set", override, "--run", str(tmp_path / "run")]
    result = CliRunner().invoke(main, words)
    assert result.output.startswith(f"Error: --set {override}: {WRONG[override]}")
    assert result.output.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_tokenizer_that_cannot_mask_is_refused(checkpoint: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.mask_token = None
    with pytest.raises(RunError, match="has no token to mask with; name"):
        Masking(tokenizer, Pretraining(), "some/model", seed=1)


@pytest.mark.parametrize("side", ["left", "right"])
def test_whole_words_are_hidden_and_the_same_ones_each_time(checkpoint: Path, side: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, padding_side=side)
    texts = [f"the game {at} see {at + 7_000} next" for at in range(200, 230)]
    rows = Unlabelled([(texts, 30)], tokenizer, max_tokens=16)
    masking = Masking(tokenizer, Pretraining(share=0.5), "tiny", seed=1)
    batch = masking([rows[at] for at in range(30)])
    again = masking([rows[at] for at in range(30)])
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    later = masking([rows[at + 30] for at in range(30)])  # the same rows in the next epoch
    assert not torch.equal(batch["input_ids"], later["input_ids"])

    hidden = batch["labels"] != IGNORED
    assert (batch["input_ids"][hidden] == tokenizer.mask_token_id).all()
    for row in range(30):
        ids = torch.where(hidden[row], batch["labels"][row], batch["input_ids"][row])
        pieces = tokenizer.convert_ids_to_tokens(ids.tolist())
        for at, piece in enumerate(pieces):
            if piece.startswith("##"):
                assert hidden[row, at] == hidden[row, at - 1]
            assert not (hidden[row, at] and piece in ("[CLS]", "[SEP]", "[PAD]"))
    assert 0.3 < hidden.sum() / batch["attention_mask"].sum() < 0.6


def test_texts_come_as_the_normaliser_hands_them_on(checkpoint: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    text = "t\u200bhe **game**"
    rows = Unlabelled([([text], 1)], tokenizer, max_tokens=16)
    assert rows[0]["input_ids"] == tokenizer(plain(text))["input_ids"]
    assert rows[0]["input_ids"] != tokenizer(text)["input_ids"]
    assert rows.lengths([0, 1]) == [4, 4]
