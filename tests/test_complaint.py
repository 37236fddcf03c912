"""A trouble that lasts is told now and then, not each time it is met."""

from __future__ import annotations

import logging

import pytest

from bot import complaint
from bot.complaint import Complaint

log = logging.getLogger(__name__)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level("INFO")
    return caplog


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(complaint, "_now", lambda: seconds)


def test_it_is_told_at_first_then_less_and_less_often(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Complaint(log, "Counts are not written yet", "Counts are written again")
    heard = []
    for second in range(4 * 3600):
        at(monkeypatch, float(second))
        told.clear()
        disk.failed("the disk is full")
        heard += [second] if told.messages else []
    # A minute, two, four, ... and an hour in the end.
    assert heard[:4] == [0, 60, 180, 420]
    assert heard[-1] - heard[-2] == 3600
    assert len(heard) == 9


def test_the_end_is_told_and_the_next_time_it_begins_anew(told: pytest.LogCaptureFixture) -> None:
    disk = Complaint(log, "Counts are not written yet", "Counts are written again")
    disk.worked()
    disk.failed("the disk is full")
    disk.failed("the disk is full")
    disk.worked()
    disk.worked()
    disk.failed("the disk is damaged")
    assert told.messages == [
        "Counts are not written yet: the disk is full",
        "Counts are written again",
        "Counts are not written yet: the disk is damaged",
    ]
