"""The fixed messages that `benchmarks.screening` scores: chat, made up, the same on every machine.

What a message says does not matter to the speed; how long it is does, and whether it holds what the
normaliser has to undo. Lengths in words follow two log-normal distributions, one for talk and one
for the few who explain, and a few messages are walls of pasted text. The words are a small grammar
of small talk; emoji, links, mentions and disguised words stand in it about as often as in chat.

Only `random.Random.random` is drawn from, the one method whose numbers Python promises to keep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist
from typing import TypeVar

LINES = 2_400
SEED = 20_240
LONGEST = 4_000  # characters, Discord's limit for members who pay
FEWEST_WORDS, MOST_WORDS = 1, 700

TALK, EXPLAINING = (7.6, 0.85), (70.0, 0.9)  # words: median, and sigma of the natural logarithm
EXPLAINED = 0.03  # share of the messages
PASTED = 0.0025  # share of the messages; 1,500 characters and more
SHORTEST_PASTE = 1_500

_EMOJI, _CUSTOM_EMOJI, _MENTION, _LINK = 0.10, 0.03, 0.06, 0.04  # shares of the messages
_DISGUISED, _STRETCHED, _LOUD, _MARKED, _RUDE = 0.04, 0.02, 0.02, 0.03, 0.04

Item = TypeVar("Item")


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


WHO = _list(
    "i, we, you, they, he, she, my brother, the team, everyone, that guy, the new mod, my cat, "
    "our healer, nobody, chat, someone in the other server"
)
DOES = _list(
    "want, need, found, lost, made, played, finished, watched, forgot, hate, love, fixed, "
    "broke, bought, sold, tried, left, joined, streamed, uploaded, missed, beat, restarted, "
    "read, deleted, recorded"
)
WHAT = _list(
    "the game, that song, a new keyboard, the last boss, the update, this map, my homework, the "
    "second season, some pizza, the whole raid, a better mic, the tournament, that clip, my "
    "laptop, the patch notes, another coffee, the link, a screenshot, the old version, the "
    "voice channel, a really long email, the bus, your drawing, the settings, the driver, this "
    "meme, two tickets, the schedule, a free weekend, the tutorial, the dragon, an assignment, "
    "our server icon"
)
WHEN = _list(
    "yesterday, last night, again, right now, after school, this morning, tomorrow, on friday, "
    "for the third time, before work, in a minute, all day, at 8pm, at 21:30, since 2019, every "
    "single time, by accident, without me, for real, like 20 minutes ago"
)
LINKS = _list("but, and, because, so, then, or, even though, while, until, which means, if")
OPENERS = _list(
    "lol, ok, wait, bro, honestly, tbh, no way, yeah, nah, hmm, omg, hey, idk, thanks, same, "
    "true, well, dude, guys, also, good morning, gg, nice, wow, rip, brb, sure, maybe, ngl, imo"
)
ASIDES = _list(
    "is anyone up for a round, what time is it there, how do you do that, that was so good, i "
    "am so tired, can you send it again, see you later, it does not work on my machine, did you "
    "see what happened, who is in charge here, let me know when you are free, that makes no "
    "sense at all, i will be right back, congratulations on the new job, where do i find the "
    "rules, it is way too hot today, the sound is off by a second, you should have been there, "
    "thanks for the help, can we move it to sunday, my internet is terrible, this is the best "
    "server"
)
RUDE = _list(
    "idiot, stupid, trash, loser, moron, clown, garbage, shut up, damn, crap, pathetic, "
    "disgusting, worthless, dumb"
)
EMOJI = _list("😂, 😭, 🔥, 👍, ❤️, 💀, 🙏, 😅, 🎉, 👀, 😊, 🤔, 👋🏽, 🥲, 🚀, 🇫🇷")
CUSTOM_EMOJI = ("<:pepe:728311028374568962>", "<a:catjam:745203981128663141>",
                "<:kek:810332190045798400>")  # fmt: skip
SITES = ("https://example.com/clips/{}", "https://www.example.org/watch?v={}",
         "https://cdn.example.net/i/{}.png", "https://tenor.example/view/cat-{}")  # fmt: skip
MARKS = ("**{}**", "*{}*", "`{}`", "||{}||", "~~{}~~", "__{}__")
ENDS = (*12 * ("",), "!", "?", "...", ".", ".", "!!", " :)", " xd")


def messages(count: int = LINES, seed: int = SEED) -> tuple[str, ...]:
    """Make messages up, no two alike.

    Parameters
    ----------
    count
        How many; the first ones are the same for every count.
    seed
        The same seed makes the same messages.
    """
    draw = Random(seed)
    seen: dict[str, None] = {}
    while len(seen) < count:
        words = _length(draw)
        pasted = draw.random() < PASTED
        text = _wall(draw) if pasted else _message(draw, words)
        while text in seen:
            text = _message(draw, words + len(seen) % 2)
        seen[text] = None
    return tuple(seen)


def talk(words: int, seed: int = SEED) -> str:
    """Plain talk of exactly so many words, without emoji or disguises."""
    return " ".join(_words(Random(seed), words))


def _pick(draw: Random, items: Sequence[Item]) -> Item:
    return items[int(draw.random() * len(items))]


def _length(draw: Random) -> int:
    median, sigma = EXPLAINING if draw.random() < EXPLAINED else TALK
    normal = NormalDist().inv_cdf(min(max(draw.random(), 1e-9), 1 - 1e-9))
    return min(max(round(median * math.exp(sigma * normal)), FEWEST_WORDS), MOST_WORDS)


def _clause(draw: Random) -> list[str]:
    kind = draw.random()
    if kind < 0.3:
        return _pick(draw, ASIDES).split()
    said = [_pick(draw, WHO), _pick(draw, DOES), _pick(draw, WHAT)]
    if kind > 0.6:
        said.append(_pick(draw, WHEN))
    return " ".join(said).split()


def _words(draw: Random, count: int) -> list[str]:
    """A sentence or several, cut to so many words."""
    words = _pick(draw, OPENERS).split() if count < 3 or draw.random() < 0.35 else []
    while len(words) < count:
        if len(words) > 2:
            if draw.random() < 0.6:
                words += _pick(draw, LINKS).split()
            else:
                words[-1] += _pick(draw, (",", ".", "."))
        words += _clause(draw)
    return words[:count]


def _message(draw: Random, count: int) -> str:
    words = _words(draw, count)

    def somewhere() -> int:
        return int(draw.random() * len(words))

    if draw.random() < _RUDE:
        at = somewhere()
        words[at : at + 1] = ["you", "are", "a", "stupid", _pick(draw, RUDE)]
    if draw.random() < _DISGUISED:
        words[somewhere()] = _disguised(draw, _pick(draw, RUDE))
    if draw.random() < _STRETCHED:
        words[somewhere()] = "s" + "o" * (3 + int(4 * draw.random()))
    if draw.random() < _MARKED:
        at = somewhere()
        words[at] = _pick(draw, MARKS).format(words[at])
    if draw.random() < _LOUD:
        words = [word.upper() for word in words]
    if draw.random() < _MENTION:
        words[0] = f"<@{int(1e17 + 9e17 * draw.random())}>"
    if draw.random() < _LINK:
        words[-1] = _pick(draw, SITES).format(f"{int(draw.random() * 16**9):09x}")
    else:
        words[-1] += _pick(draw, ENDS)
    if draw.random() < _EMOJI:
        words.append(_pick(draw, EMOJI) * (1 + int(draw.random() * 3)))
    elif draw.random() < _CUSTOM_EMOJI:
        words.append(_pick(draw, CUSTOM_EMOJI))
    return " ".join(words)[:LONGEST]


def _wall(draw: Random) -> str:
    """A paragraph pasted again and again."""
    paragraph = " ".join(_words(draw, 60 + int(120 * draw.random()))) + ". "
    length = SHORTEST_PASTE + int((LONGEST + 400 - SHORTEST_PASTE) * draw.random())
    return (paragraph * (1 + length // len(paragraph)))[: min(length, LONGEST)].strip()


_LEET = str.maketrans("aeios", "43105")
_LOOKALIKES = str.maketrans("aeopc", "аеорс")  # the Cyrillic twins


def _disguised(draw: Random, word: str) -> str:
    kind = int(draw.random() * 5)
    if kind == 0:
        return word.translate(_LEET)
    if kind == 1:
        return word.translate(_LOOKALIKES)
    if kind == 2:
        return ".".join(word.replace(" ", ""))
    if kind == 3:
        return word[:2] + "\u200b" + word[2:]
    return word[0] + word[1] * 4 + word[2:]
