"""The training loop: our rates, batches and averaging on top of `transformers.Trainer`.

A checkpoint that falls on the end of an epoch is written after the epoch was measured, so that a
run which is resumed from it knows the figures and need not measure again.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_utils import TrainOutput

from training.averaging import AVERAGE, Average, Best
from training.batches import Item, LengthGrouped, Rows
from training.config import Experiment, Optimisation
from training.precision import reduced
from training.progress import ProgressLines
from training.schedule import PLATEAU, WarmedPlateau, Warming

log = logging.getLogger(__name__)

EPOCHS, TENSORBOARD, BEST = "epochs.json", "tensorboard", "best"
CHECKPOINTS, STATE = "checkpoints", "trainer_state.json"
_METRICS = {
    "roc_auc": "roc_auc_mean", "average_precision": "average_precision_mean", "loss": "loss",
}  # fmt: skip


def training_arguments(experiment: Experiment, directory: Path) -> TrainingArguments:
    """The experiment in the words of `Trainer`. Joins the other processes under ``torchrun``."""
    recipe = experiment.optimisation
    return TrainingArguments(
        output_dir=str(directory / CHECKPOINTS),
        seed=experiment.seed,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup_share,
        max_grad_norm=recipe.gradient_norm,
        bf16=reduced(recipe.bf16),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch",
        metric_for_best_model=_METRICS[recipe.best_by],
        greater_is_better=recipe.best_by != "loss",
        save_strategy="steps",
        save_steps=recipe.checkpoint_steps,
        save_total_limit=2,
        logging_steps=50,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
    )


class EpochTrainer(Trainer):
    """`Trainer` with layer-wise learning rates, length-grouped batches of several sources, an
    average of the weights, and the best epoch kept. What is learnt is for subclasses to say.

    Parameters
    ----------
    experiment
        Whose ``optimisation`` is the recipe.
    arguments
        Of `training_arguments`.
    examples
        What is learnt from.
    held_out
        What each epoch is measured on, in the order of their length, so that little is padding.
    collate
        Rows → one batch.
    directory
        The run directory.
    """

    measures_base = False
    """Whether the base checkpoint is measured too, as epoch 0."""

    def __init__(
        self,
        experiment: Experiment,
        arguments: TrainingArguments,
        *,
        model: PreTrainedModel,
        examples: Rows,
        held_out: Dataset[Item],
        collate: Callable[[Sequence[Item]], dict[str, torch.Tensor]],
        directory: Path,
    ) -> None:
        self.recipe = experiment.optimisation
        self.network = model
        self._examples = examples
        self.order: LengthGrouped
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=cast(Dataset[Item], examples),
            eval_dataset=held_out,
            data_collator=cast(Any, collate),
            compute_metrics=self._figures,
        )
        self.model_accepts_loss_kwargs = False
        self.best = Best(directory / BEST)
        self.average: Average | None = None
        if self.recipe.average_decay:
            self.average = Average(model, self.recipe.average_decay)
            self.add_callback(_KeepAverage(self.average, model))
        self.add_callback(Warming())
        self.add_callback(_EachEpoch(self, directory / EPOCHS))
        self.remove_callback(PrinterCallback)
        if self.is_world_process_zero():
            if arguments.disable_tqdm:
                self.add_callback(ProgressLines())
            writer = SummaryWriter(str(directory / TENSORBOARD))
            self.add_callback(TensorBoardCallback(writer))  # type: ignore[no-untyped-call]

    def train(
        self,
        resume_from_checkpoint: str | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        if isinstance(resume_from_checkpoint, str):
            checkpoint = Path(resume_from_checkpoint)
            state = TrainerState.load_from_json(str(checkpoint / STATE))
            if patience_is_spent(self.recipe, _epochs(state)):
                log.info("the run had stopped early at step %d", state.global_step)
                return TrainOutput(state.global_step, math.nan, {})
            if self.average is not None:
                self.average.load(checkpoint / AVERAGE)
        return super().train(resume_from_checkpoint, trial, ignore_keys_for_eval)

    def evaluate(self, *arguments: Any, **named: Any) -> dict[str, float]:
        if self.average is None:
            return super().evaluate(*arguments, **named)
        with self.average.lent_to(self.network):
            return super().evaluate(*arguments, **named)

    def offer(self, figure: float) -> None:
        """Offer the weights of now, averaged if there is an average, as the best epoch's."""
        if self.average is None:
            self.best.offer(self.network, figure, self.state.global_step)
            return
        with self.average.lent_to(self.network):
            self.best.offer(self.network, figure, self.state.global_step)

    def told(self, figures: dict[str, float]) -> str:
        """An epoch's figures for the log."""
        return f"loss {figures['eval_loss']:.4f}"

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            groups = parameter_groups(self.network, self.recipe)
            self.optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        if self.recipe.schedule != PLATEAU:
            return super().create_scheduler(num_training_steps, optimizer)
        scheduler = WarmedPlateau(
            optimizer or self.create_optimizer(),
            lower=not self.args.greater_is_better,
            warmup_steps=self.args.get_warmup_steps(num_training_steps),
        )
        self.lr_scheduler = cast(Any, scheduler)
        return scheduler

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        self.order = LengthGrouped(
            self._examples, self.args.train_batch_size * self.args.world_size, self.args.seed
        )
        return self.order

    def _figures(self, predicted: EvalPrediction) -> dict[str, float]:
        """An epoch's figures."""
        raise NotImplementedError


class _KeepAverage(TrainerCallback):
    """Moves the average with each step, and with each checkpoint to the disk."""

    def __init__(self, average: Average, model: PreTrainedModel) -> None:
        self._average, self._model = average, model

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._average.update(self._model, state.global_step)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self._average.save(
                Path(str(args.output_dir), f"checkpoint-{state.global_step}") / AVERAGE
            )


class _EachEpoch(TrainerCallback):
    """After each epoch: writes its figures, keeps its weights if they are the best, and stops when
    there has been nothing better for too long. Only then a checkpoint is written."""

    def __init__(self, trainer: EpochTrainer, written: Path) -> None:
        self._trainer, self._written, self._postponed = trainer, written, False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._trainer.measures_base and not state.global_step:
            self._trainer.evaluate()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        # Trainer does this too, but where one of several processes resumes within an epoch, its
        # word does not come through the wrappers.
        self._trainer.order.set_epoch(int(state.epoch or 0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        last = state.global_step >= state.max_steps or float(state.epoch or 0.0).is_integer()
        if last and control.should_save:
            control.should_save, self._postponed = False, True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._postponed:
            control.should_save, self._postponed = True, False

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        epochs = _epochs(state)
        recipe = self._trainer.recipe
        if state.is_world_process_zero:
            self._written.write_text(json.dumps(epochs, indent=2) + "\n", encoding="utf-8")
            self._trainer.offer(_by(recipe, epochs[-1]))
            log.info("epoch %.2f: %s", state.epoch, self._trainer.told(epochs[-1]))
        if patience_is_spent(recipe, epochs):
            log.info("no better epoch for %d: stopping", recipe.patience)
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        # A run that was killed between its last step and its last measurement.
        if all(entry["step"] != state.global_step for entry in _epochs(state)):
            self._trainer.evaluate()


def patience_is_spent(recipe: Optimisation, epochs: Sequence[dict[str, float]]) -> bool:
    """Whether there were ``patience`` epochs after the best one."""
    if recipe.patience is None or not epochs:
        return False
    best = int(np.argmax([_by(recipe, entry) for entry in epochs]))
    return len(epochs) - 1 - best >= recipe.patience


def _epochs(state: TrainerState) -> list[dict[str, float]]:
    return [entry for entry in state.log_history if "eval_loss" in entry]


def _by(recipe: Optimisation, figures: dict[str, float]) -> float:
    """The figure that says which epoch is best: the highest. What is not finite is the lowest."""
    if recipe.best_by == "loss":
        figure = -figures["eval_loss"]
    else:
        figure = figures.get(f"eval_{recipe.best_by}_mean", math.nan)
    return figure if math.isfinite(figure) else -math.inf


def parameter_groups(model: PreTrainedModel, recipe: Optimisation) -> list[dict[str, Any]]:
    """Learning rates by depth: the head's own, then less for each layer further down.

    The fresh head (and the pooler, which most checkpoints lack) has everything to learn, the
    embeddings almost nothing; with one rate for all, the rare labels are still undertrained when
    the common ones are done. What is in the encoder but in none of its layers has the top layer's.
    """
    depth: int = model.config.num_hidden_layers
    encoder = f"{model.base_model_prefix}."
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        parts = name.split(".")
        numbered = next((at for at, part in enumerate(parts) if part in ("layer", "layers")), None)
        if "embeddings" in parts:
            rate = recipe.learning_rate * recipe.layer_decay**depth
        elif numbered is not None:
            layer = int(parts[numbered + 1])
            rate = recipe.learning_rate * recipe.layer_decay ** (depth - 1 - layer)
        elif name.startswith(encoder) and "pooler" not in parts:
            rate = recipe.learning_rate
        else:
            rate = recipe.head_learning_rate
        decay = 0.0 if weight.ndim < 2 else recipe.weight_decay
        groups.setdefault((rate, decay), []).append(weight)
    return [
        {"params": weights, "lr": rate, "weight_decay": decay}
        for (rate, decay), weights in groups.items()
    ]
