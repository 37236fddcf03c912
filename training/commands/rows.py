"""Looking at the rows before anything is learnt from them."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import OUT_FILE, OUT_FOLDER, experiment_options, model_option
from training.config import Experiment


@click.command()
@experiment_options
@click.option("--out", type=OUT_FOLDER, help="Where to write.  [default: RUN/inspection]")
def inspect(experiment: Experiment, run: Path, out: Path | None) -> Path:
    """Look at the rows before training: labels, lengths, repeated and contradicting texts."""
    from training import inspect as inspection
    from training import inspect_report
    from training.kept import UNFINISHED, until_done

    folder = out or run / "inspection"
    with until_done(folder / UNFINISHED) as unfinished:
        found = inspection.inspect(experiment, unfinished)
        click.echo(inspect_report.write(found, experiment, folder))
    return folder


@click.command()
@experiment_options
@click.option("--to", "destination", type=OUT_FILE, required=True, help="The file to write.")
def words(experiment: Experiment, run: Path, destination: Path) -> None:
    """Count the normaliser's list of common words in the rows that are trained on.

    What ships in bot/screening/words.txt was made from the rows of minilm-chat.toml.
    """
    from training import origins, word_list
    from training.data import divided

    training_rows, _, _ = divided(experiment, origins.split_of(run, experiment.rows))
    chosen = word_list.chosen(word_list.counted(training_rows.texts))
    destination.write_text(word_list.written(chosen), encoding="ascii")
    click.echo(f"{destination}: {len(chosen):,} words")


@click.command("strong-words")
@experiment_options
@model_option
@click.option("--to", "folder", type=OUT_FOLDER, required=True, help="The folder to write to.")
def strong_words(experiment: Experiment, run: Path, model: Path, folder: Path) -> None:
    """Measure which common words carry abuse, and what the normaliser must not take for them.

    What ships in bot/screening/strong_words.txt, spared_words.txt and foreign_words.txt was made
    with the rows of minilm-chat.toml and a model that shipped before.
    """
    from bot.screening.misspelt import Meanings
    from bot.screening.model import load_model
    from bot.screening.vocabulary import common_words
    from training import origins
    from training import strong_words as making
    from training.data import divided
    from training.kept import UNFINISHED, until_done
    from training.scoring import Scorer, kept_of

    training_rows, _, _ = divided(experiment, origins.split_of(run, experiment.rows))
    network = load_model(str(model.resolve()))
    common = common_words()
    with until_done(folder / UNFINISHED) as unfinished:
        scores = Scorer(network, kept_of(unfinished, model))(list(common), "words")
        limits = network.presets["balanced"].as_dict()
        strong = making.strong(list(common), scores, limits, training_rows)
        meanings = Meanings(common, frozenset(strong), frozenset())
        spared, foreign = making.spared(
            making.frequencies_of_languages(),
            common,
            meanings,
            making.mostly_labelled(training_rows),
        )
        folder.mkdir(parents=True, exist_ok=True)
        for name, header, found in (
            ("strong_words.txt", making.STRONG_HEADER, strong),
            ("spared_words.txt", making.SPARED_HEADER, spared),
            ("foreign_words.txt", making.FOREIGN_HEADER, foreign),
        ):
            (folder / name).write_text(making.written(header, found), encoding="ascii")
            click.echo(f"{folder / name}: {len(found):,} words")
