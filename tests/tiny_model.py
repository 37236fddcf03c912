"""A complete model directory in a few kilobytes, whose scores follow words.

The graph looks each token's six values up, takes the highest per label over the text and adds
nothing else, so a test knows every score beforehand: a text has a label's high score if and only
if it holds one of that label's words. Made with `onnx` alone; torch is not needed.

======================= ==============================================
word                    labels that get 0.97 (the others stay at 0.02)
======================= ==============================================
idiot, moron, loser     toxic, insult
damn, crap              obscene
fuck, shit              toxic, obscene
kill, murder            toxic, threat
scum                    toxic, severe_toxic, insult, identity_hate
subhuman                toxic, identity_hate
rude                    toxic only, at 0.60: over ``strict``, under ``balanced``
======================= ==============================================

The presets are the same for all labels: strict 0.5, balanced 0.7, relaxed 0.9.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from bot.labels import LABELS, Label
from bot.screening import artifact
from bot.screening.artifact import Calibration, Manifest, PresetRule
from bot.screening.normalize import NORMALIZER_VERSION

LOW, MIDDLE, HIGH = 0.02, 0.60, 0.97
MAX_TOKENS = 512
THRESHOLDS = {"relaxed": 0.9, "balanced": 0.7, "strict": 0.5}

_INSULT = {Label.TOXIC: HIGH, Label.INSULT: HIGH}
_SWEARING = {Label.TOXIC: HIGH, Label.OBSCENE: HIGH}
_THREAT = {Label.TOXIC: HIGH, Label.THREAT: HIGH}

WORDS: dict[str, dict[Label, float]] = {
    "idiot": _INSULT,
    "moron": _INSULT,
    "loser": _INSULT,
    "damn": {Label.OBSCENE: HIGH},
    "crap": {Label.OBSCENE: HIGH},
    "fuck": _SWEARING,
    "shit": _SWEARING,
    "kill": _THREAT,
    "murder": _THREAT,
    "scum": _INSULT | {Label.SEVERE_TOXIC: HIGH, Label.IDENTITY_HATE: HIGH},
    "subhuman": {Label.TOXIC: HIGH, Label.IDENTITY_HATE: HIGH},
    "rude": {Label.TOXIC: MIDDLE},
}
_VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]


def write_tiny_model(directory: Path) -> Path:
    """Write ``model.onnx``, ``tokenizer.json`` and ``manifest.json``; returns the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(_graph(), directory / artifact.MODEL)
    _tokenizer().save(str(directory / artifact.TOKENIZER))
    artifact.write(
        directory,
        Manifest(
            model_version="tiny-1",
            base_model="none",
            labels=LABELS,
            max_tokens=MAX_TOKENS,
            normalizer_version=NORMALIZER_VERSION,
            precision="fp32",
            calibration={label: Calibration() for label in LABELS},
            presets={
                name: {label: PresetRule(threshold=threshold) for label in LABELS}
                for name, threshold in THRESHOLDS.items()
            },
            files=dict.fromkeys((artifact.MODEL, artifact.TOKENIZER), ""),
        ),
    )
    return directory


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


def _tokenizer() -> Tokenizer:
    ids = {word: position for position, word in enumerate(_VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(_VOCABULARY[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    return tokenizer


def _graph() -> onnx.ModelProto:
    """``logits = max over tokens of table[input_ids]``, padding counted as the lowest value."""
    low = _logit(LOW)
    table = np.full((len(_VOCABULARY), len(LABELS)), low, dtype=np.float32)
    for word, labels in WORDS.items():
        for label, probability in labels.items():
            table[_VOCABULARY.index(word), LABELS.index(label)] = _logit(probability)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["looked_up"]),
        helper.make_node("Cast", ["attention_mask"], ["mask_flat"], to=TensorProto.BOOL),
        helper.make_node("Unsqueeze", ["mask_flat", "last"], ["mask"]),
        helper.make_node("Where", ["mask", "looked_up", "low"], ["masked"]),
        helper.make_node("ReduceMax", ["masked", "tokens"], ["logits"], keepdims=0),
    ]
    shape = ["batch", "tokens"]
    graph = helper.make_graph(
        nodes,
        "words",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])],
        initializer=[
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array(low, dtype=np.float32), "low"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
        ],
    )
    # an opset and a format version that every supported onnxruntime reads
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
