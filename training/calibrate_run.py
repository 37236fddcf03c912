"""A trained run becomes an int8 graph with calibrated probabilities."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from bot.screening.model import load_model
from training import origins, runs
from training.calibrate import Calibrated, before_and_after, calibrate, reliability, write
from training.config import Experiment
from training.data import Floats
from training.early_exit import add_exit, texts_to_learn_from
from training.kept import UNFINISHED, until_done
from training.network import check_layers, outline_of_trained
from training.packing import pack
from training.quantise import quantise_checkpoint
from training.scoring import kept_of, logits_of

log = logging.getLogger(__name__)


def calibrate_run(experiment: Experiment, directory: Path) -> Calibrated:
    """Quantise a run's checkpoint and calibrate the int8 graph on the rows that the run held out.

    The int8 graph is what ships, so its logits are what is calibrated. With ``artifact.early_exit``
    it has its exit by then, and it computes padding in attention alone.

    Parameters
    ----------
    experiment
        The run's own, but for its presets and artifact, which may have changed since.
    directory
        The run directory, as `training.train.run` left it. Written there: ``int8/``,
        ``validation_logits.int8.npy`` (and ``validation_logits.whole.npy``, where texts may leave
        early: without that), ``calibration.json`` and ``reliability.png``; and
        ``validation_logits.npy`` anew where an older normaliser made them.

    Raises
    ------
    RunError
        Nothing was trained there, or with other settings.
    ConfigError
        There is no such layer as ``artifact.early_exit.layers``.
    """
    runs.check_same(experiment, directory)
    rows, trained = runs.validation(directory), runs.made(directory / runs.CHECKPOINT)
    check_layers(experiment, outline_of_trained(trained))

    def measured(model: Path, what: str) -> Floats:
        kept = kept_of(unfinished, model)
        return logits_of(load_model(str(model.resolve())), rows.texts, what, kept)

    quantised = directory / runs.QUANTISED
    quantise_checkpoint(experiment, trained, rows.texts, quantised)
    with until_done(directory / UNFINISHED) as unfinished:
        if (exit_ := experiment.artifact.early_exit) is not None:
            np.save(directory / runs.WHOLE_LOGITS, measured(quantised, "int8, whole"))
            texts = texts_to_learn_from(experiment, directory, exit_.texts)
            kept = kept_of(unfinished, quantised)
            add_exit(quantised, exit_, texts, seed=experiment.seed, kept=kept)
        pack(quantised, rows.texts)
        logits = measured(quantised, "int8")
        np.save(directory / runs.INT8_LOGITS, logits)
        if origins.measured_by_another_normaliser(directory):
            log.info("another normaliser made %s: measuring the checkpoint again", runs.LOGITS)
            np.save(directory / runs.LOGITS, measured(trained, "fp32"))
    found = calibrate(logits, rows, experiment.presets)
    write(directory / runs.CALIBRATION, found, origins.of_graph(directory))
    reliability(
        directory / runs.RELIABILITY,
        "Reliability on the validation rows: on the diagonal, a score is a probability",
        before_and_after(logits, found),
        rows,
    )
    return found
