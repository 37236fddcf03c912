"""Fine-tune a checkpoint on labelled rows. Reads from top to bottom in `run`."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
)

from bot.labels import LABELS
from bot.screening.model import load_model
from training import dropout, first_look, origins, runs, trained_on
from training.auxiliary import Partial, divided_auxiliary
from training.averaging import AVERAGE, blend
from training.batches import Examples, Portion
from training.config import Experiment
from training.data import Labelled, LeftOut, divided
from training.evaluate import summarise
from training.kept import UNFINISHED, until_done
from training.losses import positive_weights
from training.one_kind import require_both_kinds
from training.runs import RunError
from training.scoring import kept_of, logits_of
from training.teachers import read_logits
from training.trainer import CHECKPOINTS, STATE, ToxicityTrainer, training_arguments

log = logging.getLogger(__name__)


def run(experiment: Experiment, directory: Path, *, resume: bool = False) -> Path:
    """Train, and write everything into one run directory.

    Started by ``torchrun``, every process calls this; the first one writes.

    Parameters
    ----------
    experiment
        What to do.
    directory
        Where to write: ``experiment.json``, ``rows.json`` (what the run was begun with, see
        `training.origins`), ``trained_on.npy`` (see `training.trained_on`), ``left_out.csv``,
        ``validation.parquet``, ``auxiliary/`` (held-out rows of the other domains),
        ``checkpoints/``, ``tensorboard/``, ``epochs.json`` (figures of each epoch), ``best/``,
        ``model/`` (the trained checkpoint), ``validation_logits.npy`` and ``metrics.json``. Nothing
        is written before the rows and the base checkpoint have been read.
    resume
        Go on from the newest checkpoint of the same experiment in ``directory``, which all
        processes read: on several machines it must be a shared one.

    Returns
    -------
    Path
        The trained checkpoint's directory. Under ``torchrun`` only the first process may count on
        it; the others come back when the last step is done.

    Raises
    ------
    RunError
        The directory holds another run, there is nothing to resume, the run was begun with other
        rows, processes or another normaliser, or the base checkpoint takes fewer tokens or has no
        head.
    CheckpointError
        The base checkpoint cannot be loaded.
    DataError
        The rows cannot be used, or show one kind of some label only.
    TeacherError
        A teacher's file cannot be used.
    """
    arguments = training_arguments(experiment, directory)
    first = arguments.process_index == 0
    if not first:
        logging.getLogger("training").setLevel(logging.WARNING)
    # What is cheap to find out comes first: rows take a minute to read, a network its memory.
    first_look.look(experiment)
    checkpoint = _opened(experiment, directory, resume, arguments)
    tokenizer, config = outline_of(experiment)

    version = origins.split_of(directory)
    training, validation, left_out = divided(experiment, version)
    taught = None
    if experiment.distillation.teachers:
        taught = read_logits(experiment.distillation.teachers, training.ids)
    portions = [Portion.main(training, taught)]
    parts, others, unused = divided_auxiliary(experiment, training, validation, version)
    left_out += unused
    for part, source in zip(parts, experiment.auxiliary.values(), strict=True):
        portions.append(Portion.auxiliary(part, source.weight, source.rows_per_epoch))
    log.info(
        "%d rows to train on, %d to validate, %d left out (left_out.csv)",
        len(training), len(validation), len(left_out),
    )  # fmt: skip
    require_both_kinds(experiment, training, validation, parts)
    origin = origins.of_rows(arguments.world_size, (training, validation), parts, taught, version)
    if resume:
        _by_the_first(arguments, partial(origins.check_resumable, directory, origin))
    torch.manual_seed(experiment.seed)
    model = _network(experiment, config)
    if first:
        origins.keep(directory, origin)
        learnt = (*training.texts, *(text for part in parts for text in part.texts))
        trained_on.keep(directory, learnt, experiment.base)
        _write_beginning(experiment, directory, validation, others, left_out)

    if not torch.cuda.is_available():
        dropout.on_processor(model)
    examples = Examples(
        portions,
        tokenizer,
        max_tokens=experiment.base.max_tokens,
        disguise_share=experiment.augmentation.share,
        seed=experiment.seed,
    )
    log.info("%d tokens in all rows", examples.tokens)
    trainer = ToxicityTrainer(
        experiment,
        arguments,
        model=model,
        examples=examples,
        positives=positive_weights(
            training.labels, training.weights, experiment.loss.positive_weight_power
        ),
        validation=validation,
        tokenizer=tokenizer,
        directory=directory,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    # The first process goes on alone, however long it takes.
    arguments.distributed_state.destroy_process_group()

    trained = directory / runs.CHECKPOINT
    if first:
        trainer.best.give(model)
        log.info("the weights are those of step %s", trainer.best.step)
        if experiment.optimisation.base_share:
            blend(model, base_of(experiment)[1], experiment.optimisation.base_share)
        model.save_pretrained(trained)
        # A longer text is read in windows of the length that the model was trained on: in longer
        # ones, an insult drowns among harmless words.
        tokenizer.model_max_length = experiment.base.max_tokens
        tokenizer.save_pretrained(trained)
        _write_figures(directory, trained, validation)
    return trained


def base_of(experiment: Experiment) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """The base checkpoint's tokenizer, and its network with a head of six outputs.

    The head is a fresh one unless the checkpoint has one of six already.

    Raises
    ------
    CheckpointError
        The checkpoint cannot be loaded.
    RunError
        It takes fewer tokens than the experiment wants, or has no head that the final weights could
        have a share of.
    """
    tokenizer, config = outline_of(experiment)
    return tokenizer, _network(experiment, config)


def outline_of(experiment: Experiment) -> tuple[PreTrainedTokenizerBase, PreTrainedConfig]:
    """The base checkpoint's tokenizer and what its network is to look like, without the weights.

    Raises
    ------
    CheckpointError
        They cannot be loaded.
    RunError
        The checkpoint takes fewer tokens than the experiment wants.
    """
    base = experiment.base
    first_look.look_at_base(base)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.checkpoint)
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            base.checkpoint,
            num_labels=len(LABELS),
            id2label={at: label.value for at, label in enumerate(LABELS)},
            label2id={label.value: at for at, label in enumerate(LABELS)},
            problem_type="multi_label_classification",
        )
    except Exception as error:  # the tokenizers library raises bare Exception for a broken file
        raise first_look.not_loaded(base, "tokenizer or config.json", error) from None
    most = getattr(config, "max_position_embeddings", base.max_tokens)
    if 0 < most < base.max_tokens:  # some families have relative positions, and say 0 or -1
        raise RunError(
            f"base.max_tokens = {base.max_tokens}: {base.checkpoint} takes {most} tokens at most"
        )
    # The families do not agree on these names.
    for name in ("hidden_dropout_prob", "dropout"):
        if hasattr(config, name):
            setattr(config, name, base.hidden_dropout)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, base.attention_dropout)
    return tokenizer, config


def _network(experiment: Experiment, config: PreTrainedConfig) -> PreTrainedModel:
    base = experiment.base
    try:
        model: PreTrainedModel
        model, loaded = AutoModelForSequenceClassification.from_pretrained(
            base.checkpoint,
            output_loading_info=True,
            config=config,
            dtype=torch.float32,
            # On a processor the fused kernel's backward pass takes longer than all other attention.
            attn_implementation="sdpa" if torch.cuda.is_available() else "eager",
            # a head for other labels
            ignore_mismatched_sizes=True,
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise first_look.not_loaded(base, "network", error) from None
    share = experiment.optimisation.base_share
    if share and (loaded["missing_keys"] or loaded["mismatched_keys"]):
        raise RunError(
            f"optimisation.base_share = {share}: {base.checkpoint} has no head for the six labels "
            "to take a share of; set it to 0"
        )
    return model


def _opened(
    experiment: Experiment, directory: Path, resume: bool, arguments: TrainingArguments
) -> str | None:
    """The checkpoint to go on from, if any."""

    def look() -> str | None:
        if resume:
            return _to_resume(experiment, directory)
        if (directory / runs.EXPERIMENT).exists():
            raise RunError(f"{directory}: holds a run already; pass --resume or another --run")
        return None

    return _by_the_first(arguments, look)


def _by_the_first(arguments: TrainingArguments, look: Callable[[], str | None]) -> str | None:
    """What the first process finds, told to the others; a `RunError` is raised in all of them."""
    found: list[str | RunError | None] = [None]
    if arguments.process_index == 0:
        try:
            found[0] = look()
        except RunError as error:
            found[0] = error
    if arguments.world_size > 1:
        torch.distributed.broadcast_object_list(found)
    if isinstance(found[0], RunError):
        raise found[0]
    return found[0]


def _to_resume(experiment: Experiment, directory: Path) -> str | None:
    if not (directory / runs.EXPERIMENT).exists():
        raise RunError(f"{directory}: there is no run to resume")
    runs.check_same(experiment, directory)
    averaged = bool(experiment.optimisation.average_decay)
    found = newest_whole(directory / CHECKPOINTS, averaged)
    log.info("resuming from %s", found or "the start: there is no checkpoint yet")
    return None if found is None else str(found)


def newest_whole(checkpoints: Path, averaged: bool) -> Path | None:
    """The newest checkpoint that was written to its end: with its last file, and the average.

    Folders with other names than ``checkpoint-STEP`` are passed over.
    """
    steps = {
        int(folder.name.rpartition("-")[2]): folder
        for folder in checkpoints.glob("checkpoint-*")
        if re.fullmatch(r"checkpoint-[0-9]+", folder.name)
    }
    for step in sorted(steps, reverse=True):
        folder = steps[step]
        if _is_whole(folder / STATE) and (not averaged or (folder / AVERAGE).exists()):
            return folder
    return None


def _is_whole(state: Path) -> bool:
    """Whether a trainer's state was written to its end."""
    try:
        return "global_step" in json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _write_beginning(
    experiment: Experiment,
    directory: Path,
    validation: Labelled,
    others: Sequence[Partial],
    left_out: Sequence[LeftOut],
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / runs.EXPERIMENT
    if not settings.exists():
        settings.write_text(experiment.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with (directory / runs.LEFT_OUT).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["row", "id", "reason"])
        table.writerows([one.row, one.id, one.reason] for one in left_out)
    validation.save(directory / runs.VALIDATION)
    for other in others:
        (directory / runs.AUXILIARY).mkdir(exist_ok=True)
        other.save(directory / runs.AUXILIARY / f"{other.name}.parquet")


def _write_figures(directory: Path, trained: Path, validation: Labelled) -> None:
    """Measure the trained checkpoint as the bot would run it, on all windows of a text."""
    model = load_model(str(trained.resolve()))
    with until_done(directory / UNFINISHED) as unfinished:
        kept = kept_of(unfinished, trained)
        logits = logits_of(model, validation.texts, "validation", kept)
        np.save(directory / runs.LOGITS, logits)
    figures = summarise(logits, validation)
    (directory / runs.METRICS).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
