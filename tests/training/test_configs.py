"""The recipes that come along."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.card import PLACE
from training.config import load

FOLDER = Path(__file__).parents[2] / "training" / "configs"
RECIPES = sorted(FOLDER.glob("*.toml"))


def test_there_are_recipes() -> None:
    assert {"minilm-jigsaw", "teacher", "student"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_sound_and_has_the_name_of_its_file(path: Path) -> None:
    experiment = load(path)
    assert experiment.name == path.stem
    if experiment.artifact.card is not None:
        assert PLACE in experiment.artifact.card.read_text(encoding="utf-8")


def test_a_student_divides_its_rows_as_its_teacher_does() -> None:
    teacher, student = (load(FOLDER / f"{name}.toml") for name in ("teacher", "student"))
    assert (student.rows, student.seed) == (teacher.rows, teacher.seed)
    assert student.distillation.teachers == (Path("runs") / teacher.name / "teacher.npz",)
