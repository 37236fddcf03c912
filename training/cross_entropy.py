"""The binary cross-entropy: what probabilities cost where something else came true."""

from __future__ import annotations

import numpy as np

from bot.labels import LABELS
from training.calibrate import Curve
from training.data import Floats, Labelled

_LEAST = float(np.finfo(np.float64).eps)


def row_losses(scores: Floats | Curve, truth: Floats) -> Curve:
    """Each row's loss of each label, −ln of the probability that was given to what is true.

    Probabilities are kept off 0 and 1 by the smallest step of a double, as scikit-learn's
    ``log_loss`` does, so that a row that was held to be impossible costs 36 and not all there is.

    Parameters
    ----------
    scores
        [rows, labels], probabilities.
    truth
        [rows, labels], 0 or 1.

    Returns
    -------
    ndarray
        [rows, labels], in nats.
    """
    sure = np.clip(scores.astype(np.float64), _LEAST, 1.0 - _LEAST)
    losses: Curve = -np.log(np.where(truth > 0, sure, 1.0 - sure))
    return losses


def cross_entropies(scores: Curve, rows: Labelled) -> dict[str, float]:
    """The weighted mean of `row_losses` by label, and under ``"mean"`` that of all six labels.

    It is of the probabilities that a user gets, not the loss that training lowers: that one is
    uncalibrated, may be focal, smoothed or distilled, and weighs rows and labels in its own ways.

    Parameters
    ----------
    scores
        [rows, 6], calibrated probabilities where the model is calibrated.
    rows
        The rows they belong to; their prior weights count.
    """
    means = np.average(row_losses(scores, rows.labels), axis=0, weights=rows.weights)
    return {label.value: float(one) for label, one in zip(LABELS, means, strict=True)} | {
        "mean": float(means.mean())
    }
