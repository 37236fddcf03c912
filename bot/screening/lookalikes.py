"""Characters that look like Latin letters, and which letter each one looks like.

Three kinds, from the safest to the most doubtful:

- *Forms* of a Latin letter: accented, full-width, circled, squared, mathematical, small capitals.
  Unicode itself says which letter they are, by decomposition or by name.
- *Twins*: letters of other scripts that a reader cannot, or can hardly, tell from a Latin one.
- *Cousins*: letters of other scripts that are only used for a Latin one by those who mean to.

A form is a Latin letter wherever it stands. Twins and cousins are letters of honest words in their
own scripts; who calls this module decides by the company they keep.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Latin letters with what resembles them, written as "letter: characters".
_TWINS_BY_LETTER = """
a: а α ɑ ⍺        A: А Α Ꭺ
b: Ь ь в ƅ        B: В Β Ᏼ
c: с ϲ ⅽ ᴄ        C: С Ϲ Ꮯ
d: ԁ ɗ            D: Ꭰ
e: е ҽ є ε        E: Е Ε Ꭼ
f: ғ ƒ            F: Ϝ
g: ɡ ց            G: Ԍ Ꮐ
h: һ հ н          H: Н Η Ꮋ
i: і ι ɩ ı        I: І Ι Ӏ
j: ј ϳ            J: Ј Ꭻ
k: к κ            K: К Κ Ꮶ
l: ӏ ⅼ ǀ          L: Ꮮ
m: м              M: М Μ Ꮇ
n: п ո η          N: Ν
o: о ο σ օ ө      O: О Ο Օ
p: р ρ            P: Р Ρ Ꮲ
q: ԛ գ            Q: Ԛ
r: г ꭇ            R: Ꭱ Ꮢ
s: ѕ ꜱ            S: Ѕ Ꮪ Տ
t: т τ            T: Т Τ Ꭲ
u: υ ս            U: Ս
v: ν ѵ            V: Ѵ Ꮩ
w: ԝ ω ѡ          W: Ԝ Ꮃ
x: х χ            X: Х Χ
y: у γ ү          Y: У Υ Ү
z: ᴢ              Z: Ζ Ꮓ
"""
_COUSINS_BY_LETTER = """
a: д λ            b: б β           c: ς ҫ          e: э з ξ ё
i: ї              k: қ             n: и й ñ        o: ф θ
r: я              t: ţ             u: ц μ џ        w: ш щ ψ
x: ж              y: ч             N: И Π          R: Я      W: Ш Щ
"""


def _table(written: str) -> dict[str, str]:
    table: dict[str, str] = {}
    letter = ""
    for word in written.split():
        if word.endswith(":"):
            letter = word[0]
        else:
            table[word] = letter
    return table


_TWINS = _table(_TWINS_BY_LETTER)
_COUSINS = _table(_COUSINS_BY_LETTER)

# Names in which Unicode says outright which Latin letter a character is a form of. A letter that
# is turned or reversed is one too: it is read as the letter it was.
_NAMED = re.compile(
    r"(?:NEGATIVE (?:CIRCLED|SQUARED) |MODIFIER LETTER )?"
    r"(?:LATIN )?(CAPITAL|SMALL|LETTER SMALL CAPITAL)(?: LETTER)?"
    r"(?: TURNED| REVERSED| SIDEWAYS| CLOSED| SCRIPT| BARRED| DOTLESS| OPEN| LONG)* "
    r"([A-Z])(?: WITH .+| BAR)?"
)
_LONGEST_FORM = 4
_NOT_FORMS = frozenset("™℠№")  # decompose to letters, but are read as signs


@lru_cache(maxsize=8192)
def form_of(character: str) -> str | None:
    """The Latin letters (digits, symbols) that one character is only another form of.

    Returns
    -------
    str or None
        One to four ASCII characters with no white space among them; None if the character is no
        such form. An ASCII character is its own form.

    Examples
    --------
    >>> [form_of(c) for c in "ａⓑé🅲ﬀø；д"]
    ['a', 'b', 'e', 'c', 'ff', 'o', ';', None]
    """
    if character.isascii():
        return character
    if character in _NOT_FORMS:
        return None
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    if len(bare) == 3 and bare[0] == "(":  # "⒜" is "(a)"
        bare = bare[1]
    if bare.isascii() and bare.isprintable() and " " not in bare:
        # "…" is "..." as well, but nobody hides a word in it
        spelled = len(bare) == 1 or any(c.isalpha() for c in bare)
        return bare if spelled and 0 < len(bare) <= _LONGEST_FORM else None
    base = bare[:1] or character
    named = _NAMED.fullmatch(unicodedata.name(base, ""))
    if named is None:
        return None
    return named[2] if named[1] == "CAPITAL" else named[2].lower()


@lru_cache(maxsize=8192)
def twin_of(character: str) -> str | None:
    """The Latin letter that a letter of another script looks just like, if there is one."""
    return _look_up(character, _TWINS)


@lru_cache(maxsize=8192)
def cousin_of(character: str) -> str | None:
    """The Latin letter that a letter of another script can be made to stand for, twins included."""
    for candidate in (character, character.lower()):
        found = _look_up(candidate, _TWINS) or _look_up(candidate, _COUSINS)
        if found is not None:
            return found
    return None


def _look_up(character: str, table: dict[str, str]) -> str | None:
    found = table.get(character)
    if found is None:
        # an accented or mathematical Greek letter looks like what its bare form looks like
        found = table.get(unicodedata.normalize("NFKD", character)[:1])
    return found


def is_letter(character: str) -> bool:
    """Whether the character is a letter of any script (not a digit, mark or symbol)."""
    return unicodedata.category(character)[0] == "L"


def is_mark(character: str) -> bool:
    """Whether the character is a combining mark: an accent, a stroke or a box over a letter."""
    return unicodedata.category(character)[0] == "M"
