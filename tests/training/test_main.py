"""The command line as a whole; each command is tested beside what it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import training
from training.__main__ import main
from training.commands.options import called

COMMANDS = (
    "inspect", "baseline", "pretrain", "train", "teach", "calibrate", "evaluate", "compare",
    "errors", "suite", "export", "restore", "push", "words", "strong-words",
)  # fmt: skip
RECIPE = """
name = "small"
[rows]
file = "rows.csv"
[base]
checkpoint = "some/bert"
[artifact]
model_version = "small-1"
"""
HEAVY = ("numpy", "onnx", "onnxruntime", "pandas", "scipy", "sklearn", "torch", "transformers")


def test_help_lists_all_commands_in_the_order_of_the_work() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    listed = result.output.partition("Commands:")[2].splitlines()
    assert tuple(line.split()[0] for line in listed if line.strip()) == COMMANDS


def test_packages_that_are_not_installed_are_told_with_the_way_out(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "training.restored", raising=False)
    monkeypatch.delattr(training, "restored", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    words = ["restore", "--model", str(tiny_model), "--to", str(tmp_path / "restored")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: the package onnx is not installed; ")
    assert "pip install -c constraints.txt -e '.[training]'" in result.output


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("restore", "suite")])
def test_every_command_takes_an_experiment_and_checks_it_first(
    command: str, tmp_path: Path
) -> None:
    config = tmp_path / "small.toml"
    config.write_text("name = 'small'")
    words = {
        "compare": ["--model", ".", "--rows", str(config)],
        "evaluate": ["--model", ".", "--rows", str(config)],
        "export": ["--to", "model"],
        "push": ["--repo", "a/b", "--model", "."],
        "strong-words": ["--model", ".", "--to", "lists"],
        "words": ["--to", "words.txt"],
    }.get(command, [])
    given = ["--config", str(config), "--set", "seed=x", "--run", str(tmp_path / "run")]
    result = CliRunner().invoke(main, [command, *given, *words])
    assert result.exit_code == 1
    assert result.output.startswith("Error: --set seed=x: seed = 'x': ")
    assert not (tmp_path / "run").exists()


OUTPUTS = [
    (["calibrate"], "--run"),
    (["pretrain"], "--run"),
    (["train"], "--run"),
    (["inspect"], "--out"),
    (["compare", "--model", "a", "--model", "b", "--rows", "{config}"], "--out"),
    (["evaluate", "--model", ".", "--rows", "{config}"], "--out"),
    (["suite", "--model", "."], "--out"),
    (["export"], "--to"),
    (["teach"], "--to"),
]


@pytest.mark.parametrize(("words", "option"), OUTPUTS, ids=lambda value: "".join(value[:1]))
@pytest.mark.parametrize("under", ["", "more/still"])
def test_an_output_that_cannot_be_written_is_told_before_any_work(
    words: list[str], option: str, under: str, tmp_path: Path
) -> None:
    config, file = tmp_path / "small.toml", tmp_path / "notes.txt"
    config.write_text(RECIPE)
    file.write_text("keep me")
    target = file / under
    said = f"cannot be made, because {file} is a file" if under else "is a file; name a folder"
    if words == ["teach"] and not under:
        target, said = tmp_path, "is a folder; name a file"
    given = [] if words[0] == "suite" else ["--config", str(config)]
    words = [word.format(config=config) for word in words]
    result = CliRunner().invoke(main, [*words, *given, option, str(target)])
    assert result.output == f"Error: {target}: {said}\n"
    assert result.exit_code == 1
    assert file.read_text() == "keep me"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody writes to")
def test_a_folder_that_nobody_may_write_to_is_told(tmp_path: Path) -> None:
    config = tmp_path / "small.toml"
    config.write_text(RECIPE)
    words = ["export", "--config", str(config), "--to", "/proc/model"]
    result = CliRunner().invoke(main, words)
    assert result.output.startswith("Error: /proc/model: /proc cannot be written to: ")
    assert result.output.count("\n") == 1


def test_the_default_run_directory_is_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(RECIPE)
    Path("runs").write_text("a file")
    result = CliRunner().invoke(main, ["calibrate", "--config", "small.toml"])
    assert result.output == "Error: runs/small: cannot be made, because runs is a file\n"


def test_a_model_is_called_after_its_folder_or_its_run(tmp_path: Path) -> None:
    assert called(tmp_path / "runs" / "minilm" / "model") == "minilm"
    assert called(tmp_path / "runs" / "minilm" / "int8") == "minilm-int8"
    assert called(tmp_path / "shipped") == "shipped"


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys, training.__main__; print(json.dumps([*sys.modules]))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert not {*HEAVY} & {*json.loads(found.stdout)}
