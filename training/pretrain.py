"""Teach a base checkpoint the language of the texts, without labels, before it is fine-tuned.

Gururangan et al. 2020, "Don't stop pretraining: adapt language models to domains and tasks".
"""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path

import torch

from training import begun, dropout, first_look, origins, runs, trained_on
from training.auxiliary import divided_auxiliary
from training.config import Distillation, Experiment
from training.data import divided
from training.loop import EPOCHS, training_arguments
from training.masking import MaskedTrainer, Masking, Unlabelled
from training.network import masked_network, outline_of
from training.runs import PRETRAINING

log = logging.getLogger(__name__)


def run(experiment: Experiment, directory: Path, *, resume: bool = False) -> Path:
    """Have the base checkpoint guess hidden words of the training texts.

    The texts that `train` would hold out, of the main file and of the auxiliary sources, measure
    it and are not learnt from. Started by ``torchrun``, every process calls this; the first one
    writes.

    Parameters
    ----------
    experiment
        Its ``pretraining`` says how; its rows and seed divide the texts as for `train`.
    directory
        The run directory. All is written into its folder ``pretrained``: ``pretraining.json`` (the
        settings), ``rows.json``, ``trained_on.npy``, ``left_out.csv``, ``checkpoints/``,
        ``tensorboard/``, ``epochs.json`` (the loss on the held-out texts, before the first step and
        after each epoch), ``best/``, ``model/`` (a checkpoint that ``base.checkpoint`` takes) and
        ``metrics.json``.
    resume
        Go on from the newest checkpoint of the same experiment.

    Returns
    -------
    Path
        The checkpoint's directory, as from `training.train.run`.

    Raises
    ------
    RunError
        The folder holds a run already, there is nothing to resume, the run was begun with other
        texts, settings or processes, or the base checkpoint takes fewer tokens or cannot hide them.
    CheckpointError
        The base checkpoint cannot be loaded.
    DataError
        The rows cannot be used.
    """
    folder = directory / runs.PRETRAINED
    recipe, base = experiment.pretraining, experiment.base
    # The loop's recipe is the one of pre-training, and there is nothing to learn from teachers.
    learning = experiment.model_copy(
        update={"optimisation": recipe, "distillation": Distillation()}
    )
    arguments = training_arguments(learning, folder)
    first = arguments.process_index == 0
    if not first:
        logging.getLogger("training").setLevel(logging.WARNING)
    first_look.look_at_texts(experiment)
    checkpoint = begun.opened(experiment, folder, resume, arguments, PRETRAINING)
    tokenizer, config = outline_of(experiment)
    masking = Masking(tokenizer, recipe, base.checkpoint, experiment.seed)

    version = origins.split_of(folder, experiment.rows, PRETRAINING)
    training, validation, left_out = divided(learning, version)
    parts, others, unused = divided_auxiliary(experiment, training, validation, version)
    origin = origins.of_rows(arguments.world_size, (training, validation), parts, None, version)
    if resume:
        begun.by_the_first(arguments, partial(origins.check_resumable, folder, origin))
    portions = [(training.texts, len(training))]
    for part, source in zip(parts, experiment.auxiliary.values(), strict=True):
        portions.append((part.texts, min(source.rows_per_epoch or len(part), len(part))))
    held = [(texts, len(texts)) for texts in (validation.texts, *(one.texts for one in others))]
    examples, held_out = (
        Unlabelled(each, tokenizer, max_tokens=base.max_tokens) for each in (portions, held)
    )
    log.info(
        "%d texts to learn from with %d tokens, %d held out, %d rows left out (left_out.csv)",
        len(examples), examples.tokens, len(held_out), len(left_out) + len(unused),
    )  # fmt: skip
    torch.manual_seed(experiment.seed)
    model = masked_network(base, config)
    if first:
        origins.keep(folder, origin)
        trained_on.keep(folder, [text for texts, _ in portions for text in texts], base)
        begun.write(experiment, folder, [*left_out, *unused], PRETRAINING)
    if not torch.cuda.is_available():
        dropout.on_processor(model)
    trainer = MaskedTrainer(
        learning,
        arguments,
        model=model,
        examples=examples,
        held_out=held_out,
        masking=masking,
        directory=folder,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    # The first process goes on alone.
    arguments.distributed_state.destroy_process_group()

    trained = folder / runs.CHECKPOINT
    if first:
        trainer.best.give(model)
        model.save_pretrained(trained)
        tokenizer.save_pretrained(trained)
        losses = {
            entry["step"]: entry["eval_loss"]
            for entry in json.loads((folder / EPOCHS).read_text(encoding="utf-8"))
        }
        step = trainer.best.step or 0
        figures = {"before": losses[0], "after": losses[step], "step": step, "texts": len(held_out)}
        runs.write_json(folder / runs.METRICS, {"masked_language_loss": figures})
        log.info(
            "the weights are those of step %d: loss on held-out texts %.4f, %.4f before",
            step, figures["after"], figures["before"],
        )  # fmt: skip
    return trained
