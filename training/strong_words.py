"""The normaliser's strong words, measured, and the words that are spared of being read as them.

``bot/screening/strong_words.txt`` and ``spared_words.txt`` were made by this. A word is strong if
the model that ships makes much of it alone and the people who labelled the training rows did so
too: each alone has oddities, the model names that look like bad words, the labels words that stood
in a few bad comments by chance.
"""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from bot.screening import misspelt
from training.calibrate import Curve
from training.data import Labelled
from training.word_list import counted

STRONG_HEADER = """\
# Words that carry abuse: those of words.txt that the shipped model, asked about the word alone,
# scores at half of a threshold of its balanced preset or more, and that stand in comments of which
# two in five or more have one of the six labels (training rows of the Jigsaw Toxic Comment
# Classification Challenge, under their prior weights).
"""
FOREIGN_HEADER = """\
# Words of other languages, in ASCII letters, that the normaliser spares of being read as one of
# strong_words.txt in texts that are not English: those of spared_words.txt's kind that are rare in
# English and nowhere written more than once in a hundred thousand words, or that stand in labelled
# comments of the training rows mostly. From wordfreq 3.1 (Robyn Speer, 2022), CC BY-SA 4.0.
"""
SPARED_HEADER = """\
# Words and names that the normaliser would read as one of strong_words.txt, in ASCII letters: of
# English what is written more than once in two million words, of 28 other languages once in a
# million and not far more rarely than the strong word is there; and what it would cut one out of,
# of English once in a hundred million words (ten million if of strong and small words alone), of
# the others three times in ten million. From wordfreq 3.1 (Robyn Speer, 2022), CC BY-SA 4.0.
"""

_OF_THRESHOLD = 0.5
_LABELLED = 0.4
# The share among all comments is taken to be known from this many more.
_PRIOR_COMMENTS, _PRIOR_SHARE = 2.0, 0.1

# Zipf's scale of frequency: 3 is once in a million words.
_ENGLISH, _OTHER = 2.7, 3.0
_CUT_OTHER, _CUT_ENGLISH, _CUT_RARE = 2.5, 2.0, 1.0  # compounds are rarer
_RARER = 1.0  # than the strong word, in the same language
_FREQUENT_ANYWHERE, _RARE_ENGLISH = 4.05, 2.0  # between words of English
_MOST_LABELLED, _ENOUGH_COMMENTS = 0.5, 3
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "ı": "i"})


def strong(
    words: Sequence[str], scores: Curve, thresholds: Mapping[str, float], rows: Labelled
) -> list[str]:
    """The words that carry abuse, in the order of the alphabet.

    Parameters
    ----------
    words
        To choose from.
    scores
        What the model gives each of them alone [words, 6].
    thresholds
        By label, in the order of the scores.
    rows
        What the model was trained on.
    """
    comments, labelled = _counts(rows)
    nearness = (scores / np.array(list(thresholds.values()))).max(axis=1)
    return sorted(
        word
        for word, near in zip(words, nearness.tolist(), strict=True)
        if len(word) >= misspelt.SHORTEST
        and near >= _OF_THRESHOLD
        and _share(labelled[word], comments[word]) >= _LABELLED
    )


def mostly_labelled(rows: Labelled) -> frozenset[str]:
    """Words that stand in a few comments at least, most of which have one of the six labels."""
    comments, labelled = _counts(rows)
    return frozenset(
        word
        for word, count in comments.items()
        if count >= _ENOUGH_COMMENTS and _share(labelled[word], count) >= _MOST_LABELLED
    )


def _counts(rows: Labelled) -> tuple[defaultdict[str, float], defaultdict[str, float]]:
    """In how many comments each word stands, under their weights, and in how many labelled ones."""
    comments: defaultdict[str, float] = defaultdict(float)
    labelled: defaultdict[str, float] = defaultdict(float)
    for text, labels, weight in zip(rows.texts, rows.labels, rows.weights, strict=True):
        for word in counted([text]):
            comments[word] += float(weight)
            labelled[word] += float(weight) * bool(labels.any())
    return comments, labelled


def _share(labelled: float, comments: float) -> float:
    return (labelled + _PRIOR_SHARE * _PRIOR_COMMENTS) / (comments + _PRIOR_COMMENTS)


def spared(
    frequencies: Mapping[str, Mapping[str, float]],
    common: Collection[str],
    meanings: misspelt.Meanings,
    labelled: Collection[str] = (),
) -> tuple[list[str], list[str]]:
    """Words of any language that would be read as a strong word, in the order of the alphabet.

    Parameters
    ----------
    frequencies
        By language, the frequency of words on Zipf's scale, in ASCII letters.
    common
        Words that are never changed.
    meanings
        Made without words to spare.
    labelled
        Words that, in English, mostly stand in labelled comments: those are misspelt.

    Returns
    -------
    tuple of list of str
        Words that are spared in every text, and those that are in texts that are not English.
    """
    found: set[str] = set()
    foreign: set[str] = set()
    for language, known in frequencies.items():
        english = language == "en"
        for word, frequency in known.items():
            if word in common or word in found:
                continue
            cut = meanings.cut_out(word, in_english=True)  # as in a text of two languages
            if cut and frequency >= _least_of_cut(english, {*cut.split()} <= meanings.plain):
                found.add(word)
            if frequency < (_ENGLISH if english else _OTHER):
                continue
            meant = meanings.strong_meant_by(word)
            if not meant:
                continue
            if not (english or frequency > known.get(meant, 0.0) - _RARER):
                continue
            known_here = english or frequencies.get("en", {}).get(word, 0.0) >= _RARE_ENGLISH
            everywhere = known_here or frequency >= _FREQUENT_ANYWHERE
            (found if everywhere and (english or word not in labelled) else foreign).add(word)
    return sorted(found), sorted(foreign - found)


def _least_of_cut(english: bool, plain: bool) -> float:
    """How frequent a word must be to be spared of being cut.

    What falls into plain words alone is written so on purpose, rather.
    """
    if not english:
        return _CUT_OTHER
    return _CUT_ENGLISH if plain else _CUT_RARE


def frequencies_of_languages() -> dict[str, dict[str, float]]:
    """How frequent words are in the languages that are written in Latin letters, by wordfreq.

    Returns
    -------
    dict
        ``{language: {word: frequency on Zipf's scale}}``; words without their accents.
    """
    import wordfreq

    found = {}
    for language in sorted(wordfreq.available_languages("best")):
        words = dict(_in_ascii(wordfreq.get_frequency_dict(language, "best").items()))
        if len(words) > 1_000:  # other scripts have a few loans
            found[language] = words
    return found


def _in_ascii(frequencies: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """The rarest first, so that of two words that differ in accents the more frequent counts."""
    for word, frequency in sorted(frequencies, key=lambda each: each[1]):
        zipf = math.log10(frequency * 1e9)
        decomposed = unicodedata.normalize("NFKD", word.translate(_LETTERS))
        bare = "".join(c for c in decomposed if not unicodedata.combining(c))
        if (
            zipf >= _CUT_RARE
            and bare.isascii()
            and bare.isalpha()
            and misspelt.SHORTEST <= len(bare) <= misspelt.LONGEST
        ):
            yield bare.lower(), zipf


def written(header: str, words: Iterable[str]) -> str:
    """A list's file."""
    return header + "".join(f"{word}\n" for word in words)
