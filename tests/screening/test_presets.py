from bot.labels import LABELS, Label, Thresholds
from bot.screening.presets import Presets

PRESETS = Presets(
    {
        "relaxed": Thresholds.from_sequence([0.9] * 6),
        "balanced": Thresholds.from_sequence([0.7] * 6),
        "strict": Thresholds.from_sequence([0.5] * 6),
    }
)


def test_a_servers_own_value_lies_over_the_preset() -> None:
    thresholds = PRESETS.rules("strict", {Label.THREAT: 0.2}).thresholds
    assert thresholds[Label.THREAT] == 0.2
    assert {thresholds[label] for label in LABELS if label is not Label.THREAT} == {0.5}


def test_a_preset_the_model_does_not_have_is_balanced() -> None:
    assert PRESETS.thresholds("from another model") == PRESETS.thresholds("balanced")
