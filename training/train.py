"""Fine-tune a checkpoint on labelled rows. Reads from top to bottom in `run`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bot.screening.model import load_model
from training import begun, dropout, first_look, halfway, origins, runs, trained_on
from training.auxiliary import Partial, divided_auxiliary
from training.averaging import blend
from training.batches import Examples, Portion
from training.config import Experiment
from training.data import Labelled, LeftOut, divided
from training.evaluate import summarise
from training.kept import UNFINISHED, until_done
from training.loop import training_arguments
from training.losses import positive_weights
from training.network import base_of, check_layers, network, outline_of
from training.one_kind import require_both_kinds
from training.scoring import kept_of, logits_of
from training.teachers import read_logits
from training.trainer import ToxicityTrainer

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
    ConfigError
        The card cannot be filled in, or there is no such layer as ``distillation.halfway_layer`` or
        ``artifact.early_exit.layers``.
    """
    arguments = training_arguments(experiment, directory)
    first = arguments.process_index == 0
    if not first:
        logging.getLogger("training").setLevel(logging.WARNING)
    # What is cheap to find out comes first: rows take a minute to read, a network its memory.
    first_look.look(experiment)
    checkpoint = begun.opened(experiment, directory, resume, arguments)
    tokenizer, config = outline_of(experiment)
    check_layers(experiment, config)

    version = origins.split_of(directory, experiment.rows)
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
        begun.by_the_first(arguments, partial(origins.check_resumable, directory, origin))
    torch.manual_seed(experiment.seed)
    model = network(experiment, config)
    if (halfway_layer := experiment.distillation.halfway_layer) is not None:
        halfway.attach(model, halfway_layer, config.hidden_size)
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
        augmentation=experiment.augmentation,
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
        halfway.detach(model)
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


def _write_beginning(
    experiment: Experiment,
    directory: Path,
    validation: Labelled,
    others: Sequence[Partial],
    left_out: Sequence[LeftOut],
) -> None:
    begun.write(experiment, directory, left_out)
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
