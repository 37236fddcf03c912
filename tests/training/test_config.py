"""A configuration is checked in full, and a wrong one is named in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from bot.labels import Label
from training.__main__ import main
from training.config import ConfigError, Presets, Rows
from training.origins import SPLIT_VERSION
from training.recipes import load

SHIPPED = Path(__file__).parents[2] / "training" / "configs" / "minilm-jigsaw.toml"

SMALLEST = """
name = "small"
[rows]
file = "rows.csv"
[base]
checkpoint = "some/bert"
[artifact]
model_version = "small-1"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALLEST)
    return path


def test_overrides_are_read_as_toml_and_else_as_text(config: Path) -> None:
    experiment = load(
        config,
        ("optimisation.epochs=1.5", "rows.file=/some/where.csv", "rows.id_column = code", "seed=3"),
    )
    assert experiment.optimisation.epochs == 1.5
    assert experiment.rows.file == Path("/some/where.csv")
    assert experiment.rows.id_column == "code"
    assert experiment.seed == 3


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("optimisation.epoch=2", "optimisation.epoch: there is no such setting"),
        ("speed=3", "speed: there is no such setting"),
        ("optimisation.epochs=0", "optimisation.epochs = 0"),
        ("optimisation.epochs=nan", "optimisation.epochs = nan"),
        ("rows.validation_share=1.0", "rows.validation_share = 1.0"),
        ("base.max_tokens=9999", "base.max_tokens = 9999"),
        ("optimisation.schedule=stairs", "optimisation.schedule = 'stairs'"),
        ("name=A name", "name = 'A name'"),
        ("presets.labels.rude.strict=0.5", "presets.labels.rude"),
        (
            "presets.balanced=0.95",
            "--set presets.balanced=0.95: presets: balanced = 0.95 must not",
        ),
        ("presets.labels.threat.strict=0.95", "--set presets.labels.threat.strict=0.95: presets:"),
        ("rows.hub=some/rows", "--set rows.hub=some/rows: rows: name either file = … or hub = …"),
        ("rows.file=", "--set rows.file=: rows: name either"),
        ("rows={max_samples=500}", "--set rows={max_samples=500}: rows: name either"),
        # of 256 bytes none would be left to scale up
        ("base.hidden_dropout=0.999", "base.hidden_dropout = 0.999"),
        ("base.attention_dropout=0.999", "base.attention_dropout = 0.999"),
        ("loss.clip=0.1", "loss: clip = 0.1 does nothing with kind = 'bce'"),
        ("loss.focus_negative=1", "loss: focus_negative = 1.0 does nothing with kind = 'bce'"),
        ('loss={kind="focal", focus_positive=1.0}', "loss: focus_positive = 1.0 does nothing"),
        ('loss={kind="focal", clip=0.2}', "loss: clip = 0.2 does nothing with kind = 'focal'"),
        ("distillation.share=0.3", "distillation: share = 0.3 does nothing without teachers"),
        ("distillation.temperature=2", "distillation: temperature = 2.0 does nothing without"),
        ("seed=-1", "seed = -1"),
        ("seed=4294967296", "seed = 4294967296"),
        ("artifact.model_version=''", "artifact.model_version = ''"),
        ("loss.label_weights.toxic=inf", "loss.label_weights.toxic = inf"),
        ("seed", "section.key=value"),
        ("name.first=x", "name is a setting"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(config: Path, override: str, named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(config, (override,))
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_setting_is_named(config: Path) -> None:
    config.write_text(SMALLEST.replace('checkpoint = "some/bert"', ""))
    with pytest.raises(ConfigError, match=r"base\.checkpoint"):
        load(config)


@pytest.mark.parametrize(
    ("section", "example"),
    [
        ('[rows]\nfile = "rows.csv"', "file = "),
        ('[base]\ncheckpoint = "some/bert"', "checkpoint = "),
        ('[artifact]\nmodel_version = "small-1"', "model_version = "),
    ],
)
def test_a_missing_section_is_told_with_an_example(
    config: Path, section: str, example: str
) -> None:
    config.write_text(SMALLEST.replace(section, ""))
    with pytest.raises(ConfigError, match=example):
        load(config)


def test_a_wrong_setting_is_told_where_it_was_written(config: Path) -> None:
    below, above = config.with_name("below.toml"), config
    below.write_text(SMALLEST + "[optimisation]\nepochs = 0\n[presets.labels]\nrude = 1\n")
    above.write_text('extends = "below.toml"\n')
    with pytest.raises(ConfigError, match=r"below\.toml: optimisation\.epochs = 0"):
        load(above)
    with pytest.raises(ConfigError, match=r"below\.toml: presets\.labels\.rude"):
        load(above, ("optimisation.epochs=1",))
    with pytest.raises(ConfigError, match=r"^--set optimisation\.epochs=-1: optimisation\.epochs"):
        load(above, ("optimisation.epochs=-1",))
    # a section's own error names the setting; it may be set below, another one of its section here
    below.write_text(SMALLEST + "[loss]\nclip = 0.1\n")
    with pytest.raises(ConfigError, match=r"below\.toml: loss: clip = 0\.1 does nothing"):
        load(above, ("loss.smoothing=0.1",))
    for taken_out in ("base.checkpoint=", "base={max_tokens=64}"):
        with pytest.raises(ConfigError, match=f"^--set {taken_out}: base.checkpoint: must"):
            load(above, ("loss=", taken_out))
    above.write_text('extends = "below.toml"\n[optimisation]\nepochs = -2\n[loss]\nclip = 0.05\n')
    with pytest.raises(ConfigError, match=r"small\.toml: optimisation\.epochs = -2"):
        load(above)


def test_an_override_is_not_blamed_for_what_its_section_lacks(config: Path) -> None:
    config.write_text(SMALLEST.replace('file = "rows.csv"', ""))
    with pytest.raises(ConfigError, match=r"small\.toml: rows: name either file = … or hub = …"):
        load(config, ("rows.max_samples=500",))


def test_a_file_that_is_not_toml_is_refused(config: Path) -> None:
    config.write_text("name = ")
    with pytest.raises(ConfigError, match="not TOML"):
        load(config)


def test_a_label_may_have_its_own_target() -> None:
    presets = Presets.model_validate({"labels": {"threat": {"strict": 0.5}}})
    assert presets.target("strict", Label.THREAT) == 0.5
    assert presets.target("strict", Label.TOXIC) == presets.strict
    assert presets.target("relaxed", Label.THREAT) == presets.relaxed


@pytest.mark.parametrize("command", ["train", "calibrate"])
def test_the_command_line_tells_it_without_a_traceback(config: Path, command: str) -> None:
    wrong = ["--config", str(config), "--set", "optimisation.epochs=-1"]
    result = CliRunner().invoke(main, [command, *wrong])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "optimisation.epochs = -1" in result.output
    assert result.output.count("\n") == 1


def test_it_runs_as_a_module(config: Path) -> None:
    words = ["train", "--config", str(config), "--set", "rows.validation_share=2"]
    found = subprocess.run(
        [sys.executable, "-m", "training", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert found.returncode == 1
    assert "rows.validation_share = 2" in found.stderr
    assert "Traceback" not in found.stderr


def test_an_override_without_a_value_takes_the_setting_out() -> None:
    assert load(SHIPPED).rows.weight_column == "prior_weight"
    assert load(SHIPPED, ("rows.weight_column=",)).rows.weight_column is None


def test_what_a_run_keeps_is_a_configuration(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        SMALLEST.replace("[artifact]", '[artifact]\ncard = "card.md"'), encoding="utf-8"
    )
    experiment = load(recipe, ("seed=3",))
    kept = tmp_path / "runs" / "experiment.json"
    kept.parent.mkdir()
    kept.write_text(experiment.model_dump_json(), encoding="utf-8")
    assert load(kept) == experiment
    assert load(kept, ("seed=4",)).seed == 4
    kept.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not TOML or JSON"):
        load(kept)


@pytest.mark.parametrize("overrides", [(), ("seed=4",)])
def test_a_list_of_settings_is_refused(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    path = tmp_path / "experiment.json"
    path.write_text("[1, 2]")
    with pytest.raises(ConfigError, match="a table of settings is needed, not a list"):
        load(path, overrides)


@pytest.mark.parametrize(
    "loss",
    [
        'kind="focal", focus_negative=1.0',
        'kind="asymmetric", focus_positive=1.0, focus_negative=3.0, clip=0.1',
        # as a run's experiment.json writes them
        'kind="bce", focus_positive=0.0, focus_negative=2.0, clip=0.05',
    ],
)
def test_settings_that_the_loss_heeds_or_at_their_default_are_no_mistake(
    config: Path, loss: str
) -> None:
    experiment = load(config, (f"loss={{{loss}}}",))
    assert load(config, (f"loss.kind={experiment.loss.kind}",)).loss.kind == experiment.loss.kind


def test_a_file_has_the_settings_of_the_one_that_it_extends(config: Path) -> None:
    further = config.with_name("further.toml")
    further.write_text(
        'extends = "small.toml"\nname = "further"\n[base]\nmax_tokens = 64\n[loss]\nsmoothing = 0.1'
    )
    experiment, below = load(further), load(config)
    assert (experiment.name, experiment.base.max_tokens) == ("further", 64)
    assert experiment.base.checkpoint == below.base.checkpoint
    assert experiment.loss.smoothing == 0.1
    assert experiment.rows == below.rows


@pytest.mark.parametrize(
    ("extended", "told"),
    [
        ('"small.toml"', "extends itself by way of"),
        ('"gone.toml"', r"gone\.toml: cannot be read"),
        ('"../small.toml"', "the name of a file in the same folder is needed"),
        ("3", "the name of a file in the same folder is needed"),
        ('""', "the name of a file in the same folder is needed"),
        ('".."', "the name of a file in the same folder is needed"),
    ],
)
def test_a_file_that_extends_none_is_refused(config: Path, extended: str, told: str) -> None:
    config.write_text(f"extends = {extended}\n{SMALLEST}")
    with pytest.raises(ConfigError, match=told):
        load(config)


def test_every_version_of_the_split_can_be_named() -> None:
    named = get_args(Rows.model_fields["split"].annotation)
    assert get_args(named[0]) == tuple(range(1, SPLIT_VERSION + 1))


def test_a_weight_without_its_layer_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match=r"halfway_weight = 0\.5 does nothing without"):
        load(config, ("distillation.halfway_weight=0.5",))
