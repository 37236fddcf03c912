"""What a model is worth on labelled rows: figures, and the tables that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bot.labels import LABELS
from training.data import Floats

BATCH_TOKENS = 4096  # padded tokens scored at once


@torch.no_grad()
def score_checkpoint(directory: Path, texts: Sequence[str], max_tokens: int) -> Floats:
    """Logits [texts, 6] of a Hugging Face checkpoint, in fp32, texts cut to ``max_tokens``."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32)
    model.eval()
    ids = tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
    logits = np.empty((len(ids), len(LABELS)), dtype=np.float32)
    for rows in batches([len(one) for one in ids], BATCH_TOKENS):
        batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
        logits[rows] = model(**batch).logits.numpy()
    return logits


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Rows by length, longest first, in batches of at most ``budget`` padded tokens."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    found: list[list[int]] = []
    while order:
        count = max(1, budget // lengths[order[0]])
        found.append(order[:count])
        order = order[count:]
    return found


def summarise(scores: Floats, labels: Floats, weights: Floats) -> dict[str, Any]:
    """ROC AUC and average precision, per label and mean.

    Parameters
    ----------
    scores, labels
        [rows, 6]; any scores that rank.
    weights
        [rows], the prior weights.

    Returns
    -------
    dict
        ``{label: {"positives", "roc_auc", "average_precision"}, …, "mean": {…}}``; a label with
        only one class among the rows is left out of the means and has no figures.
    """
    figures: dict[str, Any] = {}
    for at, label in enumerate(LABELS):
        truth = labels[:, at]
        figures[label.value] = {"positives": int(truth.sum())}
        if 0 < truth.sum() < len(truth):
            figures[label.value] |= {
                "roc_auc": float(roc_auc_score(truth, scores[:, at], sample_weight=weights)),
                "average_precision": float(
                    average_precision_score(truth, scores[:, at], sample_weight=weights)
                ),
            }
    measured = [one for one in figures.values() if "roc_auc" in one]
    figures["mean"] = {
        name: float(np.mean([one[name] for one in measured])) if measured else float("nan")
        for name in ("roc_auc", "average_precision")
    }
    return figures
