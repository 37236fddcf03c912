"""The learning rate that falls when an epoch is no better, after a warm-up.

`Trainer` knows the rule without one: it tells torch's scheduler of epochs, and of steps nothing.
"""

from __future__ import annotations

from typing import Any, SupportsFloat

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

PLATEAU = "reduce_lr_on_plateau"
FACTOR = 0.3  # of the rate that is left after an epoch that is no better


class WarmedPlateau(ReduceLROnPlateau):
    """Rates that rise in a line to what their groups have, then fall with each epoch no better.

    All groups rise and fall by the same factor. Epochs that end before the warm-up does are not
    looked at: what they gain and lose is the warm-up's doing.

    Parameters
    ----------
    optimizer
        With the rates that the warm-up rises to.
    lower
        Whether of two figures the lower one is better.
    warmup_steps
        Steps before the first one at the whole rate; the very first has a rate of 0, as in the
        other schedules. 0 has no warm-up.
    """

    def __init__(self, optimizer: Optimizer, *, lower: bool, warmup_steps: int) -> None:
        super().__init__(optimizer, mode="min" if lower else "max", factor=FACTOR, patience=0)
        self.warmup_steps = warmup_steps
        self.whole = [group["lr"] for group in optimizer.param_groups]
        self.warming = False
        self.warm(0)

    def warm(self, steps: int) -> None:
        """Set the rates for the step after so many; from the end of the warm-up they stay."""
        self.warming = steps < self.warmup_steps
        if self.warmup_steps and steps <= self.warmup_steps:
            for group, whole in zip(self.optimizer.param_groups, self.whole, strict=True):
                group["lr"] = whole * (steps / self.warmup_steps)

    # torch's own rule takes a figure, unlike the class that it is derived from
    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of an epoch's figure, after the warm-up."""
        if not self.warming:
            super().step(metrics, epoch)


class Warming(TrainerCallback):
    """Tells a `WarmedPlateau` of each step, before a checkpoint of it is written."""

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        lr_scheduler: LRScheduler | None = None,
        **_: Any,
    ) -> None:
        if isinstance(lr_scheduler, WarmedPlateau):
            lr_scheduler.warm(state.global_step)
