"""The recipe that toxicity bots use today: a BERT-base-sized classifier in PyTorch, as it comes.

Six labels, 32-bit floats, the library's tokenizer, texts cut at 512 tokens and padded to the
longest of their batch, a sigmoid over the logits. The weights are random: the time does not depend
on them. The vocabulary is that of the model that ships, which is BERT's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from bot.labels import LABELS
from bot.screening import artifact

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

LONGEST = 512  # tokens


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """How the recipe runs."""

    parameters: int
    threads: int
    """PyTorch's own choice: all cores."""


class RecipeSide:
    """The recipe, ready to be timed; see `benchmarks.workers`."""

    def __init__(self) -> None:
        import torch
        from transformers import PreTrainedTokenizerFast

        self._torch = torch
        self._usual_threads = torch.get_num_threads()
        # the library's class has no types
        self._tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_file=str(artifact.DEFAULT_MODEL / artifact.TOKENIZER),
            pad_token="[PAD]",
            unk_token="[UNK]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
        )
        self._network = self.make_network()
        self._score(["warm"])

    @staticmethod
    def make_network() -> BertForSequenceClassification:
        """BERT-base with six outputs and random weights."""
        import torch
        from transformers import BertConfig, BertForSequenceClassification

        torch.manual_seed(0)
        config = BertConfig.from_dict(
            {"num_labels": len(LABELS), "problem_type": "multi_label_classification"}
        )
        network: BertForSequenceClassification = BertForSequenceClassification(config)
        # the library's method has no types
        return network.eval()  # type: ignore[no-untyped-call, no-any-return]

    def facts(self) -> RecipeFacts:
        """What the table says of it."""
        parameters = sum(weight.numel() for weight in self._network.parameters())
        return RecipeFacts(parameters, self._usual_threads)

    def one_by_one(self, texts: Sequence[str], threads: int | None = None) -> list[float]:
        """Call the recipe once for each text; seconds of each call."""
        return self.in_batches([[text] for text in texts], threads)

    def in_batches(
        self, batches: Sequence[Sequence[str]], threads: int | None = None
    ) -> list[float]:
        """Call the recipe once for each batch; seconds of each call.

        Parameters
        ----------
        threads
            For PyTorch; None for its own choice, which is all cores.
        """
        self._torch.set_num_threads(threads or self._usual_threads)
        found = []
        for batch in batches:
            started = perf_counter()
            self._score(batch)
            found.append(perf_counter() - started)
        return found

    def _score(self, texts: Sequence[str]) -> list[list[float]]:
        fed = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=LONGEST,
            padding="longest",
            return_tensors="pt",
        )
        with self._torch.inference_mode():
            logits = self._network(**fed).logits
        scores: list[list[float]] = logits.sigmoid().tolist()
        return scores
