"""Strong words that are misspelt so that a filter misses them: ``stupdi``, ``btch``, ``f**k``.

A word that nobody knows is read as the common word that it most likely stands for, by a noisy
channel (Kernighan, Church and Gale, "A spelling correction program based on a noisy channel
model", 1990): how frequent that word is, and how likely the slip. A text is only touched if a
*strong* word, one that carries abuse, comes to light in it; then its other misspelt words are
mended too, because the model reads whole sentences.

The strong words lie in ``strong_words.txt``, in ``spared_words.txt`` the words and names of many
languages that would be taken for one, and in ``foreign_words.txt`` those that stand for themselves
in other languages alone: what is Danish in a Danish text is misspelt in an English one. The lists'
first lines say where they are from.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from functools import cache, lru_cache
from importlib import resources

from bot.screening.slips import ALIKE, WITHOUT_VOWELS, bare_of, left_out, one_slip_away, slip_cost
from bot.screening.sound import sound_of
from bot.screening.symbols import AROUND, QUOTES, STOPS
from bot.screening.vocabulary import common_words, is_frequent, segmented

SHORTEST, LONGEST = 3, 20  # letters of what may be a misspelt word
_SHORTEST_MEANT = 4  # letters of the strong word that may be meant, but by sound
_FREQUENT = 6_000  # words beside the strong ones that one can spell by ear

# Costs are negative logarithms, as those of the words.
_DISGUISE = 3.0  # a strong word is misspelt on purpose too
# A short word is a slip away from too many.
_LIMIT_OF_LETTER, _LIMIT, _LEAST_LIMIT = 2.5, 1.0, 10.2
_SMALL = 400  # of the most frequent words: what may be run together with a strong one
_COST_IN_RUN = 2.5  # for each letter, of likely words run together with a strong one
_CLEAR = 5  # letters of a strong word that few words of other languages end in
_LONGEST_RUN = 80
_ENDINGS = frozenset({"s", "es"})
# A text is in English if so many of its words are, and of the most frequent ones there. Ten words
# drawn by frequency from each of 16 other languages were taken for English in at most 16 of 100.
_ENGLISH_WORDS, _ENGLISH_SHARE, _ENGLISH_FREQUENT = 2, 0.4, 3_000


def read_list(name: str) -> frozenset[str]:
    """The words of a list that lies beside this module, without its first lines."""
    text = resources.files("bot.screening").joinpath(name).read_text(encoding="ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


class Meanings:
    """What words that nobody knows most likely stand for.

    Parameters
    ----------
    costs
        Of common words, the most frequent first; see `vocabulary.common_words`.
    strong
        Those of them that carry abuse.
    spared
        Words that are taken for what they are, though they are not common.
    foreign
        Words that are taken so in texts that are not English.

    Attributes
    ----------
    plain
        Strong words and small ones: what is made of these alone was run together on purpose.
    """

    def __init__(
        self,
        costs: Mapping[str, float],
        strong: Set[str],
        spared: Set[str],
        foreign: Set[str] = frozenset(),
    ) -> None:
        self.costs, self.strong, self._spared, self.foreign = costs, strong, spared, foreign
        words = list(costs)
        self._small = frozenset(word for word in words[:_SMALL] if len(word) > 1)
        self.plain = self._small | strong
        self._frequent = costs[words[min(len(words), _ENGLISH_FREQUENT) - 1]]
        self._near: set[str] = set()
        self._sounds: dict[str, list[str]] = defaultdict(list)
        self._bare: dict[str, list[str]] = defaultdict(list)
        self._of_length: dict[tuple[str, int], list[str]] = defaultdict(list)
        for rank, word in enumerate(words):
            if len(word) < SHORTEST:
                continue
            self._of_length[word[0], len(word)].append(word)
            if word in strong and len(word) >= _SHORTEST_MEANT:
                self._near.update(left_out(word), (word,))
            if word in strong or rank < _FREQUENT:
                self._sounds[sound_of(word)].append(word)
                self._bare[bare_of(word)].append(word)

    def known(self, word: str) -> bool:
        """Whether a word in small letters is taken for what it is in an English text."""
        return word in self.costs or word in self._spared

    def strong_meant_by(self, word: str) -> str | None:
        """The strong word that an unknown one stands for, if it most likely stands for one."""
        if not self._is_near(word):
            return None
        meant = self.meant_by(word)
        return meant if meant in self.strong else None

    def meant_by(self, word: str) -> str | None:
        """The common word that an unknown one most likely stands for; None if for no one's.

        Parameters
        ----------
        word : str
            Small ASCII letters, `SHORTEST` to `LONGEST`.
        """
        slips = {
            meant: slip_cost(word, meant)
            for meant in one_slip_away(word, self.costs)
            if meant not in self.strong or len(meant) >= _SHORTEST_MEANT
        }
        for meant in self._sounds.get(sound_of(word), ()):
            slips[meant] = min(ALIKE, slips.get(meant, ALIKE))
        for meant in self._bare.get(word, ()):
            slips[meant] = min(WITHOUT_VOWELS, slips.get(meant, WITHOUT_VOWELS))
        for meant in list(slips):
            if word.removeprefix(meant) in _ENDINGS and not meant.endswith("s"):  # a plural
                del slips[meant]
        limit = max(_LIMIT_OF_LETTER * len(word) + _LIMIT, _LEAST_LIMIT)
        return self._cheapest(slips, _DISGUISE, limit)

    def cut_out(self, letters: str, *, in_english: bool) -> str | None:
        """A strong word with others before or after it, which were written without spaces.

        The others are small words. They may be any that are likely enough in an English text,
        beside a small word, or if all are frequent and the strong one is long: too many words of
        other languages end as ``informarse`` does.
        """
        if not SHORTEST + 2 <= len(letters) <= _LONGEST_RUN:
            return None
        words = segmented(letters)
        if len(words) < 2 or self.strong.isdisjoint(words):
            return None
        meant = self.plain.issuperset(words) or self._likely(words, in_english=in_english)
        return " ".join(words) if meant else None

    def _likely(self, words: Sequence[str], *, in_english: bool) -> bool:
        cost = sum(self.costs.get(word, math.inf) for word in words)
        if cost > _COST_IN_RUN * sum(map(len, words)) or not _letters_stand_well(words):
            return False
        others = {*words} - self.strong
        if in_english or not others.isdisjoint(self._small):
            return True
        clear = max(len(word) for word in words if word in self.strong) >= _CLEAR
        return clear and all(self.costs[word] <= self._frequent for word in others)

    def unmasked(self, word: str) -> str | None:
        """The common word that a masked one most likely stands for: ``f**k``."""
        within = _MASKED_WITHIN.fullmatch(word) is not None
        letters = word.rstrip(_MASKS)
        if len(letters) > 1 and len(letters) == len(word) - 1:  # "teh*"
            return None
        pattern = re.compile("".join(c if c.isalpha() else "[a-z]" for c in word))
        fitting = {
            meant: 0.0
            for meant in self._of_length.get((word[0], len(word)), ())
            if pattern.fullmatch(meant) and (meant in self.strong or not within)
        }
        # No favour here: with every word of a text masked, harmless ones must win too.
        return self._cheapest(fitting, 0.0, math.inf)

    def _is_near(self, word: str) -> bool:
        return (
            word in self._near
            or any(shorter in self._near for shorter in left_out(word))
            or not self.strong.isdisjoint(self._sounds.get(sound_of(word), ()))
            or not self.strong.isdisjoint(self._bare.get(word, ()))
        )

    def _cheapest(self, slips: Mapping[str, float], disguise: float, limit: float) -> str | None:
        best, least = None, limit
        for meant, slip in sorted(slips.items()):
            cost = self.costs[meant] + slip - (disguise if meant in self.strong else 0.0)
            if cost < least:
                best, least = meant, cost
        return best


def _letters_stand_well(words: Sequence[str]) -> bool:
    """Whether single letters among words are an ``i`` in front or an ``a`` between two."""
    return all(
        len(word) > 1 or (word == "a" if 0 < at < len(words) - 1 else word == "i" and at == 0)
        for at, word in enumerate(words)
    )


@cache
def strong_words() -> frozenset[str]:
    """Words that carry abuse."""
    return read_list("strong_words.txt")


@cache
def _meanings() -> Meanings:
    return Meanings(
        common_words(),
        strong_words(),
        read_list("spared_words.txt"),
        read_list("foreign_words.txt"),
    )


def known(word: str) -> bool:
    """Whether a word in small letters is taken for what it is."""
    return _meanings().known(word)


# --- a text ---

_MASKS = "*#%&"
_MASKED = re.compile(rf"[a-z](?=[a-z]*[{_MASKS}])[a-z{_MASKS}]{{3,{LONGEST - 1}}}")
# As often honest: they mask only where a strong word comes of it.
_MASKED_WITHIN = re.compile(r"[a-z]++(?:([-._@])\1{0,4}+[a-z]++)++")
_LETTERS_TOO = re.compile("[$@]")
_MASKED_BY_LETTERS = re.compile(rf"(?=.{{4,{LONGEST}}}$)[a-z](?:[a-z]*[$@]+[a-z]+)++")
_AROUND_LETTERS = "".join(sorted({*AROUND} | {"!"}))
_AROUND_MASKED = "".join(sorted({*AROUND} - {*_MASKS}))


def mended(words: Sequence[str]) -> list[str]:
    """Words of a text with misspelt ones mended, if a strong word comes to light by it.

    Parameters
    ----------
    words
        Without white space, with whatever punctuation is written to them.

    Returns
    -------
    list of str
        As many; one that was run together has spaces in it.
    """
    if common_words().keys() >= set(words):
        return list(words)
    unknown: dict[int, str] = {}
    for at, word in enumerate(words):
        looked_up = _looked_up(word, words[at - 1] if at else "")
        if looked_up is not None:
            unknown[at] = looked_up
    if not any(_strong_in(word, in_english=True) for word in unknown.values()):
        return list(words)  # what is strong in another language is so in English
    in_english = _in_english(words)
    if not in_english:
        foreign = _meanings().foreign
        unknown = {at: word for at, word in unknown.items() if word not in foreign}
        if not any(_strong_in(word, in_english=False) for word in unknown.values()):
            return list(words)
    new = list(words)
    for at, word in unknown.items():
        meant = _read(word, in_english=in_english)
        if meant is not None:
            new[at] = words[at].lower().replace(word, meant, 1)
    return new


def unmasked(word: str) -> str | None:
    """A word with the strong one that is masked in it by what may be letters too: ``f$ck``."""
    lower = word.lower()
    masked = lower.strip(_AROUND_LETTERS)
    if not _MASKED_BY_LETTERS.fullmatch(masked):
        return None
    meant = _read(_LETTERS_TOO.sub("*", masked), in_english=True)
    return lower.replace(masked, meant, 1) if meant in strong_words() else None


def _in_english(words: Sequence[str]) -> bool:
    """Whether there are enough English words beside one to say what language it is of."""
    bare = [each for each in (word.strip(AROUND).lower() for word in words) if each.isalpha()]
    known = sum(is_frequent(each, _ENGLISH_FREQUENT) for each in bare)
    return known >= _ENGLISH_WORDS and known >= _ENGLISH_SHARE * len(bare)


def _looked_up(word: str, before: str) -> str | None:
    """What is to be looked up of a word, in small letters; None if it is known, or no word."""
    if word in common_words() or not word.isascii():
        return None
    masked = word.strip(_AROUND_MASKED).lower()
    if _MASKED.fullmatch(masked):
        return masked
    bare = word.strip(AROUND)
    if not SHORTEST <= len(bare) <= _LONGEST_RUN:
        return None
    lower = bare.lower()
    if not bare.isalpha():
        masked_within = SHORTEST < len(bare) <= LONGEST and _MASKED_WITHIN.fullmatch(lower)
        return lower if masked_within else None
    if bare.istitle() and before and before[-1] not in STOPS + QUOTES:  # a name
        return None
    return None if _meanings().known(lower) else lower


@lru_cache(maxsize=4096)
def _strong_in(word: str, *, in_english: bool) -> bool:
    meanings = _meanings()
    if not word.isalpha():
        return meanings.unmasked(word) in meanings.strong
    if len(word) <= LONGEST and meanings.strong_meant_by(word) is not None:
        return True
    return meanings.cut_out(word, in_english=in_english) is not None


@lru_cache(maxsize=4096)
def _read(word: str, *, in_english: bool) -> str | None:
    meanings = _meanings()
    if not word.isalpha():
        return meanings.unmasked(word)
    cut = meanings.cut_out(word, in_english=in_english)
    meant = meanings.meant_by(word) if len(word) <= LONGEST else None
    # "youasshole" takes no slip, but "fuckas" is likelier a slip than a small word
    return cut if cut and (not meant or min(map(len, cut.split())) >= SHORTEST) else meant
