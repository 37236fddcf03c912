"""Relatives of BERT, with other names for their parts and no token types, from base to bot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_bert import HARMLESS, table
from tiny_runs import changed
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from bot.labels import LABELS
from bot.screening.model import load_model
from training.config import Experiment, Optimisation
from training.loop import parameter_groups
from training.network import base_of
from training.quantise import quantise_checkpoint
from training.train import run

INPUTS = ["input_ids", "attention_mask"]


def write_distilbert(directory: Path, bert: Path) -> Path:
    """A DistilBERT of two layers, with the tiny BERT's vocabulary."""
    tokenizer = AutoTokenizer.from_pretrained(bert)
    tokenizer.model_input_names = INPUTS
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=32, n_layers=2, n_heads=2, hidden_dim=64,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    DistilBertModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def write_roberta(directory: Path) -> Path:
    """A RoBERTa of two layers, with a byte-level vocabulary learnt from the tiny rows."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = Tokenizer(models.BPE())
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    letters.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    letters.train_from_iterator(table(360)["comment_text"], trainer)
    letters.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, model_max_length=62, model_input_names=INPUTS, bos_token="<s>",
        cls_token="<s>", pad_token="<pad>", eos_token="</s>", sep_token="</s>", unk_token="<unk>",
        mask_token="<mask>",
    )  # fmt: skip
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.mark.parametrize("family", ["distilbert", "roberta"])
def test_a_relative_is_trained_quantised_and_read_by_the_bot(
    family: str, checkpoint: Path, experiment: Experiment, tmp_path: Path
) -> None:
    base = tmp_path / family
    _ = write_roberta(base) if family == "roberta" else write_distilbert(base, checkpoint)
    dropouts = {"hidden_dropout": 0.02, "attention_dropout": 0.01}
    recipe = changed(experiment, base={"checkpoint": str(base), **dropouts})

    trained = run(recipe, tmp_path / "run")

    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert figures["mean"]["roc_auc"] > 0.8
    kept = AutoModelForSequenceClassification.from_pretrained(trained)
    assert kept.config.model_type == family
    names = {"distilbert": ("dropout", "attention_dropout")}
    hidden, attention = names.get(family, ("hidden_dropout_prob", "attention_probs_dropout_prob"))
    assert getattr(kept.config, hidden) == 0.02
    assert getattr(kept.config, attention) == 0.01

    texts = table(40, seed=9)["comment_text"].tolist()
    quantise_checkpoint(recipe, trained, texts, tmp_path / "int8")
    bot = load_model(str(tmp_path / "int8"))
    exact, ours = load_model(str(trained)).logits(texts), bot.logits(texts)
    assert np.corrcoef(exact.ravel(), ours.ravel())[0, 1] > 0.99
    harmless, bad = bot.score([" ".join(HARMLESS), f"rotten idiot {HARMLESS[0]}"])
    assert bad.as_dict()[LABELS[0]] > harmless.as_dict()[LABELS[0]]


@pytest.mark.parametrize("family", ["distilbert", "roberta"])
def test_their_layers_and_heads_are_told_apart(
    family: str, checkpoint: Path, experiment: Experiment, tmp_path: Path
) -> None:
    base = tmp_path / family
    _ = write_roberta(base) if family == "roberta" else write_distilbert(base, checkpoint)
    _, model = base_of(changed(experiment, base={"checkpoint": str(base)}))
    recipe = Optimisation(learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=0.5)
    groups = parameter_groups(model, recipe)
    names = {id(weight): name for name, weight in model.named_parameters()}
    by_rate: dict[float, set[str]] = {}
    for group in groups:
        found = {names[id(weight)] for weight in group["params"]}
        by_rate.setdefault(group["lr"], set()).update(found)
    assert {name.split(".")[0] for name in by_rate.pop(1e-2)} == (
        {"pre_classifier", "classifier"} if family == "distilbert" else {"classifier"}
    )
    assert all(".layer.1." in name for name in by_rate.pop(1e-3))
    assert all(".layer.0." in name for name in by_rate.pop(5e-4))
    assert all(".embeddings." in name for name in by_rate.pop(2.5e-4))
    assert not by_rate
