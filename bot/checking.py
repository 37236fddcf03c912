"""Scoring from the command line: a table for people, JSON lines for programs."""

from __future__ import annotations

import asyncio
import json
import threading
import unicodedata
from collections.abc import Sequence
from typing import IO, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.errors import Overloaded, ScoringError
from bot.labels import LABELS, Scores
from bot.screening.engine import Engine
from bot.screening.policy import decide
from bot.screening.presets import Presets
from bot.settings import Settings

# Of a text, so much is printed back at its beginning and at its end: some lines of a terminal.
_BEGINNING, _END = 200, 100
# Lines that are read ahead of the one being written.
_WINDOW = 256
# Control characters, and halves of characters, which no terminal can be sent.
_CONTROLS = ("Cc", "Cs")
# What turns the direction of the text after it, beyond its own cell.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


async def check_texts(settings: Settings, preset: str, texts: Sequence[str]) -> int:
    """Print a table: a row per text, a column per label, a mark at scores over the threshold."""
    from bot.app import load, running_engine

    model = await load(settings)
    rules = Presets(model.presets).rules(preset, {})
    table = Table(
        title=f"Preset {preset}, model {model.version}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("Text", overflow="fold", min_width=16)
    for label in LABELS:
        words = label.caption.replace(" ", "\n")
        table.add_column(f"{words}\n≥ {rules.thresholds[label]:.2f}", justify="right")
    async with running_engine(model, settings) as engine:
        for text in texts:
            scores = await engine.score(text)
            decision = decide(scores, rules)
            cells = [
                Text(f"⚑ {score:.2f}", "bold red")
                if label in decision.labels_over
                else Text(f"{score:.2f}")
                for label, score in scores.items()
            ]
            table.add_row(_quoted(text), *cells)
    Console().print(table)
    return 0


def _quoted(text: str) -> Text:
    """A text as the table shows it; all of it is scored, a long one is shown in part."""
    if not text.strip():
        return Text("[empty]", "dim")
    left_out = len(text) - _BEGINNING - _END
    if left_out <= 0:
        return Text(_harmless(text))
    said = f"\n[… {left_out:,} of {len(text):,} characters are not shown, but scored …]\n"
    return Text.assemble(_harmless(text[:_BEGINNING]), (said, "dim"), _harmless(text[-_END:]))


def _harmless(text: str) -> str:
    """A text that does nothing to a terminal: control characters are written out, as ``\\x1b``."""
    return "".join(
        one.encode("unicode_escape").decode()
        if (unicodedata.category(one) in _CONTROLS and one != "\n") or one in _DIRECTIONS
        else one
        for one in text
    )


async def check_lines(settings: Settings, preset: str, source: IO[bytes], sink: TextIO) -> int:
    """Score JSON lines as they come; one line out per line in, in order. Blank lines are skipped.

    Returns
    -------
    int
        The exit status: 1 if a line was malformed or could not be scored, otherwise 0.
    """
    from bot.app import load, running_engine

    model = await load(settings)
    presets = Presets(model.presets)
    async with running_engine(model, settings) as engine:
        scorer = _LineScorer(engine, presets, preset)
        answers: asyncio.Queue[asyncio.Task[dict[str, object]] | None] = asyncio.Queue(
            min(_WINDOW, settings.queue_messages)
        )
        feeding = asyncio.create_task(_feed(source, scorer, answers))
        failed = False
        while (task := await answers.get()) is not None:
            answer = await task
            failed = failed or "error" in answer
            sink.write(json.dumps(answer) + "\n")
            if answers.empty():
                sink.flush()
        await feeding
        sink.flush()
    return 1 if failed else 0


class _LineScorer:
    """One JSON line in, one JSON object out."""

    def __init__(self, engine: Engine, presets: Presets, preset: str) -> None:
        self._engine = engine
        self._preset = preset
        self._rules = presets.rules(preset, {})

    async def answer(self, number: int, line: bytes) -> dict[str, object]:
        """The object to print for line `number` (from 1)."""
        try:
            request = json.loads(line)
            json.dumps(request, allow_nan=False)  # NaN and Infinity are not JSON; they come back
        except (json.JSONDecodeError, UnicodeDecodeError):
            return {"line": number, "error": "not a line of JSON in UTF-8"}
        except ValueError:
            return {"line": number, "error": "NaN, Infinity or a number too large to be read"}
        except RecursionError:
            return {"line": number, "error": "nested too deeply to be read"}
        if not isinstance(request, dict) or not isinstance(request.get("text"), str):
            return {"line": number, "error": 'not an object with a "text" that is a string'}
        if "id" not in request:
            return {"line": number, "error": 'the object has no "id"'}
        try:
            scores = await self._score(request["text"])
        except ScoringError as error:
            return {"line": number, "error": str(error)}
        decision = decide(scores, self._rules)
        return {
            "id": request["id"],
            "scores": {label: round(score, 6) for label, score in scores.items()},
            "flagged": list(decision.labels_over),
            "preset": self._preset,
            "model": self._engine.model.version,
        }

    async def _score(self, text: str) -> Scores:
        """Score a text, waiting for room where long lines before it fill the queue."""
        while True:
            try:
                return await self._engine.score(text)
            except Overloaded:
                if not self._engine.waiting:  # too long even for an empty queue
                    raise ScoringError(
                        f"The text has {len(text):,} characters, which is too long to be scored."
                    ) from None
            await asyncio.sleep(0.02)


async def _feed(
    source: IO[bytes],
    scorer: _LineScorer,
    answers: asyncio.Queue[asyncio.Task[dict[str, object]] | None],
) -> None:
    """Start scoring each line as it is read; the queue's bound is what slows the reading down."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue(16)

    def read() -> None:
        try:
            for line in source:
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        finally:
            asyncio.run_coroutine_threadsafe(lines.put(None), loop).result()

    # A daemon: a read that waits for input for ever must not keep the process from ending.
    threading.Thread(target=read, name="read standard input", daemon=True).start()
    number = 0
    while (line := await lines.get()) is not None:
        number += 1
        if not line.strip():
            continue
        await answers.put(asyncio.create_task(scorer.answer(number, line)))
    await answers.put(None)
