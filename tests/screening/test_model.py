from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ArtifactError, ScoringError
from bot.labels import LABELS, Label, Scores
from bot.screening import artifact
from bot.screening.artifact import Calibration, Manifest
from bot.screening.model import OVERLAP_TOKENS, Model, load_model
from bot.screening.policy import Rules, decide
from tests.screening.numbers_model import GatedBackend, numbers_model
from tests.tiny_model import HIGH, LOW, MIDDLE, WORDS, write_tiny_model


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(directory: Path) -> Model:
    return load_model(str(directory), threads=1)


def over(scores: Scores, model: Model) -> set[Label]:
    return set(decide(scores, Rules(model.presets["balanced"])).labels_over)


def test_scores_follow_the_words(model: Model) -> None:
    texts = ["hello there", *WORDS]
    for text, scores in zip(texts, model.score(texts), strict=True):
        wanted = WORDS.get(text, {})
        for label, score in scores.items():
            assert score == pytest.approx(wanted.get(label, LOW), abs=1e-5)
    assert {LOW, MIDDLE, HIGH} == {0.02, 0.60, 0.97}  # what the words' table says


def test_no_texts_no_scores(model: Model) -> None:
    assert model.score([]) == []
    assert model.logits([]).shape == (0, 6)


@pytest.mark.parametrize("text", ["", "||``||", "\ud800", "\u200b"])
def test_a_text_without_words_is_scored_like_any_other(model: Model, text: str) -> None:
    assert over(model.score([text])[0], model) == set()


@pytest.mark.parametrize("hidden", ["1d1ot", "i.d.i.o.t", "іԁіоt", "ＩＤＩＯＴ", "||id||iot"])
def test_a_hidden_word_counts(model: Model, hidden: str) -> None:
    assert over(model.score([f"you {hidden}"])[0], model) == {Label.TOXIC, Label.INSULT}


@pytest.mark.parametrize("position", [0, 500, 511, 700, 960, 1999])
def test_a_word_anywhere_in_a_long_text_counts(model: Model, position: int) -> None:
    words = ["word"] * 2000
    words[position] = "kill"
    assert over(model.score([" ".join(words)])[0], model) == {Label.TOXIC, Label.THREAT}


def test_windows_overlap_and_lose_nothing(model: Model) -> None:
    words = [["fuck", "damn", "kill", "rude", "scum"][at * at % 5] for at in range(1500)]
    windows = model.prepare([" ".join(words)])[0].windows
    bare = [window[1:-1] for window in windows]  # less [CLS] and [SEP]
    assert max(map(len, windows)) == model.max_tokens
    rebuilt = list(bare[0])
    for window in bare[1:]:
        assert window[:OVERLAP_TOKENS] == tuple(rebuilt[-OVERLAP_TOKENS:])
        rebuilt += window[OVERLAP_TOKENS:]
    assert len(rebuilt) == len(words)


def test_views_that_make_the_same_tokens_are_scored_once(model: Model) -> None:
    (prepared,) = model.prepare(["un café"])
    assert len(prepared.windows) == 1


def test_each_label_has_its_own_calibration(directory: Path, tmp_path: Path) -> None:
    for name in (artifact.MODEL, artifact.TOKENIZER):
        (tmp_path / name).write_bytes((directory / name).read_bytes())
    manifest = artifact.read(directory)
    calibration = {
        label: Calibration(scale=0.5 + at / 10, bias=at - 2.0) for at, label in enumerate(LABELS)
    }
    artifact.write(tmp_path, manifest.model_copy(update={"calibration": calibration}))
    scores = load_model(str(tmp_path)).score(["scum"])[0]
    for label, score in scores.items():
        raw = WORDS["scum"].get(label, LOW)
        logit = calibration[label].scale * math.log(raw / (1 - raw)) + calibration[label].bias
        assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-5)


def test_calibrating_the_highest_logit_is_scoring(model: Model) -> None:
    texts = ["you 1diot", "rude", "word " * 800 + "damn"]
    for logits, scores in zip(model.logits(texts), model.score(texts), strict=True):
        for logit, (_, score) in zip(logits, scores.items(), strict=True):
            assert score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-6)


def test_a_score_that_is_not_a_number_is_an_error() -> None:
    with pytest.raises(ScoringError, match="not a number"):
        numbers_model(GatedBackend(is_open=True)).score(["1", "nan"])


def test_presets_and_version_come_from_the_manifest(directory: Path, model: Model) -> None:
    manifest = artifact.read(directory)
    assert model.version == manifest.model_version
    assert model.presets == {name: manifest.preset(name) for name in artifact.PRESET_NAMES}


def test_each_lane_gets_something_to_do() -> None:
    model = numbers_model(GatedBackend(is_open=True))
    lengths = [16] * 16
    assert len(model.cut(lengths)) == 1
    several = GatedBackend(is_open=True)
    several.lanes = 4
    assert [len(batch) for batch in numbers_model(several).cut(lengths)] == [4, 4, 4, 4]
    assert len(numbers_model(several).cut([8, 8])) == 1  # too little for a hand-over


# --- what cannot be loaded ---


@pytest.mark.parametrize("spec", ["/nowhere/model", "./nowhere", "~/no such model"])
def test_a_path_that_is_not_there(spec: str) -> None:
    with pytest.raises(ArtifactError, match="no such directory"):
        load_model(spec)


def test_a_directory_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"neither manifest\.json nor a checkpoint's config"):
        load_model(str(tmp_path))


def test_a_network_that_is_no_network(directory: Path, tmp_path: Path) -> None:
    _copy_with(directory, tmp_path, artifact.MODEL, b"not a graph")
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load it"):
        load_model(str(tmp_path))


def test_a_tokenizer_that_is_no_tokenizer(directory: Path, tmp_path: Path) -> None:
    _copy_with(directory, tmp_path, artifact.TOKENIZER, b"{}")
    with pytest.raises(ArtifactError, match="tokenizers cannot read it"):
        load_model(str(tmp_path))


def test_a_network_with_other_inputs_or_outputs(directory: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(directory / artifact.MODEL)
    (graph.graph.node[-1].attribute[0]).i = 1  # keepdims: one axis too many
    graph.graph.output[0].type.tensor_type.shape.Clear()
    del graph.graph.output[0].type.tensor_type.shape.dim[:]
    graph.graph.output[0].type.tensor_type.ClearField("shape")
    _copy_with(directory, tmp_path, artifact.MODEL, graph.SerializeToString())
    with pytest.raises(ArtifactError, match=r"output of shape \(1, 1, 6\)"):
        load_model(str(tmp_path))

    graph = onnx.load(directory / artifact.MODEL)
    graph.graph.input[0].name = graph.graph.node[0].input[1] = "pixels"
    _copy_with(directory, tmp_path, artifact.MODEL, graph.SerializeToString())
    with pytest.raises(ArtifactError, match="its inputs are pixels"):
        load_model(str(tmp_path))


def _copy_with(source: Path, destination: Path, changed: str, content: bytes) -> None:
    for name in (artifact.MODEL, artifact.TOKENIZER, artifact.MANIFEST):
        (destination / name).write_bytes((source / name).read_bytes())
    (destination / changed).write_bytes(content)
    raw = json.loads((source / artifact.MANIFEST).read_text())
    artifact.write(destination, Manifest.model_validate(raw))


# --- who imports what ---


def _imported(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_the_pure_modules_import_nothing_heavy() -> None:
    found = _imported("import bot.screening.normalize, bot.screening.policy")
    assert not found & {"numpy", "onnxruntime", "tokenizers", "pydantic", "torch", "discord"}


def test_scoring_imports_neither_pytorch_nor_the_chat(directory: Path) -> None:
    found = _imported(
        "from bot.screening.model import load_model; from bot.screening.engine import Engine; "
        f"load_model({str(directory)!r}).score(['idiot'])"
    )
    assert not found & {"torch", "transformers", "onnx", "discord", "sqlalchemy"}
