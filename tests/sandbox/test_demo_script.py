"""The sandbox's first minutes show what the bot is for."""

from __future__ import annotations

from bot.screening.model import load_model
from sandbox.demo import SCRIPT

RUDE = ("You are such an idiot", "Shut up", "Never mind, you are all", "Log off or I will")


def test_the_model_that_ships_flags_the_rude_lines_of_the_demo_and_no_other() -> None:
    lines = [line.text for line in SCRIPT if line.text]
    model = load_model(threads=1)
    thresholds = model.presets["balanced"]
    flagged = [
        text
        for text, scores in zip(lines, model.score(lines), strict=True)
        if any(score >= thresholds[label] for label, score in scores.items())
    ]
    assert flagged == [text for text in lines if text.startswith(RUDE)]
    assert len(flagged) == len(RUDE)
