"""Fine-tune a checkpoint on labelled rows. Reads from top to bottom in `run`."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import Dataset, Sampler
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from bot.labels import LABELS
from bot.screening.model import load_model
from training.config import Experiment, Optimisation, TrainingError
from training.data import Labelled, LeftOut, plain, read, sample, split
from training.evaluate import summarise
from training.losses import positive_weights, weighted_bce

log = logging.getLogger(__name__)

AVERAGE = "average.safetensors"
LOGITS = "validation_logits.npy"
Item = dict[str, Any]


class RunError(TrainingError):
    """A run directory that cannot be used as asked."""


def run(experiment: Experiment, directory: Path, *, resume: bool = False) -> Path:
    """Train, and write everything into one run directory.

    Parameters
    ----------
    experiment
        What to do.
    directory
        Where to write: ``experiment.json``, ``left_out.csv``, ``validation.parquet``,
        ``checkpoints/``, ``model/`` (the trained checkpoint), ``validation_logits.npy`` and
        ``metrics.json``.
    resume
        Go on from the newest checkpoint of the same experiment in ``directory``.

    Returns
    -------
    Path
        The trained checkpoint's directory.

    Raises
    ------
    RunError
        The directory holds another run, or there is nothing to resume.
    DataError
        The rows cannot be used.
    """
    checkpoint = _open_run(experiment, directory, resume)
    torch.manual_seed(experiment.seed)

    labelled, left_out = read(experiment.rows)
    if experiment.rows.limit is not None:
        labelled = sample(labelled, experiment.rows.limit, experiment.seed)
    training, validation = (
        labelled.take(part)
        for part in split(labelled, experiment.rows.validation_share, experiment.seed)
    )
    _write_left_out(directory / "left_out.csv", left_out)
    validation.save(directory / "validation.parquet")
    log.info(
        "%d rows to train on, %d to validate, %d left out (left_out.csv)",
        len(training), len(validation), len(left_out),
    )  # fmt: skip

    tokenizer = AutoTokenizer.from_pretrained(experiment.base.checkpoint)
    model = new_model(experiment)
    tokenised = Tokenised(training, tokenizer, experiment.base.max_tokens)
    log.info("%d tokens in an epoch", sum(tokenised.lengths))
    trainer = ToxicityTrainer(
        experiment, model=model, rows=tokenised, tokenizer=tokenizer, directory=directory
    )
    trainer.train(resume_from_checkpoint=checkpoint)

    trained = directory / "model"
    if trainer.average is not None:
        trainer.average.put_into(model)
    model.save_pretrained(trained)
    # A longer text is read in windows of the length that the model was trained on: in longer ones,
    # an insult drowns among harmless words.
    tokenizer.model_max_length = experiment.base.max_tokens
    tokenizer.save_pretrained(trained)
    logits = load_model(str(trained.resolve())).logits(validation.texts)
    np.save(directory / LOGITS, logits)
    figures = summarise(logits, validation)
    (directory / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    log.info("mean ROC AUC %.4f on the validation rows", figures["mean"]["roc_auc"])
    return trained


def new_model(experiment: Experiment) -> PreTrainedModel:
    """The base checkpoint with a fresh head of six outputs."""
    return AutoModelForSequenceClassification.from_pretrained(
        experiment.base.checkpoint,
        num_labels=len(LABELS),
        id2label={at: label.value for at, label in enumerate(LABELS)},
        label2id={label.value: at for at, label in enumerate(LABELS)},
        problem_type="multi_label_classification",
        dtype=torch.float32,
        hidden_dropout_prob=experiment.base.hidden_dropout,
        attention_probs_dropout_prob=experiment.base.attention_dropout,
    )


class Tokenised(Dataset[Item]):
    """Labelled rows as token ids, tokenised once."""

    def __init__(
        self, labelled: Labelled, tokenizer: PreTrainedTokenizerBase, max_tokens: int
    ) -> None:
        views = [plain(text) for text in labelled.texts]
        self._ids = tokenizer(views, truncation=True, max_length=max_tokens)["input_ids"]
        self.labelled = labelled
        # Weights that average 1 leave the learning rate meaning the same whatever the prior.
        self._weights = labelled.weights / labelled.weights.mean()
        self.lengths = [len(ids) for ids in self._ids]

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> Item:
        return {
            "input_ids": self._ids[row],
            "labels": self.labelled.labels[row],
            "weight": self._weights[row],
        }


class Collate:
    """Rows → one batch, padded to its longest row."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def __call__(self, rows: Sequence[Item]) -> dict[str, torch.Tensor]:
        batch = self._tokenizer.pad(
            {"input_ids": [row["input_ids"] for row in rows]}, return_tensors="pt"
        )
        return {
            **batch,
            "labels": torch.stack([torch.from_numpy(row["labels"]) for row in rows]),
            "weights": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
        }


class LengthGrouped(Sampler[int]):
    """Rows in random order, with rows of like length side by side, so that little is padding.

    The order of an epoch follows from the seed and the epoch alone, so a resumed run sees the rows
    that the unbroken one would have seen.
    """

    POOL = 50  # batches sorted together: larger pads less, smaller shuffles better

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of this epoch next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        full: list[list[int]] = []
        rest: list[int] = []
        pool = self.POOL * self._batch_size
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=self._lengths.__getitem__)
            for at in range(0, len(rows), self._batch_size):
                batch = rows[at : at + self._batch_size]
                if len(batch) == self._batch_size:
                    full.append(batch)
                else:
                    rest = batch
        # A short batch anywhere but at the end would shift the borders of all that follow.
        for at in torch.randperm(len(full), generator=generator).tolist():
            yield from full[at]
        yield from rest


class Average:
    """The running (exponential) average of the weights: a cheap ensemble of the late steps."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Take in the weights after step ``step``; early steps are forgotten faster."""
        decay = min(self._decay, (1 + step) / (10 + step))
        kept, new = list(self._weights.values()), list(model.parameters())
        torch._foreach_lerp_(kept, new, 1.0 - decay)

    @torch.no_grad()
    def put_into(self, model: torch.nn.Module) -> None:
        """Give the model the averaged weights."""
        for name, weight in model.named_parameters():
            weight.copy_(self._weights[name])

    def save(self, path: Path) -> None:
        """Keep the average beside a checkpoint."""
        save_file(self._weights, path)

    def load(self, path: Path) -> None:
        """Go on from a kept average."""
        for name, weight in load_file(path).items():
            self._weights[name].copy_(weight)


class _KeepAverage(TrainerCallback):
    """Moves the average with each step, and with each checkpoint to and from the disk."""

    def __init__(self, average: Average, model: torch.nn.Module) -> None:
        self._average, self._model = average, model

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._average.update(self._model, state.global_step)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.is_world_process_zero:
            self._average.save(Path(args.output_dir) / f"checkpoint-{state.global_step}" / AVERAGE)


class ToxicityTrainer(Trainer):
    """`Trainer` with the weighted loss, layer-wise learning rates and length-grouped batches."""

    def __init__(
        self,
        experiment: Experiment,
        *,
        model: PreTrainedModel,
        rows: Tokenised,
        tokenizer: PreTrainedTokenizerBase,
        directory: Path,
    ) -> None:
        self._recipe = experiment.optimisation
        self._rows = rows
        self._positives = positive_weights(
            rows.labelled.labels, rows.labelled.weights, self._recipe.positive_weight_power
        )
        super().__init__(
            model=model,
            args=_arguments(experiment, directory / "checkpoints"),
            train_dataset=rows,
            data_collator=Collate(tokenizer),
        )
        self.model_accepts_loss_kwargs = False
        self.average: Average | None = None
        if self._recipe.average_decay:
            self.average = Average(model, self._recipe.average_decay)
            self.add_callback(_KeepAverage(self.average, model))

    def train(self, resume_from_checkpoint: str | None = None, **rest: Any) -> Any:
        if resume_from_checkpoint is not None and self.average is not None:
            self.average.load(Path(resume_from_checkpoint) / AVERAGE)
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **rest)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        labels, weights = inputs.pop("labels"), inputs.pop("weights")
        outputs = model(**inputs)
        loss = weighted_bce(outputs.logits, labels, weights, self._positives.to(labels.device))
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            groups = parameter_groups(self.model, self._recipe)
            self.optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return LengthGrouped(
            self._rows.lengths, self.args.train_batch_size * self.args.world_size, self.args.seed
        )


def parameter_groups(model: PreTrainedModel, recipe: Optimisation) -> list[dict[str, Any]]:
    """Learning rates by depth: the head's own, then less for each layer further down.

    The fresh head has everything to learn, the embeddings almost nothing; with one rate for all,
    the rare labels are still undertrained when the common ones are done.
    """
    depth: int = model.config.num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        parts = name.split(".")
        if "embeddings" in parts:
            rate = recipe.learning_rate * recipe.layer_decay**depth
        elif "layer" in parts:
            layer = int(parts[parts.index("layer") + 1])
            rate = recipe.learning_rate * recipe.layer_decay ** (depth - 1 - layer)
        else:
            rate = recipe.head_learning_rate
        decay = 0.0 if weight.ndim < 2 else recipe.weight_decay
        groups.setdefault((rate, decay), []).append(weight)
    return [
        {"params": weights, "lr": rate, "weight_decay": decay}
        for (rate, decay), weights in groups.items()
    ]


def _arguments(experiment: Experiment, directory: Path) -> TrainingArguments:
    recipe = experiment.optimisation
    return TrainingArguments(
        output_dir=str(directory),
        seed=experiment.seed,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup_share,
        max_grad_norm=recipe.gradient_norm,
        bf16=_bf16(recipe.bf16),
        use_cpu=not torch.cuda.is_available(),
        save_strategy="steps",
        save_steps=recipe.checkpoint_steps,
        save_total_limit=2,
        logging_steps=50,
        report_to=[],
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def _bf16(wanted: str) -> bool:
    if wanted != "auto":
        return wanted == "on"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Emulated bf16 is slower than fp32; only processors with the instructions gain from it.
    return bool(torch.cpu._is_avx512_bf16_supported())


def _open_run(experiment: Experiment, directory: Path, resume: bool) -> str | None:
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / "experiment.json"
    settings = experiment.model_dump_json(indent=2) + "\n"
    if resume:
        if not written.exists():
            raise RunError(f"{directory}: there is no run to resume")
        begun = Experiment.model_validate_json(written.read_text(encoding="utf-8"))
        for part in ("seed", "rows", "base", "optimisation"):
            if getattr(begun, part) != getattr(experiment, part):
                raise RunError(f"{directory}: was begun with another {part}; see experiment.json")
        found = _newest_whole(
            directory / "checkpoints", bool(experiment.optimisation.average_decay)
        )
        log.info("resuming from %s", found or "the start: there is no checkpoint yet")
        return found
    if written.exists():
        raise RunError(f"{directory}: holds a run already; pass --resume or another --run")
    written.write_text(settings, encoding="utf-8")
    return None


def _newest_whole(checkpoints: Path, averaged: bool) -> str | None:
    """The newest checkpoint that was written to its end, the average (its last file) included."""
    for step in sorted(
        (int(folder.name.rpartition("-")[2]), folder) for folder in checkpoints.glob("checkpoint-*")
    )[::-1]:
        if not averaged or (step[1] / AVERAGE).exists():
            return str(step[1])
    return None


def _write_left_out(path: Path, left_out: Sequence[LeftOut]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["row", "id", "reason"])
        table.writerows([one.row, one.id, one.reason] for one in left_out)
