"""Made-up rows with the lengths of Wikipedia talk comments, for timing without any file.

What a network says does not matter to its speed; how many tokens it reads does. The lengths in
characters follow a log-normal distribution with the median (202) and the spread (1.11, of the
natural logarithm) of the Jigsaw challenge's training comments, between their shortest and longest.
"""

from __future__ import annotations

import numpy as np

from bot.labels import LABELS
from training.data import Labelled

MEDIAN = 202
SPREAD = 1.11
SHORTEST, LONGEST = 6, 5_000  # characters
SHARES = (0.096, 0.010, 0.053, 0.003, 0.049, 0.009)  # of the rows that have each label

# Commonest first: a word's share falls with its place. It falls more slowly than in a language, to
# make up for the long words that a short list lacks: 4.0 characters to a token; the comments
# have 4.2.
FLATTENED = 60
WORDS = (
    "the to of and you a i is that it in for this not on be as have are your with if was or page "
    "article but my an from by do at about me so wikipedia talk can what there all has will would "
    "no one like just they he we which please more don't know think edit been its should his who "
    "any see when here them their how time because some other people make only articles also up "
    "than out user edits use were deleted had why then section even image name sources source "
    "could very good want say way now discussion get information may block blocked added removed "
    "first comment need editing help vandalism find reason link where does same under thanks "
    "policy list i'm it's really right deletion point years editors work read stop reverted "
    "created content believe notable history question references encyclopedia speedy consensus "
    "copyright unsigned administrator neutrality verifiability unencyclopedic sockpuppet "
    "disambiguation utc ~~~~ == 2006 2007 wp:npov wp:rs 172.16.4.20 lol thx gonna nonsense"
)
MARKS = (*40 * (" ",), ", ", ", ", ". ", ". ", ".\n\n", "? ")


def rows(count: int, seed: int) -> Labelled:
    """Draw rows.

    Parameters
    ----------
    count
        How many; the texts differ from one another.
    seed
        The same seed draws the same rows.
    """
    draw = np.random.default_rng(seed)
    lengths = np.exp(draw.normal(np.log(MEDIAN), SPREAD, count)).astype(int)
    vocabulary = WORDS.split()
    chances = 1.0 / np.arange(FLATTENED, len(vocabulary) + FLATTENED)
    chances /= chances.sum()
    texts = []
    for at, length in enumerate(np.clip(lengths, SHORTEST, LONGEST).tolist()):
        # Two characters are the shortest word with its space.
        words = draw.choice(vocabulary, size=length // 2 + 1, p=chances)
        marks = draw.choice(MARKS, size=len(words))
        text = f"{at} " + "".join(np.stack([words, marks], axis=1).ravel().tolist())
        texts.append(text[:length].rstrip() or str(at))
    return Labelled(
        ids=tuple(map(str, range(count))),
        texts=tuple(texts),
        labels=(draw.random((count, len(LABELS))) < SHARES).astype(np.float32),
        weights=np.ones(count, dtype=np.float32),
    )
