"""The model card as the hub wants it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from bot.labels import LABELS
from bot.screening.artifact import PRESET_NAMES, Calibration, Manifest, PresetRule
from training.hub_card import CardError, hub_card


def manifest(base: str = "org/base", **metrics: float | dict[str, float]) -> Manifest:
    rule = PresetRule(threshold=0.5)
    return Manifest(
        model_version="tiny-1",
        base_model=base,
        labels=LABELS,
        max_tokens=32,
        normalizer_version=1,
        precision="int8",
        calibration={label: Calibration() for label in LABELS},
        presets={name: dict.fromkeys(LABELS, rule) for name in PRESET_NAMES},
        metrics=metrics,
        files={"model.onnx": "", "tokenizer.json": ""},
    )


def made(path: Path, text: str, one: Manifest, licence: str | None = "mit") -> ModelCard:
    path.write_text(text, encoding="utf-8")
    return ModelCard(hub_card(path, one, licence).decode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "README.md"


def test_a_bare_card_gets_what_the_hub_expects(path: Path) -> None:
    card = made(path, "# Tiny\n\nBody.\n", manifest(roc_auc={"mean": 0.98}))
    assert card.data.license == "mit"
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.to_dict()["library_name"] == "transformers"
    assert card.data.base_model == "org/base"
    assert {"onnx", "toxicity"} <= set(card.data.tags)
    assert card.data.metrics == ["roc_auc"]
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("roc_auc", 0.98)
    assert card.text.strip() == "# Tiny\n\nBody."


def test_what_the_card_states_stays(path: Path) -> None:
    block = {
        "license": "apache-2.0",
        "language": ["en", "de"],
        "datasets": ["org/comments"],
        "tags": ["mine", "onnx"],
        "library_name": "hexward",
        "extra_field": {"a": 1},
    }
    text = f"---\n{yaml.safe_dump(block)}---\n# Tiny\n"
    card = made(path, text, manifest(roc_auc={"mean": 0.98}))
    held = card.data.to_dict()
    tags = held.pop("tags")
    assert tags[:2] == ["mine", "onnx"]
    assert tags.count("onnx") == 1
    assert {name: held[name] for name in block if name != "tags"} == {
        name: value for name, value in block.items() if name != "tags"
    }
    assert card.data.eval_results[0].dataset_type == "org/comments"
    assert card.text.strip() == "# Tiny"


def test_a_card_without_a_licence_names_the_ways_to_give_one(path: Path) -> None:
    with pytest.raises(CardError, match=r"no licence is named; set artifact\.license .*--license"):
        made(path, "# Tiny\n", manifest(), licence=None)


def test_a_path_is_no_base_model_of_the_hub(path: Path) -> None:
    assert made(path, "# Tiny\n", manifest("tiny-bert")).data.base_model is None


def test_a_model_without_figures_claims_none(path: Path) -> None:
    card = made(path, "# Tiny\n", manifest())
    assert card.data.metrics is None
    assert card.data.eval_results is None


def test_a_rule_further_down_is_not_taken_for_metadata(path: Path) -> None:
    text = "# Tiny\n\nlicense\n\n---\nlicense: none\n---\n\nEnd.\n"
    card = made(path, text, manifest())
    assert card.data.license == "mit"
    assert card.text.strip() == text.strip()


def test_the_same_card_comes_out_the_same(path: Path) -> None:
    path.write_text("# Tiny\n")
    assert hub_card(path, manifest(), "mit") == hub_card(path, manifest(), "mit")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"---\na: [1\n---\n# Tiny\n", "not YAML"),
        (b"---\n- a\n- b\n---\n# Tiny\n", "name: value"),
        (b"---\ntags: 3\n---\n# Tiny\n", "tags"),
        (b"\xff\xfe# Tiny\n", "not UTF-8"),
        (b"---\nlicense: mit\n---\n", "is empty"),
    ],
)
def test_a_card_that_cannot_be_used_is_named(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(CardError) as refusal:
        hub_card(path, manifest(), "mit")
    assert words in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
