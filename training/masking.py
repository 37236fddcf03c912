"""Texts without labels → batches in which some words are hidden, and the loss of guessing them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset, Subset
from transformers import (
    DataCollatorForLanguageModeling,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
)

from training.batches import Item
from training.config import Experiment, Pretraining
from training.data import plain
from training.loop import EpochTrainer
from training.runs import RunError
from training.scoring import chunks

IGNORED = -100
"""The label of a token that is not to be guessed, in `DataCollatorForLanguageModeling`."""


class Unlabelled(Dataset[Item]):
    """Texts of several sources, as the bot's normaliser hands them to the network.

    An index is ``epoch * rows + row``. Token ids are made when they are asked for: with their
    places in the text they would take more memory than the texts.

    Parameters
    ----------
    portions
        Of each source the texts, and how many of them are drawn anew for each epoch.
    tokenizer, max_tokens
        Texts are cut to this many tokens.
    """

    def __init__(
        self,
        portions: Sequence[tuple[Sequence[str], int]],
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_tokens: int,
    ) -> None:
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self._texts: list[str] = []
        self._lengths: list[int] = []
        for some in chunks([text for texts, _ in portions for text in texts], "tokenise"):
            views = [plain(text) for text in some]
            self._texts += views
            self._lengths += map(len, self._tokens(views)["input_ids"])
        self.drawn = [(len(texts), per_epoch) for texts, per_epoch in portions]

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        text = self._texts[index % len(self)]
        tokens = self._tokens(text, return_special_tokens_mask=True)
        item = {"index": index, **{name: tokens[name] for name in tokens}}
        if self._tokenizer.is_fast:
            item["offset_mapping"] = self._tokens(text, return_offsets_mapping=True)[
                "offset_mapping"
            ]
        return item

    @property
    def tokens(self) -> int:
        """In all texts together."""
        return sum(self._lengths)

    def lengths(self, indices: Sequence[int]) -> list[int]:
        """How many tokens these rows have."""
        return [self._lengths[index % len(self)] for index in indices]

    def _tokens(self, texts: str | list[str], **options: bool) -> Any:
        return self._tokenizer(texts, truncation=True, max_length=self._max_tokens, **options)


class Masking:
    """Rows → one batch, padded to its longest row, with words or tokens hidden.

    What is hidden follows from the seed and the rows' indices alone, so a resumed run hides what
    the unbroken one would have hidden.

    Parameters
    ----------
    recipe
        Its ``masking`` and ``share``.

    Raises
    ------
    RunError
        The tokenizer cannot do it; says why.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, recipe: Pretraining, checkpoint: str, seed: int
    ) -> None:
        if tokenizer.mask_token is None:
            raise RunError(
                f"base.checkpoint = {checkpoint!r}: its tokenizer has no token to mask with; name "
                "a checkpoint of the BERT family"
            )
        self._words = recipe.masking == "words"
        if self._words and not tokenizer.is_fast:
            raise RunError(
                f"pretraining.masking = 'words': the tokenizer of {checkpoint} does not tell where "
                "its tokens lie in a text; set it to 'tokens'"
            )
        self._left, self._seed = tokenizer.padding_side == "left", seed
        self._collate = DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=recipe.share,
            whole_word_mask=self._words,
            # Devlin et al. 2019: of ten tokens one is replaced by another, and one stays. The
            # library knows this for single tokens only.
            mask_replace_prob=1.0 if self._words else 0.8,
            random_replace_prob=0.0 if self._words else 0.1,
        )

    def __call__(self, rows: Sequence[Item]) -> dict[str, torch.Tensor]:
        indices = [row["index"] for row in rows]
        digest = hashlib.sha256(f"{self._seed} {indices}".encode()).digest()
        # It draws from this generator; torch takes seeds of 63 bits.
        self._collate.generator = torch.Generator().manual_seed(
            int.from_bytes(digest[:8], "big") >> 1
        )
        longest = max(len(row["input_ids"]) for row in rows)
        batch = []
        for row in rows:
            kept = {name: value for name, value in row.items() if name != "index"}
            places = kept.pop("offset_mapping", None)
            if self._words and places is not None:  # the tokenizer does not pad them
                filling = [(0, 0)] * (longest - len(places))
                kept["offset_mapping"] = filling + places if self._left else places + filling
            batch.append(kept)
        return dict(self._collate(batch))


class MaskedTrainer(EpochTrainer):
    """`EpochTrainer` that has the network guess hidden tokens.

    Parameters
    ----------
    experiment
        With the recipe of pre-training as its ``optimisation``.
    arguments
        Of `training.loop.training_arguments`.
    model
        With a head for masked tokens.
    held_out
        What each epoch is measured on. Each time, the same tokens are hidden.
    masking
        Hides the tokens.
    directory
        Where the pre-training is written.
    """

    measures_base = True

    def __init__(
        self,
        experiment: Experiment,
        arguments: TrainingArguments,
        *,
        model: PreTrainedModel,
        examples: Unlabelled,
        held_out: Unlabelled,
        masking: Masking,
        directory: Path,
    ) -> None:
        order = np.argsort(held_out.lengths(range(len(held_out))), kind="stable")
        super().__init__(
            experiment,
            arguments,
            model=model,
            examples=examples,
            held_out=Subset(held_out, order.tolist()),
            collate=masking,
            directory=directory,
        )
        self._chosen: torch.Tensor
        # The vocabulary is wide: to score it for hidden tokens alone saves most of the head's work.
        output: torch.nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        output.register_forward_pre_hook(self._only_chosen)

    def _only_chosen(self, module: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (given[0][self._chosen], *given[1:])

    def _losses(self, model: torch.nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
        """[hidden tokens of the batch], row by row: the cross-entropy of each."""
        labels: torch.Tensor = inputs["labels"]
        self._chosen = labels != IGNORED
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        logits: torch.Tensor = outputs.logits
        if logits.ndim == 3:  # a family whose head is not a module of its own
            logits = logits[self._chosen]
        return cross_entropy(logits.float(), labels[self._chosen], reduction="none")

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        losses = self._losses(model, inputs)
        # Of a short text nothing may be hidden, and the mean of nothing is not a number.
        loss = losses.sum() / max(len(losses), 1)
        return (loss, {}) if return_outputs else loss

    def prediction_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """Of each row the sum of its losses, and how many they are: all rows' logits would take
        gigabytes, and a mean of the batches' means is not that of the tokens."""
        inputs = cast(dict[str, Any], self._prepare_inputs(inputs))
        with torch.no_grad(), self.compute_loss_context_manager():
            losses = self._losses(model, inputs)
        rows = self._chosen.nonzero()[:, 0]
        sums = torch.zeros(len(self._chosen), device=losses.device).index_add_(0, rows, losses)
        return None, sums, self._chosen.sum(dim=1)

    def _figures(self, predicted: EvalPrediction) -> dict[str, float]:
        sums, counts = np.asarray(predicted.predictions), np.asarray(predicted.label_ids)
        return {"loss": float(sums.sum(dtype=np.float64) / max(int(counts.sum()), 1))}

    def told(self, figures: dict[str, float]) -> str:
        return f"loss on held-out texts {figures['eval_loss']:.4f}"
