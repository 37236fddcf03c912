"""What a base checkpoint knows before any fine-tuning: its mean-pooled outputs as features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer

from bot.screening.batching import batches
from training.config import Base, TrainingError
from training.data import Floats
from training.first_look import look_at_base, not_loaded
from training.precision import reduced

BATCH_TOKENS = 4096


class EncoderError(TrainingError):
    """A checkpoint whose outputs cannot be used as features."""


def encode(base: Base, texts: Sequence[str], path: Path, *, bf16: str) -> Floats:
    """Mean-pooled last hidden states (Reimers and Gurevych 2019), special tokens included.

    Parameters
    ----------
    base
        The checkpoint; texts are cut to its ``max_tokens``.
    texts
        In the bot's plain view.
    path
        A ``.npy`` file that the rows are written to as they come. If it is there, its rows are
        taken, and only what it lacks is encoded: it must be of the same texts and settings.
    bf16
        "on", "off", or "auto" for where the processor or the GPU has it. What is averaged and
        kept is float32.

    Returns
    -------
    ndarray
        [texts, width], float32; backed by the file.

    Raises
    ------
    CheckpointError
        The checkpoint cannot be loaded.
    EncoderError
        It gives something that is not a number.
    """
    look_at_base(base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(base.checkpoint)
        network = AutoModel.from_pretrained(base.checkpoint, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise not_loaded(base, "network", error) from None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    low_precision = reduced(bf16)

    features = _opened(path, len(texts), network.config.hidden_size)
    # A row that was cut off half-way still holds a NaN.
    missing = np.flatnonzero(np.isnan(features).any(axis=1))
    if not len(missing):
        return features
    ids = tokenizer(
        [texts[int(row)] for row in missing], truncation=True, max_length=base.max_tokens
    )["input_ids"]
    # disable=None: no bar where standard error is a file
    with tqdm(total=len(missing), desc="encode", unit="text", disable=None, leave=False) as bar:
        for batch in batches([len(each) for each in ids], BATCH_TOKENS):
            padded = tokenizer.pad({"input_ids": [ids[at] for at in batch]}, return_tensors="pt")
            with (
                torch.inference_mode(),
                torch.autocast(device.type, torch.bfloat16, enabled=low_precision),
            ):
                states = network(**padded.to(device)).last_hidden_state.float()
            mask = padded["attention_mask"].unsqueeze(2)
            pooled = ((states * mask).sum(dim=1) / mask.sum(dim=1)).cpu().numpy()
            if not np.isfinite(pooled).all():
                raise EncoderError(
                    f"base.checkpoint = {base.checkpoint!r}: gives outputs that are not finite "
                    "numbers; try --set optimisation.bf16=off"
                )
            features[missing[batch]] = pooled
            bar.update(len(batch))
    return features


def _opened(path: Path, rows: int, width: int) -> Floats:
    if path.exists():
        try:
            known: Floats = np.load(path, mmap_mode="r+", allow_pickle=False)
            if known.shape == (rows, width) and known.dtype == np.float32:
                return known
        except (ValueError, EOFError):  # killed before the file had its whole length
            pass
    features: Floats = open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, width))
    features[:] = np.nan
    return features
