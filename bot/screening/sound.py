"""How an English word sounds, roughly: two spellings of one word by ear have the same key.

Consonants as in Metaphone (Philips 1990); other than there, vowels stay, by what they sound like.
"""

from __future__ import annotations

import re

_RULES = tuple(
    (re.compile(found), sound)
    for found, sound in (
        ("z", "s"), ("cc", "k"), (r"([^aeious])\1+|(s)s+(?!h)", r"\1\2"),
        ("^kn|^gn", "n"), ("^wr", "r"), ("^wh", "w"), ("ph|gh$", "f"), ("[ts]ion|shun", "Sn"),
        ("igh", "i"), ("gh", ""), ("dge?|ge$", "j"), ("sch|(?<!s)sh|^sh", "S"), ("t?ch", "C"),
        ("c(?=[eiy])", "s"), ("qu", "kw"), ("ck|[cq]", "k"), ("x", "ks"),
        ("(?<=.)(?:er|or|ar|ur|ah|a|re)(?=s?$)", "a"), ("(?<=..)(?:i|ee)ng$", "in"),
        ("(?<=[^aeiou])e$", ""), ("[eau]?le?$", "l"),
        ("ee|ea|ie|ei|y|i", "i"), ("oo|ou|ew|ue|u", "u"), ("au|aw|oa|ow|o", "o"),
        ("ai|ay|e", "e"), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip


def sound_of(word: str) -> str:
    """The key of a word in small letters; capitals in it stand for sounds of two letters."""
    for found, sound in _RULES:
        word = found.sub(sound, word)
    return word
