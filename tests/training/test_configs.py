"""The recipes that come along."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.prose import PLACE
from training.recipes import load

FOLDER = Path(__file__).parents[2] / "training" / "configs"
RECIPES = sorted(FOLDER.glob("*.toml"))


def test_there_are_recipes_for_what_the_docs_name() -> None:
    assert {
        "bert-base-uncased-20k",
        "bert-base-uncased",
        "distilbert-base-uncased",
        "teacher",
        "student",
        "minilm-jigsaw",
        "minilm-focal",
        "minilm-chat",
        "minilm-again",
    } <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_sound_and_has_the_name_of_its_file(path: Path) -> None:
    experiment = load(path)
    assert experiment.name == path.stem
    if experiment.artifact.card is not None:
        assert PLACE in experiment.artifact.card.read_text(encoding="utf-8")


def test_a_first_model_is_the_common_recipe_on_a_sample() -> None:
    first = load(FOLDER / "bert-base-uncased-20k.toml")
    assert first.base.checkpoint == "bert-base-uncased"
    assert (first.rows.max_samples, first.rows.validation_share) == (20_000, 0.2)
    recipe = first.optimisation
    assert (recipe.learning_rate, recipe.batch_size, recipe.epochs) == (2e-5, 16, 5)
    # one learning rate for all layers
    assert (recipe.head_learning_rate, recipe.layer_decay) == (2e-5, 1.0)
    # All epochs are run, and the best one is kept.
    assert (recipe.patience, recipe.best_by) == (None, "roc_auc")


@pytest.mark.parametrize("name", ["bert-base-uncased", "distilbert-base-uncased"])
def test_there_is_a_recipe_for_all_rows(name: str) -> None:
    experiment = load(FOLDER / f"{name}.toml")
    assert experiment.base.checkpoint == name
    assert experiment.rows.max_samples is None


def test_a_student_divides_its_rows_as_its_teacher_does() -> None:
    teacher, student = (load(FOLDER / f"{name}.toml") for name in ("teacher", "student"))
    assert (student.rows, student.seed) == (teacher.rows, teacher.seed)
    assert student.distillation.teachers == (Path("runs") / teacher.name / "teacher.npz",)
    assert student.distillation.share > 0
    assert student.base.checkpoint != teacher.base.checkpoint
