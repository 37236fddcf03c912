"""What the model is punished for."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from training.data import Floats


def positive_weights(labels: Floats, weights: Floats, power: float) -> torch.Tensor:
    """How much more a label's positives weigh than its negatives.

    The full ratio of negatives to positives would drown a rare label's negatives and wreck its
    precision; a root of it (``power`` between 0 and 1) lets rare labels learn in few epochs.

    Parameters
    ----------
    labels, weights
        [rows, labels] of 0 and 1, and [rows] of prior weights.
    power
        0 gives ones, 1 the full ratio.

    Returns
    -------
    torch.Tensor
        [labels], float32. A label without positives gets 1.
    """
    wanted = torch.from_numpy(labels * weights[:, None]).sum(0)
    ratio = (float(weights.sum()) - wanted) / wanted
    return torch.where(wanted > 0, ratio.pow(power), torch.ones_like(wanted))


def weighted_bce(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, positives: torch.Tensor
) -> torch.Tensor:
    """Binary cross-entropy, each row by its weight and each positive by its label's.

    Parameters
    ----------
    logits, labels
        [rows, labels].
    weights
        [rows]; on average 1 over the training part, so that a batch's scale follows its weight.
    positives
        [labels], of `positive_weights`.

    Returns
    -------
    torch.Tensor
        A scalar: the mean over rows and labels.
    """
    losses = binary_cross_entropy_with_logits(
        logits.float(), labels, pos_weight=positives, reduction="none"
    )
    return (losses * weights[:, None]).mean()
