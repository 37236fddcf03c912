"""What is not there is told first, in words that say where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_runs import changed

from training import data
from training.__main__ import main
from training.config import ConfigError, Experiment, TrainingError
from training.data import DataError
from training.first_look import CheckpointError, look, not_loaded
from training.network import outline_of
from training.train import run


def test_what_is_there_passes(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    look(changed(experiment, auxiliary={"chat": {"path": tmp_path / "lines"}}))
    look(changed(experiment, base={"checkpoint": "bert-base-uncased"}))
    look(changed(experiment, base={"checkpoint": "google/bert_uncased_L-4_H-256_A-4"}))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"rows": {"file": "{}/none.csv"}}, "rows.file = {}/none.csv: cannot be read: No such"),
        ({"rows": {"file": "{}"}}, "rows.file = {}: cannot be read: Is a directory"),
        (
            {"auxiliary": {"chat": {"path": "{}/none.csv"}}},
            "auxiliary.chat.path = {}/none.csv: cannot be read",
        ),
        (
            {"distillation": {"teachers": ["{}/none.npz"]}},
            "distillation.teachers = {}/none.npz: cannot be read",
        ),
        ({"base": {"checkpoint": "{}/none"}}, "base.checkpoint = '{}/none': there is no such f"),
        ({"base": {"checkpoint": "./none"}}, "base.checkpoint = './none': there is no such folder"),
        ({"base": {"checkpoint": "a/b/c"}}, "base.checkpoint = 'a/b/c': there is no such folder"),
        (
            {"base": {"checkpoint": "{}"}},
            "base.checkpoint = '{}': that folder holds no config.json",
        ),
    ],
)
def test_what_is_not_there_is_named_with_its_setting_and_the_way_out(
    sections: dict[str, object], said: str, experiment: Experiment, tmp_path: Path
) -> None:
    def filled(value: object) -> object:
        if isinstance(value, dict):
            return {key: filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [filled(one) for one in value]
        return str(value).replace("{}", str(tmp_path))

    wrong = changed(experiment, **{name: filled(one) for name, one in sections.items()})
    with pytest.raises(TrainingError) as raised:
        look(wrong)
    assert str(raised.value).startswith(said.replace("{}", str(tmp_path)))
    assert "; name " in str(raised.value)
    with pytest.raises(TrainingError):
        run(wrong, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_directory_is_told_from_a_checkpoint(
    experiment: Experiment, tiny_model: Path
) -> None:
    with pytest.raises(TrainingError, match="a model directory; make a checkpoint of it with"):
        look(changed(experiment, base={"checkpoint": str(tiny_model)}))


def test_a_name_in_a_folder_that_is_here_is_no_hub_name(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mistyped = changed(experiment, base={"checkpoint": "models/brt"})
    look(mistyped)
    (tmp_path / "models").mkdir()
    with pytest.raises(CheckpointError, match="'models/brt': there is no such folder; name"):
        look(mistyped)


def test_a_file_is_no_checkpoint(experiment: Experiment, labelled_file: Path) -> None:
    with pytest.raises(CheckpointError, match="that is a file; name the folder"):
        look(changed(experiment, base={"checkpoint": str(labelled_file)}))


def test_a_hub_name_that_gives_nothing_is_told_without_the_librarys_words(
    experiment: Experiment,
) -> None:
    base = experiment.base.model_copy(update={"checkpoint": "nobody/nothing"})
    said = str(not_loaded(base, "network", OSError("We couldn't connect to 'https://…'\nCheckout")))
    assert said.startswith("base.checkpoint = 'nobody/nothing': there is no such folder, and the h")
    assert "couldn't" not in said


def test_a_tokenizer_that_cannot_be_read_is_named(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"its tokenizer or config\.json cannot be loaded: "):
        outline_of(changed(experiment, base={"checkpoint": str(tmp_path)}))


def test_the_command_tells_a_wrong_base_before_it_reads_the_rows(
    labelled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "read", lambda _: pytest.fail("the rows were read"))
    config = tmp_path / "small.toml"
    config.write_text(
        f'name = "small"\n[rows]\nfile = "{labelled_file}"\n[base]\ncheckpoint = "../none"\n'
        '[artifact]\nmodel_version = "small-1"\n'
    )
    done = CliRunner().invoke(main, ["train", "--config", str(config), "--run", "unused"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: base.checkpoint = '../none': there is no such folder; ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory; name a file that is there"),
        (b"# Tiny\n", "the line <!-- figures --> is missing"),
        (b"# Caf\xe9\n<!-- figures -->\n", "must be UTF-8: "),
    ],
)
def test_a_card_that_could_not_be_filled_in_is_told_before_training(
    content: bytes | None, said: str, experiment: Experiment, tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    if content is not None:
        card.write_bytes(content)
    wrong = changed(experiment, artifact={"card": card})
    with pytest.raises(ConfigError) as raised:
        run(wrong, tmp_path / "run")
    assert str(raised.value).startswith(f"artifact.card = {card}: {said}")
    assert not (tmp_path / "run").exists()


def test_a_teacher_that_is_not_there_is_a_matter_of_rows(experiment: Experiment) -> None:
    with pytest.raises(DataError):
        look(changed(experiment, distillation={"teachers": ["none.npz"]}))
