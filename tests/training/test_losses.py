"""The loss and its weights against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.labels import LABELS
from training.config import Distillation, Loss
from training.losses import Objective, positive_weights

SIX = len(LABELS)
NAN = float("nan")


def objective(
    positive: float = 1.0, share: float = 0.5, heat: float = 1.0, **loss: object
) -> Objective:
    return Objective(
        Loss.model_validate(loss),
        Distillation(teachers=(Path("teacher.npz"),), share=share, temperature=heat),
        torch.full((SIX,), positive),
    )


def row(*values: float) -> torch.Tensor:
    """One row whose six cells are the values, the last one repeated."""
    return torch.tensor([[*values, *[values[-1]] * (SIX - len(values))]])


def test_positive_weights_are_the_weighted_ratio_of_negatives_to_positives() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    weights = np.array([1, 1, 2], dtype=np.float32)
    # label 0: 1 positive against 3; label 1: none; label 2: 2 against 2
    assert positive_weights(labels, weights, 1.0).tolist() == pytest.approx([3.0, 1.0, 1.0])
    assert positive_weights(labels, weights, 0.5).tolist() == pytest.approx([3**0.5, 1.0, 1.0])
    assert positive_weights(labels, weights, 0.0).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_the_loss_weighs_rows_and_positives() -> None:
    logits = torch.zeros(2, SIX)
    labels = torch.cat([row(1.0, 0.0), row(0.0)])
    loss = objective(positive=5.0)(logits, labels, torch.tensor([1.0, 3.0]))
    # At logit 0 every cell loses ln 2: five times for the positive, three times for the heavy row.
    assert loss.item() == pytest.approx((5 + 5 + 3 * 6) * math.log(2) / (2 * SIX))


@pytest.mark.parametrize("kind", ["bce", "focal", "asymmetric"])
def test_a_sure_and_right_logit_costs_nothing_and_a_wrong_one_much(kind: str) -> None:
    labels, weights = row(1.0, 0.0), torch.ones(1)
    right, wrong = row(30.0, -30.0), row(-30.0, 30.0)
    assert objective(kind=kind)(right, labels, weights).item() == pytest.approx(0.0, abs=1e-6)
    assert objective(kind=kind)(wrong, labels, weights).item() > 5


def test_what_a_row_does_not_say_costs_nothing_and_teaches_nothing() -> None:
    logits = torch.zeros(1, SIX, requires_grad=True)
    loss = objective()(logits, row(1.0, NAN), torch.ones(1))
    assert loss.item() == pytest.approx(math.log(2) / SIX)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] < 0
    assert logits.grad[0, 1:].tolist() == [0.0] * (SIX - 1)


def test_a_label_counts_as_much_as_it_is_told_to() -> None:
    logits, labels = torch.zeros(1, SIX), row(0.0)
    loss = objective(label_weights={"toxic": 3.0, "threat": 0.0})(logits, labels, torch.ones(1))
    assert loss.item() == pytest.approx((3 + 0 + 4) * math.log(2) / SIX)


def test_smoothing_draws_the_targets_in() -> None:
    sure = torch.full((1, SIX), 10.0)
    labels = row(1.0)
    plain = objective()(sure, labels, torch.ones(1))
    smooth = objective(smoothing=0.2)(sure, labels, torch.ones(1))
    # a tenth of the target is on the other side, where the logit of 10 costs 10
    assert (smooth - plain).item() == pytest.approx(1.0, abs=1e-3)


def test_focal_loss_is_the_papers() -> None:
    p = 1 / (1 + math.exp(-1.0))
    loss = objective(kind="focal", focus_negative=2.0)(row(1.0), row(1.0), torch.ones(1))
    assert loss.item() == pytest.approx(-((1 - p) ** 2) * math.log(p))


def test_asymmetric_loss_forgives_easy_negatives() -> None:
    easy = objective(kind="asymmetric", clip=0.05)(row(-4.0), row(0.0), torch.ones(1))
    assert easy.item() == 0.0
    p = 1 / (1 + math.exp(-1.0)) - 0.05
    hard = objective(kind="asymmetric", clip=0.05)(row(1.0), row(0.0), torch.ones(1))
    assert hard.item() == pytest.approx(-(p**2) * math.log(1 - p))


def test_a_teacher_has_its_share_of_the_loss() -> None:
    logits, labels, weights = row(0.0), row(1.0), torch.ones(1)
    # the teacher says 0.5 and at logit 0 so does the student: its loss is the entropy, ln 2
    loss = objective(share=0.25, positive=3.0)(logits, labels, weights, row(0.0))
    entropy = (3 * 0.5 + 0.5) * math.log(2)
    assert loss.item() == pytest.approx(0.75 * 3 * math.log(2) + 0.25 * entropy)


def test_rows_that_no_teacher_knows_learn_from_their_labels_alone() -> None:
    logits, labels, weights = row(0.7), row(1.0), torch.ones(1)
    taught = objective(share=0.9)(logits, labels, weights, row(NAN))
    assert taught.item() == pytest.approx(objective()(logits, labels, weights).item())


@pytest.mark.parametrize("heat", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("positive", [1.0, 5.0])
def test_a_teacher_pulls_towards_its_logit_and_the_positives_weight_at_any_temperature(
    heat: float, positive: float
) -> None:
    # as the labels do: at odds of p, their loss is least at ln p + ln w
    best = 2.0 + math.log(positive)
    for away in (-0.1, 0.0, 0.1):
        logits = torch.full((1, SIX), best + away, requires_grad=True)
        pull = objective(positive=positive, share=1.0, heat=heat)
        pull(logits, row(0.0), torch.ones(1), row(2.0)).backward()
        assert logits.grad is not None
        slope = logits.grad.mean().item()
        assert slope == pytest.approx(0.0, abs=1e-6) if away == 0 else slope * away > 1e-4
