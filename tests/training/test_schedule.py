"""The warm-up before the plateau rule: a line, the same for all groups, and nothing forgotten."""

from __future__ import annotations

import pytest
import torch

from training.schedule import FACTOR, WarmedPlateau

RATES = (1e-3, 2e-4, 5e-2)


def scheduled(warmup_steps: int, *, lower: bool = False) -> WarmedPlateau:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    return WarmedPlateau(torch.optim.AdamW(groups), lower=lower, warmup_steps=warmup_steps)


def shares(scheduler: WarmedPlateau) -> list[float]:
    """Of each group's own rate."""
    groups = scheduler.optimizer.param_groups
    return [group["lr"] / rate for group, rate in zip(groups, RATES, strict=True)]


def share(scheduler: WarmedPlateau) -> float:
    """That of all groups."""
    first, *others = shares(scheduler)
    assert others == pytest.approx([first] * len(others))
    return first


def test_the_rates_of_all_groups_rise_in_a_line_and_stay() -> None:
    scheduler = scheduled(4)
    found = [share(scheduler)]
    for steps in range(1, 7):
        scheduler.warm(steps)
        found.append(share(scheduler))
    assert found == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1, 1])


def test_without_a_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert share(scheduled(0)) == 1


def test_the_rule_begins_where_the_warm_up_ends() -> None:
    scheduler = scheduled(10)
    # The best figure and then worse ones, all of them meanwhile: no plateau.
    for steps, figure in ((3, 0.9), (6, 0.2), (9, 0.1)):
        scheduler.warm(steps)
        scheduler.step(figure)
        assert share(scheduler) == pytest.approx(steps / 10)
    # Worse than during the warm-up, but the first of its own.
    for steps, figure, wanted in ((12, 0.5, 1), (15, 0.6, 1), (18, 0.6, FACTOR), (21, 0.7, FACTOR)):
        for each in range(steps - 2, steps + 1):
            scheduler.warm(each)
        scheduler.step(figure)
        assert share(scheduler) == pytest.approx(wanted)


def test_where_lower_is_better_a_rise_is_a_plateau() -> None:
    scheduler = scheduled(0, lower=True)
    wanted = {0.5: 1, 0.4: 1, 0.45: FACTOR}
    for figure, rate in wanted.items():
        scheduler.step(figure)
        assert share(scheduler) == pytest.approx(rate)


@pytest.mark.parametrize("steps", [4, 14])
def test_what_is_saved_goes_on_alike(steps: int) -> None:
    """Within the warm-up, and after it with a figure that has been seen."""
    kept, other = scheduled(10), scheduled(10)
    for each in range(1, steps + 1):
        kept.warm(each)
    kept.step(0.5)
    other.optimizer.load_state_dict(kept.optimizer.state_dict())
    other.load_state_dict(kept.state_dict())
    for each in range(steps + 1, 30):
        for one in (kept, other):
            one.warm(each)
            if not each % 5:
                one.step(0.4)
        assert shares(other) == shares(kept)
    assert share(kept) < 1
