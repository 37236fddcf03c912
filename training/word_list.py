"""The normaliser's list of common words, counted in labelled rows.

``bot/screening/words.txt`` was made by this. It serves to cut letters that were written without
spaces into words, so it wants words that people write, abusive ones included, and neither halves of
words nor the spellings that the normaliser undoes.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

HEADER = """\
# English words, the most frequent first: by the number of comments in which each is written, in
# the training rows of the Jigsaw Toxic Comment Classification Challenge (comments of English
# Wikipedia's talk pages, text CC BY-SA 3.0; held-out rows not counted). A word is here if it
# stands, in ASCII letters alone, in 5 comments or more (6 if it has up to five letters, 25 if
# three, 150 if two), has no letter three times in a row, and is not a common word written with v
# for u, u for v or ph for f; or if it stands in 2 comments or more and would fall into other
# words of this list where its letters are spelled apart, unless a far more common word comes of
# it by doubling, leaving out or swapping a letter. Names, slang and misspellings are here like
# other words.
"""

_WORD = re.compile(r"(?<![\w'’@/.])[A-Za-z]{1,24}(?![\w@/]|['’]\w|\.\w)")
_LEAST = {2: 150, 3: 25, 4: 6, 5: 6}  # comments, by letters
_LEAST_OF_LONG = 5
_SINGLE_LETTERS = ("a", "i")
_FAR_MORE = 20
_LONGEST_PIECE = 20
_V_BETWEEN_VOWELS = re.compile("[vu]?[^uv]*[aeiouy]v[aeiouy].*|.*[lr]v[aeiouy].*")
_SWAP_UV = str.maketrans("uv", "vu")


def counted(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word stands, in small letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({word.lower() for word in _WORD.findall(text)})
    return counts


def chosen(counts: Mapping[str, int]) -> list[str]:
    """The words of the list, the most frequent first."""
    words = {
        word: count
        for word, count in counts.items()
        if len(word) > 1 and count >= _LEAST.get(len(word), _LEAST_OF_LONG)
    }
    words |= {word: counts[word] for word in _SINGLE_LETTERS if word in counts}
    refused = {
        word
        for word, count in sorted(words.items())
        if re.search(r"(.)\1\1", word)
        or (len(word) > 2 and _is_rare_form(word, _undone(word), count, words))
    }
    words = {word: count for word, count in words.items() if word not in refused}
    words |= {
        word: counts[word]
        for word in _torn_apart(counts, words, refused)
        if not _is_rare_form(word, _slips(word), counts[word], counts)
    }
    return _by_frequency(words)


def written(words: Iterable[str]) -> str:
    """The file's text."""
    return HEADER + "".join(f"{word}\n" for word in words)


def _by_frequency(words: Mapping[str, int]) -> list[str]:
    return sorted(words, key=lambda word: (-words[word], word))


def _is_rare_form(word: str, forms: Iterable[str], count: int, counts: Mapping[str, int]) -> bool:
    """Whether one of the forms is another word, and far more common."""
    return any(form != word and counts.get(form, 0) >= _FAR_MORE * count for form in forms)


def _undone(word: str) -> Iterator[str]:
    """What the normaliser may read in a word."""
    yield word.translate(_SWAP_UV)
    if not _V_BETWEEN_VOWELS.fullmatch(word):
        yield word.replace("v", "u")
    if "ph" in word:
        yield word.replace("ph", "f")


def _slips(word: str) -> Iterator[str]:
    """A letter doubled, left out, or swapped with the next."""
    for at in range(len(word)):
        yield word[:at] + word[at] + word[at:]
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]


def _torn_apart(
    counts: Mapping[str, int], words: Mapping[str, int], refused: set[str]
) -> Iterator[str]:
    """Rare words that would be read as several common ones; costs as in the normaliser."""
    ranked = _by_frequency(words)
    scale = math.log(len(ranked)) if len(ranked) > 1 else 1.0
    costs = {word: math.log((rank + 1) * scale) for rank, word in enumerate(ranked)}
    unlisted = math.log(len(ranked) * scale) if ranked else 0.0
    for word, count in counts.items():
        if count >= 2 and word not in words and word not in refused and 6 <= len(word) <= 20:
            apart = _cost_apart(word, costs)
            if unlisted < apart < unlisted + 3 * len(word):
                yield word


def _cost_apart(word: str, costs: Mapping[str, float]) -> float:
    best = [0.0]
    for end in range(1, len(word) + 1):
        best.append(
            min(
                (
                    best[end - length] + costs[word[end - length : end]]
                    for length in range(1, min(end, _LONGEST_PIECE) + 1)
                    if word[end - length : end] in costs
                ),
                default=math.inf,
            )
        )
    return best[-1]
