"""Both backends on the same small random network."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnxruntime.quantization import quantize_dynamic
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from bot.errors import ArtifactError, MissingExtraError
from bot.labels import LABELS, Scores
from bot.screening import artifact
from bot.screening.artifact import Calibration, Manifest, PresetRule
from bot.screening.backends import OnnxBackend, neighbours_matter
from bot.screening.model import Model, load_model
from bot.screening.normalize import NORMALIZER_VERSION
from training.graph import to_onnx

MAX_TOKENS = 48
WORDS = ["the", "game", "boss", "map", "round", "good", "played", "see", "you", "next", "team"]
WORDS += ["idiot", "damn", "kill", "vile"]
TEXTS = [
    "good game",
    "you idiot",
    "",
    "damn the b0ss",
    "unknown words only? ꙮ",
    " ".join(random.Random(1).choices(WORDS, k=400)),
]


def write_checkpoint(directory: Path, **config: object) -> Path:
    """A random BERT with a head of six; large weights, so that scores differ a lot."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: at for at, word in enumerate([*specials, *WORDS, "##s", "?"])}
    torch.manual_seed(7)
    settings = {
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": MAX_TOKENS,
        "initializer_range": 0.4,
        "num_labels": len(LABELS),
    } | config
    BertForSequenceClassification(BertConfig(**settings)).eval().save_pretrained(directory)
    BertTokenizer(vocab=vocabulary, model_max_length=MAX_TOKENS).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network as a model directory, in fp32 and uncalibrated."""
    directory = tmp_path_factory.mktemp("exported")
    to_onnx(checkpoint, directory / artifact.MODEL)
    (directory / artifact.TOKENIZER).write_bytes((checkpoint / "tokenizer.json").read_bytes())
    artifact.write(
        directory,
        Manifest(
            model_version="random-1",
            base_model="random",
            labels=LABELS,
            max_tokens=MAX_TOKENS,
            normalizer_version=NORMALIZER_VERSION,
            precision="fp32",
            calibration={label: Calibration() for label in LABELS},
            presets={
                name: {label: PresetRule(threshold=0.5) for label in LABELS}
                for name in artifact.PRESET_NAMES
            },
            files=dict.fromkeys((artifact.MODEL, artifact.TOKENIZER), ""),
        ),
    )
    return directory


def rows(scores: list[Scores]) -> np.ndarray:
    return np.array([list(each.as_dict().values()) for each in scores])


@pytest.fixture(scope="module")
def models(checkpoint: Path, exported: Path) -> tuple[Model, Model]:
    return load_model(str(exported), threads=1), load_model(str(checkpoint), threads=1)


def test_both_backends_give_the_same_scores(models: tuple[Model, Model]) -> None:
    onnx, hugging_face = models
    assert len(onnx.prepare(TEXTS)[-1].windows) > 8  # the long text takes many windows
    found = rows(onnx.score(TEXTS))
    assert np.ptp(found, axis=0).min() > 0.05  # these scores say something
    # what is left is GELU's tanh form, which the exported graph has
    np.testing.assert_allclose(rows(hugging_face.score(TEXTS)), found, atol=2e-3)


def test_a_text_scores_the_same_alone_and_in_company(models: tuple[Model, Model]) -> None:
    for model in models:
        assert model.batched
        together = rows(model.score(TEXTS))
        alone = np.concatenate([rows(model.score([text])) for text in TEXTS])
        np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_network_whose_texts_disturb_each_other_gets_them_alone(
    exported: Path, tmp_path: Path
) -> None:
    for name in (artifact.TOKENIZER, artifact.MANIFEST):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    quantize_dynamic(
        exported / artifact.MODEL,
        tmp_path / artifact.MODEL,
        op_types_to_quantize=["MatMul"],
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
    artifact.write(
        tmp_path, Manifest.model_validate_json((tmp_path / artifact.MANIFEST).read_bytes())
    )
    network = OnnxBackend(tmp_path / artifact.MODEL, pad_id=0, threads=1)
    assert neighbours_matter(network, len(WORDS), MAX_TOKENS)
    model = load_model(str(tmp_path), threads=1)
    assert not model.batched
    together = rows(model.score(TEXTS))
    alone = np.concatenate([rows(model.score([text])) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)


def test_a_checkpoint_brings_no_calibration_and_plain_presets(models: tuple[Model, Model]) -> None:
    _, model = models
    assert set(model.presets["balanced"].as_dict().values()) == {0.75}
    logits = model.logits(TEXTS)
    np.testing.assert_allclose(rows(model.score(TEXTS)), 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_named_labels_are_taken_by_name(checkpoint: Path, tmp_path: Path) -> None:
    """The same weights, their outputs named in another order: the same numbers, elsewhere."""
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    turned = ["Identity hate", "insult", "threat", "obscene", "severe-toxic", "TOXIC"]
    config["id2label"] = {str(at): name for at, name in enumerate(turned)}
    config["label2id"] = {name: at for at, name in enumerate(turned)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    in_our_order = rows(load_model(str(checkpoint)).score(TEXTS))
    np.testing.assert_allclose(
        rows(load_model(str(tmp_path)).score(TEXTS)), in_our_order[:, ::-1], atol=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({0: "negative", 1: "positive"}, "its 2 labels are negative, positive"),
        ({at: f"LABEL_{at}" for at in range(5)}, "its 5 labels are LABEL_0, LABEL_1"),
        (
            dict(enumerate([*LABELS[:5], "toxic"])),
            "its 6 labels are toxic, severe_toxic",
        ),
        ({at: f"kind {at}" for at in range(16)}, "its 16 labels are kind 0.*, …;"),
    ],
)
def test_other_labels_are_refused_by_name(
    labels: dict[int, str], said: str, tmp_path: Path
) -> None:
    # the configuration alone: nothing is fetched or loaded before the labels fit
    BertConfig(id2label=labels).save_pretrained(tmp_path)
    with pytest.raises(ArtifactError, match=said):
        load_model(str(tmp_path))


def test_a_checkpoint_without_weights_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(ArtifactError, match=str(tmp_path)) as caught:
        load_model(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_hub_name_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ArtifactError, match=r"nobody/no-such-model: .*could not be fetched"):
        load_model("nobody/no-such-model")


def test_without_pytorch_the_way_out_is_named(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[torch\]"):
        load_model(str(checkpoint))


def test_a_tokenizer_of_another_network_is_refused(exported: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((exported / artifact.TOKENIZER).read_text())
    tokenizer["model"]["vocab"]["beyond"] = 500
    (tmp_path / artifact.TOKENIZER).write_text(json.dumps(tokenizer))
    for name in (artifact.MODEL, artifact.MANIFEST):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    artifact.write(
        tmp_path, artifact.Manifest.model_validate_json((tmp_path / artifact.MANIFEST).read_bytes())
    )
    with pytest.raises(ArtifactError, match="highest id, 500"):
        load_model(str(tmp_path))


def test_more_tokens_than_the_network_reads_are_refused(exported: Path, tmp_path: Path) -> None:
    for name in (artifact.MODEL, artifact.TOKENIZER):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    manifest = Manifest.model_validate_json((exported / artifact.MANIFEST).read_bytes())
    artifact.write(tmp_path, manifest.model_copy(update={"max_tokens": MAX_TOKENS + 1}))
    with pytest.raises(ArtifactError, match=f"fails on {MAX_TOKENS + 1} tokens"):
        load_model(str(tmp_path))
