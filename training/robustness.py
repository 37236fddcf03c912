"""What evasion does to a model: what it no longer catches, and what it takes for an evasion.

Only rows that it got right in the clear are asked about: of harmful texts that were caught, how
many still are when disguised, and of harmless ones that passed, how many are flagged then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from bot.labels import LABELS
from training.augment import Kind, evade
from training.bootstrap import Share
from training.calibrate import Curve
from training.data import Labelled, plain
from training.scoring import Score

_WORD = re.compile(r"[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Disguised:
    """What one kind of evasion does.

    A text that has no word which the kind can change does not count.

    Attributes
    ----------
    caught
        Harmful texts that are still caught with every eligible word disguised.
    caught_one
        The same with one word disguised: the one that the model, asked about single words, flags
        most.
    flagged, flagged_one
        Harmless texts that are flagged only now.
    """

    caught: Share
    caught_one: Share
    flagged: Share
    flagged_one: Share


@dataclass(frozen=True, slots=True)
class Robustness:
    """What every kind of evasion does to a sample of rows.

    Attributes
    ----------
    harmful
        Rows with any of the six labels that are caught in the clear, of all such rows.
    harmless
        Rows with none that pass in the clear, of all such rows.
    asked
        How many of either were drawn and disguised.
    kinds
        In the order of `Kind`.
    """

    harmful: Share
    harmless: Share
    asked: tuple[int, int]
    kinds: dict[Kind, Disguised]


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """A harmless text that is flagged, and for what."""

    text: str
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Controls:
    """Harmless texts that must pass: how many of each group are flagged, and which."""

    groups: dict[str, Share]
    alarms: dict[str, list[FalseAlarm]]


def measure_robustness(
    rows: Labelled,
    scores: Curve,
    thresholds: Mapping[str, float],
    score: Score,
    *,
    count: int,
    seed: int,
) -> Robustness:
    """Disguise a sample of rows in every way, and look who is flagged.

    Parameters
    ----------
    rows
        Labelled texts.
    scores
        Their scores [rows, 6] in the clear.
    thresholds
        By label; a text is caught, or flagged, when any label reaches its own.
    score
        What scores the disguised texts: about 4 × ``count`` for each kind.
    count
        Harmful and harmless rows to draw, of each as many.
    seed
        Of the draw and of the disguises.
    """
    limits = np.array([thresholds[label] for label in LABELS])
    harmful, caught = (rows.labels > 0).any(axis=1), (scores >= limits).any(axis=1)
    generator = np.random.default_rng(seed)
    drawn = [
        _draw(np.flatnonzero(group), count, generator)
        for group in (harmful & caught, ~harmful & ~caught)
    ]
    texts = [rows.texts[row] for part in drawn for row in part]
    telling = _telling_words(texts, limits, score)
    disguised: dict[tuple[Kind, bool], list[str]] = {
        (kind, one): [
            evade(
                text,
                kind,
                Random(f"{seed} {kind} {one} {place}"),
                words={telling[place]} if one else None,
            )
            for place, text in enumerate(texts)
        ]
        for kind in Kind
        for one in (False, True)
    }
    # All kinds in one call: one progress bar for the long work, and no text scored twice.
    changed = [text for found in disguised.values() for text in _changed(found, texts)]
    over = np.any(score(changed, "evasion") >= limits, axis=1)
    flagged: dict[str, bool] = dict(zip(changed, over.tolist(), strict=True))

    split = len(drawn[0])

    def share(kind: Kind, one: bool, part: slice) -> Share:
        asked = _changed(disguised[kind, one][part], texts[part])
        return Share(sum(flagged[text] for text in asked), len(asked))

    first, second = slice(None, split), slice(split, None)
    return Robustness(
        harmful=Share(int((harmful & caught).sum()), int(harmful.sum())),
        harmless=Share(int((~harmful & ~caught).sum()), int((~harmful).sum())),
        asked=(len(drawn[0]), len(drawn[1])),
        kinds={
            kind: Disguised(
                caught=share(kind, False, first),
                caught_one=share(kind, True, first),
                flagged=share(kind, False, second),
                flagged_one=share(kind, True, second),
            )
            for kind in Kind
        },
    )


def measure_controls(
    groups: Mapping[str, Sequence[str]], thresholds: Mapping[str, float], score: Score
) -> Controls:
    """Which harmless texts are flagged.

    Parameters
    ----------
    groups
        Texts by what they are an example of.
    thresholds
        By label.
    score
        What scores them.
    """
    limits = np.array([thresholds[label] for label in LABELS])
    scores = score([text for texts in groups.values() for text in texts], "controls")
    rest = iter(scores)
    shares: dict[str, Share] = {}
    alarms: dict[str, list[FalseAlarm]] = {}
    for name, texts in groups.items():
        found: list[FalseAlarm] = []
        for text in texts:
            one = next(rest)
            if (one >= limits).any():
                worst = int((one - limits).argmax())
                found.append(FalseAlarm(text, LABELS[worst].value, float(one[worst])))
        shares[name] = Share(len(found), len(texts))
        if found:
            alarms[name] = found
    return Controls(shares, alarms)


def _draw(
    rows: npt.NDArray[np.intp], count: int, generator: np.random.Generator
) -> npt.NDArray[np.intp]:
    return np.sort(generator.permutation(rows)[:count])


def _changed(found: Sequence[str], texts: Sequence[str]) -> list[str]:
    return [one for one, text in zip(found, texts, strict=True) if one != text]


def _telling_words(texts: Sequence[str], limits: Curve, score: Score) -> list[str]:
    """Of each text the word that, alone, comes nearest to a threshold or goes furthest over it.

    To leave out each word in turn would say more exactly which one matters, but costs a pass over
    the whole text for every word of it.
    """
    worded = [list(dict.fromkeys(_WORD.findall(plain(text).lower()))) for text in texts]
    known = list(dict.fromkeys(word for words in worded for word in words))
    excess = (score(known, "single words") - limits).max(axis=1)
    nearness = dict(zip(known, excess.tolist(), strict=True))
    # A text without a word of letters gets a word that it does not have.
    return [max(words, key=nearness.__getitem__, default="") for words in worded]
