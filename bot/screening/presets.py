"""From a server's preset and its own values to the rules that apply."""

from __future__ import annotations

from collections.abc import Mapping

from bot.labels import Label, Thresholds
from bot.screening.artifact import PRESET_NAMES, PresetName
from bot.screening.policy import Rules


class Presets:
    """The thresholds a model brings along, by name.

    A server that names a preset the model does not have gets ``balanced``.
    """

    def __init__(self, presets: Mapping[PresetName, Thresholds]) -> None:
        self._presets = {name: presets[name] for name in PRESET_NAMES}

    def thresholds(self, preset: str) -> Thresholds:
        """A preset's thresholds as the model states them."""
        for name, thresholds in self._presets.items():
            if name == preset:
                return thresholds
        return self._presets["balanced"]

    def rules(self, preset: str, overrides: Mapping[Label, float]) -> Rules:
        """A preset with a server's own values over it."""
        return Rules(self.thresholds(preset).replace(overrides))
