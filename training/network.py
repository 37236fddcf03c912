"""The base checkpoint, loaded for what it is to learn."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as library_log

from bot.labels import LABELS
from training import first_look
from training.config import Base, ConfigError, Experiment
from training.runs import RunError

log = logging.getLogger(__name__)


def base_of(experiment: Experiment) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """The base checkpoint's tokenizer, and its network with a head of six outputs.

    The head is a fresh one unless the checkpoint has one of six already.

    Raises
    ------
    CheckpointError
        The checkpoint cannot be loaded.
    RunError
        It takes fewer tokens than the experiment wants, or has no head that the final weights could
        have a share of.
    """
    tokenizer, config = outline_of(experiment)
    return tokenizer, network(experiment, config)


def outline_of(experiment: Experiment) -> tuple[PreTrainedTokenizerBase, PreTrainedConfig]:
    """The base checkpoint's tokenizer and what its network is to look like, without the weights.

    Raises
    ------
    CheckpointError
        They cannot be loaded.
    RunError
        The checkpoint takes fewer tokens than the experiment wants.
    """
    base = experiment.base
    first_look.look_at_base(base)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.checkpoint)
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            base.checkpoint,
            num_labels=len(LABELS),
            id2label={at: label.value for at, label in enumerate(LABELS)},
            label2id={label.value: at for at, label in enumerate(LABELS)},
            problem_type="multi_label_classification",
        )
    except Exception as error:  # the tokenizers library raises bare Exception for a broken file
        raise first_look.not_loaded(base, "tokenizer or config.json", error) from None
    most = getattr(config, "max_position_embeddings", base.max_tokens)
    if 0 < most < base.max_tokens:  # some families have relative positions, and say 0 or -1
        raise RunError(
            f"base.max_tokens = {base.max_tokens}: {base.checkpoint} takes {most} tokens at most"
        )
    # The families do not agree on these names.
    for name in ("hidden_dropout_prob", "dropout"):
        if hasattr(config, name):
            setattr(config, name, base.hidden_dropout)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, base.attention_dropout)
    return tokenizer, config


def outline_of_trained(checkpoint: Path) -> PreTrainedConfig:
    """What a trained checkpoint's network looks like, without the weights.

    Raises
    ------
    RunError
        Its ``config.json`` is missing or damaged.
    """
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(checkpoint)
    except Exception as error:  # of any kind, where the file is JSON but no configuration
        reason = str(error).partition("\n")[0]
        raise RunError(f"{checkpoint}: its config.json cannot be read: {reason}") from None
    return config


def check_layers(experiment: Experiment, config: PreTrainedConfig) -> None:
    """Refuse layers that the network does not have, before hours of work.

    Raises
    ------
    ConfigError
        There is no such layer as ``distillation.halfway_layer`` or ``artifact.early_exit.layers``.
    """
    exit_ = experiment.artifact.early_exit
    for setting, layer in (
        ("distillation.halfway_layer", experiment.distillation.halfway_layer),
        ("artifact.early_exit.layers", None if exit_ is None else exit_.layers),
    ):
        if layer is not None and layer >= config.num_hidden_layers:
            raise ConfigError(
                f"{setting} = {layer}: the network has {config.num_hidden_layers} layers, and the "
                "last one's answer is the whole network's; name a layer before it"
            )


def network(experiment: Experiment, config: PreTrainedConfig) -> PreTrainedModel:
    """The base checkpoint's network with a head of six outputs, as in `base_of`."""
    base = experiment.base
    # a head for other labels may not fit
    model, loaded = _loaded(
        AutoModelForSequenceClassification, base, config, ignore_mismatched_sizes=True
    )
    share = experiment.optimisation.base_share
    if share and (loaded["missing_keys"] or loaded["mismatched_keys"]):
        raise RunError(
            f"optimisation.base_share = {share}: {base.checkpoint} has no head for the six labels "
            "to take a share of; set it to 0"
        )
    return model


def masked_network(base: Base, config: PreTrainedConfig) -> PreTrainedModel:
    """The base checkpoint's network with a head that guesses masked tokens.

    Where the checkpoint has none, the head is a fresh one whose output weights are the token
    embeddings (Press and Wolf 2017, "Using the output embedding to improve language models").

    Raises
    ------
    CheckpointError
        The checkpoint cannot be loaded, or its family has no such head.
    """
    for name in ("num_labels", "id2label", "label2id", "problem_type"):  # of six labels
        config.__dict__.pop(name, None)
    verbosity = library_log.get_verbosity()
    # it takes a checkpoint without such a head for a broken one
    library_log.set_verbosity(logging.ERROR)
    try:
        model, loaded = _loaded(AutoModelForMaskedLM, base, config)
    finally:
        library_log.set_verbosity(verbosity)
    if loaded["missing_keys"]:
        config.tie_word_embeddings = model.config.tie_word_embeddings = True
        model.tie_weights()
        log.info(
            "%s has no head for masked tokens: a new one is made, tied to the embeddings",
            base.checkpoint,
        )
    return model


def _loaded(
    family: Any, base: Base, config: PreTrainedConfig, **options: bool
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The network, and what the library says of the loading."""
    try:
        model, loaded = family.from_pretrained(
            base.checkpoint,
            output_loading_info=True,
            config=config,
            dtype=torch.float32,
            # On a processor the fused kernel's backward pass takes longer than all other attention.
            attn_implementation="sdpa" if torch.cuda.is_available() else "eager",
            **options,
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise first_look.not_loaded(base, "network", error) from None
    return model, loaded
