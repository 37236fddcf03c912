"""Harmless texts need not pass the whole network: how it learns to let them go.

Most of what members write is plainly harmless, and half of the layers are enough to see that. A
small head learns from those layers' token states to guess what the whole network would say; where
all six guesses are low, the guess is the answer (Xin et al. 2020, "DeeBERT: Dynamic Early Exiting
for Accelerating BERT Inference"). What is not surely harmless passes the whole network, so nothing
is flagged on a guess. No label is looked at: the network is its own teacher.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper
from torch import nn
from tqdm import tqdm

from bot.labels import LABELS
from bot.screening import artifact
from bot.screening.backends import SLOWER_JOINED, padded
from bot.screening.batching import batches
from bot.screening.model import BATCH_TOKENS, Model, load_model
from training import origins
from training.auxiliary import divided_auxiliary
from training.config import EarlyExit, Experiment
from training.data import Floats, divided
from training.exit_graph import ExitError, Head, copied, states_of, with_exit
from training.kept import Kept
from training.scoring import chunks

log = logging.getLogger(__name__)

_WIDTH = 128
_EPOCHS = 20
_FEWEST_STEPS = 800
_BATCH = 256
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 0.05
_CHECKED_SHARE = 0.1
_IN_A_ROW, _SHORT = 0.2, 150  # share; characters of each
_TRIED = 8
_SAME_LOGIT = 1e-3

Read = NDArray[np.float16]
"""What the head reads of a window: [windows, 3 × d], see `exit_graph.Head`."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What an exit does, on windows of texts that its head was not fitted on.

    Attributes
    ----------
    windows
        That were looked at.
    share
        Of them that leave early, 0 to 1.
    highest
        The highest probability, uncalibrated, that the whole network gives any of those that leave.
    """

    windows: int
    share: float
    highest: float


def add_exit(
    directory: Path,
    exit_: EarlyExit,
    texts: Sequence[str],
    *,
    seed: int,
    kept: Kept | None = None,
) -> Leaving:
    """Give the graph of a model directory an early exit, and write it back.

    Parameters
    ----------
    directory
        As `training.quantise.quantise_checkpoint` leaves it: the head learns from the states that
        the int8 graph has.
    exit_
        Where texts leave, and when.
    texts
        Of the kind the model will read. A tenth is kept back to see what the exit does.
    seed
        Of the head's first weights and of the order.
    kept
        Keeps what was read when the work is stopped.

    Raises
    ------
    ExitError
        The network cannot be cut there, or the texts are too few to see what the exit does.
    """
    path = directory / artifact.MODEL
    manifest, whole = artifact.read(directory), onnx.load(str(path))
    reader = _Reader(whole, exit_.layers, load_model(str(directory.resolve()), threads=1))
    read, logits = reader.of(texts, kept)
    checked = np.random.default_rng(seed).random(len(read)) < _CHECKED_SHARE
    if checked.all() or not checked.any():
        raise ExitError(
            f"{len(texts)} texts are too few to fit an early exit on and to keep a tenth of them "
            "back: raise artifact.early_exit.texts or train on more rows, or take "
            "artifact.early_exit out"
        )
    head = fit(read[~checked], logits[~checked], seed)
    surely_below = float(np.log(exit_.below / (1 - exit_.below)))
    reader.check_cut(with_exit(whole, exit_.layers, head, -np.inf), texts[:_TRIED])
    onnx.save(with_exit(whole, exit_.layers, head, surely_below), str(path))
    artifact.write(directory, manifest)
    leave = guess(head, read[checked]).max(axis=1) < surely_below
    highest = logits[checked][leave].max(initial=-np.inf)
    found = Leaving(int(checked.sum()), float(leave.mean()), float(1 / (1 + np.exp(-highest))))
    log.info(
        "%.0f %% of %d windows leave behind layer %d; the whole network gives them %.2f at most",
        100 * found.share, found.windows, exit_.layers, found.highest,
    )  # fmt: skip
    return found


def texts_to_learn_from(experiment: Experiment, directory: Path, most: int) -> tuple[str, ...]:
    """Texts that a run was trained on, of each source as many as an epoch had; at most so many.

    And a fifth as many that are three short ones in a row: without these, a head takes an abusive
    sentence between harmless ones for harmless.

    Raises
    ------
    DataError, RunError
        The rows can no longer be read.
    """
    version = origins.split_of(directory, experiment.rows)
    training, validation, _ = divided(experiment, version)
    parts, _, _ = divided_auxiliary(experiment, training, validation, version)
    draw = np.random.default_rng(experiment.seed)

    def some(texts: Sequence[str], count: int | None) -> list[str]:
        count = len(texts) if count is None else min(count, len(texts))
        return [texts[at] for at in sorted(draw.choice(len(texts), count, replace=False))]

    texts = list(training.texts)
    for part, source in zip(parts, experiment.auxiliary.values(), strict=True):
        texts += some(part.texts, source.rows_per_epoch)
    texts = some(texts, most)
    return (*texts, *_in_a_row(texts, draw))


def _in_a_row(texts: Sequence[str], draw: np.random.Generator) -> list[str]:
    short = [text for text in texts if len(text) <= _SHORT]
    count = min(int(_IN_A_ROW * len(texts)), len(short) // 3)
    drawn = draw.permutation(len(short))[: 3 * count].reshape(count, 3)
    return [" ".join(short[at] for at in three) for three in drawn]


def fit(read: Read, logits: Floats, seed: int) -> Head:
    """Fit a head to what the whole network says.

    Parameters
    ----------
    read
        [windows, 3 d], of `exit_graph.Head`.
    logits
        [windows, 6], of the whole network.
    seed
        Of the first weights and of the order.
    """
    mean, spread = read.mean(axis=0, dtype=np.float64), read.std(axis=0, dtype=np.float64) + 1e-3
    generator = torch.Generator().manual_seed(seed)
    inner, outer = nn.Linear(read.shape[1], _WIDTH), nn.Linear(_WIDTH, len(LABELS))
    for layer in (inner, outer):
        nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
        nn.init.zeros_(layer.bias)
    network = nn.Sequential(inner, nn.GELU("tanh"), outer)
    inputs, wanted = torch.from_numpy(read), torch.from_numpy(logits)
    centre, scale = (torch.from_numpy(each.astype(np.float32)) for each in (mean, spread))
    optimiser = torch.optim.AdamW(network.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    steps = -(-len(read) // _BATCH)
    epochs = max(_EPOCHS, -(-_FEWEST_STEPS // steps))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=epochs * steps
    )
    for _ in tqdm(range(epochs), desc="early exit", unit="epoch", disable=None, leave=False):
        order = torch.randperm(len(read), generator=generator)
        for rows in torch.split(order, _BATCH):
            guessed = network((inputs[rows].float() - centre) / scale)
            loss = nn.functional.smooth_l1_loss(guessed, wanted[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    # Standardising is part of the first layer from here on.
    weights = inner.weight.detach().numpy().T / spread[:, None]
    return Head(
        inner=weights.astype(np.float32),
        inner_bias=(inner.bias.detach().numpy() - mean @ weights).astype(np.float32),
        outer=outer.weight.detach().numpy().T.copy(),
        outer_bias=outer.bias.detach().numpy(),
    )


def guess(head: Head, read: Read) -> Floats:
    """The logits, [windows, 6], that a head guesses."""
    hidden = read.astype(np.float32) @ head.inner + head.inner_bias
    bent = nn.functional.gelu(torch.from_numpy(hidden), approximate="tanh").numpy()
    guessed: Floats = bent @ head.outer + head.outer_bias
    return guessed


def pooled(states: Floats, mask: NDArray[np.int64]) -> Floats:
    """Token states [batch, tokens, d] as the head reads them, [batch, 3 d]: see `Head`.

    Parameters
    ----------
    states
        Of all tokens, padding included.
    mask
        [batch, tokens], 0 where padding is.
    """
    there = mask[:, :, None] > 0
    mean = np.where(there, states, 0).sum(axis=1) / there.sum(axis=1)
    highest = np.where(there, states, -np.inf).max(axis=1)
    together: Floats = np.concatenate([states[:, 0], mean, highest], axis=1)
    return together


class _Reader:
    """Runs a graph on texts, and looks at the states behind some of its layers."""

    def __init__(self, whole: ModelProto, layers: int, model: Model) -> None:
        self._states = states_of(whole, layers)
        graph = copied(whole)
        graph.graph.output.append(
            helper.make_tensor_value_info(self._states.name, TensorProto.FLOAT, None)
        )
        self._session, self._model = _session(graph), model

    def of(self, texts: Sequence[str], kept: Kept | None) -> tuple[Read, Floats]:
        """What a head reads, and the logits of the whole network, of all windows of the texts."""
        found = []
        for chunk in chunks(texts, "early exit"):
            windows = self._windows(chunk)
            shape = (len(windows), 3 * self._states.size + len(LABELS))
            both = None if kept is None else kept.get(self._states.name, *chunk, shape=shape)
            if both is None:
                both = np.empty(shape, np.float16)
                for batch in batches([len(window) for window in windows], BATCH_TOKENS):
                    ids, mask = padded([windows[at] for at in batch], 0)
                    logits, states = _run(self._session, ids, mask)
                    both[batch] = np.concatenate([pooled(states, mask), logits], axis=1)
                if kept is not None:
                    kept.put(both, self._states.name, *chunk)
            found.append(both)
        together = np.concatenate(found)
        return together[:, : -len(LABELS)], together[:, -len(LABELS) :].astype(np.float32)

    def check_cut(self, staying: ModelProto, texts: Sequence[str]) -> None:
        """Make sure that a graph in which every text stays says what the whole one says.

        Raises
        ------
        ExitError
            It does not.
        """
        ids, mask = padded(self._windows(texts), 0)
        wanted, found = (_run(each, ids, mask)[0] for each in (self._session, _session(staying)))
        if not np.allclose(wanted, found, atol=_SAME_LOGIT):
            raise ExitError("this network cannot be cut in two; take artifact.early_exit out")

    def _windows(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        return [window for each in self._model.prepare(texts) for window in each.windows]


def _session(graph: ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, disabled_optimizers=SLOWER_JOINED
    )


def _run(
    session: onnxruntime.InferenceSession, ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> list[Floats]:
    feed = {each.name: np.zeros_like(ids) for each in session.get_inputs()}
    outputs: list[Floats] = session.run(None, feed | {"input_ids": ids, "attention_mask": mask})
    return outputs
