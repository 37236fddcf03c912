"""The sides of `benchmarks.training`: each trains in a process of its own, a block when asked.

Both sides are the library's own training loop. A gate after each step stops the loop where a block
ends, so that nothing but training is on the clock and only one side works at a time.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.labels import LABELS
from training.config import TrainingError
from training.data import Labelled
from training.recipes import load

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer

LONGEST = 512  # tokens: what the common recipe pads every text to
MEASURED_NEVER = 10**9  # steps between checkpoints: more than any benchmark has


@dataclass(frozen=True, slots=True)
class Side:
    """One way to train."""

    common: bool
    """The common recipe, or this trainer."""
    max_tokens: int
    """Texts are cut to this many tokens, or to what the checkpoint can read."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all sides do."""

    config: Path
    checkpoint: str
    rows: Labelled
    batch_size: int
    seed: int
    threads: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """How a side is about to train."""

    max_tokens: int
    parameters: int
    bf16: bool
    attention: str
    threads: int
    lengths: tuple[int, ...]
    """Tokens of each text, as this side cuts them, without padding."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some steps in a row."""

    seconds: float
    samples: int
    tokens: int
    """Of the texts."""
    padded: int
    """With padding: what went through the network."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The most memory that the process had resident at any time, in bytes."""

    peak: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a side cannot train, in one sentence."""

    sentence: str


class _Enough(Exception):
    """The last block is over."""


def serve(pipe: Connection, side: Side, job: Job) -> None:
    """Be a side: send `Ready`; for each number of steps received, train and send a `Block`.

    A 0 is answered with `Ended`. A checkpoint or setting that cannot be used is answered with
    `Failed` in place of `Ready`.
    """
    # A processor is what is measured. Set before torch looks.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch
    from transformers.utils import logging

    quiet: Any = logging  # without types
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    torch.manual_seed(job.seed)
    np.random.seed(job.seed)
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            limit = _limit(job.checkpoint)
            side = Side(side.common, min(side.max_tokens, limit))
            build = _common if side.common else _ours
            trainer, model, lengths = build(job, side.max_tokens, Path(scratch))
        except TrainingError as error:
            pipe.send(Failed(str(error)))
            return
        trainer.add_callback(_gate(pipe, model))
        pipe.send(
            Ready(
                max_tokens=side.max_tokens,
                parameters=sum(weight.numel() for weight in model.parameters()),
                bf16=bool(trainer.args.bf16),
                attention=str(model.config._attn_implementation),
                threads=torch.get_num_threads(),
                lengths=tuple(lengths),
            )
        )
        try:
            trainer.train()
        except _Enough:
            pipe.send(Ended(_peak()))


def _limit(checkpoint: str) -> int:
    """How many tokens the checkpoint can read, `LONGEST` at most."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        config = AutoConfig.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"--checkpoint {checkpoint}: cannot be loaded: {reason}") from None
    positions = getattr(config, "max_position_embeddings", LONGEST)
    return int(min(LONGEST, tokenizer.model_max_length, positions))


def _ours(job: Job, max_tokens: int, scratch: Path) -> tuple[Trainer, PreTrainedModel, list[int]]:
    """This trainer as `training.train.run` sets it up, with the rows that it is given."""
    from training import dropout
    from training.batches import Examples, Portion
    from training.loop import training_arguments
    from training.losses import positive_weights
    from training.network import base_of
    from training.trainer import ToxicityTrainer

    experiment = load(
        job.config,
        (
            f"base.checkpoint={json.dumps(job.checkpoint)}",
            f"base.max_tokens={max_tokens}",
            f"seed={job.seed}",
            f"optimisation.batch_size={job.batch_size}",
            "optimisation.epochs=1",
            f"optimisation.checkpoint_steps={MEASURED_NEVER}",
            "auxiliary=",
            "distillation=",
        ),
    )
    tokenizer, model = base_of(experiment)
    dropout.on_processor(model)
    examples = Examples(
        [Portion.main(job.rows, None)],
        tokenizer,
        max_tokens=max_tokens,
        augmentation=experiment.augmentation,
        seed=job.seed,
    )
    arguments = training_arguments(experiment, scratch)
    arguments.disable_tqdm = True
    trainer = ToxicityTrainer(
        experiment,
        arguments,
        model=model,
        examples=examples,
        positives=positive_weights(
            job.rows.labels,
            job.rows.weights,
            experiment.loss.positive_weight_power,
        ),
        validation=job.rows.take(np.arange(min(len(job.rows), job.batch_size))),
        tokenizer=tokenizer,
        directory=scratch,
    )
    return trainer, model, examples.lengths(range(len(examples)))


def _common(job: Job, max_tokens: int, scratch: Path) -> tuple[Trainer, PreTrainedModel, list[int]]:
    """The recipe of most notebooks: fp32, every text padded to the longest, nothing set up."""
    import torch
    from torch.utils.data import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(job.checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(
        job.checkpoint,
        num_labels=len(LABELS),
        problem_type="multi_label_classification",
        dtype=torch.float32,
    )
    # Tokenised once and before the clock starts, which is kinder than what many do.
    encoded = tokenizer(
        list(job.rows.texts),
        padding="max_length",
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
    )
    labels = torch.from_numpy(job.rows.labels)

    class Padded(Dataset[dict[str, Any]]):
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, row: int) -> dict[str, Any]:
            return {name: values[row] for name, values in encoded.items()} | {"labels": labels[row]}

    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(scratch),
            seed=job.seed,
            num_train_epochs=1,
            per_device_train_batch_size=job.batch_size,
            learning_rate=2e-5,
            weight_decay=0.01,
            save_strategy="no",
            logging_steps=50,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=Padded(),
    )
    return trainer, model, encoded["attention_mask"].sum(1).tolist()


def _gate(pipe: Connection, model: PreTrainedModel) -> Any:
    """A callback that trains as many steps as the pipe asks for, tells what they took, and waits.

    Rows are counted where they enter the network: a data loader is a batch ahead.
    """
    from transformers import TrainerCallback

    class Gate(TrainerCallback):
        def __init__(self) -> None:
            self.left = self.samples = self.tokens = self.padded = 0
            self.since = 0.0

        def count(self, _: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            mask = named["attention_mask"]
            self.samples += len(mask)
            self.tokens += int(mask.sum())
            self.padded += mask.numel()

        def wait(self) -> None:
            self.left = pipe.recv()
            if not self.left:
                raise _Enough
            self.samples = self.tokens = self.padded = 0
            self.since = perf_counter()

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.wait()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.left -= 1
            if not self.left:
                seconds = perf_counter() - self.since
                pipe.send(Block(seconds, self.samples, self.tokens, self.padded))
                self.wait()

    gate = Gate()
    model.register_forward_pre_hook(gate.count, with_kwargs=True)
    return gate


def _peak() -> int:
    """The most memory that this process had resident, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count what the parent had before the fork
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
