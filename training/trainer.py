"""Fine-tuning for the six labels: our objective, and what each epoch is measured by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Subset
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
)

from bot.labels import LABELS
from bot.screening.artifact import Calibration
from training import halfway
from training.batches import Collate, Examples, Portion
from training.calibrate import probabilities
from training.config import Experiment
from training.data import Labelled
from training.evaluate import summarise, thresholds_table
from training.loop import EpochTrainer
from training.losses import Objective


class ToxicityTrainer(EpochTrainer):
    """`EpochTrainer` with our objective.

    Parameters
    ----------
    arguments
        Of `training.loop.training_arguments`.
    positives
        [labels], of `positive_weights`.
    validation
        What each epoch is measured on, cut to the length of training.
    directory
        The run directory.
    """

    def __init__(
        self,
        experiment: Experiment,
        arguments: TrainingArguments,
        *,
        model: PreTrainedModel,
        examples: Examples,
        positives: torch.Tensor,
        validation: Labelled,
        tokenizer: PreTrainedTokenizerBase,
        directory: Path,
    ) -> None:
        self._halfway_weight = experiment.distillation.halfway_weight
        self._objective = Objective(experiment.loss, experiment.distillation, positives)
        held = Examples(
            [Portion.main(validation, None)], tokenizer, max_tokens=experiment.base.max_tokens
        )
        # in order of length, so that little is padding
        order = np.argsort(held.lengths(range(len(held))), kind="stable")
        self._validation = validation.take(order)
        super().__init__(
            experiment,
            arguments,
            model=model,
            examples=examples,
            held_out=Subset(held, order.tolist()),
            collate=Collate(tokenizer),
            directory=directory,
        )

    def told(self, figures: dict[str, float]) -> str:
        named = (
            ("loss", "loss"),
            ("mean ROC AUC", "roc_auc_mean"),
            ("mean average precision", "average_precision_mean"),
        )
        return ", ".join(
            f"{name} {figures.get(f'eval_{key}', math.nan):.4f}" for name, key in named
        )

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        labels, weights, taught = (inputs.pop(name) for name in ("labels", "weights", "taught"))
        # what is measured has no use for the states, and they would fill the memory
        head = halfway.of(self.network) if model.training else None
        outputs = model(**inputs, output_hidden_states=head is not None)
        loss = self._objective(outputs.logits, labels, weights, taught)
        if head is not None:
            off = head(outputs.hidden_states, inputs["attention_mask"], outputs.logits)
            loss = loss + self._halfway_weight * off
        return (loss, outputs) if return_outputs else loss

    def _figures(self, predicted: EvalPrediction) -> dict[str, float]:
        """An epoch's figures; precision, recall and F1 at a probability of 0.5, uncalibrated."""
        logits = np.asarray(predicted.predictions, dtype=np.float32)
        scores = probabilities(logits, dict.fromkeys(LABELS, Calibration()))
        measured = summarise(logits, self._validation)
        table = thresholds_table(scores, self._validation, dict.fromkeys(LABELS, 0.5))
        figures = {}
        for name in ("roc_auc", "average_precision"):
            for label, one in measured.items():
                if name in one:
                    figures[f"{name}_{label}"] = one[name]
        for name in ("precision", "recall", "f1"):
            of_each = {label: one[name] or 0.0 for label, one in table.items()}
            figures |= {f"{name}_{label}": value for label, value in of_each.items()}
            figures[f"{name}_mean"] = sum(of_each.values()) / len(of_each)
        return figures
