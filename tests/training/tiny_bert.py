"""A tiny random BERT and small labelled tables, made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertModel, BertTokenizer

from bot.labels import LABELS

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HARMLESS = ["the", "game", "boss", "map", "round", "good", "played", "see", "you", "next", "team"]
BAD = {
    "toxic": "rotten",
    "severe_toxic": "vile",
    "obscene": "damn",
    "threat": "hurt",
    "insult": "idiot",
    "identity_hate": "despise",
}
COMBINATIONS = [
    (),
    ("toxic",),
    ("toxic", "insult"),
    ("toxic", "obscene", "insult"),
    ("toxic", "threat"),
    ("toxic", "severe_toxic", "obscene", "insult", "identity_hate"),
]


def write_checkpoint(directory: Path) -> Path:
    """A BERT of two layers, 32 wide, with a vocabulary of the words used here."""
    numbers = [str(number) for number in range(10)]
    pieces = [f"##{number}" for number in numbers]
    words = [*SPECIAL, *HARMLESS, *BAD.values(), *numbers, *pieces]
    vocabulary = {word: at for at, word in enumerate(words)}
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=64)
    torch.manual_seed(1)
    BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            initializer_range=0.2,
        )
    ).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def table(count: int, seed: int = 5) -> pd.DataFrame:
    """Rows in which each label puts its word into the text; a number tells them apart."""
    draw = np.random.default_rng(seed)
    rows = []
    for at in range(count):
        combination = COMBINATIONS[at % len(COMBINATIONS)]
        words = [*draw.choice(HARMLESS, size=draw.integers(3, 12)), str(at)]
        words += [BAD[label] for label in combination]
        labels = {str(label): int(label in combination) for label in LABELS}
        rows.append({"id": f"r{at}", "comment_text": " ".join(words), **labels})
    return pd.DataFrame(rows)


def write_rows(path: Path, rows: pd.DataFrame) -> Path:
    """Write the rows as CSV; returns the path."""
    rows.to_csv(path, index=False)
    return path
