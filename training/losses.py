"""What the model is punished for."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from bot.labels import LABELS
from training.config import Distillation, Loss
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


class Objective:
    """The loss of a batch: against the labels, and against the teachers where there are any.

    Parameters
    ----------
    loss, distillation
        The settings.
    positives
        [labels], of `positive_weights`.
    """

    def __init__(self, loss: Loss, distillation: Distillation, positives: torch.Tensor) -> None:
        self._loss, self._distillation = loss, distillation
        self._positives = positives
        self._labels = torch.tensor([loss.label_weights.get(label, 1.0) for label in LABELS])

    def __call__(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        taught: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The loss.

        Parameters
        ----------
        logits
            [rows, labels].
        labels
            [rows, labels], each between 0 and 1, or NaN where the row says nothing about it.
        weights
            [rows]; on average 1 over the training part, so that a batch's scale follows its weight.
        taught
            [rows, labels], the teachers' logits, without what weights of positives would add to
            them; NaN in rows that they have not seen.

        Returns
        -------
        torch.Tensor
            A scalar: the sum over what is said, over rows × labels. Dividing by all of them, masked
            or not, keeps a lone label of a row from weighing as much as six.
        """
        logits = logits.float()
        said = ~labels.isnan()
        losses = torch.where(said, self._against_labels(logits, labels.nan_to_num()), 0.0)
        if taught is not None:
            share = self._distillation.share
            known = ~taught.isnan()
            against = self._against_teachers(logits, taught.nan_to_num())
            losses = torch.where(known, (1 - share) * losses + share * against, losses)
        return (losses * self._labels.to(logits.device) * weights[:, None]).mean()

    def _against_labels(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        settings = self._loss
        labels = labels * (1 - settings.smoothing) + settings.smoothing / 2
        positives = self._positives.to(logits.device)
        if settings.kind == "bce":
            return binary_cross_entropy_with_logits(
                logits, labels, pos_weight=positives, reduction="none"
            )
        right = torch.sigmoid(logits)
        wrong = 1 - right
        if settings.kind == "focal":
            # Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 4.
            hit = wrong.pow(settings.focus_negative) * logsigmoid(logits)
            miss = right.pow(settings.focus_negative) * logsigmoid(-logits)
        else:
            # Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification", eq. 5–7.
            shifted = (right - settings.clip).clamp(min=0)
            hit = wrong.pow(settings.focus_positive) * logsigmoid(logits)
            miss = shifted.pow(settings.focus_negative) * torch.log1p(-shifted.clamp(max=1 - 1e-6))
        return -(positives * labels * hit + (1 - labels) * miss)

    def _against_teachers(self, logits: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        """Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", for sigmoids.

        Teachers' files are without the shift ln w that positives' weights w give to logits (see
        `training.teachers.teach`), and the labels' part of this loss gives it to the student. So
        the positives are weighted here too, with w to the power 1 / temperature T: the minimum of
        -(w' t ln s + (1 - t) ln(1 - s)), with s = sigmoid(z / T) and t = sigmoid(z' / T), is at
        z = z' + T ln w', which is the teacher's logit z' plus ln w at every temperature.

        Times the temperature squared, so that the gradients keep their size.
        """
        heat = self._distillation.temperature
        return heat**2 * binary_cross_entropy_with_logits(
            logits / heat,
            torch.sigmoid(taught / heat),
            pos_weight=self._positives.to(logits.device) ** (1 / heat),
            reduction="none",
        )
