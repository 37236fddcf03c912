"""From a server's preset and its own values to the rules that apply."""

from __future__ import annotations

from collections.abc import Mapping

from bot.labels import Label, Thresholds
from bot.screening.artifact import PRESET_NAMES, Measured, PresetName, PresetRule
from bot.screening.policy import Rules


class Presets:
    """The thresholds a model brings along, by name.

    A server that names a preset the model does not have gets ``balanced``.

    Parameters
    ----------
    measured
        What they were measured to do, where that is known.
    """

    def __init__(
        self, presets: Mapping[PresetName, Thresholds], measured: Measured | None = None
    ) -> None:
        self._presets = {name: presets[name] for name in PRESET_NAMES}
        self._measured = measured or {}

    def measured(self, preset: PresetName, label: Label) -> PresetRule | None:
        """What a preset was measured to do for a label; None where nothing is known."""
        rules = self._measured.get(preset)
        return None if rules is None else rules[label]

    def thresholds(self, preset: str) -> Thresholds:
        """A preset's thresholds as the model states them."""
        for name, thresholds in self._presets.items():
            if name == preset:
                return thresholds
        return self._presets["balanced"]

    def rules(self, preset: str, overrides: Mapping[Label, float]) -> Rules:
        """A preset with a server's own values over it."""
        return Rules(self.thresholds(preset).replace(overrides))
