"""What people write for a letter or a word so that a filter misses it, and harmless sentences.

Written apart from the normaliser's own tables, so that each can find the other's gaps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Table = Mapping[str, Sequence[str]]  # small letter → what may stand for it


def _table(written: str) -> dict[str, tuple[str, ...]]:
    """Read "letter choice choice; letter choice"."""
    entries = (entry.split() for entry in written.split(";"))
    return {letter: tuple(choices) for letter, *choices in entries}


DIGITS = _table("o 0; i 1; l 1; e 3; a 4; s 5; t 7")
SYMBOLS = _table("a @; s $; i ! |; l | !; e €; c ¢")
BRACKETS = _table(
    r"c ( < [; o () []; u |_|; h |-|; a /\ /-\; v \/; w \/\/; m |\/| /\/\; n |\|; k |<; d |); "
    r"i |; l |; f |="
)
CYRILLIC = _table(
    "a а; b ь в; c с; d ԁ; e е; h һ н; i і; j ј; k к; l ӏ; m м; n п; o о; p р; q ԛ; r г; s ѕ; "
    "t т; u ц; v ѵ; w ԝ ш; x х; y у"
)
GREEK = _table(
    "a α; b β; c ϲ; e ε; i ι; k κ; n η; o ο σ; p ρ; t τ; u υ; v ν; w ω; x χ; y γ"
)  # fmt: skip
OTHER_SCRIPTS = _table("a ɑ; f ƒ; g ɡ ց; h հ; n ո; o օ; q գ; r ꭇ; s ꜱ; u ս; e ҽ; z ᴢ")
ACCENTED = _table(
    "a á à â ä ã å ā; c ç ć č; d ď đ; e é è ê ë ē ė; g ğ ģ; h ĥ ħ; i í ì î ï ī; k ķ; l ł ľ; "
    "n ñ ń ň; o ó ò ô ö õ ø ō; r ř ŕ; s š ś ş; t ť ţ; u ú ù û ü ū ů; w ŵ; y ý ÿ; z ž ź ż"
)
EMOJI_LETTERS = _table("a 🅰 🅰️; b 🅱 🅱️; o 🅾 🅾️ ⭕; p 🅿 🅿️; m Ⓜ Ⓜ️; x ❌ ✖️; i ℹ️ ❗; s 💲; t ✝️; v ✔️")


def _alphabets(*firsts: tuple[int, int]) -> list[dict[int, str]]:
    """One translation for each (code of "A", code of "a")."""
    return [
        {ord(start) + n: chr(first + n) for start, first in zip("Aa", pair, strict=True)
         for n in range(26)}
        for pair in firsts
    ]  # fmt: skip


FULL_WIDTH = _alphabets((0xFF21, 0xFF41))
CIRCLED = _alphabets((0x24B6, 0x24D0), (0x1F150, 0x1F150), (0x249C, 0x249C))
SQUARED = _alphabets((0x1F130, 0x1F130), (0x1F170, 0x1F170))
MATHEMATICAL = _alphabets(  # the styles without holes: bold, script, fraktur, sans, monospace …
    *((0x1D400 + 52 * style, 0x1D41A + 52 * style) for style in (0, 2, 4, 7, 8, 9, 10, 11, 12))
)
INDICATORS = _alphabets((0x1F1E6, 0x1F1E6))[0]

STACKED = [chr(code) for code in range(0x0300, 0x0345)] + [chr(c) for c in range(0x0334, 0x0339)]
ZERO_WIDTHS = "\u200b\u200c\u200d\u2060\ufeff"
VARIATIONS = [chr(code) for code in range(0xFE00, 0xFE10)]
FILLERS = "\u3164\u3164\u3164\uffa0\u115f\u1160"
DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
MASKS = "****###%&-_.@$"
MARKS = ("**", "*", "~~", "***", "`")

_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEIGHBOURS: dict[str, str] = {
    key: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in _KEY_ROWS
    for place, key in enumerate(row)
}

RESPELLINGS = [
    (re.compile(found), respelled)
    for found, respelled in (
        ("ck", "k"), ("c(?=[aoulrkt]|$)", "k"), ("c(?=[eiy])", "s"), ("ph", "f"), ("qu", "kw"),
        ("x", "ks"), ("ight", "ite"), ("igh", "y"), ("(?<=..)ing$", "in"), ("ers$", "az"),
        ("er$", "a"), ("or$", "er"), ("ou", "u"), ("(?<=[aeioudnlrgbmtkp])s$", "z"),
        ("tion", "shun"), ("ea", "ee"), ("ee", "ea"), ("oo", "u"), ("wh", "w"), ("kn", "n"),
        ("wr", "r"), ("^th", "d"), ("th$", "f"), ("dge?", "j"), ("([bdfglmnprt])\\1", "\\1"),
        ("ss", "zz"), ("(?<=[bcdfghjklmnpqrstvwxz])y$", "ie"), ("ie", "y"), ("le$", "el"),
        ("(?<=[a-z][bcdfgklmnprstvz])e$", ""), ("ai", "ay"), ("au|aw", "or"), ("k(?!n)", "c"),
        ("(?<=[bcdfghklmnprstw])i(?=[bdgklmnpt])", "ee"), ("f(?!f)", "ff"), ("s(?=[aeiou])", "z"),
    )
]  # fmt: skip
"""Pattern in small letters → what is written for it."""

EMOJI_WORDS = dict(
    entry.split()
    for entry in """
    dick 🍆|cock 🐓|penis 🍆|ass 🍑|butt 🍑|shit 💩|crap 💩|poop 💩|snake 🐍|pig 🐷|monkey 🐒
    |ape 🦍|gorilla 🦍|dog 🐶|bitch 🐕|gay 🌈|kill 🔪|stab 🔪|knife 🔪|murder 🔪|dead 💀|die 💀
    |death 💀|gun 🔫|shoot 🔫|fuck 🖕|rat 🐀|cow 🐄|donkey 🫏|clown 🤡|pussy 🐱|cat 🐱|boobs 🍒
    |tits 🍒|trash 🗑️|garbage 🗑️|bomb 💣|burn 🔥|fire 🔥|sick 🤮|puke 🤮|vomit 🤮|whale 🐋
    |chicken 🐔|nuts 🥜|balls 🏀|brain 🧠|devil 😈|hell 🔥|blood 🩸|hang 🪢|rope 🪢|grave 🪦
    |coffin ⚰️|suck 👅|lick 👅|kiss 💋|cum 💦|piss 💦|jew ✡️|muslim ☪️|christian ✝️|lesbian 👭
    |black ⚫|white ⚪|woman 👩|women 👩|man 👨|baby 👶|loser 👎|stupid 🤪|love ❤️|hate 💔
    |money 💰|king 👑|queen 👸|eat 🍽️|cry 😭|fat 🐖|ugly 👹|insect 🐛|worm 🪱|cockroach 🪳
    """.split("|")  # noqa: SIM905 (a list of a hundred strings reads worse)
)

HARMLESS = (
    "Thanks for the lovely evening, the soup was great.",
    "Does anyone know when the library opens on Sunday?",
    "My sister just planted tomatoes and basil on the balcony.",
    "I finished the third chapter and it keeps getting better.",
    "The train was ten minutes late but the view made up for it.",
    "We should bake bread together some time next week.",
    "Our team meets at noon in the small room upstairs.",
    "Good morning everyone, hope you all slept well!",
    "The new map looks really pretty in the rain.",
    "Please remember to bring your own cup to the picnic.",
    "I like how the article explains where the river begins.",
    "Happy birthday, have a wonderful day with your family!",
    "Can somebody share the link to the recipe again?",
    "The lake froze over night and the kids went skating.",
    "By the way, the update fixed the sound in the menu.",
    "That song has been in my head since breakfast.",
    "nice weather today, going for a walk later",
    "lol same, anyway how was your weekend",
    "brb making some tea",
    "gg everyone, that was a fun round",
)
