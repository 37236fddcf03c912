"""A real `Model` on a backend that the test holds the reins of.

A text is a number; its score for every label tells that number, so a mixed-up answer shows.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from bot.labels import LABELS, Scores, Thresholds
from bot.screening.artifact import PRESET_NAMES, Calibration
from bot.screening.backends import Logits
from bot.screening.batching import BUDGET_ALONE
from bot.screening.model import Model, Prepared

COUNT = 1000
POISON, NOT_A_NUMBER, EXIT = COUNT, COUNT + 1, COUNT + 2
_WORDS = {str(number): number for number in range(COUNT)} | {
    "poison": POISON,
    "nan": NOT_A_NUMBER,
    "exit": EXIT,
    "long": COUNT + 3,
}


def told(scores: Scores) -> str:
    """The number that scores tell; what they tell is checked to be one number."""
    (score,) = {round(score, 9) for score in scores.as_dict().values()}
    return str(round(100 * math.log(score / (1 - score))))


class _Deadly(tuple[int, ...]):
    lives = 0

    def __len__(self) -> int:
        self.lives -= 1
        if self.lives < 0:
            raise SystemExit
        return super().__len__()


def deadly(prepared: Prepared, lives: int = 0) -> Prepared:
    """The same with windows that kill whoever looks at their length once too often."""
    windows = tuple(map(_Deadly, prepared.windows))
    for each in windows:
        each.lives = lives
    return Prepared(windows)


class GatedBackend:
    """Each call of `logits` waits for a permit; `open` gives permits for ever.

    Parameters
    ----------
    lanes
        Calls that may be in it at a time.

    Attributes
    ----------
    too_many
        Calls that came although all lanes were taken.
    batches
        The first token of each row, of each call, in order.
    threads
        Who called.
    """

    cost = BUDGET_ALONE

    def __init__(self, *, is_open: bool = False, lanes: int = 1) -> None:
        self.lanes = lanes
        self.batches: list[list[int]] = []
        self.padded_tokens: list[int] = []
        self.threads: set[int] = set()
        self.entered = threading.Semaphore(0)
        self.too_many = 0
        self._permits = threading.Semaphore(0)
        self._open = threading.Event()
        self._free = threading.Semaphore(lanes)
        if is_open:
            self.open()

    def permit(self) -> None:
        self._permits.release()

    def open(self) -> None:
        self._open.set()
        self._permits.release()

    def logits(self, batch: Sequence[Sequence[int]]) -> Logits:
        padded_tokens = max(map(len, batch)) * len(batch)
        if not (free := self._free.acquire(blocking=False)):
            self.too_many += 1
        self.batches.append([tokens[0] for tokens in batch])
        self.padded_tokens.append(padded_tokens)
        self.threads.add(threading.get_ident())
        self.entered.release()
        self._permits.acquire()
        if self._open.is_set():
            self._permits.release()
        if free:
            self._free.release()
        first = np.array([tokens[0] for tokens in batch], dtype=np.float32)
        if POISON in first:
            raise RuntimeError("quotes the poison")
        if EXIT in first:
            raise SystemExit
        first[first == NOT_A_NUMBER] = np.nan
        return np.repeat(first[:, None] / 100, len(LABELS), axis=1)


def numbers_model(backend: GatedBackend, *, batched: bool = True, max_tokens: int = 512) -> Model:
    tokenizer = Tokenizer(WordLevel(_WORDS, unk_token="0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Model(
        backend,
        tokenizer,
        version="numbers",
        max_tokens=max_tokens,
        calibration={label: Calibration() for label in LABELS},
        presets={name: Thresholds.from_sequence([0.5] * len(LABELS)) for name in PRESET_NAMES},
        batched=batched,
    )
